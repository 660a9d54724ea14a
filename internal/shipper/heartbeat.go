package shipper

import (
	"context"
	"crypto/sha256"
	"encoding"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/ledger"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
)

// Counters has the counters of kube-apiserver itself.
type Counters struct {
	// Started is when the process began; zero where it does not say.
	Started time.Time
	// Events counts the events that were to be written, Errors those that
	// could not be.
	Events, Errors int64
	// Version is kube-apiserver's; empty where it does not say.
	Version string
}

// maxReading bounds the bytes that one heartbeat reads of the open file. A file that
// grows by more in an interval is read on by the next ones.
const maxReading = 256 << 20

// heart decides on heartbeats.
type heart struct {
	*workspace
	described bool                // the settings were looked at since the start and the last heartbeat
	server    string              // kube-apiserver's version, as it said last
	input     manifest.InputState // the fault of the log at the last heartbeat
}

// describe decides on a record of the settings where they are not those of the last
// one: at the start, at each heartbeat, and as the first record of an epoch, before
// which there is at most that of a key. A kube-apiserver that does not answer is no
// change.
func (s *heart) describe(ctx context.Context) error {
	last := s.cfg.Ledger.Chain().Setup
	if s.cfg.Setup == nil || s.described && last.SHA256 != "" {
		return nil
	}
	if s.server == "" {
		s.ask(ctx)
	}
	setup := s.cfg.Setup()
	body, sum, err := encodeSetup(setup, s.server)
	if s.server == "" {
		_, sum, err = encodeSetup(setup, last.Server)
	}
	if err != nil {
		return err
	}
	if sum != last.SHA256 {
		now := ledger.Decision{Setup: ledger.Setup{SHA256: manifest.Sum(body), Server: s.server}}
		err = s.cfg.Ledger.Decide(ledger.Notice{Kind: string(manifest.KindSetup), At: time.Now().UTC(), Body: body}, now)
	}
	s.described = err == nil
	return err
}

func encodeSetup(setup manifest.Setup, server string) (body []byte, sum string, err error) {
	setup.Server = server
	if body, err = json.Marshal(setup); err != nil {
		return nil, "", fmt.Errorf("encode the settings: %w", err)
	}
	return body, manifest.Sum(body), nil
}

// heartbeat decides on a heartbeat if one is due: also when the log ceases to arrive, or
// arrives again. An unavailable archive does
// not delay it: it is sealed on this node, in its place in the chain, and sent
// later.
func (s *heart) heartbeat(ctx context.Context) error {
	now := time.Now()
	age := now.Sub(s.cfg.Ledger.Chain().Heartbeat)
	beat, input := manifest.Heartbeat{Every: max(1, int64(s.cfg.Heartbeat/time.Second))}, manifest.InputState("")
	if s.cfg.Log != nil {
		if beat.Input = s.cfg.Log.Input(); beat.Input != nil {
			input = beat.Input.State
		}
	}
	if s.cfg.Heartbeat == 0 || age >= 0 && age < s.cfg.Heartbeat && input == s.input {
		return nil
	}
	var growing *ledger.Entry
	for _, e := range s.cfg.Ledger.Entries() {
		switch {
		case !e.Finished:
			growing = &e // the last of them is the open file
		case e.State != ledger.Retired && e.State != ledger.Quarantined:
			beat.Waiting++
		}
	}
	var from *ledger.Reading
	if growing != nil {
		from = growing.Read
	}
	id, read := s.look(ctx, &beat, growing)
	if err := ctx.Err(); err != nil {
		return err
	}
	body, err := json.Marshal(beat)
	if err != nil {
		return fmt.Errorf("encode a heartbeat: %w", err)
	}
	err = s.cfg.Ledger.Heartbeat(ledger.Notice{Kind: string(manifest.KindHeartbeat), At: now.UTC(), Body: body}, id, from, read)
	if errors.Is(err, ledger.ErrUnknown) || errors.Is(err, ledger.ErrStale) {
		return nil // it was given up, or cut, meanwhile; the next pass looks again
	}
	if err != nil {
		return err
	}
	s.described, s.input = false, input
	return s.describe(ctx)
}

// look reads the new bytes of the open file, between two questions to
// kube-apiserver: its counts before and after are a bound for the
// lines. A file that cannot be read does not keep others from being archived: the
// heartbeat is without it, and those who hold the file say why.
func (s *heart) look(ctx context.Context, beat *manifest.Heartbeat, e *ledger.Entry) (id string, read *ledger.Reading) {
	before, asked := s.ask(ctx)
	src, err := s.openForReading(e)
	after, again := s.ask(ctx)
	if asked && again && after.Started.Equal(before.Started) && before.Events <= after.Events {
		beat.Server = &manifest.Server{Started: manifest.At(after.Started), Before: before.Events, After: after.Events, Errors: after.Errors}
	}
	if src == nil || err != nil {
		return "", nil
	}
	defer src.Close()
	if read, err = readOn(ctx, src, e.Read); err != nil {
		return "", nil
	}
	if read.Size < src.size {
		beat.Server = nil // there are more lines than were counted
	}
	beat.Open = &manifest.OpenFile{Name: e.Name, Seq: e.Seq, Inode: e.Inode, Size: read.Size, Lines: read.Lines, SHA256: read.SHA256}
	if s.cfg.Redact != nil {
		beat.Open.SHA256, beat.Open.HMAC = "", s.cfg.Blind(read.SHA256)
	}
	return e.ID, read
}

