package rotate

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

func TestReaderDrainsWhatCameBeforeTheRotation(t *testing.T) {
	log := newLog(t)
	log.put(t, log.Name(), "1\n2")
	r := newReader(t, held(t, log), Position{}, ReaderConfig{})
	expect(t, r, "1")
	log.put(t, log.Name(), "nd\n3\nlast")
	log.rotateTo(t, 1)
	log.put(t, log.Name(), "4\n")
	expect(t, r, "2nd 3 last| 4")
}

func TestReaderBetweenRenameAndCreate(t *testing.T) {
	log := newLog(t)
	log.put(t, log.Name(), "1\n2\n")
	r := newReader(t, held(t, log), Position{}, ReaderConfig{})
	expect(t, r, "1 2")
	log.move(t, log.Name(), log.at(1))
	expect(t, r, "")
	expect(t, r, "")
	log.put(t, log.Name(), "3\n")
	expect(t, r, "3")
}

func TestReader200RotationsBetweenTwoCalls(t *testing.T) {
	log := newLog(t)
	log.put(t, log.Name(), "start\n")
	r := newReader(t, held(t, log), Position{}, ReaderConfig{})
	expect(t, r, "start")
	var want []string
	for i := range 200 {
		line := fmt.Sprintf("line-%d", i)
		log.put(t, log.Name(), line+"\n")
		log.rotateTo(t, i)
		want = append(want, line)
	}
	expect(t, r, strings.Join(want, " "))
	if n := len(r.seen); n > 201 {
		t.Errorf("%d segments remembered", n)
	}
}

func TestReaderPrunedUnderIt(t *testing.T) {
	log := newLog(t)
	log.put(t, log.Name(), "1\n2\n3")
	r := newReader(t, held(t, log), Position{}, ReaderConfig{})
	line, err := r.Next()
	must(t, err)
	if text(line) != "1" {
		t.Fatalf("got %+v", line)
	}
	log.rotateTo(t, 1)
	log.put(t, log.Name(), "lost\n") // pruned before anybody saw it
	log.rotateTo(t, 2)
	log.put(t, log.Name(), "4\n")
	log.rotateTo(t, 3)
	log.remove(t, log.at(1))
	log.remove(t, log.at(2))
	log.put(t, log.Name(), "5\n")
	expect(t, r, "2 3| 4 5")
}

// While nothing follows it, an unlisted file may still have its writer:
// kube-apiserver continues to write when its open file is unlinked.
func TestReaderFollowsAnUnlinkedOpenFile(t *testing.T) {
	log := newLog(t)
	f, err := os.Create(log.Path())
	must(t, err)
	defer f.Close()
	_, err = f.WriteString("1\n")
	must(t, err)
	r := newReader(t, held(t, log), Position{}, ReaderConfig{})
	expect(t, r, "1")
	log.remove(t, log.Name())
	_, err = f.WriteString("2\nha")
	must(t, err)
	expect(t, r, "2")
	_, err = f.WriteString("lf\nend")
	must(t, err)
	expect(t, r, "half")
	log.put(t, log.Name(), "new\n")
	expect(t, r, "end| new")
}

// Segments that are not listed any more are forgotten: the memory of a Reader does not grow
// with the number of rotations.
func TestReaderForgetsWhatIsPruned(t *testing.T) {
	log := newLog(t)
	log.put(t, log.Name(), "0\n")
	r := newReader(t, held(t, log), Position{}, ReaderConfig{})
	expect(t, r, "0")
	for i := range 60 {
		log.move(t, log.Name(), log.at(i))
		if i > 0 {
			log.remove(t, log.at(i-1))
		}
		log.put(t, log.Name(), fmt.Sprintf("%d\n", i+1))
		expect(t, r, fmt.Sprintf("%d", i+1))
		if n := len(r.seen); n > 2 {
			t.Fatalf("%d segments are remembered, 2 are listed", n)
		}
	}
}

