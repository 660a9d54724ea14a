package parquet

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/auditsidecar/auditsidecar/parquet/internal/rowread"
	"github.com/auditsidecar/auditsidecar/parquet/internal/schema"
)

// Meta says where a source comes from. It becomes part of every object.
type Meta struct {
	Cluster string
	Node    string
	// Epoch and Seq number the source in the node's chain of records.
	Epoch string
	Seq   int64
	// SourceName is the base name of the audit log file.
	SourceName string
	// Rotated is when the file was rotated away; zero if unknown. Lines without
	// a timestamp before the first one that has one go to its day, as do lines
	// of days that are more than 400 before it, or later than the day after it.
	// If it is unknown, the day of the first timestamp takes its place.
	Rotated time.Time
	// Converter is the version of the program.
	Converter string
	// DeliveredBy names who delivered the events if it was not kube-apiserver
	// itself: a cloud, whose delivery is not known to be complete.
	DeliveredBy string
	// Increment is set where the source is a part of a file that was still
	// being written.
	Increment Increment
}

// valid returns m with U+FFFD for bytes that are not UTF-8: file names may be anything.
func (m Meta) valid() Meta {
	for _, s := range []*string{&m.Cluster, &m.Node, &m.Epoch, &m.SourceName, &m.Converter, &m.DeliveredBy} {
		*s = strings.ToValidUTF8(*s, "\ufffd")
	}
	return m
}

// ObjectMeta describes an object and its source.
type ObjectMeta struct {
	Meta
	// Day is the UTC day of the object's rows, 2006-01-02; empty where one
	// object holds the whole source.
	Day string
	// Rows is the number of rows of the object.
	Rows int64
	// SourceSize and SourceLines count bytes and lines of the source.
	SourceSize, SourceLines int64
	// SourceSHA256 is the checksum of the source.
	SourceSHA256 [32]byte
	// FinalNewline says whether the source's last byte is a newline.
	FinalNewline bool
	// Days lists all objects of the source; a single one with an empty Day
	// where the source was not split.
	Days []DayRows
	// Holes are the long runs of NUL bytes that its lines are stored without.
	Holes []Hole
	// Last is the greatest stage timestamp in an increment, in UTC; zero where
	// no line has one, and in the objects of whole files.
	Last time.Time
}

// DayRows is one object of a source.
type DayRows struct {
	Day  string // 2006-01-02, or empty
	Rows int64
}

// Keys of the file's metadata.
const (
	keyCluster      = "auditsidecar.cluster"
	keyNode         = "auditsidecar.node"
	keyEpoch        = "auditsidecar.epoch"
	keySeq          = "auditsidecar.seq"
	keySourceName   = "auditsidecar.source_name"
	keySourceSize   = "auditsidecar.source_size"
	keySourceLines  = "auditsidecar.source_lines"
	keySourceSHA256 = "auditsidecar.source_sha256"
	keyFinalNewline = "auditsidecar.final_newline"
	keyRotated      = "auditsidecar.rotated"
	keyConverter    = "auditsidecar.converter"
	keyDay          = "auditsidecar.day"
	keyDays         = "auditsidecar.days"
)

// Keys that only a source with holes has, and one that was delivered.
const keyHoles, keyDeliveredBy = "auditsidecar.holes", "auditsidecar.delivered_by"

// Keys that only increments have.
const (
	keyIncrementFrom  = "auditsidecar.increment_from"
	keyIncrementTo    = "auditsidecar.increment_to"
	keyIncrementFirst = "auditsidecar.increment_first_line"
	keyIncrementLast  = "auditsidecar.increment_last_timestamp"
)

