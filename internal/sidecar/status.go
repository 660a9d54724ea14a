package sidecar

import (
	"fmt"
	"strings"

	"github.com/auditsidecar/auditsidecar/internal/admin"
	"github.com/auditsidecar/auditsidecar/internal/config"
	"github.com/auditsidecar/auditsidecar/internal/ledger"
)

// shownFiles is how many files the status page lists.
const shownFiles = 15

// report gives the status page the parts that neither loops nor metrics report.
func (s *Sidecar) report() admin.Report {
	r := admin.Report{
		Version: s.Version, Cluster: s.Settings.Identity.Cluster, Node: s.Settings.Identity.Node,
		Log: s.Settings.AuditLogPath, Archive: s.Settings.Archive.URL, Loki: s.Settings.Loki.URL, MaxLag: s.Settings.ArchiveMaxLag,
		Unsigned: s.Settings.Proof.SigningKeyFile == "",
		Files:    []admin.File{}, Gaps: s.events.gaps.newest(), Settings: s.Shown,
	}
	if v := s.working.Load(); v != nil {
		r.Files, r.Older = v.files()
		r.Chain, r.Input = v.chain(s.Settings), *v.intake.shown.Load()
	}
	return r
}

// files are the newest files, the newest first, and how many there are besides.
func (w *working) files() (shown []admin.File, older int) {
	entries := w.ledger.Entries()
	first := max(0, len(entries)-shownFiles)
	shown = make([]admin.File, 0, len(entries)-first)
	for i := len(entries) - 1; i >= first; i-- {
		e := &entries[i]
		f := admin.File{Name: e.Name, Size: e.Seen, Since: e.Rotated.UTC()}
		if !e.Finished {
			f.Size, f.Since = w.sizeOf(e), e.Born.UTC()
		}
		f.State, f.Level = stateInWords(e, f.Size)
		shown = append(shown, f)
	}
	return shown, first
}

// stateInWords says how far a file is.
func stateInWords(e *ledger.Entry, size int64) (string, admin.Level) {
	switch {
	case e.State == ledger.Quarantined:
		return "cannot be archived, kept: " + e.Reason, admin.Bad
	case e.Reason != "":
		return "given up: " + e.Reason, admin.Bad
	case !e.Finished && e.Open != nil && size > 0:
		return fmt.Sprintf("being written; the archive has %d %%", min(100, 100*e.Open.Offset/size)), admin.Idle
	case !e.Finished:
		return "being written", admin.Idle
	case e.State == ledger.Held && e.Loki:
		return "waits for the archive and Loki", admin.Warn
	case e.State == ledger.Held:
		return "waits for the archive", admin.Warn
	case e.State == ledger.Converted:
		return "on its way to the archive", admin.Warn
	case e.Loki:
		return "archived; waits for Loki", admin.Warn
	}
	return "archived", admin.Good
}

// chain is how far the chain of records is, and how to prove it.
func (w *working) chain(settings config.Run) admin.Chain {
	chain := w.ledger.Chain()
	head := chain.Head
	c := admin.Chain{Epoch: chain.Epoch, Tree: head.Tree, Number: head.Number, Root: head.Root, Key: chain.Key, Heartbeat: chain.Heartbeat.UTC()}
	if head.Root != "" {
		c.Verify = VerifyCommand(settings, head.Root)
	}
	return c
}

// VerifyCommand proves this node's archive, up to the head.
func VerifyCommand(settings config.Run, head string) string {
	a := settings.Archive
	words := []string{"auditsidecar", "verify", a.URL, "--cluster", settings.Identity.Cluster, "--node", settings.Identity.Node, "--expect-head", head}
	for _, flag := range [][2]string{{"--s3-endpoint", a.Endpoint}, {"--s3-region", a.Region}, {"--s3-ca-file", a.CAFile}} {
		if flag[1] != "" {
			words = append(words, flag[0], flag[1])
		}
	}
	if a.PathStyle {
		words = append(words, "--s3-path-style")
	}
	for i, w := range words {
		if strings.ContainsAny(w, " \t'\"$`\\&;|<>()*?!#~") {
			words[i] = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
		}
	}
	return strings.Join(words, " ")
}
