package archive

import (
	"cmp"
	"fmt"
	"path"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Kind is the kind of an object of the archive.
type Kind uint8

// The kinds of objects, and the first segment of their keys.
const (
	KindData     Kind = iota + 1 // data/: the Parquet object of one day of one finished file
	KindManifest                 // manifests/: one record of a node's tree
	KindOpen                     // open/: an increment of the file that is still being written
	KindRollup                   // rollups/: the sum of a day's records of a node's tree
)

// RotatedLayout is the layout, for [time.Time.Format], of the rotation time in
// the names of kube-apiserver's backups and in data keys; UTC.
const RotatedLayout = "2006-01-02T15-04-05.000"

// DayLayout is the layout of the dt partition; UTC.
const DayLayout = "2006-01-02"

// DefaultOpenDays is how long increments are kept by default.
const DefaultOpenDays = 7

// Key is an object's key relative to the archive URL, taken apart.
type Key struct {
	Kind    Kind
	Cluster string
	Node    string
	Epoch   string // life of the state directory: 20060102T150405 and six hex digits
	Seq     int64  // number of the file or the record in the epoch, ≥ 0
	Tree    int    // records and rollups only: number of the tree, from 1
	Number  int64  // records only: number of the record in the tree, from 1
	Day     string // data, open and rollups: UTC day in DayLayout
	Ext     string // rollups only: "json" or "parquet", of the same content
	Rotated string // data only: rotation time in RotatedLayout
	From    int64  // open only: offset of the first byte, in the uncompressed file
	To      int64  // open only: offset after the last byte
	// Copy is 0 for the object that was stored first, else 2 or more: the store
	// held something else under the keys before it. Records name the copy that
	// was confirmed; of increments and records the last one counts.
	Copy int
}

// Parts of keys. ParseKey refuses other names that these let through and [Key.String] does not
// write.
const (
	keyEpochSeq = `([0-9]{8}T[0-9]{6}[0-9a-f]{6})-([0-9]{8,})`
	keyCopy     = `(?:\.r([0-9]+))?`
)

var (
	copySuffix  = regexp.MustCompile(`\.r([0-9]{1,9})$`)
	validName   = regexp.MustCompile(`^[A-Za-z0-9._-]{1,63}$`)
	validEpoch  = regexp.MustCompile(`^[0-9]{8}T[0-9]{6}[0-9a-f]{6}$`)
	dataKey     = regexp.MustCompile(`^data/cluster=([^/]+)/dt=([^/]+)/([^/]{23})-([^/]+)-` + keyEpochSeq + keyCopy + `\.parquet$`)
	manifestKey = regexp.MustCompile(`^manifests/cluster=([^/]+)/node=([^/]+)/([0-9]{4})-([0-9]{12,})-` + keyEpochSeq + keyCopy + `\.json$`)
	rollupKey   = regexp.MustCompile(`^rollups/(?:parquet/)?cluster=([^/]+)/node=([^/]+)/([0-9]{4})-([^/]{10})` + keyCopy + `\.(json|parquet)$`)
	openKey     = regexp.MustCompile(`^open/cluster=([^/]+)/dt=([^/]+)/([0-9]{12,})-([0-9]{12,})-([^/]+)-` + keyEpochSeq + keyCopy + `\.parquet$`)
)

// CheckName says whether s can be a cluster or node name: 1 to 63 letters,
// digits, dots, underscores and hyphens. what is its name in the error.
func CheckName(what, s string) error {
	if validName.MatchString(s) {
		return nil
	}
	return fmt.Errorf("check %s %q: use 1 to 63 of the characters A-Z a-z 0-9 . _ -", what, s)
}

// DataKey returns the key of the Parquet object with the lines of one UTC day
// (DayLayout) of a finished file that was rotated at rotated (RotatedLayout).
// seq is written with at least 8 digits, so that the keys of one epoch sort by
// it up to 99,999,999 records: 190 years at one record a minute.
func DataKey(cluster, day, rotated, node, epoch string, seq int64) string {
	return Key{Kind: KindData, Cluster: cluster, Day: day, Rotated: rotated,
		Node: node, Epoch: epoch, Seq: seq}.String()
}

// RecordKey returns the key of a record of a node's tree. Keys sort by tree and number,
// so that those after a record have the newer lines; epoch and seq are those of the
// objects that it names.
func RecordKey(cluster, node string, tree int, number int64, epoch string, seq int64) string {
	return Key{Kind: KindManifest, Cluster: cluster, Node: node, Tree: tree, Number: number, Epoch: epoch, Seq: seq}.String()
}

// RollupKey returns the key of the sum of a UTC day's records (DayLayout) of a node's
// tree; ext is "json" or "parquet".
func RollupKey(cluster, node string, tree int, day, ext string) string {
	return Key{Kind: KindRollup, Cluster: cluster, Node: node, Tree: tree, Day: day, Ext: ext}.String()
}

// RollupPrefix returns the prefix of the keys of the rollups of one tree, in the JSON form.
func RollupPrefix(cluster, node string, tree int) string {
	return fmt.Sprintf("rollups/cluster=%s/node=%s/%04d-", cluster, node, tree)
}

// CompareRecords orders the keys of one node's records by tree and number, copies last.
func CompareRecords(a, b Key) int {
	return cmp.Or(a.Tree-b.Tree, cmp.Compare(a.Number, b.Number), cmp.Compare(a.Epoch, b.Epoch), cmp.Compare(a.Seq, b.Seq), a.Copy-b.Copy)
}

// OpenKey returns the key of the increment with the complete lines in [from, to),
// written on a UTC day (DayLayout), of the file that will become record seq. Offsets
// have at least 12 digits and sort up to 1 TB.
func OpenKey(cluster, day, node, epoch string, seq, from, to int64) string {
	return Key{Kind: KindOpen, Cluster: cluster, Day: day, Node: node, Epoch: epoch, Seq: seq,
		From: from, To: to}.String()
}

// NextCopy returns the key of the copy after the one with this key:
// "…-00000007.r2.parquet" after the first, then "….r3.parquet".
func NextCopy(key string) string {
	ext := path.Ext(key)
	stem, n := strings.TrimSuffix(key, ext), 1
	if m := copySuffix.FindStringSubmatchIndex(stem); m != nil {
		stem, n = stem[:m[0]], int(number(stem[m[2]:]))
	}
	return withCopy(stem+ext, n+1)
}

func withCopy(key string, n int) string {
	if n == 0 {
		return key
	}
	ext := path.Ext(key)
	return fmt.Sprintf("%s.r%d%s", strings.TrimSuffix(key, ext), n, ext)
}

// First returns the key that the object has unless it was stored again.
func (k Key) First() Key {
	k.Copy = 0
	return k
}

// String returns the key. It does not validate: see [Key.Check].
func (k Key) String() string { return withCopy(k.first(), k.Copy) }

func (k Key) first() string {
	switch k.Kind {
	case KindData:
		return fmt.Sprintf("%s%s-%s-%s-%08d.parquet",
			DataPrefix(k.Cluster, k.Day), k.Rotated, k.Node, k.Epoch, k.Seq)
	case KindManifest:
		return fmt.Sprintf("%s-%s-%08d.json", NumberPrefix(k.Cluster, k.Node, k.Tree, k.Number), k.Epoch, k.Seq)
	case KindRollup:
		prefix := RollupPrefix(k.Cluster, k.Node, k.Tree)
		if k.Ext == "parquet" { // a table takes all objects below its location
			prefix = strings.Replace(prefix, "rollups/", "rollups/parquet/", 1)
		}
		return prefix + k.Day + "." + k.Ext
	case KindOpen:
		return fmt.Sprintf("%s%012d-%012d-%s-%s-%08d.parquet", OpenPrefix(k.Cluster, k.Day), k.From, k.To, k.Node, k.Epoch, k.Seq)
	}
	return ""
}

// DataPrefix returns the prefix of the data keys of one cluster and UTC day.
func DataPrefix(cluster, day string) string {
	return fmt.Sprintf("data/cluster=%s/dt=%s/", cluster, day)
}

// OpenPrefix returns the prefix of the keys of the increments of one cluster and UTC day.
func OpenPrefix(cluster, day string) string {
	return fmt.Sprintf("open/cluster=%s/dt=%s/", cluster, day)
}

// ManifestPrefix returns the prefix of the manifest keys of one node.
func ManifestPrefix(cluster, node string) string {
	return fmt.Sprintf("manifests/cluster=%s/node=%s/", cluster, node)
}

// TreePrefix returns the prefix of the keys of the records of one tree.
func TreePrefix(cluster, node string, tree int) string {
	return fmt.Sprintf("%s%04d-", ManifestPrefix(cluster, node), tree)
}

// NumberPrefix returns the prefix of the keys of the record with a number: at least 12 digits.
func NumberPrefix(cluster, node string, tree int, number int64) string {
	return fmt.Sprintf("%s%012d", TreePrefix(cluster, node, tree), number)
}

// Check says whether every field has the form that [ParseKey] accepts.
func (k Key) Check() error {
	switch {
	case !validName.MatchString(k.Cluster):
		return CheckName("cluster", k.Cluster)
	case !validName.MatchString(k.Node):
		return CheckName("node", k.Node)
	case k.Kind != KindRollup && !validEpoch.MatchString(k.Epoch):
		return fmt.Errorf("check epoch %q: not 20060102T150405 and six hex digits", k.Epoch)
	case k.Seq < 0:
		return fmt.Errorf("check sequence number %d: negative", k.Seq)
	case k.Kind != KindManifest && !isTime(DayLayout, k.Day):
		return fmt.Errorf("check day %q: not a date like %s", k.Day, DayLayout)
	case k.Kind == KindData && !isTime(RotatedLayout, k.Rotated):
		return fmt.Errorf("check rotation time %q: not like %s", k.Rotated, RotatedLayout)
	case (k.Kind == KindManifest || k.Kind == KindRollup) && (k.Tree < 1 || k.Tree > 9999):
		return fmt.Errorf("check tree %d: not 1 to 9999", k.Tree)
	case k.Kind == KindManifest && k.Number < 1:
		return fmt.Errorf("check record %d: numbers begin at 1", k.Number)
	case k.Kind == KindOpen && (k.From < 0 || k.To <= k.From):
		return fmt.Errorf("check range %d-%d: empty or negative", k.From, k.To)
	case k.Copy < 0 || k.Copy == 1:
		return fmt.Errorf("check copy %d: copies are numbered from 2", k.Copy)
	case k.Kind < KindData || k.Kind > KindRollup:
		return fmt.Errorf("check key: unknown kind %d", k.Kind)
	}
	return nil
}

func isTime(layout, s string) bool {
	t, err := time.Parse(layout, s)
	return err == nil && t.Format(layout) == s
}

// ParseKey takes a key apart, the inverse of [Key.String]. A key that this
// program does not write is an error.
func ParseKey(key string) (Key, error) {
	k, ok := splitKey(key)
	if ok {
		if err := k.Check(); err != nil {
			return Key{}, fmt.Errorf("parse key %q: %w", key, err)
		}
	}
	// One spelling per object: no sign, no superfluous zeros, nothing left over.
	if !ok || k.String() != key {
		return Key{}, fmt.Errorf("parse key %q: not an object of this archive's layout", key)
	}
	return k, nil
}

func splitKey(key string) (Key, bool) {
	if m := dataKey.FindStringSubmatch(key); m != nil {
		return Key{Kind: KindData, Cluster: m[1], Day: m[2], Rotated: m[3], Node: m[4], Epoch: m[5], Seq: number(m[6]), Copy: copyNumber(m[7])}, true
	}
	if m := manifestKey.FindStringSubmatch(key); m != nil {
		return Key{Kind: KindManifest, Cluster: m[1], Node: m[2], Tree: int(number(m[3])), Number: number(m[4]), Epoch: m[5], Seq: number(m[6]), Copy: copyNumber(m[7])}, true
	}
	if m := rollupKey.FindStringSubmatch(key); m != nil {
		return Key{Kind: KindRollup, Cluster: m[1], Node: m[2], Tree: int(number(m[3])), Day: m[4], Copy: copyNumber(m[5]), Ext: m[6]}, true
	}
	if m := openKey.FindStringSubmatch(key); m != nil {
		return Key{Kind: KindOpen, Cluster: m[1], Day: m[2], From: number(m[3]), To: number(m[4]), Node: m[5], Epoch: m[6], Seq: number(m[7]), Copy: copyNumber(m[8])}, true
	}
	return Key{}, false
}

// copyNumber parses the number of a copy; the first key has none.
func copyNumber(digits string) int {
	if digits == "" {
		return 0
	}
	return int(number(digits))
}

// number parses decimal digits; a number beyond int64 becomes -1, which Check
// refuses.
func number(digits string) int64 {
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return -1
	}
	return n
}
