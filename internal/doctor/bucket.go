package doctor

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/archive"
	"github.com/auditsidecar/auditsidecar/internal/bucket"
)

// archiveTimeout bounds one request to the archive. The search for credentials
// on a machine without any takes 20 s of it.
const archiveTimeout = 45 * time.Second

// probe is the content of [probeKey], the same each time.
const probe = "Stored by `auditsidecar doctor` to see whether it can be. It may be deleted.\n"

// probeKey is the key of the object that is stored, relative to the archive.
func probeKey(cluster, node string) string {
	return fmt.Sprintf("doctor/cluster=%s/node=%s/probe.txt", cluster, node)
}

// checkArchive tries the archive and, where it works, looks at its settings.
func checkArchive(ctx context.Context, cfg *Config) []Result {
	if cfg.Bucket == nil {
		return nil
	}
	tried := tryArchive(ctx, cfg)
	if tried.Severity == Error {
		return []Result{tried}
	}
	return append([]Result{tried}, protection(ctx, cfg)...)
}

// tryArchive stores an object and offers other bytes for the same key.
func tryArchive(ctx context.Context, cfg *Config) Result {
	key := probeKey(cfg.Cluster, cfg.Node)
	err := put(ctx, cfg.Bucket, key, probe)
	if errors.Is(err, archive.ErrConflict) {
		return result(Error, "check the store and proxies on the way to it; delete the object to try again", "%s: the stored object reads back different: %s", cfg.Bucket.URL(key), err)
	}
	if err == nil {
		err = put(ctx, cfg.Bucket, key, strings.ToUpper(probe))
		if err == nil {
			return result(Error, "use a store that honours If-None-Match: * on PutObject",
				"%s: an object was replaced that was there: the store does not honour If-None-Match, and nothing protects the archive", cfg.Bucket.URL(key))
		}
	}
	switch reason := archive.ReasonOf(err); {
	case errors.Is(err, archive.ErrConflict):
		return result(OK, "", "%s was stored and cannot be replaced", cfg.Bucket.URL(key))
	case reason == archive.ReasonUnreadable:
		return result(Warning, "allow s3:GetObject on the prefix", "objects are stored and cannot be replaced, but not read back either: an upload whose answer is lost is stored again under another key, a lost ledger cannot be rebuilt, and if the store computes no SHA-256 nothing is ever confirmed")
	case reason == archive.ReasonCredentials:
		return result(Error, "see docs/iam.md", "%s", err).of("credentials")
	case reason == archive.ReasonClock:
		return result(Error, "set the clock (NTP)", "%s", err).of("clock-skew")
	}
	return result(Error, "as the message says; see docs/iam.md for the permissions", "%s", err)
}

func put(ctx context.Context, to *archive.Bucket, key, content string) error {
	ctx, cancel := context.WithTimeout(ctx, archiveTimeout)
	defer cancel()
	return to.Put(ctx, key, strings.NewReader(content), int64(len(content)), sha256.Sum256([]byte(content)))
}

// protection reads the settings that protect the bucket from others.
func protection(ctx context.Context, cfg *Config) (all []Result) {
	ctx, cancel := context.WithTimeout(ctx, archiveTimeout)
	defer cancel()
	for _, p := range bucket.ProtectionOf(ctx, cfg.Bucket) {
		r := result(OK, "", "%s: %s", p.Name, p.State).of("archive-" + p.Name)
		switch {
		case p.Err != nil:
			r.Severity, r.Found = Info, fmt.Sprintf("%s could not be read: %s", p.Name, p.Err)
		case p.State == "":
			r.Severity, r.Found, r.Fix = Info, p.Name+": none", p.Advice
		}
		all = append(all, r)
	}
	return all
}