// pairs returns the key-value metadata of an object, ordered by key.
func (m *ObjectMeta) pairs() [][2]string {
	days := make([]string, len(m.Days))
	for i, d := range m.Days {
		days[i] = d.Day + "=" + strconv.FormatInt(d.Rows, 10)
	}
	all := [][2]string{
		{schema.VersionKey, schema.Version},
		{keyCluster, m.Cluster},
		{keyNode, m.Node},
		{keyEpoch, m.Epoch},
		{keySeq, strconv.FormatInt(m.Seq, 10)},
		{keySourceName, m.SourceName},
		{keySourceSize, strconv.FormatInt(m.SourceSize, 10)},
		{keySourceLines, strconv.FormatInt(m.SourceLines, 10)},
		{keySourceSHA256, hex.EncodeToString(m.SourceSHA256[:])},
		{keyFinalNewline, strconv.FormatBool(m.FinalNewline)},
		{keyRotated, timeText(m.Rotated)},
		{keyConverter, m.Converter},
		{keyDay, m.Day},
		{keyDays, strings.Join(days, ",")},
	}
	for _, optional := range [][2]string{{keyHoles, holesText(m.Holes)}, {keyDeliveredBy, m.DeliveredBy}} {
		if optional[1] != "" {
			all = append(all, optional)
		}
	}
	if m.Increment.FirstLine > 0 {
		all = append(all,
			[2]string{keyIncrementFrom, strconv.FormatInt(m.Increment.From, 10)},
			[2]string{keyIncrementTo, strconv.FormatInt(m.Increment.From+m.SourceSize, 10)},
			[2]string{keyIncrementFirst, strconv.FormatInt(m.Increment.FirstLine, 10)},
			[2]string{keyIncrementLast, timeText(m.Last)})
	}
	sort.Slice(all, func(i, j int) bool { return all[i][0] < all[j][0] })
	return all
}

func timeText(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// ErrNotOurs is returned by [ReadMeta], [Restore] and [Check] for a file that is no object of
// this package. A file that cannot be read is not one of these: it may be an object.
var ErrNotOurs = rowread.ErrNotOurs

func objectMeta(f *rowread.File) (ObjectMeta, error) {
	p := metaParser{pairs: f.Pairs}
	m := ObjectMeta{
		Meta: Meta{
			Cluster:    p.text(keyCluster),
			Node:       p.text(keyNode),
			Epoch:      p.text(keyEpoch),
			Seq:        p.number(keySeq),
			SourceName: p.text(keySourceName),
			Converter:  p.text(keyConverter),

			DeliveredBy: f.Pairs[keyDeliveredBy],
		},
		Day:          p.text(keyDay),
		Rows:         f.Rows,
		SourceSize:   p.number(keySourceSize),
		SourceLines:  p.number(keySourceLines),
		FinalNewline: p.text(keyFinalNewline) == "true",
	}
	m.Rotated = p.time(keyRotated)
	sum, err := hex.DecodeString(p.text(keySourceSHA256))
	if err != nil || copy(m.SourceSHA256[:], sum) != len(m.SourceSHA256) {
		p.fail(keySourceSHA256, errors.New("no SHA-256"))
	}
	if m.SourceLines < 0 || m.SourceLines > m.SourceSize {
		p.fail(keySourceLines, fmt.Errorf("%d lines in %d bytes", m.SourceLines, m.SourceSize))
	}
	m.Days = p.days()
	m.Holes = p.holes(m.SourceSize)
	if m.Increment = p.increment(m.SourceSize); m.Increment.FirstLine > 0 {
		m.Last = p.time(keyIncrementLast)
	}
	return m, p.err
}

// metaParser reads key-value metadata and keeps the first error.
type metaParser struct {
	pairs map[string]string
	err   error
}

func (p *metaParser) fail(key string, err error) {
	if p.err == nil {
		p.err = fmt.Errorf("read metadata key %s: %w: %w", key, ErrNotOurs, err)
	}
}

func (p *metaParser) text(key string) string {
	v, ok := p.pairs[key]
	if !ok {
		p.fail(key, errors.New("missing"))
	}
	return v
}

func (p *metaParser) number(key string) int64 {
	n, err := strconv.ParseInt(p.text(key), 10, 64)
	if err != nil {
		p.fail(key, err)
	}
	return n
}

func (p *metaParser) time(key string) time.Time {
	v := p.text(key)
	t, err := time.Parse(time.RFC3339Nano, v)
	if err != nil && v != "" {
		p.fail(key, err)
	}
	return t
}

func (p *metaParser) days() []DayRows {
	var days []DayRows
	for _, s := range strings.Split(p.text(keyDays), ",") {
		day, rows, ok := strings.Cut(s, "=")
		n, err := strconv.ParseInt(rows, 10, 64)
		if !ok || err != nil {
			p.fail(keyDays, fmt.Errorf("unreadable %q", s))
			return nil
		}
		days = append(days, DayRows{Day: day, Rows: n})
	}
	return days
}

// ReadMeta reads the metadata of one object, which is size bytes long. The
// error is [ErrNotOurs] for a file that is no Parquet file or not one of ours;
// an error of r is wrapped.
func ReadMeta(r io.ReaderAt, size int64) (ObjectMeta, error) {
	f, err := rowread.Open(r, size)
	if err != nil {
		return ObjectMeta{}, err
	}
	return objectMeta(f)
}
