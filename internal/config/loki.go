package config

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/auditsidecar/auditsidecar/lokipush"
)

// Loki says where the lines go, and which of them Loki takes.
type Loki struct {
	// URL is Loki's address; empty streams nothing.
	URL string
	// Tenant is sent as X-Scope-OrgID where Loki has tenants.
	Tenant string
	// HTTPConfig is a file with credentials, TLS and proxy of the connection;
	// see [Loki.HTTPClient].
	HTTPConfig string
	// Labels are name=value pairs that are added to the stream's labels.
	Labels []string
	// EventLabels are labels that come from the event.
	EventLabels []string
	// Start says where a log is begun that was never streamed.
	Start string
	// MaxLineBytes is the longest line Loki accepts (limits_config.max_line_size).
	MaxLineBytes int
	// BatchWait is the longest time that a line waits for more to come.
	BatchWait time.Duration
	// MaxAge is the age of the oldest line that Loki accepts
	// (limits_config.reject_old_samples_max_age); 0: it accepts any.
	MaxAge time.Duration
	// MaxAhead is how far ahead of the clock a line may be
	// (limits_config.creation_grace_period).
	MaxAhead time.Duration
}

// Register declares Loki's flags on flags.
func (l *Loki) Register(flags *pflag.FlagSet) {
	l.RegisterClient(flags)
	flags.StringSliceVar(&l.EventLabels, "loki-event-label", nil, "`label` with its value from the event: verb, level, stage or code_class (2xx, ...); may be repeated. Each set of values is a stream; everything else is structured metadata")
	RegisterWord(flags, &l.Start, "loki-start", "", "start of a log that was never streamed, %s; oldest: the oldest line that is held and not too old for Loki")
	flags.DurationVar(&l.BatchWait, "loki-batch-wait", 300*time.Millisecond, "longest time that a line waits for its batch to fill (1 MiB)")
	flags.DurationVar(&l.MaxAge, "loki-max-age", 7*24*time.Hour, "age of the oldest line that Loki accepts (its reject_old_samples_max_age); older ones are counted and not sent; 0: Loki accepts any")
	flags.DurationVar(&l.MaxAhead, "loki-max-ahead", 10*time.Minute, "how far ahead of the clock a line may be for Loki (its creation_grace_period)")
}

// RegisterClient declares only the flags that say where Loki is, how to reach it,
// and the limits of a line there.
func (l *Loki) RegisterClient(flags *pflag.FlagSet) {
	flags.StringVar(&l.URL, "loki-url", "", "`URL` of Loki, for example http://127.0.0.1:3100; empty: stream nothing")
	flags.StringVar(&l.Tenant, "loki-tenant", "", "Loki tenant, sent as X-Scope-OrgID")
	flags.StringVar(&l.HTTPConfig, "loki-http-config", "", "YAML `file` with credentials, TLS and proxy for Loki, in the form of Prometheus' http_config: basic_auth, authorization, oauth2, tls_config, proxy_url; secrets as password_file, credentials_file, client_secret_file")
	flags.StringSliceVar(&l.Labels, "loki-label", nil, "`name=value`, a label of all lines besides job, cluster and node; may be repeated")
	flags.IntVar(&l.MaxLineBytes, "loki-max-line-bytes", 256<<10, "longest line that Loki accepts (its max_line_size); longer ones are shrunk for Loki only")
}

// Validate returns every mistake in the settings at once, each naming the flag
// and the remedy. Mistakes that only a reader of the HTTP configuration can see are in
// [Loki.HTTPClient].
func (l *Loki) Validate() error {
	return errors.Join(
		l.ValidateClient(),
		OneOf("loki-start", l.Start),
		atLeast("loki-batch-wait", l.BatchWait, time.Millisecond),
		atLeast("loki-max-age", l.MaxAge, 0),
		atLeast("loki-max-ahead", l.MaxAhead, 0),
	)
}

// ValidateClient returns every mistake in what [Loki.RegisterClient] declares.
func (l *Loki) ValidateClient() error {
	_, labels := l.StaticLabels()
	return errors.Join(
		validateLokiURL(l.URL),
		validateTenant(l.Tenant),
		labels,
		atLeast("loki-max-line-bytes", l.MaxLineBytes, 4<<10),
	)
}

// StaticLabels returns the labels that --loki-label gives.
func (l *Loki) StaticLabels() (map[string]string, error) {
	labels := map[string]string{}
	var errs []error
	for _, pair := range l.Labels {
		name, value, ok := strings.Cut(pair, "=")
		_, twice := labels[name]
		switch {
		case !ok || name == "" || value == "":
			errs = append(errs, fmt.Errorf("--loki-label %q: expected name=value", pair))
		case name == "job":
			errs = append(errs, fmt.Errorf("--loki-label %q: the rules and dashboards look for job=\"audit\"", pair))
		case name == "cluster" || name == "node":
			errs = append(errs, fmt.Errorf("--loki-label %q: --%s says it", pair, name))
		case twice:
			errs = append(errs, fmt.Errorf("--loki-label %q: %s is given twice", pair, name))
		default:
			labels[name] = value
		}
	}
	return labels, errors.Join(errs...)
}

func validateLokiURL(raw string) error {
	if raw == "" {
		return nil
	}
	if err := validURL("loki-url", raw, "http://HOST:PORT or https://HOST:PORT", "--loki-http-config"); err != nil {
		return err
	}
	if strings.ContainsAny(raw, "?#") {
		return fmt.Errorf("--loki-url %q: it must end before '?' or '#'", raw)
	}
	return nil
}

// tenantID matches the IDs that Loki takes (dskit, package tenant).
var tenantID = regexp.MustCompile(`^[A-Za-z0-9!_.*'()-]{0,150}$`)

func validateTenant(id string) error {
	if !tenantID.MatchString(id) || id == "." || id == ".." {
		return fmt.Errorf("--loki-tenant %q: expected at most 150 letters, digits and !-_.*'()", id)
	}
	return nil
}

// Client returns the client that pushes into this Loki.
func (l *Loki) Client(version string) (*lokipush.Client, error) {
	httpClient, err := l.HTTPClient()
	if err != nil {
		return nil, err
	}
	client, err := lokipush.New(lokipush.Config{
		URL: l.URL, TenantID: l.Tenant, HTTPClient: httpClient, UserAgent: "auditsidecar/" + version,
	})
	if err != nil {
		return nil, fmt.Errorf("--loki-url: %w", err)
	}
	return client, nil
}
