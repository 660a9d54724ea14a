package bucket

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/auditsidecar/auditsidecar/internal/archive"
)

func sevenYears() Lifecycle {
	return Lifecycle{InfrequentDays: 90, ArchiveDays: 365, ArchiveClass: "GLACIER_IR", ExpireDays: 2555, OpenDays: 90, AbortDays: 7}
}

// lifecycleServer answers as S3 does and records its requests.
type lifecycleServer struct {
	*httptest.Server
	rules string // XML of the rules it has; empty: none
	sent  string // XML it was sent
}

func newLifecycleServer(t *testing.T, rules string) *lifecycleServer {
	t.Helper()
	s := &lifecycleServer{rules: rules}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *lifecycleServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !r.URL.Query().Has("lifecycle") || r.URL.Path != "/bucket" {
		http.Error(w, r.URL.String(), http.StatusTeapot)
		return
	}
	if r.Method == http.MethodPut {
		body, _ := io.ReadAll(r.Body)
		s.sent = string(body)
		_, rules, _ := strings.Cut(s.sent, ">")
		s.rules = strings.TrimSuffix(rules, "</LifecycleConfiguration>")
		return
	}
	if s.rules == "" {
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, `<Error><Code>NoSuchLifecycleConfiguration</Code></Error>`)
		return
	}
	w.Header().Set("x-amz-transition-default-minimum-object-size", "varies_by_storage_class")
	fmt.Fprintf(w, `<LifecycleConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">%s</LifecycleConfiguration>`, s.rules)
}

func (s *lifecycleServer) open(t *testing.T) *archive.Bucket {
	t.Helper()
	b, err := archive.Open(t.Context(), "s3://bucket/audit-logs", archive.S3Config{Endpoint: s.URL, PathStyle: true})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

const (
	intended = `<LifecycleConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">%s` +
		`<Rule><Expiration><Days>2555</Days></Expiration><Filter><Prefix>audit-logs/data/</Prefix></Filter><ID>auditsidecar-data-audit-logs</ID>` +
		`<NoncurrentVersionExpiration><NoncurrentDays>1</NoncurrentDays></NoncurrentVersionExpiration><Status>Enabled</Status>` +
		`<Transition><Days>90</Days><StorageClass>STANDARD_IA</StorageClass></Transition>` +
		`<Transition><Days>365</Days><StorageClass>GLACIER_IR</StorageClass></Transition></Rule>` +
		`<Rule><Expiration><Days>90</Days></Expiration><Filter><Prefix>audit-logs/open/</Prefix></Filter><ID>auditsidecar-open-audit-logs</ID>` +
		`<NoncurrentVersionExpiration><NoncurrentDays>1</NoncurrentDays></NoncurrentVersionExpiration><Status>Enabled</Status></Rule>` +
		`<Rule><AbortIncompleteMultipartUpload><DaysAfterInitiation>7</DaysAfterInitiation></AbortIncompleteMultipartUpload>` +
		`<Filter><Prefix>audit-logs/</Prefix></Filter><ID>auditsidecar-uploads-audit-logs</ID><Status>Enabled</Status></Rule>` +
		`</LifecycleConfiguration>`
	foreign = `<Rule><Expiration><Days>3</Days></Expiration><Filter><Prefix>tmp/</Prefix></Filter><ID>theirs</ID><Status>Enabled</Status></Rule>`
)

// Exactly the intended XML is sent; a second plan finds nothing to do.
func TestLifecycleApply(t *testing.T) {
	for name, had := range map[string]string{"an empty bucket": "", "a bucket with rules of others": foreign} {
		t.Run(name, func(t *testing.T) {
			s := newLifecycleServer(t, had)
			b := s.open(t)
			plan, err := PlanLifecycle(t.Context(), b, sevenYears())
			if err != nil || len(plan.Conflicts) > 0 || strings.Count(plan.Diff, "+ {") != 3 || strings.Contains(plan.Diff, "- ") {
				t.Fatalf("%v, %q\n%s", err, plan.Conflicts, plan.Diff)
			}
			if err := ApplyLifecycle(t.Context(), b, plan); err != nil {
				t.Fatal(err)
			}
			if want := fmt.Sprintf(intended, had); s.sent != want {
				t.Errorf("sent\n%s\nwant\n%s", s.sent, want)
			}
			if plan, err = PlanLifecycle(t.Context(), b, sevenYears()); err != nil || plan.Diff != "" {
				t.Errorf("a second plan: %v\n%s", err, plan.Diff)
			}
		})
	}
}

// A rule of ours that a user changed shows as a difference, old and new.
func TestLifecycleDrift(t *testing.T) {
	s := newLifecycleServer(t, "")
	b := s.open(t)
	plan, err := PlanLifecycle(t.Context(), b, sevenYears())
	if err == nil {
		err = ApplyLifecycle(t.Context(), b, plan)
	}
	if err != nil {
		t.Fatal(err)
	}
	s.rules = strings.Replace(s.rules, "<Days>2555</Days>", "<Days>30</Days>", 1)
	if plan, err = PlanLifecycle(t.Context(), b, sevenYears()); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`-     "Days": 30` + "\n", `+     "Days": 2555` + "\n"} {
		if !strings.Contains(plan.Diff, want) {
			t.Errorf("no %q in\n%s", want, plan.Diff)
		}
	}
	if strings.Count(plan.Diff, "{\n") < 2 || strings.Contains(plan.Diff, "auditsidecar-open") {
		t.Errorf("rules that are as they should be are shown:\n%s", plan.Diff)
	}
}

