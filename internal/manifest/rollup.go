package manifest

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	pq "github.com/parquet-go/parquet-go"
	"golang.org/x/mod/sumdb/note"
)

// Rollup sums up the records of a UTC day: those after the rollup before, up to the last
// before the first record of a later day. docs/spec/rollup.md is the format. Its fields
// are the columns of the Parquet form as well.
type Rollup struct {
	Version int64  `json:"version" parquet:"version,id(1)"`
	Cluster string `json:"cluster" parquet:"cluster_name,id(2)"`
	Node    string `json:"node" parquet:"node_name,id(3)"`
	Tree    int64  `json:"tree" parquet:"tree,id(4)"`
	Day     string `json:"day" parquet:"day,id(5)"`
	// From and To are the numbers, Began and Ended the times of the first and last record.
	From  int64     `json:"from" parquet:"from_number,id(6)"`
	To    int64     `json:"to" parquet:"to_number,id(7)"`
	Began time.Time `json:"began" parquet:"began,id(8),timestamp(microsecond)"`
	Ended time.Time `json:"ended" parquet:"ended,id(9),timestamp(microsecond)"`
	// Files were finished, with their bytes and lines, in their objects.
	Files   int64 `json:"files" parquet:"files,id(10)"`
	Bytes   int64 `json:"bytes" parquet:"bytes,id(11)"`
	Lines   int64 `json:"lines" parquet:"lines,id(12)"`
	Objects int64 `json:"objects" parquet:"objects,id(13)"`
	// First and Last are the least and the greatest stageTimestamp of the lines.
	First  time.Time     `json:"first,omitzero" parquet:"first,id(14),optional,timestamp(microsecond)"`
	Last   time.Time     `json:"last,omitzero" parquet:"last,id(15),optional,timestamp(microsecond)"`
	Levels []RollupCount `json:"levels,omitempty" parquet:"levels,id(16),list"`
	Stages []RollupCount `json:"stages,omitempty" parquet:"stages,id(17),list"`
	Gaps   []RollupGap   `json:"gaps,omitempty" parquet:"gaps,id(18),list"`
	// Recorded are the files, by the numbers of their records.
	Recorded []RollupFile `json:"recorded,omitempty" parquet:"recorded,id(19),list"`
	// Start are the hashes of the compact range of the records before From, Leaves the
	// leaf hashes of the others.
	Start  [][]byte `json:"start,omitempty" parquet:"start,id(20),list"`
	Leaves [][]byte `json:"leaves" parquet:"leaves,id(21),list"`
	// Head is the checkpoint of the record To.
	Head string `json:"head" parquet:"head,id(22)"`
	// Parquet is the SHA-256 of the Parquet form, lower-case hex. Only in JSON, as Note.
	Parquet string `json:"parquet,omitempty" parquet:"-"`
	// Note is the text of [Rollup.Text], signed where the node has a key. Only in JSON.
	Note string `json:"note,omitempty" parquet:"-"`
}

// RollupCount counts lines by a field of their events.
type RollupCount struct {
	Name  string `json:"name" parquet:"name"`
	Lines int64  `json:"lines" parquet:"lines"`
}

// RollupRecord is a record: its number, epoch, seq and time.
type RollupRecord struct {
	Number   int64     `json:"number" parquet:"number"`
	Epoch    string    `json:"epoch" parquet:"epoch"`
	Seq      int64     `json:"seq" parquet:"seq"`
	Recorded time.Time `json:"recorded" parquet:"recorded,timestamp(microsecond)"`
}

// RollupGap is a [Gap] and its record.
type RollupGap struct {
	RollupRecord
	// Nil: unknown. The library loses optional times in a list that are no pointers.
	From   *time.Time `json:"from,omitempty" parquet:"from_time,timestamp(microsecond)"`
	To     *time.Time `json:"to,omitempty" parquet:"to_time,timestamp(microsecond)"`
	Reason string     `json:"reason" parquet:"reason"`
	Bytes  int64      `json:"bytes" parquet:"bytes"`
	File   string     `json:"file,omitempty" parquet:"file"`
	Detail string     `json:"detail,omitempty" parquet:"detail"`
}

// RollupFile is a [Source] and its record. Epoch and Seq are those in the keys of its
// objects, which may be of an earlier epoch than the record.
type RollupFile struct {
	RollupRecord
	Name    string     `json:"name" parquet:"name"`
	Bytes   int64      `json:"bytes" parquet:"bytes"`
	Lines   int64      `json:"lines" parquet:"lines"`
	SHA256  string     `json:"sha256,omitempty" parquet:"sha256"`
	First   *time.Time `json:"first,omitempty" parquet:"first,timestamp(microsecond)"`
	Last    *time.Time `json:"last,omitempty" parquet:"last,timestamp(microsecond)"`
	Rotated *time.Time `json:"rotated,omitempty" parquet:"rotated,timestamp(microsecond)"`
	Objects int64      `json:"objects" parquet:"objects"`
}

// objectNumber finds the epoch and the number of a file in the key of an object.
var objectNumber = regexp.MustCompile(`-([0-9]{8}T[0-9]{6}[0-9a-f]{6})-([0-9]{8,18})(?:\.r[0-9]+)?\.parquet$`)

// NewRollup begins the rollup of the records after a tree.
func NewRollup(cluster, node string, tree int, before Tree) *Rollup {
	r := &Rollup{Version: Version, Cluster: cluster, Node: node, Tree: int64(tree), From: before.Size() + 1, To: before.Size()}
	for _, hash := range before.Hashes() {
		r.Start = append(r.Start, hash[:])
	}
	return r
}

