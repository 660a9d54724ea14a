package ledger

import (
	"encoding/json"
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/continuity"
	"github.com/auditsidecar/auditsidecar/internal/durable"
)

func TestNotices(t *testing.T) {
	dir := t.TempDir()
	l := open(t, durable.OS(), dir)
	began, err := time.Parse(epochLayout, l.Chain().Epoch[:len(epochLayout)])
	must(t, err)
	if !l.Chain().Heartbeat.Equal(began) || l.Chain().Key != "" {
		t.Errorf("a new epoch has the heartbeat %s and the key %q", l.Chain().Heartbeat, l.Chain().Key)
	}
	must(t, l.Add(held("1")))
	read := &Reading{Size: 7, Lines: 2, SHA256: "aa", State: []byte("s")}
	must(t, l.Decide(Notice{Kind: "key", At: noon, Body: json.RawMessage(`{"k":1}`)}, Decision{Key: "0123"}))
	must(t, l.Heartbeat(Notice{Kind: "heartbeat", At: noon.Add(1), Body: json.RawMessage(`{"b":1}`)}, "1", nil, read))
	must(t, l.Heartbeat(Notice{Kind: "heartbeat", At: noon.Add(2), Body: json.RawMessage(`{"b":2}`)}, "", nil, nil))
	if err := l.Heartbeat(Notice{Kind: "heartbeat", At: noon.Add(3)}, "unknown", nil, read); !errors.Is(err, ErrUnknown) {
		t.Errorf("a heartbeat of a segment that is not there: %v", err)
	}
	for _, from := range []*Reading{nil, {Size: 7, SHA256: "other"}} {
		if err := l.Heartbeat(Notice{Kind: "heartbeat", At: noon.Add(3)}, "1", from, read); !errors.Is(err, ErrStale) {
			t.Errorf("a heartbeat that went on from %+v: %v", from, err)
		}
	}
	for _, l := range []*Ledger{l, open(t, durable.OS(), dir)} {
		var got []int64
		for _, n := range l.Notices() {
			got = append(got, n.Seq)
		}
		if !reflect.DeepEqual(got, []int64{1, 2, 3}) || l.Chain().Key != "0123" || !l.Chain().Heartbeat.Equal(noon.Add(2)) {
			t.Errorf("notices %v, key %q, heartbeat %s", got, l.Chain().Key, l.Chain().Heartbeat)
		}
		if e := get(t, l, "1"); !reflect.DeepEqual(e.Read, read) {
			t.Errorf("read %+v", e.Read)
		}
	}
	must(t, l.Confirm(Head{Tree: 1, Number: 5, Epoch: l.Chain().Epoch, Seq: 2, Root: "bb"}))
	if left := l.Notices(); len(left) != 2 || left[0].Seq != 1 || left[1].Seq != 3 {
		t.Errorf("left %+v", left)
	}
	if seq, err := l.Take("1"); err != nil || seq != 4 {
		t.Errorf("the next number is %d, %v", seq, err)
	}
	must(t, l.NewEpoch(noon.Add(time.Hour), BeginStateLost, Gap{Reason: continuity.ReasonStateLost, Bytes: -1}))
	if len(l.Notices()) != 0 || l.Chain().Key != "0123" || l.Chain().Joined || !l.Chain().Heartbeat.Equal(noon.Add(time.Hour)) {
		t.Errorf("a new epoch has %+v, key %q, heartbeat %s", l.Notices(), l.Chain().Key, l.Chain().Heartbeat)
	}
	if e := get(t, l, "1"); !reflect.DeepEqual(e.Read, read) {
		t.Errorf("a new epoch forgot what was read: %+v", e.Read)
	}
}
