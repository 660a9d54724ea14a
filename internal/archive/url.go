package archive

import (
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
)

// S3Config has the settings of an s3:// archive that its URL does not have. All of it
// is optional. Credentials come from the SDK's default chain: AWS_* variables,
// shared files (AWS_PROFILE), instance profile.
type S3Config struct {
	Endpoint  string // http(s)://host[:port] of an S3-compatible server; empty: AWS
	Region    string // empty: AWS_REGION or the shared config file; with Endpoint: us-east-1
	PathStyle bool   // https://host/bucket/key instead of https://bucket.host/key
	CAFile    string // PEM file of further certificate authorities
	KMSKeyID  string // ARN, ID or alias of a KMS key; empty: the bucket's default encryption
	Lock      Lock   // Object Lock of stored objects
	// NoChecksum sends no x-amz-checksum-sha256, which some servers refuse. Each object is read back.
	NoChecksum bool
	// Connections are kept open between requests, 2 or more.
	Connections int
}

// location is a parsed archive URL: a directory, or a bucket with a prefix.
type location struct {
	dir    string // absolute; empty for S3
	bucket string
	prefix string // without slashes at its ends
}

// parseURL reports every mistake in rawURL and cfg at once.
func parseURL(rawURL string, cfg S3Config) (location, error) {
	const forms = "use /directory, file:///directory or s3://bucket/prefix"
	if filepath.IsAbs(rawURL) {
		rawURL = (&url.URL{Scheme: "file", Path: rawURL}).String()
	}
	u, err := url.Parse(rawURL)
	if err != nil {
		// url.Error repeats the whole text, secrets included.
		return location{}, errors.New("parse archive URL: not a URL: " + forms)
	}
	var loc location
	var mistakes []error
	switch u.Scheme {
	case "file":
		loc, mistakes = fileLocation(u, cfg)
	case "s3":
		loc, mistakes = s3Location(u, cfg)
	case "":
		mistakes = append(mistakes, fmt.Errorf("no scheme: %s", forms))
	default:
		mistakes = append(mistakes, fmt.Errorf("unknown scheme %q: %s", u.Scheme, forms))
	}
	if u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
		mistakes = append(mistakes, errors.New("what follows '?' or '#' has no meaning here: settings have flags of their own (%3F and %23 in a name)"))
	}
	if u.User != nil {
		mistakes = append(mistakes, errors.New("credentials do not belong into the URL: use AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or a shared credentials file"))
	}
	for i, m := range mistakes {
		mistakes[i] = fmt.Errorf("archive URL %q: %w", u.Redacted(), m)
	}
	return loc, errors.Join(mistakes...)
}

func fileLocation(u *url.URL, cfg S3Config) (location, []error) {
	var mistakes []error
	if u.Opaque != "" || u.Host != "" && u.Host != "localhost" {
		mistakes = append(mistakes, fmt.Errorf("relative directory: write three slashes and an absolute path, file:///%s", strings.TrimLeft(u.Opaque+u.Host+u.Path, "/")))
	} else if filepath.Clean("/"+u.Path) == "/" {
		mistakes = append(mistakes, errors.New("names no directory: use file:///directory"))
	}
	if cfg != (S3Config{}) {
		mistakes = append(mistakes, errors.New("S3 settings (endpoint, region, path style, checksum, CA file, KMS key, Object Lock) have no meaning for a directory: remove them or use s3://"))
	}
	return location{dir: filepath.Clean("/" + u.Path)}, mistakes
}

// bucketName is wider than AWS's rules: other servers allow more, and the store
// itself reports a missing bucket.
var bucketName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{1,61}[A-Za-z0-9]$`)

func s3Location(u *url.URL, cfg S3Config) (location, []error) {
	var mistakes []error
	switch {
	case u.Host == "":
		mistakes = append(mistakes, errors.New("names no bucket: use s3://bucket/prefix"))
	case u.Port() != "":
		mistakes = append(mistakes, fmt.Errorf("%s looks like a server: use s3://bucket/prefix, the server is the endpoint (--s3-endpoint)", u.Host))
	case !bucketName.MatchString(u.Host):
		mistakes = append(mistakes, fmt.Errorf("%q cannot be a bucket's name: 3 to 63 letters, digits, dots, hyphens", u.Host))
	}
	prefix := strings.Trim(u.Path, "/")
	if prefix != "" {
		if err := checkKey(prefix); err != nil {
			mistakes = append(mistakes, fmt.Errorf("prefix: %w", err))
		}
	}
	if cfg.Endpoint != "" {
		e, err := url.Parse(cfg.Endpoint)
		if err != nil || e.Scheme != "http" && e.Scheme != "https" || e.Host == "" || e.User != nil || e.RawQuery != "" || e.Fragment != "" {
			mistakes = append(mistakes, errors.New("S3 endpoint: use https://host:port (--s3-endpoint)"))
		}
	}
	return location{bucket: u.Host, prefix: prefix}, mistakes
}

// maxKey bounds a key with its prefix, in bytes; S3's own limit is 1024.
const maxKey = 900

// checkKey says whether key can name an object in every kind of store.
func checkKey(key string) error {
	if len(key) > maxKey {
		return fmt.Errorf("%d bytes are too long, at most %d", len(key), maxKey)
	}
	for segment := range strings.SplitSeq(key, "/") {
		if segment == "" || segment == "." || segment == ".." || len(segment) > 200 {
			return fmt.Errorf("%q: a segment is empty, '.', '..' or longer than 200 bytes", key)
		}
	}
	for _, r := range key {
		if r < 0x20 || r == 0x7f || r == '\\' || r == 0xfffd {
			return fmt.Errorf("%q: control characters, backslashes and invalid UTF-8 are not possible", key)
		}
	}
	return nil
}
