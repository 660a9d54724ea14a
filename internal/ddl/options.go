package ddl

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/archive"
)

// Options describe the tables.
type Options struct {
	// Location is the archive's URL: s3://bucket/prefix, or file:///dir; for Spark s3a:// too.
	Location string
	// Database is the schema for the tables; in Trino it may begin with a
	// catalog ("hive.audit").
	Database string
	// Clusters are the clusters that Athena projects partitions for. Without
	// any, Athena's queries must name theirs.
	Clusters []string
	// From is the first day, as 2006-01-02, that Athena projects.
	From string
	// Bare says that the archive has no record, as the output of convert. DuckDB refuses a
	// table without a file.
	Bare bool
	// OCSF adds the view audit_ocsf.
	OCSF bool
}

var validDatabase = regexp.MustCompile(`^([a-z_][a-z0-9_]*\.)?[a-z_][a-z0-9_]*$`)

// Validate returns every mistake at once. Valid options need no
// quoting in SQL.
func (o Options) Validate() error {
	errs := []error{validateLocation(o.Location)}
	if !validDatabase.MatchString(o.Database) {
		errs = append(errs, fmt.Errorf("--database %q: expected lower-case letters, digits and '_', such as audit, or CATALOG.SCHEMA for Trino", o.Database))
	}
	for _, c := range o.Clusters {
		errs = append(errs, archive.CheckName("--clusters", c))
	}
	if _, err := time.Parse(time.DateOnly, o.From); err != nil {
		errs = append(errs, fmt.Errorf("--from %q: expected a day such as 2026-01-31", o.From))
	}
	return errors.Join(errs...)
}

func validateLocation(location string) error {
	if location == "" {
		return errors.New("--location is required: the URL that run has as --archive-url, such as s3://bucket/prefix")
	}
	u, err := url.Parse(location)
	if err == nil && u.Scheme == "" && strings.HasPrefix(location, "/") {
		u.Scheme = "file"
	}
	switch {
	case err != nil || (u.Scheme != "s3" && u.Scheme != "s3a" && u.Scheme != "file") || u.RawQuery != "" || u.Fragment != "":
		return fmt.Errorf("--location %q: expected s3://bucket/prefix or file:///dir", location)
	case u.Scheme != "file" && u.Host == "", u.Scheme == "file" && (u.Host != "" || u.Path == ""):
		return fmt.Errorf("--location %q: expected s3://bucket/prefix or file:///dir", location)
	case strings.ContainsAny(location, "'\"\\`*?[]{}$ "):
		return fmt.Errorf("--location %q: quotes, wildcards and blanks mean something else in SQL", location)
	}
	return nil
}

// base is the location without a slash at its end.
func (o Options) base() string {
	if strings.HasPrefix(o.Location, "/") {
		o.Location = "file://" + o.Location
	}
	return strings.TrimRight(o.Location, "/")
}
