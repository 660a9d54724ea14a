package archive

import (
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const (
	testEpoch = "20260102T030405a1b2c3"
	testTime  = "2026-01-02T03-04-05.678"
)

func TestKeysFollowTheLayout(t *testing.T) {
	for _, tt := range []struct{ got, want string }{
		{DataKey("prod", "2026-01-02", testTime, "cp-1", testEpoch, 7),
			"data/cluster=prod/dt=2026-01-02/2026-01-02T03-04-05.678-cp-1-20260102T030405a1b2c3-00000007.parquet"},
		{RecordKey("prod", "cp-1", 1, 42, testEpoch, 123456789),
			"manifests/cluster=prod/node=cp-1/0001-000000000042-20260102T030405a1b2c3-123456789.json"},
		{OpenKey("prod", "2026-01-02", "cp-1", testEpoch, 7, 0, 1234),
			"open/cluster=prod/dt=2026-01-02/000000000000-000000001234-cp-1-20260102T030405a1b2c3-00000007.parquet"},
		{RollupKey("prod", "cp-1", 12, "2026-01-02", "json"), "rollups/cluster=prod/node=cp-1/0012-2026-01-02.json"},
		{RollupKey("prod", "cp-1", 12, "2026-01-02", "parquet"), "rollups/parquet/cluster=prod/node=cp-1/0012-2026-01-02.parquet"},
		{NextCopy(DataKey("c", "2026-01-02", testTime, "n", testEpoch, 7)), "data/cluster=c/dt=2026-01-02/2026-01-02T03-04-05.678-n-20260102T030405a1b2c3-00000007.r2.parquet"},
		{NextCopy("manifests/cluster=c/node=n/20260102T030405a1b2c3-00000007.r9.json"), "manifests/cluster=c/node=n/20260102T030405a1b2c3-00000007.r10.json"},
		{Key{}.String(), ""},
	} {
		if tt.got != tt.want {
			t.Errorf("key %s\nwant %s", tt.got, tt.want)
		}
	}
}

// TestKeysAreAsDocumented takes the keys of the test vector in docs/spec/object-layout.md apart.
func TestKeysAreAsDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/spec/object-layout.md")
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]Kind{"data": KindData, "open": KindOpen, "manifest": KindManifest, "rollup": KindRollup, "no key": 0}
	seen := map[Kind]bool{}
	for line := range strings.Lines(string(page)) {
		cells := strings.Split(strings.TrimSpace(line), "|")
		if len(cells) != 15 || !strings.HasPrefix(cells[1], " `") {
			continue
		}
		for i := range cells {
			cells[i] = strings.Trim(cells[i], " `")
		}
		number := func(cell string) int64 {
			n, _ := strconv.ParseInt(cell, 10, 64)
			return n
		}
		kind, known := kinds[cells[2]]
		want := Key{Kind: kind, Cluster: cells[3], Day: cells[4], Rotated: cells[5], From: number(cells[6]), To: number(cells[7]),
			Node: cells[8], Epoch: cells[9], Seq: number(cells[10]), Copy: int(number(cells[11])), Tree: int(number(cells[12])), Number: number(cells[13])}
		if kind == KindRollup {
			want.Ext = strings.TrimPrefix(path.Ext(cells[1]), ".")
		}
		if got, err := ParseKey(cells[1]); !known || got != want || (err == nil) != (kind != 0) {
			t.Errorf("%s: %+v, %v; the page has %+v", cells[1], got, err, want)
		}
		seen[kind] = true
	}
	if len(seen) != len(kinds) {
		t.Errorf("kinds in the page: %v", seen)
	}
}

func TestParseKeyInverts(t *testing.T) {
	// Names full of separators of a key's parts.
	nasty := []string{"a", "cp-1", "-", "--", "..", ".", "_", "2026-01-02T03-04-05.678-x",
		"n-" + testEpoch + "-00000001", "000000000001-000000000002-n", strings.Repeat("x", 63)}
	for _, name := range nasty {
		for _, k := range []Key{
			{Kind: KindData, Cluster: name, Node: name, Epoch: testEpoch, Seq: 1, Day: "2024-02-29", Rotated: testTime},
			{Kind: KindManifest, Cluster: name, Node: name, Tree: 9999, Number: 1 << 61, Epoch: testEpoch, Seq: 1 << 60},
			{Kind: KindRollup, Cluster: name, Node: name, Tree: 9999, Day: "2024-02-29", Ext: "parquet"},
			{Kind: KindOpen, Cluster: name, Node: name, Epoch: testEpoch, Day: "2024-02-29", Seq: 0, From: 5, To: 1 << 50},
		} {
			for _, k.Copy = range []int{0, 2, 10} {
				got, err := ParseKey(k.String())
				if err != nil || got != k || got.First().String() != k.first() {
					t.Errorf("ParseKey(%s) = %+v, %v", k, got, err)
				}
			}
		}
	}
}

