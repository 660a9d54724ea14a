package parquet

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"os"
	"os/exec"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"github.com/auditsidecar/auditsidecar/internal/audittest"
	"github.com/auditsidecar/auditsidecar/parquet/internal/rowread"
)

const (
	// mutationsEnv is how many mutations TestMutations makes; `make mutate` sets it.
	mutationsEnv = "MUTATIONS"
	// mutateEnv makes this process the one that TestMutations starts for them; it has the seed.
	mutateEnv      = "PARQUET_TEST_MUTATE"
	fewMutations   = 1500 // in seconds; a fifth in the short form
	maxMutationRSS = 256 << 20
)

// TestMutations damages small objects in any byte, and restores them in one process: that gives
// the right bytes or an error, no crash, and takes bounded memory.
func TestMutations(t *testing.T) {
	if seed := os.Getenv(mutateEnv); seed != "" {
		mutateAll(t, seed)
		return
	}
	seed := strconv.FormatUint(rand.Uint64(), 10)
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestMutations$", "-test.timeout=0", fmt.Sprintf("-test.short=%v", testing.Short()))
	// Garbage is collected early, so that the peak is that of memory in use.
	cmd.Env = append(os.Environ(), mutateEnv+"="+seed, "GOMEMLIMIT=96MiB")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("seed %s: %v\n%s", seed, err, out)
	}
	usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		t.Fatal("no resource usage")
	}
	t.Logf("seed %s: peak %d MiB; %s", seed, usage.Maxrss>>10, out)
	if usage.Maxrss<<10 > maxMutationRSS && !underRace() {
		t.Errorf("seed %s: the process took %d MiB, at most %d wanted", seed, usage.Maxrss>>10, maxMutationRSS>>20)
	}
}

// underRace says whether the race detector is on, which takes several times the memory.
func underRace() bool {
	info, _ := debug.ReadBuildInfo()
	return info != nil && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}

// specimen is an object to damage.
type specimen struct {
	name   string
	object []byte
	source []byte
	result Result
	footer int        // where it begins
	bodies []pageBody // of pages
}

func newSpecimen(t *testing.T, name string, res Result, source []byte) *specimen {
	t.Helper()
	object, err := os.ReadFile(res.Objects[0].Path)
	if err != nil {
		t.Fatal(err)
	}
	if len(object) > 20<<10 || len(res.Objects) != 1 {
		t.Fatalf("%s: %d objects, the first of %d bytes", name, len(res.Objects), len(object))
	}
	s := &specimen{name: name, object: object, source: source, result: res}
	s.footer = len(object) - tail - int(binary.LittleEndian.Uint32(object[len(object)-tail:]))
	f := openFull(t, input(object))
	for i, index := range f.OffsetIndexes() {
		groups := f.Metadata().RowGroups
		columns := len(groups[0].Columns)
		if at := groups[i/columns].Columns[i%columns].MetaData.DictionaryPageOffset; at > 0 {
			s.addBody(t, at)
		}
		for _, page := range index.PageLocations {
			s.addBody(t, page.Offset)
		}
	}
	if err := s.check(t, object); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return s
}

// addBody notes where the body of the page at an offset is.
func (s *specimen) addBody(t *testing.T, at int64) {
	t.Helper()
	var header format.PageHeader
	page := new(thrift.CompactProtocol).NewReader(bytes.NewReader(s.object[at:]))
	if err := thrift.NewDecoder(page).Decode(&header); err != nil {
		t.Fatal(err)
	}
	head, err := thrift.Marshal(new(thrift.CompactProtocol), &header)
	if err != nil {
		t.Fatal(err)
	}
	s.bodies = append(s.bodies, pageBody{at + int64(len(head)), int64(header.CompressedPageSize)})
}

// pageBody is where the body of a page is.
type pageBody struct{ at, size int64 }

// specimens are objects with dictionaries, with raw rows, with several row groups and pages, with
// long values, and an increment.
func specimens(t *testing.T) []*specimen {
	t.Helper()
	few := bytes.Join(realLines(t)[:30], []byte("\n"))
	a := simpleEvent("a")
	odd := []byte("no event\n\n\x00\x00" + a + "\n" + a[:90] + a + a + "\n\xff\xfe\n" + strings.Replace(a, `,"auditID"`, ` ,"auditID"`, 1))
	bodies := []byte(withBody(`"`+strings.Repeat("b", 1200<<10)+`"`) + "\n" + withBody(`{"x":1}`) + "\n" +
		strings.Replace(a, `"requestURI":"/`, `"requestURI":"/`+strings.Repeat("u", rowread.LargePage+5), 1) + "\n")
	long := []byte(strings.Replace(a, `{"username":"u"}`, `{"username":"u","groups":["`+strings.Repeat("g", rowread.LargePage+5)+`","h"]}`, 1) + "\n")
	object := func(source []byte, lim limits) Result {
		return convertWith(t, source, Config{Meta: testMeta(), Dir: audittest.FastDir(t)}, lim)
	}
	part := []byte("one\ntwo\n" + canonicalLine + "four\n")
	tiny := tinyLimits()
	return []*specimen{
		newSpecimen(t, "dictionaries", object(few, defaultLimits()), few),
		newSpecimen(t, "raw rows", object(odd, defaultLimits()), odd),
		newSpecimen(t, "small pages", object(odd, tiny), odd),
		newSpecimen(t, "increment", convertPart(t, part, 8, len(part), defaultLimits()), part[8:]),
		newSpecimen(t, "bodies", object(bodies, defaultLimits()), bodies),
		newSpecimen(t, "a long list", object(long, defaultLimits()), long),
	}
}

