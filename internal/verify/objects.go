package verify

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/archive"
	"github.com/auditsidecar/auditsidecar/internal/catalog"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
	"github.com/auditsidecar/auditsidecar/parquet"
)

// objects are those below data/, as they are listed and as records name them.
type objects struct {
	*verification
	listed    map[string]int64            // sizes by key, of those that records name
	named     map[string]*record          // by the keys of their objects
	confirmed map[archive.Key]archive.Key // keys that records name, by the first copy's
	expired   *atomic.Int64               // objects that the lifecycle has deleted
}

// checkObjects compares the objects below data/ with the records.
func (v *verification) checkObjects(ctx context.Context) error {
	if len(v.logs) == 0 && v.opt.Cluster == "" && v.opt.Node == "" {
		return v.checkBare(ctx)
	}
	o := objects{v, map[string]int64{}, map[string]*record{}, map[archive.Key]archive.Key{}, new(atomic.Int64)}
	var files []*record
	for r := range v.files() {
		o.name(r)
		if v.opt.overlaps(r.span()) {
			files = append(files, r)
		}
	}
	var failed error
	err := v.list(ctx, "data/", func(info archive.Info, _ archive.Key) {
		if o.named[info.Key] != nil {
			o.listed[info.Key] = info.Size
		} else if failed == nil {
			failed = o.unrecorded(ctx, info.Key)
		}
	})
	if err = cmp.Or(failed, err); err != nil {
		return err
	}
	stage := "files"
	if v.opt.Deep {
		stage = "files restored"
	}
	err = v.each(ctx, stage, len(files), func(ctx context.Context, i int) error { return o.checkFile(ctx, files[i]) })
	if n := o.expired.Load(); n > 0 {
		v.found.leaveOut("%s gone, recorded more than %s ago (--expire-days): the lifecycle deletes them", count(n, "object"), count(int64(v.opt.ExpireDays), "day"))
	}
	return err
}

// name notes the objects of a record.
func (o *objects) name(r *record) {
	report := func(kind Kind, object, detail string) {
		f := r.finding(kind, detail)
		f.Object = object
		o.found.find(f)
	}
	for _, object := range r.Objects {
		if other := o.named[object.Key]; other != nil && other.Leaf != r.Leaf {
			report(KindRecordRepeated, object.Key, fmt.Sprintf("its object is record %d's of epoch %s too", other.Number, other.Epoch))
		}
		o.named[object.Key] = r
		key, err := archive.ParseKey(object.Key)
		if err != nil || catalog.IDOf(key) != r.id() {
			report(KindObjectMislabeled, object.Key, "the record names an object that does not have its cluster, node, epoch and number")
		}
		o.confirmed[key.First()] = key
	}
}

// unrecorded reports an object that no record names, unless its file may have
// no record yet, or the record names a later copy of it.
func (o *objects) unrecorded(ctx context.Context, name string) error {
	f := Finding{Kind: KindObjectUnrecorded, Object: name, Detail: "no record vouches for it, and queries see its rows"}
	key, _ := archive.ParseKey(name)
	if key.Kind == 0 {
		f.Detail = "its name is not one that auditsidecar gives, and queries see its rows"
		o.found.find(f)
		return nil
	}
	if other := o.confirmed[key.First()]; key.Copy < other.Copy {
		o.found.note("%s: the store damaged it, or it could not be confirmed; the record names %s. Queries see its rows until it is removed", name, other)
		return nil
	}
	f.Cluster, f.Node, f.Epoch, f.Seq = key.Cluster, key.Node, key.Epoch, key.Seq
	if day, err := time.Parse(archive.DayLayout, key.Day); err == nil {
		f.From, f.To = day, day.AddDate(0, 0, 1).Add(-1)
	}
	if !o.opt.overlaps(f.From, f.To) {
		return nil
	}
	if e := o.epochOf(catalog.IDOf(key)); e.isPending(key.Seq) {
		var err error
		if f.Kind, f.Detail, err = o.early(ctx, e, key); err != nil {
			return err
		}
	}
	if f.Kind == "" {
		o.found.note("%s: not recorded yet, or its record was cut off with the tail", name)
		return nil
	}
	o.found.find(f)
	return nil
}

