package cli

import (
	"os"
	"strings"
	"testing"
)

// Over a bucket the result alone is printed: DuckDB answers CREATE SECRET, too.
func TestQuerySecretIsSilent(t *testing.T) {
	var f queryFlags
	f.tables.Location = "s3://audit-archive/audit-logs"
	f.s3.Endpoint, f.s3.Region = "http://127.0.0.1:9000", "it's"
	got := f.secret()
	if _, last, _ := strings.Cut(got, "aws;\n"); !strings.HasPrefix(last, ".once "+os.DevNull+"\nCREATE SECRET (") || strings.Count(got, ";\n") != 2 {
		t.Errorf("%q", got)
	}
	if !strings.Contains(got, "REGION 'it''s', ENDPOINT '127.0.0.1:9000', USE_SSL false") {
		t.Errorf("%q", got)
	}
	f.tables.Location = "file:///srv/audit"
	if got := f.secret(); got != "" {
		t.Errorf("of a directory: %q", got)
	}
}
