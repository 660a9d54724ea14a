package cli

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/auditsidecar/auditsidecar/internal/audittest"
)

// call is a call of the program in a text: its words up to the end of the code.
var callInText = regexp.MustCompile("(?:^|[\\s`&|;(])auditsidecar((?: +[^\\s`|;)]+)+)")

// Every call of the program in the documentation and the manifests names a verb
// and flags that there are.
func TestDocsNameRealVerbsAndFlags(t *testing.T) {
	calls, root := 0, NewRoot("")
	for _, file := range texts(t) {
		text := strings.ReplaceAll(string(audittest.ReadFile(t, file)), "\\\n", " ")
		for _, line := range strings.Split(text, "\n") {
			for _, m := range callInText.FindAllStringSubmatch(line, -1) {
				words := strings.Fields(m[1])
				if !isVerb(root, words[0]) {
					continue // the program's name in a sentence
				}
				calls++
				checkCall(t, root, file, words)
			}
		}
	}
	if calls < 30 {
		t.Errorf("only %d calls were found", calls)
	}
}

func isVerb(root *cobra.Command, word string) bool {
	for _, c := range root.Commands() {
		if c.Name() == word {
			return true
		}
	}
	return false
}

func checkCall(t *testing.T, root *cobra.Command, file string, words []string) {
	t.Helper()
	cmd, rest, err := root.Find(words)
	if err != nil || cmd.HasSubCommands() && len(rest) > 0 && regexp.MustCompile(`^[a-z]+$`).MatchString(rest[0]) {
		t.Errorf("%s: %q: no such verb (%v)", file, strings.Join(words, " "), err)
		return
	}
	for _, word := range rest {
		if name, _, _ := strings.Cut(strings.TrimRight(word, ".,:'\")"), "="); strings.HasPrefix(name, "-") && len(name) > 1 && !hasFlag(cmd, name) {
			t.Errorf("%s: %q: %s has no flag %s", file, strings.Join(words, " "), cmd.CommandPath(), name)
		}
	}
}

func hasFlag(cmd *cobra.Command, name string) bool {
	if long, ok := strings.CutPrefix(name, "--"); ok {
		return long == "help" || cmd.Flags().Lookup(long) != nil
	}
	return name == "-h" || cmd.Flags().ShorthandLookup(name[1:2]) != nil
}

// texts are the files with commands to type.
func texts(t *testing.T) (all []string) {
	t.Helper()
	all = append(all, "../../README.md")
	for _, root := range []string{"../../docs", "../../manifests"} {
		must(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() && regexp.MustCompile(`\.(md|yaml)$`).MatchString(path) {
				all = append(all, path)
			}
			return err
		}))
	}
	if _, err := os.Stat("../../docs/install.md"); err != nil {
		t.Error(err)
	}
	return all
}