// isPending says whether a number may have no record yet: one of the newest epoch that
// was given to a file already, or one just above the head.
func (e *epoch) isPending(seq int64) bool {
	if n := len(e.log.epochs); n == 0 || e.log.epochs[n-1] != e {
		return false
	}
	return e.pending[seq] || e.least > seq && len(e.log.skipped) > 0 || seq > e.head && seq-e.head <= maxPending
}

// early returns the fault of an object whose file may have no record yet, or nothing:
// it must be younger than two heartbeats, and match its key. An error means that
// it could not be read.
func (o *objects) early(ctx context.Context, e *epoch, key archive.Key) (Kind, string, error) {
	name := key.String()
	info, err := o.archive.Stat(ctx, name)
	if err != nil {
		return unopened(ctx, err)
	}
	if age := o.opt.now().Sub(info.Modified).Abs(); age > patience*e.every() {
		return KindObjectUnrecorded, fmt.Sprintf("no record vouches for it, and queries see its rows: it is from %s, and would have a record after %s, two heartbeats",
			info.Modified.UTC().Format(timeLayout), patience*e.every()), nil
	}
	if _, err := o.archive.Stat(ctx, archive.NextCopy(name)); err == nil {
		return "", "", nil // the store damaged it, or it could not be confirmed
	}
	object, err := o.archive.Open(ctx, name)
	if err != nil {
		return unopened(ctx, err)
	}
	defer object.Close()
	m, err := parquet.ReadMeta(object, object.Size)
	switch {
	case err != nil:
		return KindObjectMislabeled, "no record names it, and it is no object of an audit log: " + err.Error(), nil
	case catalog.IDOf(key) != catalog.IDOfMeta(m) || !strings.Contains(m.SourceName, key.Rotated) ||
		m.Increment.FirstLine > 0 || !slices.Contains(m.Days, parquet.DayRows{Day: key.Day, Rows: m.Rows}):
		return KindObjectMislabeled, fmt.Sprintf("no record names it, and it says that it has %d rows of %s of %s", m.Rows, m.SourceName, catalog.IDOfMeta(m)), nil
	}
	return "", "", nil
}

// now is the time of the verification.
func (opt *Options) now() time.Time {
	if opt.Now.IsZero() {
		return time.Now()
	}
	return opt.Now
}

// checkBare reads the files of an archive without any record, as convert makes it: nothing
// vouches for them, which is a finding already.
func (v *verification) checkBare(ctx context.Context) error {
	at := catalog.Location{Bucket: v.archive, Progress: v.opt.Progress}
	if strings.HasPrefix(v.archive.URL(""), "file:") {
		at.Path = "." // any layout
	}
	c, err := catalog.Find(ctx, at)
	if err != nil {
		return v.unreadable(ctx, "", err)
	}
	err = v.each(ctx, "files", len(c.Files), func(ctx context.Context, i int) error {
		f := c.Files[i]
		err := c.Restore(ctx, f, func(o catalog.Original) error {
			if !v.opt.Deep {
				return nil
			}
			return o.Write(ctx, os.TempDir(), io.Discard)
		})
		if err != nil {
			return v.unreadable(ctx, append(f.Objects, f.Parts...)[0].Name, err)
		}
		return nil
	})
	v.found.report.Unrecorded = len(c.Files)
	return err
}

// unreadable reports objects that cannot be read; an error means that the archive is
// unavailable.
func (v *verification) unreadable(ctx context.Context, name string, err error) error {
	if errors.Is(err, catalog.ErrEmpty) {
		return nil
	}
	_, detail, err := unopened(ctx, err)
	if err == nil {
		v.found.find(Finding{Kind: KindObjectUnreadable, Object: name, Detail: detail})
	}
	return err
}

