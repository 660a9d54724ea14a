package parquet

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/auditline"
	"github.com/auditsidecar/auditsidecar/parquet/internal/objectfile"
	"github.com/auditsidecar/auditsidecar/parquet/internal/rowsort"
)

// Config says how to convert a source.
type Config struct {
	Meta Meta
	// Dir is where objects are written, one for each UTC day, as
	// 2006-01-02.parquet. It must exist. A file of that name is replaced.
	Dir string
	// File, if set, is the path of the one object that takes the whole source;
	// Dir is then not used.
	File string
	// Work is the directory of temporary files; that of the objects if empty.
	// The index of a large source spills to it, and compressed pages of long
	// lines until their row group is written.
	Work string
	// Prefix asks for the checksum of the source's first bytes as well, so
	// many of them: where those were read before, it shows whether they are
	// still the same.
	Prefix int64
	// Root asks for the Merkle tree hash of the lines as well. It takes a
	// second SHA-256 of every byte: a tenth of the CPU time.
	Root bool
}

// Result is the result of a conversion. Its fields are those of a record of
// a file.
type Result struct {
	// Lines and Bytes count the source. A last line without a newline counts.
	Lines, Bytes int64
	// SHA256 is the checksum of the source.
	SHA256 [32]byte
	// Root is the Merkle tree hash of the source's lines ([LineTree]), where
	// Config.Root asks for it.
	Root [32]byte
	// PrefixSHA256 is the checksum of the first [Config.Prefix] bytes, or of
	// the whole source where it is shorter.
	PrefixSHA256 [32]byte
	// Holes are the long runs of NUL bytes that lines are stored without.
	Holes []Hole
	// FinalNewline says whether the source's last byte is a newline.
	FinalNewline bool
	// First and Last are the least and greatest stage timestamp, in UTC; zero
	// where no line has one.
	First, Last time.Time
	// RawLines counts lines that are kept in the column raw as well.
	RawLines int64
	// Salvaged counts broken lines with at least one whole event in them.
	Salvaged int64
	// Undecodable counts lines without any event, empty ones included.
	Undecodable int64
	// Strays counts rows of other days in the object of the day of rotation: a
	// source has objects for the days from 400 days before it to the day after.
	Strays int64
	// Levels and Stages count lines by the event's level and stage. Lines
	// without one count under "", rare further values under "other".
	Levels, Stages map[string]int64
	// Objects are the files written, by day.
	Objects []Object
	// Meta is the source's, as it was given.
	Meta Meta

	lineSum uint64 // of the source, holes included
}

// Object is one file written by [Convert].
type Object struct {
	Path string
	// Day is the UTC day of the rows, 2006-01-02; empty where the source was
	// not split.
	Day string
	// Rows counts rows, of which those with line_part 0 are lines.
	Rows int64
	// Size is in bytes.
	Size int64
	// SHA256 is the checksum of the file, in hexadecimal.
	SHA256 string
}

// Convert writes the objects of one source of size bytes. When it returns
// without error they are complete and durable; after an error nothing is left
// of them. The error is [ErrLineTooLong], [ErrTooManyLines] or [ErrSourceChanged]
// where the source is to blame; errors of src, of the file system and of ctx are
// wrapped.
func Convert(ctx context.Context, src io.ReaderAt, size int64, cfg Config) (Result, error) {
	return convert(ctx, src, size, cfg, defaultLimits())
}

// limits bounds the memory of a conversion.
type limits struct {
	sort rowsort.Limits
	file objectfile.Limits
	hole int // bytes of a run of NULs that its line is stored without, at least
}

func defaultLimits() limits {
	return limits{sort: rowsort.DefaultLimits(), file: objectfile.DefaultLimits(), hole: 64 << 10}
}

func convert(ctx context.Context, src io.ReaderAt, size int64, cfg Config, lim limits) (Result, error) {
	if (cfg.Dir == "") == (cfg.File == "") {
		return Result{}, errors.New("convert: set either Dir or File")
	}
	if err := cfg.Meta.Increment.check(); err != nil {
		return Result{}, err
	}
	if cfg.Meta.Increment.FirstLine > 0 && cfg.File == "" {
		return Result{}, errors.New("convert: an increment becomes one object: set File, not Dir")
	}
	d, err := digestOf(ctx, src, size, cfg, lim)
	if err != nil {
		return Result{}, err
	}
	c := newConversion(src, size, d, cfg, lim)
	c.samples = true
	if err = c.run(ctx); errors.Is(err, errSample) {
		c = newConversion(src, size, d, cfg, lim)
		err = c.run(ctx)
	}
	return c.result, err
}

// errSample says that the first pass was wrong about a line.
var errSample = errors.New("a line differs from its sample")

// conversion is the state of one call of Convert.
type conversion struct {
	src    io.ReaderAt // without holes, as is size
	size   int64
	cfg    Config
	limits limits
	dir    string // of the objects
	work   string // of temporary files

	samples bool // take the sort keys of canonical lines from a sample
	sampler auditline.Sampler
	index   *rowsort.Index
	days    *dayBook
	decoder auditline.Decoder
	event   auditline.Event
	lineBuf []byte // the line that was read last
	result  Result
}

