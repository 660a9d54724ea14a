package live

import (
	"fmt"
	"testing"

	"go.uber.org/goleak"

	"github.com/auditsidecar/auditsidecar/internal/audittest"
	"github.com/auditsidecar/auditsidecar/internal/lokitest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestI8_DescriptorsStayBounded streams over many rotations, with and without
// a Loki that takes the lines: one file is open at a time.
func TestI8_DescriptorsStayBounded(t *testing.T) {
	s := newStage(t, lokitest.Config{})
	s.add("0000", "0\n")
	s.start()
	s.sync()
	before, most := audittest.Descriptors(t), 0
	for i := range 100 {
		s.add(fmt.Sprintf("%04d", i+1), fmt.Sprintf("%d\n", i+1))
		if err := s.live.step(t.Context(), false); err != nil {
			t.Fatal(err)
		}
		if i%10 == 9 {
			s.sync()
		}
		most = max(most, audittest.Descriptors(t)-before)
	}
	if most > 0 {
		t.Errorf("%d descriptors more after 100 rotations", most)
	}
	if n := s.loki.Count(); n != 101 {
		t.Errorf("%d lines arrived, want 101", n)
	}
	if err := s.live.Close(); err != nil {
		t.Fatal(err)
	}
	if n := audittest.Descriptors(t); n >= before {
		t.Errorf("%d descriptors after Close, %d before", n, before)
	}
}
