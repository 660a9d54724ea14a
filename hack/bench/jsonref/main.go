// Command jsonref converts an audit log to Parquet in the way a Go program
// would that takes the obvious one: encoding/json into structs, those into
// GenericWriter. hack/bench compares the converter with it, in a
// program of its own, because the compiler's profile of ours does not fit this
// one.
//
//	jsonref audit.log audit.parquet
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	pq "github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"

	"github.com/auditsidecar/auditsidecar/hack/bench/start"
)

// user is a UserInfo of an event.
type user struct {
	Username string              `json:"username" parquet:"username,optional,dict"`
	UID      string              `json:"uid" parquet:"uid,optional,dict"`
	Groups   []string            `json:"groups" parquet:"groups,list,dict"`
	Extra    map[string][]string `json:"extra" parquet:"extra"`
}

// event is the type of a program that takes the obvious way: encoding/json
// into a struct, the struct into GenericWriter. It is not byte-exact.
type event struct {
	Level            string   `json:"level" parquet:"level,dict"`
	AuditID          string   `json:"auditID" parquet:"audit_id"`
	Stage            string   `json:"stage" parquet:"stage,dict"`
	RequestURI       string   `json:"requestURI" parquet:"request_uri,dict"`
	Verb             string   `json:"verb" parquet:"verb,dict"`
	User             user     `json:"user" parquet:"user"`
	ImpersonatedUser *user    `json:"impersonatedUser" parquet:"impersonated_user,optional"`
	SourceIPs        []string `json:"sourceIPs" parquet:"source_ips,list,dict"`
	UserAgent        string   `json:"userAgent" parquet:"user_agent,dict"`
	ObjectRef        *struct {
		Resource        string `json:"resource" parquet:"resource,dict"`
		Namespace       string `json:"namespace" parquet:"namespace,dict"`
		Name            string `json:"name" parquet:"name,dict"`
		UID             string `json:"uid" parquet:"uid,dict"`
		APIGroup        string `json:"apiGroup" parquet:"api_group,dict"`
		APIVersion      string `json:"apiVersion" parquet:"api_version,dict"`
		ResourceVersion string `json:"resourceVersion" parquet:"resource_version,dict"`
		Subresource     string `json:"subresource" parquet:"subresource,dict"`
	} `json:"objectRef" parquet:"object_ref,optional"`
	ResponseStatus *struct {
		Status  string          `json:"status" parquet:"status,dict"`
		Reason  string          `json:"reason" parquet:"reason,dict"`
		Message string          `json:"message" parquet:"message,dict"`
		Details json.RawMessage `json:"details" parquet:"details,optional"`
		Code    int32           `json:"code" parquet:"code"`
	} `json:"responseStatus" parquet:"response_status,optional"`
	RequestObject            json.RawMessage   `json:"requestObject" parquet:"request_object,optional"`
	ResponseObject           json.RawMessage   `json:"responseObject" parquet:"response_object,optional"`
	RequestReceivedTimestamp time.Time         `json:"requestReceivedTimestamp" parquet:"request_received_timestamp,timestamp(microsecond)"`
	StageTimestamp           time.Time         `json:"stageTimestamp" parquet:"stage_timestamp,timestamp(microsecond)"`
	Annotations              map[string]string `json:"annotations" parquet:"annotations"`
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: jsonref LOG OUT")
		os.Exit(2)
	}
	if err := convert(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "jsonref:", err)
		os.Exit(1)
	}
}

// convert converts a file, and first prints the CPU time that the start took.
func convert(in, out string) error {
	if err := start.Print(); err != nil {
		return err
	}
	f, err := os.Open(in)
	if err != nil {
		return fmt.Errorf("open input: %w", err)
	}
	defer f.Close()
	o, err := os.Create(out)
	if err != nil {
		return fmt.Errorf("create output: %w", err)
	}
	defer o.Close()
	w := pq.NewGenericWriter[event](o, pq.Compression(&zstd.Codec{Level: zstd.SpeedFastest}), pq.MaxRowsPerRowGroup(50000))
	lines := bufio.NewReaderSize(f, 1<<20)
	events := make([]event, 0, 256)
	for {
		line, err := lines.ReadBytes('\n')
		if len(bytes.TrimSpace(line)) > 0 {
			var e event
			if err := json.Unmarshal(line, &e); err == nil {
				events = append(events, e)
			}
		}
		if len(events) == cap(events) || err != nil {
			if _, err := w.Write(events); err != nil {
				return fmt.Errorf("write rows: %w", err)
			}
			events = events[:0]
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("read input: %w", err)
		}
	}
	if err := w.Close(); err != nil {
		return fmt.Errorf("write footer: %w", err)
	}
	return o.Sync()
}
