package sidecar

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/config"
	"github.com/auditsidecar/auditsidecar/internal/durable"
	"github.com/auditsidecar/auditsidecar/internal/hold"
	"github.com/auditsidecar/auditsidecar/internal/ledger"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
	"github.com/auditsidecar/auditsidecar/internal/shipper"
)

// state is an opened state directory. The process holds its lock.
type state struct {
	dir        string
	locks      []*durable.LockFile
	ledger     *ledger.Ledger
	chain      *manifest.Chain
	key        *manifest.SigningKey // nil: the chain is not signed
	redaction  *redaction
	cursorFile *ledger.CursorFile
	cursor     ledger.Cursor
	streamed   bool // the log was streamed before, whatever the cursor says
}

// openState opens the state directory, makes it where it is missing, and
// makes sure that the log's files can be held.
func (s *Sidecar) openState() (*state, error) {
	if err := checkAuditDir(s.audit.Dir); err != nil {
		return nil, err
	}
	st := &state{dir: s.Settings.StatePath()}
	err := s.fs.MkdirPrivate(st.dir)
	if errors.Is(err, durable.ErrNotPrivate) {
		return nil, fmt.Errorf("use the state directory: %w", err)
	}
	if err != nil {
		return nil, fmt.Errorf("make the state directory; let the sidecar write to %s, or run it with --hold=copy and a --state-dir elsewhere: %w", filepath.Dir(st.dir), err)
	}
	err = s.lock(st)
	if err == nil {
		err = s.readState(st)
	}
	if err != nil {
		return nil, errors.Join(err, st.unlock())
	}
	return st, nil
}

// lock takes the lock of the audit directory, which is in its .auditsidecar wherever the state
// is, and the one of a state directory elsewhere, which must not serve two logs.
func (s *Sidecar) lock(st *state) error {
	common := filepath.Join(s.audit.Dir, config.StateDirName)
	if !sameFile(common, st.dir) {
		err := s.fs.MkdirPrivate(common)
		if err == nil {
			err = st.lock(common)
		}
		if errors.Is(err, durable.ErrLocked) {
			return err
		}
		if err != nil {
			// A directory that this user cannot write to is documented for copies.
			s.Log.Warn().Err(err).Msg("cannot lock the audit directory: a sidecar with another --state-dir is not kept from it; to change that, make its .auditsidecar, mode 0700, for this user")
		}
	}
	return st.lock(st.dir)
}

func (st *state) lock(dir string) error {
	lock, err := durable.Lock(filepath.Join(dir, "lock"))
	if errors.Is(err, durable.ErrLocked) {
		return fmt.Errorf("one sidecar works on an audit directory, and this one waits: %w", err)
	}
	if err != nil {
		return err
	}
	st.locks = append(st.locks, lock)
	return nil
}

func sameFile(a, b string) bool {
	x, errX := os.Stat(a)
	y, errY := os.Stat(b)
	return errX == nil && errY == nil && os.SameFile(x, y)
}

// unlock gives the directories to the next sidecar.
func (st *state) unlock() error {
	var err error
	for _, lock := range st.locks {
		err = errors.Join(err, lock.Close())
	}
	return err
}

func (s *Sidecar) readState(st *state) error {
	err := ledger.CheckVersion(st.dir)
	if err == nil {
		err = s.fs.RemoveTemps(st.dir)
	}
	if err != nil {
		return err
	}
	if s.Settings.Hold == config.HoldCopy {
		err = hold.CheckCopy(s.audit)
	} else {
		err = hold.CheckLink(s.fs, s.audit, st.dir)
	}
	if err != nil {
		return err
	}
	if st.redaction, err = s.openRedaction(st.dir); err != nil {
		return err
	}
	var aside string
	if st.ledger, aside, err = ledger.Open(s.fs, st.dir, owner(&s.Settings, st.redaction), time.Now()); err != nil {
		return err
	}
	s.noteAside("ledger", aside)
	if lost := st.ledger.Chain().Lost; lost != nil {
		s.events.noteGap(*lost)
	}
	st.cursorFile = ledger.NewCursorFile(s.fs, st.dir)
	if st.cursor, aside, err = st.cursorFile.Load(time.Now()); err != nil {
		return err
	}
	st.streamed = st.cursor.Segment != "" || aside != ""
	s.noteAside("Loki cursor", aside)
	if err := st.ledger.Streamed(st.cursor); err != nil { // sent lines were seen
		return err
	}
	if err := s.openChain(st); err != nil {
		return err
	}
	return s.openKey(st)
}

// openChain opens the chain of records. One that cannot continue (a user
// changed its files) is set aside and recorded as a gap: holding the log must
// continue in any case.
func (s *Sidecar) openChain(st *state) error {
	chain, err := s.chainOf(st)
	if broken, ok := errors.AsType[*manifest.BrokenError](err); ok {
		aside, asideErr := s.fs.SetAside(broken.Dir, time.Now())
		if asideErr != nil {
			return asideErr
		}
		s.Log.Error().Err(err).Str("setAside", aside).Msg("the chain of records cannot continue; a new epoch begins")
		gap := ledger.StateLost(err.Error(), time.Now())
		if err := st.ledger.NewEpoch(time.Now(), ledger.BeginStateLost, *gap); err != nil {
			return err
		}
		s.events.noteGap(*gap)
		chain, err = s.chainOf(st)
	}
	st.chain = chain
	return err
}

func (s *Sidecar) chainOf(st *state) (*manifest.Chain, error) {
	chain := st.ledger.Chain()
	var head manifest.Head // the archive may know a later one before the epoch has joined
	if chain.Joined {
		head = shipper.TreeHead(chain.Head)
	}
	return manifest.Open(s.fs, st.dir, manifest.Identity{
		Cluster: s.Settings.Identity.Cluster, Node: s.Settings.Identity.Node, MachineID: machineID(), Epoch: chain.Epoch,
	}, shipper.BeginsOf(chain), head)
}

func (s *Sidecar) noteAside(what, aside string) {
	if aside != "" {
		s.Log.Error().Str("setAside", aside).Msg("the " + what + " could not be read; it was set aside and a new one begun")
	}
}

func checkAuditDir(dir string) error {
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("waiting for the audit directory %s: it does not exist; is kube-apiserver's --audit-log-path in it, and is it mounted here as a directory?", dir)
	case err != nil:
		return fmt.Errorf("look at the audit directory: %w", err)
	case !info.IsDir():
		return fmt.Errorf("%s is no directory; mount the audit directory, not the file: a file mount does not see rotation", dir)
	}
	return nil
}

// owner says whose log the state is of, and the archive's part of it: a
// cloned disk, a state directory that is given another name, and an archive
// that is redacted in another way begin a new epoch.
func owner(settings *config.Run, r *redaction) string {
	owner := machineID() + "/" + settings.Identity.Cluster + "/" + settings.Identity.Node
	if settings.Redact.Mode == config.RedactArchive {
		owner += "/" + r.policy.Hash() + "/" + r.key.ID()
	}
	return owner
}

// machineID distinguishes this machine from others, empty where it has no ID. It is a
// hash, because machine-id(5) asks to keep the ID itself confidential.
func machineID() string {
	data, err := os.ReadFile("/etc/machine-id")
	if err != nil {
		return ""
	}
	mac := hmac.New(sha256.New, bytes.TrimSpace(data))
	mac.Write([]byte("auditsidecar"))
	return hex.EncodeToString(mac.Sum(nil)[:16])
}