// Rules of others that would delete or move the archive's objects are refused.
func TestLifecycleConflicts(t *testing.T) {
	rule := func(inside string) string {
		return "<Rule><ID>theirs</ID><Status>Enabled</Status>" + inside + "</Rule>"
	}
	const all = "<Filter><Prefix></Prefix></Filter>"
	for _, test := range []struct {
		name, rule string
		want       []string
	}{
		{"everything expires early", rule(all + "<Expiration><Days>30</Days></Expiration>"), []string{"deletes records", "deletes data before"}},
		{"everything expires late", rule(all + "<Expiration><Days>4000</Days></Expiration>"), []string{"deletes records"}},
		{"everything moves", rule(all + "<Transition><Days>30</Days><StorageClass>GLACIER</StorageClass></Transition>"), []string{"moves records", "moves data"}},
		{"with the old element", rule("<Prefix>audit-logs/</Prefix><Expiration><Days>30</Days></Expiration>"), []string{"deletes records", "deletes data before"}},
		{"one cluster expires", rule("<Filter><And><Prefix>audit-logs/data/cluster=a/</Prefix><ObjectSizeGreaterThan>1</ObjectSizeGreaterThan></And></Filter><Expiration><Days>30</Days></Expiration>"), []string{"deletes data before"}},
		{"tagged objects only", rule("<Filter><Tag><Key>a</Key><Value>b</Value></Tag></Filter><Expiration><Days>30</Days></Expiration>"), nil},
		{"disabled", strings.Replace(rule(all+"<Expiration><Days>30</Days></Expiration>"), "Enabled", "Disabled", 1), nil},
		{"uploads only", rule(all + "<AbortIncompleteMultipartUpload><DaysAfterInitiation>1</DaysAfterInitiation></AbortIncompleteMultipartUpload>"), nil},
		{"rollups move", rule("<Filter><Prefix>audit-logs/rollups/</Prefix></Filter><Transition><Days>30</Days><StorageClass>GLACIER</StorageClass></Transition>"), []string{"moves records"}},
		{"rollups expire", rule("<Filter><Prefix>audit-logs/rollups/cluster=a/</Prefix></Filter><Expiration><Days>30</Days></Expiration>"), []string{"deletes records"}},
		{"elsewhere", foreign, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newLifecycleServer(t, test.rule)
			b := s.open(t)
			plan, err := PlanLifecycle(t.Context(), b, sevenYears())
			if err != nil || len(plan.Conflicts) != len(test.want) {
				t.Fatalf("%v, conflicts %q, want %q", err, plan.Conflicts, test.want)
			}
			for i, want := range test.want {
				if !strings.Contains(plan.Conflicts[i], want) {
					t.Errorf("%q, want %q", plan.Conflicts[i], want)
				}
			}
			if err := ApplyLifecycle(t.Context(), b, plan); (err != nil) != (len(test.want) > 0) || (s.sent != "") != (err == nil) {
				t.Errorf("applied: %v, sent %q", err, s.sent)
			}
		})
	}
}

func TestLifecycleRefused(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*Lifecycle)
		want   string
	}{
		{"unknown class", func(l *Lifecycle) { l.ArchiveClass = "TAPE" }, "--class"},
		{"too early", func(l *Lifecycle) { l.InfrequentDays = 7 }, "--infrequent-days"},
		{"out of order", func(l *Lifecycle) { l.ArchiveDays = 91 }, "--archive-days"},
		{"gone before it moves", func(l *Lifecycle) { l.ExpireDays = 100 }, "--expire-days"},
		{"increments go at once", func(l *Lifecycle) { l.OpenDays = 0 }, "--open-days"},
		{"more days than S3 counts, which wrapped to one day", func(l *Lifecycle) { l.ExpireDays = 1<<32 + 1 }, "4294967297 days"},
		{"uploads go at once", func(l *Lifecycle) { l.AbortDays = 0 }, "--abort-days"},
	} {
		l := sevenYears()
		test.change(&l)
		if err := l.Validate(); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", test.name, err)
		}
	}
	if err := (Lifecycle{ArchiveClass: "GLACIER_IR", OpenDays: 90, AbortDays: 7}).Validate(); err != nil {
		t.Errorf("data for ever, where they are: %v", err)
	}
	b, err := archive.Open(t.Context(), "file:///srv/audit", archive.S3Config{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := PlanLifecycle(t.Context(), b, sevenYears()); err == nil || !strings.Contains(err.Error(), "a directory has no lifecycle") {
		t.Errorf("a directory: %v", err)
	}
}

// Only classes that queries cannot read are warned of.
func TestLifecycleWarning(t *testing.T) {
	for class, warned := range map[string]bool{"GLACIER_IR": false, "GLACIER": true, "DEEP_ARCHIVE": true} {
		l := sevenYears()
		l.ArchiveClass = class
		if w := l.Warning(); (w != "") != warned {
			t.Errorf("%s: %q", class, w)
		}
	}
}

// TestMain gives credentials that need no network.
func TestMain(m *testing.M) {
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": "AKIDTEST", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_EC2_METADATA_DISABLED": "true",
		"AWS_CONFIG_FILE": "/nonexistent", "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
	} {
		if err := os.Setenv(name, value); err != nil {
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}