// openForReading opens the open file; nil if none can be read.
func (s *heart) openForReading(e *ledger.Entry) (*growing, error) {
	if e == nil || e.Gzip || e.State != ledger.Held {
		return nil, nil
	}
	return s.openGrowing(*e)
}

// ask asks kube-apiserver. An unknown count is left out of a heartbeat.
func (s *heart) ask(ctx context.Context) (Counters, bool) {
	if s.cfg.Log == nil {
		return Counters{}, false
	}
	c, ok := s.cfg.Log.Ask(ctx)
	if ok {
		s.server = c.Version
	}
	return c, ok && c.Events >= 0 && c.Errors >= 0
}

// readOn reads the bytes that a file has gained since the last read. A file that has
// become shorter is read from its beginning: hold records the missing bytes
// missing.
func readOn(ctx context.Context, src *growing, read *ledger.Reading) (*ledger.Reading, error) {
	next, sum := resume(read)
	if next.Size > src.size {
		next, sum = resume(nil)
	}
	var t tally
	more := io.NewSectionReader(src, next.Size, min(src.size-next.Size, maxReading)) // less where it has become shorter right now
	if _, err := io.Copy(io.MultiWriter(sum, &t), &cancelReader{ctx, more}); err != nil {
		return nil, fmt.Errorf("hash the open file: %w", err)
	}
	next.Size, next.Lines = next.Size+t.bytes, next.Lines+t.lines
	next.SHA256 = hex.EncodeToString(sum.Sum(nil))
	state, ok := sum.(encoding.BinaryMarshaler)
	if !ok {
		return next, nil
	}
	var err error
	next.State, err = state.MarshalBinary()
	return next, err
}

// resume continues a hash; one whose state cannot be read starts again.
func resume(read *ledger.Reading) (*ledger.Reading, hash.Hash) {
	sum := sha256.New()
	if read == nil || len(read.State) == 0 {
		return &ledger.Reading{}, sum
	}
	state, ok := sum.(encoding.BinaryUnmarshaler)
	if !ok || state.UnmarshalBinary(read.State) != nil || hex.EncodeToString(sum.Sum(nil)) != read.SHA256 {
		return &ledger.Reading{}, sha256.New()
	}
	return &ledger.Reading{Size: read.Size, Lines: read.Lines}, sum
}

// announce makes the key that signs from now on part of the tree, before anything
// else is sealed with it. A key that was replaced signs nothing: that is an alarm, and
// the sidecar continues to archive without signatures.
func (s *sealer) announce(context.Context) error {
	key, chain := s.cfg.Key, s.cfg.Ledger.Chain()
	if key == nil {
		return nil
	}
	current := chain.Key
	if slices.Contains(chain.Replaced, key.Vkey) {
		s.cfg.Chain.SignWith(nil)
		s.metrics.keyReplaced.Set(1)
		if !s.replaced {
			s.cfg.Events.File("ALARM: the signing key was replaced by another: records are not signed until --signing-key-file has the key in force",
				ledger.Entry{Name: key.Vkey, Reason: "the key in force is " + current})
			s.replaced = true
		}
		return nil
	}
	s.cfg.Chain.SignWith(key)
	s.metrics.keyReplaced.Set(0)
	if current == key.Vkey {
		return nil
	}
	body, err := json.Marshal(key.Record())
	if err != nil {
		return fmt.Errorf("encode a key: %w", err)
	}
	return s.cfg.Ledger.Decide(ledger.Notice{Kind: string(manifest.KindKey), At: time.Now().UTC(), Body: body}, ledger.Decision{Key: key.Vkey})
}

// sealNotices seals the notices that are not sealed yet, a key first: it signs
// the others.
func (s *sealer) sealNotices(context.Context) error {
	notices := s.cfg.Ledger.Notices()
	slices.SortStableFunc(notices, func(a, b ledger.Notice) int {
		isKey := map[bool]int{true: 0, false: 1}
		return isKey[a.Kind == string(manifest.KindKey)] - isKey[b.Kind == string(manifest.KindKey)]
	})
	for _, n := range notices {
		r := manifest.Record{Kind: manifest.Kind(n.Kind), Seq: n.Seq, Time: manifest.At(n.At)}
		var err error
		switch r.Kind {
		case manifest.KindHeartbeat:
			err = json.Unmarshal(n.Body, &r.Heartbeat)
		case manifest.KindKey:
			err = json.Unmarshal(n.Body, &r.Key)
		case manifest.KindSetup:
			err = json.Unmarshal(n.Body, &r.Setup)
		}
		if err != nil {
			return fmt.Errorf("decode the ledger's entry for record %d: %w", n.Seq, err)
		}
		_, err = s.cfg.Chain.Seal(r)
		if sealed := errors.Is(err, manifest.ErrConflict) || errors.Is(err, manifest.ErrRemoved); err != nil && !sealed {
			return fmt.Errorf("seal the record %d, %s: %w", n.Seq, n.Kind, err)
		}
	}
	return nil
}
