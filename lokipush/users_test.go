package lokipush

import (
	"fmt"
	"strings"
	"testing"
)

// What is remembered of users is bounded, and a user that is not the same any
// more is read again.
func TestKnownUsers(t *testing.T) {
	var f Fields
	parse := func(name, user string) {
		t.Helper()
		line := strings.Replace(whole, `{"username":"al\u00efce","groups":["a","b"],"extra":{"objectRef":["x"]}}`, user, 1)
		if err := ParseFields([]byte(line), &f); err != nil || string(f.User) != name || string(f.Name) != "p" || string(f.AuditID) != "a-1" {
			t.Fatalf("%s: %+v, %v", user, found(f), err)
		}
	}
	for i := range 500 {
		name := fmt.Sprintf("user-%d", i/2)
		parse(name, fmt.Sprintf(`{"username":%q,"groups":["a%d"]}`, name, i%3))
		parse(name, fmt.Sprintf(`{"username":%q}`, name))
		parse(name, fmt.Sprintf(`{"username":%q,"uid":%q}`, name, strings.Repeat("x", 2*maxUser)))
	}
	size := 0
	for _, u := range f.users {
		size += cap(u)
	}
	if size == 0 || size > numUsers*2*maxUser {
		t.Errorf("%d bytes are kept", size)
	}
}
