package manifest

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/auditsidecar/auditsidecar/internal/durable"
)

// live is the size of the heap after a collection.
func live() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// A tree of a million records takes no more memory than a small one: the leaves are on disk,
// while they are read from the archive as well as afterwards.
func TestMemoryOfAMillionLeaves(t *testing.T) {
	many := int64(1_000_000)
	if testing.Short() {
		many /= 10
	}
	dir := stateDir(t, nil)
	chain, err := openAt(durable.OS(), dir, Head{})
	must(t, err)
	var tree Tree
	var atFirst, atLast int64
	records := func(yield func(Stored, error) bool) {
		at := Stored{Entry: Entry{Record: Record{Identity: self}}}
		for at.Number = 1; at.Number <= many; at.Number++ {
			binary.LittleEndian.PutUint64(at.Leaf[:], uint64(at.Number))
			tree = tree.With(at.Leaf)
			at.Entry.Number, at.Point = at.Number, Checkpoint{Tree: 1, Root: tree.Root()}
			if !yield(at, nil) {
				return
			}
			switch at.Number {
			case many / 100:
				atFirst = live()
			case many:
				atLast = live()
			}
		}
	}
	must(t, chain.Join(1, Head{}, 0, nil, records))
	if more := atLast - atFirst; more > 1<<20 {
		t.Errorf("joining took %d bytes of memory for %d records more", more, many-many/100)
	}
	info, err := os.Stat(filepath.Join(dir, LeavesName))
	if err != nil || info.Size() != 32*many {
		t.Fatalf("%v, %v", info, err)
	}
	head := chain.StoredHead()
	again := open(t, dir, head)
	half, err := again.KeptTree(head, many/2)
	must(t, err)
	leaf, err := again.Leaf(many / 2)
	must(t, err)
	if !again.Joined() || half.Size() != many/2 || binary.LittleEndian.Uint64(leaf[:]) != uint64(many/2) {
		t.Errorf("joined %t, half has %d records, leaf %v", again.Joined(), half.Size(), leaf)
	}
	if more := live() - atFirst; more > 1<<20 {
		t.Errorf("an open chain takes %d bytes more", more)
	}
	runtime.KeepAlive(again)
}