// checkFile checks the objects of one file and, if all are good and Deep is set,
// restores it.
func (o *objects) checkFile(ctx context.Context, r *record) error {
	good := true
	for _, object := range r.Objects {
		if _, listed := o.listed[object.Key]; !listed && o.opt.ExpireDays > 0 && r.Time.AddDate(0, 0, int(o.opt.ExpireDays)).Before(o.opt.now()) {
			o.expired.Add(1)
			good = false
			continue
		}
		kind, detail, err := o.check(ctx, r, object)
		if err != nil {
			return err
		}
		if kind == "" {
			continue
		}
		f := r.finding(kind, detail)
		f.Object = object.Key
		if len(r.Objects) > 1 {
			f.Lines = nil
			f.Detail += fmt.Sprintf(" (%d rows of %d objects of the file)", object.Rows, len(r.Objects))
		}
		o.found.find(f)
		good = false
	}
	if !good || !o.opt.Deep {
		return nil
	}
	return o.restore(ctx, r)
}

// check returns the fault of one object, or nothing. An error means that it could
// not be read.
func (o *objects) check(ctx context.Context, r *record, want manifest.Object) (Kind, string, error) {
	size, listed := o.listed[want.Key]
	switch {
	case !listed:
		return KindObjectMissing, fmt.Sprintf("record %d names it, with %d rows, and it is not there", r.Number, want.Rows), nil
	case size != want.Size:
		return KindObjectChanged, fmt.Sprintf("it has %d bytes, record %d says %d", size, r.Number, want.Size), nil
	}
	got, object, err := sumOf(ctx, o.archive, want.Key)
	if object != nil {
		defer object.Close()
	}
	switch {
	case err != nil:
		return unopened(ctx, err)
	case got != want.SHA256:
		return KindObjectChanged, fmt.Sprintf("its SHA-256 is %s, record %d says %s", got, r.Number, want.SHA256), nil
	case object != nil:
		if detail := mislabeled(object, r, want); detail != "" {
			return KindObjectMislabeled, detail, nil
		}
	}
	return "", "", nil
}

// sumOf returns the SHA-256 of an object that the store has computed, or else computes
// it; then the object is returned, too, for the caller to close.
func sumOf(ctx context.Context, bucket *archive.Bucket, key string) (sum string, object *archive.Object, err error) {
	info, err := bucket.Stat(ctx, key)
	if sum = hex.EncodeToString(info.SHA256); err != nil || sum != "" {
		return sum, nil, err
	}
	if object, err = bucket.Open(ctx, key); err == nil {
		sum, err = hashObject(object)
	}
	return sum, object, err
}

// unopened classifies an object that could not be read: a damaged or missing object
// is a finding, an unavailable archive an error.
func unopened(ctx context.Context, err error) (Kind, string, error) {
	switch {
	case ctx.Err() != nil:
		return "", "", err
	case errors.Is(err, fs.ErrNotExist):
		return KindObjectMissing, err.Error(), nil
	case archive.ReasonOf(err) == archive.ReasonChecksum:
		return KindObjectChanged, err.Error(), nil
	case archive.ReasonOf(err) == archive.ReasonOther:
		return KindObjectUnreadable, err.Error(), nil
	}
	return "", "", err
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
	case r.id() != catalog.IDOfMeta(m):
		return fmt.Sprintf("it says that it is of %s", catalog.IDOfMeta(m))
	case m.Rows != o.Rows:
		return fmt.Sprintf("it has %d rows, record %d says %d", m.Rows, r.Number, o.Rows)
	case m.SourceSize != want.Size || m.SourceLines != want.Lines || !bytes.Equal(m.SourceSHA256[:], sum):
		return fmt.Sprintf("it says that its file has %d bytes, %d lines, SHA-256 %x; record %d says %d, %d, %s",
			m.SourceSize, m.SourceLines, m.SourceSHA256, r.Number, want.Size, want.Lines, want.SHA256)
	}
	return ""
}
