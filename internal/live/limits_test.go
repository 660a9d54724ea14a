package live

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"

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
	before, most := descriptors(t), 0
	for i := range 100 {
		s.add(fmt.Sprintf("%04d", i+1), fmt.Sprintf("%d\n", i+1))
		if err := s.live.step(t.Context(), false); err != nil {
			t.Fatal(err)
		}
		if i%10 == 9 {
			s.sync()
		}
		most = max(most, descriptors(t)-before)
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
	if n := descriptors(t); n >= before {
		t.Errorf("%d descriptors after Close, %d before", n, before)
	}
}

// descriptors counts what this process has open.
func descriptors(t testing.TB) int {
	t.Helper()
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("this system does not list open files")
	}
	return len(open)
}