// mutateAll is the work of the other process.
func mutateAll(t *testing.T, seedText string) {
	seed, err := strconv.ParseUint(seedText, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	many := fewMutations
	if testing.Short() {
		many /= 25
	}
	if n := os.Getenv(mutationsEnv); n != "" {
		if many, err = strconv.Atoi(n); err != nil {
			t.Fatal(err)
		}
	}
	random := rand.New(rand.NewPCG(seed, 0))
	all := specimens(t)
	outcomes := map[string]int{}
	for n := range many {
		s := all[n%4]
		if n%50 == 49 { // restoring these takes long
			s = all[4+random.IntN(len(all)-4)]
		}
		damaged := s.damage(random)
		err := s.check(t, damaged)
		switch {
		case errors.Is(err, rowread.ErrBug) || errors.Is(err, errOther):
			t.Fatalf("mutation %d of %s: %v", n, s.name, err)
		case err == nil:
			outcomes["the same lines"]++
		default:
			outcomes["an error"]++
		}
	}
	fmt.Println(many, "mutations:", outcomes)
}

var errOther = errors.New("other lines and no error")

// check reads an object as restore and the converter do. The error is errOther if
// one of them takes other lines than the source's for good.
func (s *specimen) check(t *testing.T, object []byte) error {
	in := input(object)
	same := &comparing{want: s.source}
	err := RestoreIn(t.Context(), t.TempDir(), []Input{in}, same)
	if err == nil && (same.differs || len(same.want) > 0) {
		return errOther
	}
	switch checked := checkLines(t.Context(), []Input{in}, s.result); {
	case checked == nil && same.differs:
		return errOther
	case errors.Is(checked, rowread.ErrBug):
		return checked
	}
	return err
}

// comparing compares the written bytes with want.
type comparing struct {
	want    []byte
	differs bool
}

func (c *comparing) Write(b []byte) (int, error) {
	n := min(len(b), len(c.want))
	c.differs = c.differs || n < len(b) || !bytes.Equal(b, c.want[:n])
	c.want = c.want[n:]
	return len(b), nil
}

// damage returns the object with one to three changes. Most are in the footer, or in a page with
// the checksum made right again: checksums are tested elsewhere.
func (s *specimen) damage(random *rand.Rand) []byte {
	b := bytes.Clone(s.object)
	for range 1 + random.IntN(3) {
		switch random.IntN(8) {
		case 0:
			at := random.IntN(len(b))
			change(b[at:min(at+1+random.IntN(8), len(b))], random)
		case 1:
			b = s.cut(b, random)
		case 2, 3, 4:
			if s.footer < len(b)-8 {
				change(b[s.footer+random.IntN(len(b)-s.footer):], random)
			}
		default:
			body := s.bodies[random.IntN(len(s.bodies))]
			if int(body.at+body.size) <= len(b) && body.size >= 8 {
				changeBody(b[body.at:body.at+body.size], random)
			}
		}
	}
	return b
}

// cut removes or repeats some bytes.
func (s *specimen) cut(b []byte, random *rand.Rand) []byte {
	from := random.IntN(len(b))
	to := min(from+1+random.IntN(16), len(b))
	if random.IntN(2) == 0 {
		return append(b[:from:from], b[to:]...)
	}
	return append(b[:to:to], b[from:]...)
}

// change changes the beginning of b: a bit, a byte, or a number that becomes very large.
func change(b []byte, random *rand.Rand) {
	switch random.IntN(4) {
	case 0, 1:
		b[0] ^= 1 << random.IntN(8)
	case 2:
		b[0] = byte(random.IntN(256))
	default:
		for i := range min(len(b), 1+random.IntN(9)) {
			b[i] = 0xff
		}
	}
}

// changeBody changes a page's body, and four more bytes of it so that its checksum is the same.
func changeBody(body []byte, random *rand.Rand) {
	want := crc32.ChecksumIEEE(body)
	change(body[random.IntN(len(body)):], random)
	free := body[random.IntN(len(body)-3):][:4]
	copy(free, []byte{0, 0, 0, 0})
	base := crc32.ChecksumIEEE(body)
	// CRC-32 is linear: each free bit flips a fixed set of the checksum's.
	var effects, bits [32]uint32
	for i := range 32 {
		free[i/8] ^= 1 << (i % 8)
		effects[i], bits[i] = crc32.ChecksumIEEE(body)^base, 1<<i
		free[i/8] ^= 1 << (i % 8)
	}
	left, chosen := want^base, uint32(0)
	for bit := range 32 {
		for i := bit; i < 32; i++ {
			if effects[i]>>bit&1 == 1 {
				effects[bit], effects[i] = effects[i], effects[bit]
				bits[bit], bits[i] = bits[i], bits[bit]
				break
			}
		}
		for i := range 32 {
			if i != bit && effects[i]>>bit&1 == 1 {
				effects[i] ^= effects[bit]
				bits[i] ^= bits[bit]
			}
		}
	}
	for bit := range 32 {
		if left>>bit&1 == 1 {
			chosen ^= bits[bit]
		}
	}
	binary.LittleEndian.PutUint32(free, chosen)
}

func TestChangeBodyKeepsTheChecksum(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 1000 {
		body := make([]byte, 8+random.IntN(100))
		for i := range body {
			body[i] = byte(random.IntN(256))
		}
		before := bytes.Clone(body)
		changeBody(body, random)
		if crc32.ChecksumIEEE(body) != crc32.ChecksumIEEE(before) {
			t.Fatalf("%x became %x", before, body)
		}
	}
}
