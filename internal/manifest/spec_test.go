package manifest

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// specification has the test vector.
const specification = "../../docs/spec/record.md"

// The records of the specification, and its vector from them.
func TestSpecification(t *testing.T) {
	key := testKey(t, 1)
	beat := Record{Kind: KindHeartbeat, Seq: 2, Time: At(noon), Heartbeat: &Heartbeat{Every: 3600}}
	first := sealedAfter(t, Tree{}, keyRecord(1, key), key)
	second := sealedAfter(t, Tree{}.With(leafOf(first)), beat, key)
	text, err := os.ReadFile(specification)
	must(t, err)
	for what, want := range map[string]string{
		"vkey": key.Vkey, "first record": string(first), "second record": string(second),
		"leaf hashes": leafOf(first).String() + "\n" + leafOf(second).String(), "root": Read(second).Point.Root.String(),
		"checkpoint": Read(second).Checkpoint,
	} {
		if !strings.Contains(string(text), "```\n"+strings.TrimSpace(want)+"\n```") {
			t.Errorf("%s does not have the %s:\n%s", specification, what, want)
		}
	}
}

// The vector of the specification holds by the packages note and tlog, without code of
// ours.
func TestSpecificationByOthersCode(t *testing.T) {
	text, err := os.ReadFile(specification)
	must(t, err)
	_, vector, _ := strings.Cut(string(text), "## Vector")
	blocks := regexp.MustCompile("(?s)```\n(.*?)\n```").FindAllStringSubmatch(vector, -1)
	if len(blocks) != 6 {
		t.Fatalf("%d blocks", len(blocks))
	}
	vkey, records, leaves, root, checkpoint := blocks[0][1], []string{blocks[1][1], blocks[2][1]}, strings.Fields(blocks[3][1]), blocks[4][1], blocks[5][1]+"\n"
	var hashes []tlog.Hash
	read := tlog.HashReaderFunc(func(indexes []int64) (out []tlog.Hash, err error) {
		for _, i := range indexes {
			out = append(out, hashes[i])
		}
		return out, nil
	})
	for n, record := range records {
		at := strings.LastIndex(record, `,"checkpoint":"`)
		leaf := []byte(record[:at] + "}")
		if got := tlog.RecordHash(leaf); !strings.EqualFold(hexOf(got), leaves[n]) {
			t.Errorf("leaf %d: %s, want %s", n+1, hexOf(got), leaves[n])
		}
		more, err := tlog.StoredHashes(int64(n), leaf, read)
		must(t, err)
		hashes = append(hashes, more...)
	}
	tree, err := tlog.TreeHash(2, read)
	must(t, err)
	if hexOf(tree) != root {
		t.Errorf("root %s, want %s", hexOf(tree), root)
	}
	verifier, err := note.NewVerifier(vkey)
	must(t, err)
	signed, err := note.Open([]byte(checkpoint), note.VerifierList(verifier))
	must(t, err)
	lines := strings.Split(signed.Text, "\n")
	parsed, err := tlog.ParseHash(lines[2])
	must(t, err)
	if lines[0] != verifier.Name() || lines[1] != "2" || parsed != tree {
		t.Errorf("the checkpoint says %q", signed.Text)
	}
	proof, err := tlog.ProveRecord(2, 1, read)
	must(t, err)
	must(t, tlog.CheckRecord(proof, 2, parsed, 1, tlog.RecordHash([]byte(strings.SplitN(records[1], `,"checkpoint":`, 2)[0]+"}"))))
}

func hexOf(h tlog.Hash) string { return Hash(h).String() }