func TestParseKeyRefuses(t *testing.T) {
	data := DataKey("c", "2026-01-02", testTime, "n", testEpoch, 7)
	for _, key := range []string{
		"", "/", "data", "data/", data + "/", "/" + data, data + ".tmp", "x/" + data,
		strings.Replace(data, "dt=", "d=", 1),
		strings.Replace(data, "cluster=c", "cluster=", 1),
		strings.Replace(data, "cluster=c", "cluster=c d", 1),
		strings.Replace(data, "2026-01-02/", "2026-02-30/", 1),
		strings.Replace(data, "T03-04", "T25-04", 1),
		strings.Replace(data, "-00000007", "-0000007", 1),
		strings.Replace(data, "-00000007", "-000000007", 1),
		strings.Replace(data, "-00000007", "-99999999999999999999", 1),
		strings.Replace(data, "a1b2c3", "A1B2C3", 1),
		strings.Replace(data, "-n-", "--", 1),
		strings.Replace(data, ".parquet", ".json", 1),
		strings.Replace(data, ".parquet", ".r1.parquet", 1),
		strings.Replace(data, ".parquet", ".r02.parquet", 1),
		strings.Replace(data, ".parquet", ".r.parquet", 1),
		strings.Replace(data, ".parquet", ".r2.r3.parquet", 1),
		strings.Replace(data, ".parquet", ".r99999999999999999999.parquet", 1),
		"open/cluster=c/dt=2026-01-02/000000000005-000000000005-n-" + testEpoch + "-00000007.parquet",
		"open/cluster=c/dt=2026-01-02/5-6-n-" + testEpoch + "-00000007.parquet",
		"open/cluster=c/dt=2026-02-30/000000000005-000000000006-n-" + testEpoch + "-00000007.parquet",
		"open/cluster=c/dt=2026-01-02/000000000005-000000000006-" + testEpoch + "-00000007.parquet",
		"open/cluster=c/node=n/" + testEpoch + "-00000007/000000000005-000000000006.parquet",
		"manifests/cluster=c/node=" + strings.Repeat("n", 64) + "/0001-000000000001-" + testEpoch + "-00000001.json",
		"manifests/cluster=c/node=n/0000-000000000001-" + testEpoch + "-00000001.json",
		"manifests/cluster=c/node=n/0001-000000000000-" + testEpoch + "-00000001.json",
		"manifests/cluster=c/node=n/0001-00000000001-" + testEpoch + "-00000001.json",
		"manifests/cluster=c/node=n/0001-0000000000001-" + testEpoch + "-00000001.json",
		"manifests/cluster=c/node=n/10000-000000000001-" + testEpoch + "-00000001.json",
		"manifests/cluster=c/node=n/" + testEpoch + "-00000001.json",
		"rollups/cluster=c/node=n/0001-2026-02-30.json",
		"rollups/cluster=c/node=n/0000-2026-01-02.json",
		"rollups/cluster=c/node=n/1-2026-01-02.json",
		"rollups/cluster=c/node=n/10000-2026-01-02.json",
		"rollups/cluster=c/node=n/0001-2026-01-02.json.parquet",
		"rollups/cluster=c/node=n/0001-2026-01-02.r1.json",
		"rollups/cluster=c/node=/0001-2026-01-02.json",
		"rollups/cluster=c/node=n/0001-2026-01-02.csv",
		"rollups/cluster=c/node=n/0001-2026-01-02.parquet",
		"rollups/parquet/cluster=c/node=n/0001-2026-01-02.json",
		"rollups/cluster=c/dt=2026-01-02/0001-n.json",
	} {
		if k, err := ParseKey(key); err == nil {
			t.Errorf("ParseKey(%q) = %+v, want an error", key, k)
		}
	}
}

// The keys of records sort by tree and number, whatever the epoch and the seq.
func TestKeysSortByNumber(t *testing.T) {
	var keys []string
	for _, tree := range []int{1, 2, 10, 9999} {
		for i, number := range []int64{1, 2, 9, 10, 99, 100, 99_999, 1_000_000, 999_999_999_999} {
			keys = append(keys, RecordKey("c", "n", tree, number, []string{testEpoch, "20250102T030405a1b2c3"}[i%2], 99-int64(i)))
		}
	}
	if !slices.IsSorted(keys) {
		t.Errorf("not sorted: %q", keys)
	}
}

func TestKeysBeginWithTheirPrefix(t *testing.T) {
	for key, prefix := range map[string]string{
		DataKey("c", "2026-01-02", testTime, "n", testEpoch, 7): DataPrefix("c", "2026-01-02"),
		OpenKey("c", "2026-01-02", "n", testEpoch, 7, 0, 1):     OpenPrefix("c", "2026-01-02"),
		RecordKey("c", "n", 1, 8, testEpoch, 7):                 ManifestPrefix("c", "n"),
		RollupKey("c", "n", 1, "2026-01-02", "json"):            "rollups/",
	} {
		if !strings.HasPrefix(key, prefix) || !strings.HasSuffix(prefix, "/") {
			t.Errorf("%s does not begin with %s", key, prefix)
		}
	}
}

func TestCheckName(t *testing.T) {
	for _, name := range []string{"a", "A-b_c.9", strings.Repeat("x", 63)} {
		if err := CheckName("cluster", name); err != nil {
			t.Error(err)
		}
	}
	for _, name := range []string{"", "a b", "a/b", "ä", "a\n", strings.Repeat("x", 64)} {
		if err := CheckName("cluster", name); err == nil || !strings.Contains(err.Error(), "cluster") {
			t.Errorf("CheckName(%q) = %v, want an error that says cluster", name, err)
		}
	}
}

func FuzzParseKey(f *testing.F) {
	f.Add(DataKey("c", "2026-01-02", testTime, "n-1", testEpoch, 7))
	f.Add(RollupKey("c", "n", 3, "2026-01-02", "json"))
	f.Add(RecordKey("c", "n", 3, 8, testEpoch, 7))
	f.Add(NextCopy(OpenKey("c", "2026-01-02", "n", testEpoch, 7, 0, 1)))
	f.Fuzz(func(t *testing.T, key string) {
		k, err := ParseKey(key)
		if err == nil && k.String() != key {
			t.Errorf("ParseKey(%q) = %+v, which is %q", key, k, k)
		}
		if err == nil && checkKey(key) != nil && k.Cluster != "." && k.Cluster != ".." {
			t.Errorf("%q parses but cannot be stored: %v", key, checkKey(key))
		}
	})
}