func TestReaderCompressedBackupIsTheSameSegment(t *testing.T) {
	compress := func(t *testing.T, log Log, n int, content string) {
		log.put(t, log.at(n)+".gz", packed(t, content))
		log.remove(t, log.at(n))
	}
	t.Run("read before", func(t *testing.T) {
		log := newLog(t)
		log.put(t, log.at(1), "1\n")
		log.put(t, log.at(2), "2\n")
		log.put(t, log.Name(), "3\n")
		r := newReader(t, held(t, log), Position{}, ReaderConfig{})
		expect(t, r, "1 2 3")
		compress(t, log, 1, "1\n")
		compress(t, log, 2, "2\n")
		log.rotateTo(t, 3)
		log.put(t, log.Name(), "4\n")
		expect(t, r, "4")
		compress(t, log, 3, "3\n")
		log.rotateTo(t, 4)
		log.put(t, log.Name(), "5\n")
		expect(t, r, "5")
	})
	t.Run("being read", func(t *testing.T) {
		log := newLog(t)
		log.put(t, log.at(1), "1\n2\n")
		log.put(t, log.Name(), "3\n")
		r := newReader(t, held(t, log), Position{}, ReaderConfig{})
		_, err := r.Next()
		must(t, err)
		compress(t, log, 1, "1\n2\n")
		expect(t, r, "2 3")
	})
	t.Run("waiting to be read", func(t *testing.T) {
		log := newLog(t)
		for i := range 5 {
			log.put(t, log.at(i), fmt.Sprintf("%d\n", i))
		}
		log.put(t, log.Name(), "5\n")
		r := newReader(t, held(t, log), Position{}, ReaderConfig{})
		_, err := r.Next()
		must(t, err)
		for i := range 4 {
			compress(t, log, i, fmt.Sprintf("%d\n", i))
		}
		expect(t, r, "1 2 3 4 5")
	})
	t.Run("rotated and compressed between two calls", func(t *testing.T) {
		log := newLog(t)
		log.put(t, log.Name(), "1\n")
		r := newReader(t, held(t, log), Position{}, ReaderConfig{})
		expect(t, r, "1")
		log.put(t, log.Name(), "2\n")
		log.rotateTo(t, 1)
		log.put(t, log.Name(), "3\n")
		log.rotateTo(t, 2)
		compress(t, log, 1, "1\n2\n")
		compress(t, log, 2, "3\n")
		log.put(t, log.Name(), "4\n")
		expect(t, r, "2 3 4")
	})
}

func TestReaderClockSetBack(t *testing.T) {
	log := newLog(t)
	log.put(t, log.at(10), "1\n")
	log.put(t, log.Name(), "2\n")
	r := newReader(t, held(t, log), Position{}, ReaderConfig{})
	expect(t, r, "1 2")
	log.rotateTo(t, 5) // listed before the one that was read first
	log.put(t, log.Name(), "3\n")
	log.rotateTo(t, 4) // and this before that
	log.put(t, log.Name(), "4\n")
	expect(t, r, "3 4")
	log.rotateTo(t, 6)
	log.put(t, log.Name(), "5\n")
	log.rotateTo(t, 7)
	log.put(t, log.at(10)+".gz", packed(t, "1\n")) // listed after the unread ones
	log.remove(t, log.at(10))
	expect(t, r, "5")
}

func TestReaderCatchesUpWithFewListings(t *testing.T) {
	log := newLog(t)
	var want []string
	for i := range 200 {
		log.put(t, log.at(i), fmt.Sprintf("%d\n", i))
		want = append(want, fmt.Sprint(i))
	}
	log.put(t, log.Name(), "open\n")
	src := held(t, log)
	r := newReader(t, src, Position{}, ReaderConfig{})
	expect(t, r, strings.Join(want, " ")+" open")
	// Each looks at every file: as many as there are segments would be too many.
	if src.listings > 4 {
		t.Errorf("%d listings for 200 backups", src.listings)
	}
}

// The first segments come after the first calls, one by one.
func TestReaderEmptyDirectoryThatFills(t *testing.T) {
	log := newLog(t)
	r := newReader(t, held(t, log), Position{}, ReaderConfig{})
	expect(t, r, "")
	log.put(t, log.at(1)+".gz", "")
	expect(t, r, "CORRUPT")
	expect(t, r, "")
	log.put(t, log.at(2), "2\n")
	expect(t, r, "2")
	log.put(t, log.at(3), "3\n")
	expect(t, r, "3")
	log.put(t, log.Name(), "4\n")
	expect(t, r, "4")
}