func newConversion(src io.ReaderAt, size int64, d digest, cfg Config, lim limits) *conversion {
	dir := cfg.Dir
	if cfg.File != "" {
		dir = filepath.Dir(cfg.File)
	}
	cfg.Meta = cfg.Meta.valid()
	result := Result{Meta: cfg.Meta, Bytes: size, SHA256: d.sum, PrefixSHA256: d.prefix, Root: d.root, Holes: d.holes, lineSum: d.lines}
	src, size = withoutHoles(src, size, d.holes)
	work := cmp.Or(cfg.Work, dir)
	return &conversion{
		src: src, size: size, cfg: cfg, limits: lim, dir: dir, work: work,
		index:  rowsort.NewIndex(work, lim.sort, size),
		days:   newDayBook(cfg.Meta.Rotated, cfg.File == ""),
		result: result,
	}
}

// run makes both passes. After an error nothing is left of the objects.
func (c *conversion) run(ctx context.Context) error {
	err := c.buildIndex(ctx)
	if err == nil {
		err = c.writeObjects(ctx)
	}
	if closeErr := c.index.Close(); err == nil && closeErr != nil {
		err = fmt.Errorf("close spill file: %w", closeErr)
	}
	if err == nil {
		err = syncDir(c.dir)
	}
	if err != nil {
		err = errors.Join(err, c.removeObjects())
		c.result = Result{}
		return err
	}
	c.result.First, c.result.Last = c.days.span()
	c.result.Strays = c.days.strays
	return nil
}

// checkEvery is how many lines pass between two looks at the context.
const checkEvery = 1024

// buildIndex is the first pass: it reads the source line by line.
func (c *conversion) buildIndex(ctx context.Context) error {
	lines := newLineReader(c.src, c.size, readSize)
	var key []byte
	for n := int64(1); ; n++ {
		if n%checkEvery == 0 && ctx.Err() != nil {
			return fmt.Errorf("read source: %w", ctx.Err())
		}
		line, err := lines.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		c.result.Lines = n
		c.result.FinalNewline = line.terminated
		if n > math.MaxUint32 {
			return fmt.Errorf("read source: %w: more than %d", ErrTooManyLines, uint32(math.MaxUint32))
		}
		ref := rowsort.Ref{Offset: line.offset, Line: uint32(n), Size: uint32(line.size)}
		text := line.text
		if text == nil { // it is longer than the buffer
			if text, err = c.read(ref); err != nil {
				return err
			}
		}
		if key, err = c.indexLine(text, ref, key); err != nil {
			return err
		}
	}
}

// indexLine adds the rows of one line to the index. key is scratch.
func (c *conversion) indexLine(line []byte, ref rowsort.Ref, key []byte) ([]byte, error) {
	if c.samples {
		if o, us, ok := c.sampler.Sample(line); ok {
			key = rowsort.AppendKey(key[:0], o)
			ref.Time, ref.Day = us, c.days.countRow(us)
			return key, c.index.Add(ref, key)
		}
	}
	e := &c.event
	e.Release()
	_, parts := c.decoder.Line(line, e)
	start := ref.Offset
	for i := range max(len(parts), 1) {
		if i > 0 {
			c.decoder.Line(line[parts[i].From:parts[i].To], e)
			ref.Offset = start + int64(parts[i].From)
			ref.Size = uint32(parts[i].To - parts[i].From)
			ref.Part = uint32(i)
		}
		ref.Time = stageTime(e)
		ref.Day = c.days.countRow(ref.Time)
		key = rowsort.AppendKey(key[:0], e.Object())
		if err := c.index.Add(ref, key); err != nil {
			return key, err
		}
	}
	return key, nil
}

// stageTime returns the stage timestamp, or NoTime.
func stageTime(e *auditline.Event) int64 {
	if us, ok := e.StageTime(); ok {
		return us
	}
	return rowsort.NoTime
}

// read returns the bytes of a row, valid until the next call.
func (c *conversion) read(ref rowsort.Ref) ([]byte, error) {
	size := int(ref.Size)
	if c.lineBuf == nil || cap(c.lineBuf) < size || cap(c.lineBuf) > auditline.MaxKept && size <= auditline.MaxKept {
		// Nothing may refer to the old buffer while the new one is made.
		c.lineBuf = nil
		c.event.Reset()
		c.lineBuf = make([]byte, max(size, auditline.MaxKept))
	}
	line := c.lineBuf[:size]
	return line, rowsort.ReadAt(c.src, line, ref.Offset)
}

// removeObjects removes the objects that are finished.
func (c *conversion) removeObjects() error {
	var err error
	for _, o := range c.result.Objects {
		err = errors.Join(err, os.Remove(o.Path))
	}
	return err
}

// syncDir makes the names in a directory durable, where its file system can: CIFS
// and some in user space cannot.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("sync directory: %w", err)
	}
	if err := d.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, syscall.ENOTSUP) {
		return errors.Join(fmt.Errorf("sync directory %s: %w", filepath.Clean(dir), err), d.Close())
	}
	return d.Close()
}
