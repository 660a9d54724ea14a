package verify

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/archive"
	"github.com/auditsidecar/auditsidecar/internal/catalog"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
	"github.com/auditsidecar/auditsidecar/parquet"
)

// checkObjects compares what the archive has below data/ with the records.
func (v *verification) checkObjects(ctx context.Context) error {
	listed := map[string]int64{}
	if err := v.list(ctx, "data/", func(info archive.Info, _ archive.Key) { listed[info.Key] = info.Size }); err != nil {
		return err
	}
	var files []*record
	named := map[string]*record{}
	for _, log := range v.logs {
		for _, e := range log.epochs {
			for _, r := range e.records {
				if r.Kind != manifest.KindFile {
					continue
				}
				v.nameObjects(r, named)
				if v.overlaps(r.span()) {
					files = append(files, r)
				}
			}
		}
	}
	confirmed := map[archive.Key]archive.Key{} // by the first key
	for name := range named {
		if key, err := archive.ParseKey(name); err == nil {
			confirmed[key.First()] = key
		}
	}
	for _, key := range slices.Sorted(maps.Keys(listed)) {
		if named[key] == nil {
			v.unrecorded(key, confirmed)
		}
	}
	stage := "files"
	if v.opt.Deep {
		stage = "files restored"
	}
	return v.each(ctx, stage, len(files), func(ctx context.Context, i int) error {
		return v.checkFile(ctx, files[i], listed)
	})
}

// nameObjects notes the objects of a record.
func (v *verification) nameObjects(r *record, named map[string]*record) {
	for _, o := range r.Objects {
		if other := named[o.Key]; other != nil && other.sum != r.sum {
			f := r.finding(KindRecordRepeated, fmt.Sprintf("its object is record %d's of epoch %s too", other.Seq, other.Epoch))
			f.Object = o.Key
			v.find(f)
		}
		named[o.Key] = r
		key, err := archive.ParseKey(o.Key)
		if err != nil || catalog.IDOf(key) != r.id() {
			f := r.finding(KindObjectMislabeled, "the record names an object that does not have its cluster, node, epoch and number")
			f.Object = o.Key
			v.find(f)
		}
	}
}

// unrecorded reports an object that no record names, unless its file may have
// no record yet, or the record names a later copy of it.
func (v *verification) unrecorded(name string, confirmed map[archive.Key]archive.Key) {
	f := Finding{Kind: KindObjectUnrecorded, Object: name, Detail: "no record vouches for it, and queries see its rows"}
	key, err := archive.ParseKey(name)
	if err != nil {
		f.Detail = "its name is not one that auditsidecar gives, and queries see its rows"
		v.find(f)
		return
	}
	if other := confirmed[key.First()]; key.Copy < other.Copy {
		v.note("%s: the store damaged it, or it could not be confirmed; the record names %s. Queries see its rows until it is removed", name, other)
		return
	}
	f.Cluster, f.Node, f.Epoch, f.Seq = key.Cluster, key.Node, key.Epoch, key.Seq
	if day, err := time.Parse(archive.DayLayout, key.Day); err == nil {
		f.From, f.To = day, day.AddDate(0, 0, 1)
		if !v.overlaps(f.From, f.To) {
			return
		}
	}
	for _, log := range v.logs {
		if log.cluster != key.Cluster || log.node != key.Node || len(log.epochs) == 0 {
			continue
		}
		last := log.epochs[len(log.epochs)-1]
		if last.name == key.Epoch && (last.pending[key.Seq] || key.Seq > last.highest()) {
			v.note("%s: not recorded yet, or its record was cut off with the tail", name)
			return
		}
		for _, e := range log.epochs {
			if e.name == key.Epoch && len(e.records) > 0 && e.records[0].Previous != "" && key.Seq < e.records[0].Seq {
				return // before what was asked for
			}
		}
	}
	v.find(f)
}

func (e *epoch) highest() (seq int64) {
	for _, r := range e.records {
		seq = max(seq, r.Seq)
	}
	return seq
}