// Add adds the next record.
func (r *Rollup) Add(e *Entry) {
	if r.To < r.From {
		r.Began, r.Day = e.Time.Time, DayOf(e.Time)
	}
	r.To, r.Ended, r.Head, r.Leaves = e.Number, e.Time.Time, e.Checkpoint, append(r.Leaves, e.Leaf[:])
	at := RollupRecord{e.Number, e.Epoch, e.Seq, e.Time.Time}
	for _, g := range e.Gaps {
		r.Gaps = append(r.Gaps, RollupGap{at, timeOf(g.From), timeOf(g.To), string(g.Reason), g.Bytes, g.File, g.Detail})
	}
	s := e.Source
	if s == nil {
		return
	}
	file := RollupFile{
		RollupRecord: at, Name: s.Name, Bytes: s.Size, Lines: s.Lines, SHA256: s.SHA256,
		First: timeOf(s.First), Last: timeOf(s.Last), Rotated: timeOf(s.Rotated), Objects: int64(len(e.Objects)),
	}
	for _, o := range e.Objects {
		if m := objectNumber.FindStringSubmatch(o.Key); m != nil {
			file.Epoch = m[1]
			file.Seq, _ = strconv.ParseInt(m[2], 10, 64)
		}
	}
	r.Recorded = append(r.Recorded, file)
	r.Files, r.Bytes, r.Lines, r.Objects = r.Files+1, r.Bytes+s.Size, r.Lines+s.Lines, r.Objects+int64(len(e.Objects))
	if !s.First.IsZero() && (r.First.IsZero() || s.First.Before(r.First)) {
		r.First = s.First.Time
	}
	if s.Last.After(r.Last) {
		r.Last = s.Last.Time
	}
	r.Levels, r.Stages = addCounts(r.Levels, e.Counts.Levels), addCounts(r.Stages, e.Counts.Stages)
}

func timeOf(s Stamp) *time.Time {
	if s.IsZero() {
		return nil
	}
	return &s.Time
}

func addCounts(counts []RollupCount, more map[string]int64) []RollupCount {
	for _, name := range slices.Sorted(maps.Keys(more)) {
		i, found := slices.BinarySearchFunc(counts, name, func(c RollupCount, name string) int { return cmp.Compare(c.Name, name) })
		if !found {
			counts = slices.Insert(counts, i, RollupCount{Name: name})
		}
		counts[i].Lines += more[name]
	}
	return counts
}

// DayOf is the UTC day of a time, as 2006-01-02.
func DayOf(s Stamp) string { return s.UTC().Format(time.DateOnly) }

// Encode returns the JSON form.
func (r Rollup) Encode() ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf) // ends the line
	enc.SetEscapeHTML(false)
	if err := enc.Encode(r); err != nil {
		return nil, fmt.Errorf("encode the rollup of %s: %w", r.Day, err)
	}
	return buf.Bytes(), nil
}

// Text is the text that is signed: its kind, the tree, the day, and the hash of the
// JSON form without the note and the newline.
func (r Rollup) Text() (string, error) {
	r.Note = ""
	line, err := r.Encode()
	sum := sha256.Sum256(bytes.TrimSuffix(line, []byte("\n")))
	return fmt.Sprintf("auditsidecar rollup\n%s\n%s\n%s\n", Origin(r.Cluster, r.Node, int(r.Tree)), r.Day, base64.StdEncoding.EncodeToString(sum[:])), err
}

// Point takes the checkpoint of the head apart.
func (r Rollup) Point() (Checkpoint, error) {
	return (&Record{Identity: Identity{Cluster: r.Cluster, Node: r.Node}, Number: r.To, Checkpoint: r.Head}).checkpoint()
}

// Seal returns both forms, the JSON form signed where there is a key.
func (r Rollup) Seal(key *SigningKey) (asJSON, asParquet []byte, err error) {
	var columns bytes.Buffer
	w := pq.NewGenericWriter[Rollup](&columns, pq.Compression(&pq.Snappy), pq.CreatedBy("auditsidecar rollup", "1", ""))
	_, err = w.Write([]Rollup{r})
	if err = errors.Join(err, w.Close()); err != nil {
		return nil, nil, fmt.Errorf("encode the rollup of %s: %w", r.Day, err)
	}
	r.Parquet = Sum(columns.Bytes())
	text, err := r.Text()
	if err != nil {
		return nil, nil, err
	}
	if r.Note, err = key.note(text); err != nil {
		return nil, nil, err
	}
	asJSON, err = r.Encode()
	return asJSON, columns.Bytes(), err
}

// LastOf returns the last record that a rollup sums up, if it is in the JSON form, made
// by one of the key's signers (any for nil) and of the tree that treeOf gives; else 0.
func LastOf(data []byte, treeOf func(records int64) (Tree, error), key *SigningKey) (int64, error) {
	var r Rollup
	if err := json.Unmarshal(data, &r); err != nil || r.To < 1 {
		return 0, nil //nolint:nilerr // it is no rollup
	}
	text, err := r.Text()
	point, perr := r.Point()
	if err != nil || perr != nil || !strings.HasPrefix(r.Note, text+"\n") {
		return 0, nil //nolint:nilerr // as above
	}
	if tree, err := treeOf(r.To); err != nil || tree.Root() != point.Root {
		return 0, err
	}
	made := key.signed(func(vkey string) bool {
		signer, err := note.NewVerifier(vkey)
		if err == nil {
			_, err = note.Open([]byte(r.Note), note.VerifierList(signer))
		}
		return err == nil
	})
	if !made {
		return 0, nil
	}
	return r.To, nil
}
