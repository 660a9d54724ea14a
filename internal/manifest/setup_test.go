package manifest

import (
	"fmt"
	"strings"
	"testing"
)

// Whatever the files of a node hold, the record of the settings can be sealed.
func TestSetupIsBounded(t *testing.T) {
	for name, c := range map[string]struct {
		text  string
		shown bool
	}{
		"a policy":       {"rules:\n\t- é \u2028\r\n", true},
		"the longest":    {strings.Repeat("\"", MaxText), true},
		"longer":         {strings.Repeat("x", MaxText+1), false},
		"not UTF-8":      {"a\xff", false},
		"control bytes":  {strings.Repeat("\x01", 100), false},
		"nothing at all": {"", false},
	} {
		s := Setup{Policy: NewDocument([]byte(c.text)), Redaction: NewDocument([]byte(c.text))}
		for i := range 3 * MaxFlags {
			s.SetFlag(fmt.Sprint("audit-flag-", i), strings.Repeat("\xff\x01", MaxFlag/2))
			s.SetFlag(fmt.Sprint("audit-flag-", i), strings.Repeat("x", MaxFlag+1))
			s.SetFlag(fmt.Sprint("etcd-", i), "secret")
		}
		if len(s.Flags) != MaxFlags || (s.Policy.Text != "") != c.shown || s.Policy.SHA256 != Sum([]byte(c.text)) {
			t.Errorf("%s: %d flags, %d bytes", name, len(s.Flags), len(s.Policy.Text))
		}
		got, err := Decode(sealed(t, Record{Kind: KindSetup, Seq: 1, Time: At(noon), Setup: &s}))
		if err != nil || got.Setup.Policy.Text != s.Policy.Text || got.Setup.Flags["audit-flag-0"] != strings.Repeat("\ufffd\x01", MaxFlag/2) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