// checkFile checks the objects of one file and, where all are good and it was
// asked for, what they restore to.
func (v *verification) checkFile(ctx context.Context, r *record, listed map[string]int64) error {
	good := true
	for _, o := range r.Objects {
		size, ok := listed[o.Key]
		f, err := v.checkObject(ctx, r, o, size, ok)
		if err != nil {
			return err
		}
		if f != nil {
			f.Object = o.Key
			if len(r.Objects) > 1 {
				f.Lines = nil
				f.Detail += fmt.Sprintf(" (%d rows of %d objects of the file)", o.Rows, len(r.Objects))
			}
			v.find(*f)
			good = false
		}
	}
	if !good || !v.opt.Deep {
		return nil
	}
	return v.restore(ctx, r)
}

// checkObject checks one object; its finding is nil where it is good.
func (v *verification) checkObject(ctx context.Context, r *record, o manifest.Object, size int64, listed bool) (*Finding, error) {
	found := func(kind Kind, format string, args ...any) (*Finding, error) {
		f := r.finding(kind, fmt.Sprintf(format, args...))
		return &f, nil
	}
	switch {
	case !listed:
		return found(KindObjectMissing, "record %d names it, with %d rows, and it is not there", r.Seq, o.Rows)
	case size != o.Size:
		return found(KindObjectChanged, "it has %d bytes, record %d says %d", size, r.Seq, o.Size)
	}
	info, err := v.archive.Stat(ctx, o.Key)
	if err == nil && info.SHA256 != nil {
		if got := hex.EncodeToString(info.SHA256); got != o.SHA256 {
			return found(KindObjectChanged, "its SHA-256 is %s, record %d says %s", got, r.Seq, o.SHA256)
		}
		return nil, nil //nolint:nilnil // no finding
	}
	var object *archive.Object
	if err == nil {
		object, err = v.archive.Open(ctx, o.Key)
	}
	if err != nil {
		return v.unopened(ctx, r, err)
	}
	defer object.Close()
	got, err := hashObject(object)
	if err != nil {
		return v.unopened(ctx, r, err)
	}
	if got != o.SHA256 {
		return found(KindObjectChanged, "its SHA-256 is %s, record %d says %s", got, r.Seq, o.SHA256)
	}
	if detail := mislabeled(object, r, o); detail != "" {
		return found(KindObjectMislabeled, "%s", detail)
	}
	return nil, nil //nolint:nilnil // no finding
}

// unopened decides about an object that could not be read: what says
// something of the object is a finding, an archive that is away is an error.
func (v *verification) unopened(ctx context.Context, r *record, err error) (*Finding, error) {
	kind := KindObjectUnreadable
	switch {
	case ctx.Err() != nil:
		return nil, err
	case errors.Is(err, fs.ErrNotExist):
		kind = KindObjectMissing
	case archive.ReasonOf(err) == archive.ReasonChecksum:
		kind = KindObjectChanged
	case archive.ReasonOf(err) != archive.ReasonOther:
		return nil, err
	}
	f := r.finding(kind, err.Error())
	return &f, nil
}

func hashObject(o *archive.Object) (string, error) {
	sum := sha256.New()
	n, err := io.Copy(sum, io.NewSectionReader(o, 0, o.Size))
	if err == nil && n < o.Size {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return "", fmt.Errorf("read %s: %w", o.Key, err)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// mislabeled says where an object's own metadata contradict its record.
func mislabeled(object *archive.Object, r *record, o manifest.Object) string {
	m, err := parquet.ReadMeta(object, object.Size)
	if err != nil {
		return "it is no object of an audit log: " + err.Error()
	}
	want := r.Stored()
	sum, _ := hex.DecodeString(want.SHA256)
	switch {
	case r.id() != (catalog.ID{Cluster: m.Cluster, Node: m.Node, Epoch: m.Epoch, Seq: m.Seq}):
		return fmt.Sprintf("it says that it is of cluster %s, node %s, %s/%d", m.Cluster, m.Node, m.Epoch, m.Seq)
	case m.Rows != o.Rows:
		return fmt.Sprintf("it has %d rows, record %d says %d", m.Rows, r.Seq, o.Rows)
	case m.SourceSize != want.Size || m.SourceLines != want.Lines || !bytes.Equal(m.SourceSHA256[:], sum):
		return fmt.Sprintf("it says that its file has %d bytes, %d lines, SHA-256 %x; record %d says %d, %d, %s",
			m.SourceSize, m.SourceLines, m.SourceSHA256, r.Seq, want.Size, want.Lines, want.SHA256)
	}
	return ""
}
