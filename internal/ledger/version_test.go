package ledger

import (
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/audittest"
)

// fieldsOf lists the fields of a JSON form, one a line, those of nested objects below it.
func fieldsOf(t reflect.Type, indent string) string {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || t == reflect.TypeFor[time.Time]() {
		return ""
	}
	var b strings.Builder
	for i := range t.NumField() {
		f := t.Field(i)
		tag, tagged := f.Tag.Lookup("json")
		switch {
		case f.Anonymous && !tagged:
			b.WriteString(fieldsOf(f.Type, indent))
		case tagged:
			fmt.Fprintf(&b, "%s%s %s\n%s", indent, tag, f.Type, fieldsOf(f.Type, indent+"  "))
		}
	}
	return b.String()
}

// The state directory has the version whose fields testdata has. An older program takes a file
// with a field that it does not know for damage, so a change of the fields takes a new version,
// a new file here, and a state directory of the old version to be resumed (internal/cli/testdata).
// Until v0.1.0-rc.1 is released, remove the file and make it again with UPDATE_GOLDEN=1.
func TestFieldsOfTheVersion(t *testing.T) {
	path := fmt.Sprintf("testdata/version-%d.txt", version)
	got := fieldsOf(reflect.TypeFor[table](), "") + "\n" + fieldsOf(reflect.TypeFor[Cursor](), "")
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if _, err := os.Stat(path); err == nil {
			t.Fatalf("%s is there: raise the version, or remove it if the version is not released", path)
		}
		audittest.Must(t, os.WriteFile(path, []byte(got), 0o644))
	}
	if want := string(audittest.ReadFile(t, path)); got != want {
		t.Errorf("the fields of version %d have changed: raise the version\n%s", version, got)
	}
}
