package config

import (
	"strings"
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/apiserver"
	"github.com/auditsidecar/auditsidecar/internal/archive"
)

func TestProofValidate(t *testing.T) {
	const url = "https://127.0.0.1:6443/metrics"
	for name, c := range map[string]struct {
		proof Proof
		want  string
	}{
		"nothing":             {Proof{}, ""},
		"all":                 {Proof{HeartbeatInterval: time.Hour, Server: apiserver.Config{URL: url, TokenFile: "t", CAFile: "c"}}, ""},
		"certificate":         {Proof{Server: apiserver.Config{URL: url, CertFile: "c", KeyFile: "k"}}, ""},
		"too often":           {Proof{HeartbeatInterval: time.Millisecond}, "--heartbeat-interval"},
		"backwards":           {Proof{HeartbeatInterval: -time.Hour}, "--heartbeat-interval"},
		"a token for nobody":  {Proof{Server: apiserver.Config{TokenFile: "t"}}, "--apiserver-metrics-url is required"},
		"a token in the open": {Proof{Server: apiserver.Config{URL: "http://127.0.0.1/metrics", TokenFile: "t"}}, "plain HTTP"},
		"half a certificate":  {Proof{Server: apiserver.Config{URL: url, CertFile: "c"}}, "belong together"},
		"a password":          {Proof{Server: apiserver.Config{URL: "https://u:hunter2@h/metrics"}}, "credentials"},
		"no URL":              {Proof{Server: apiserver.Config{URL: "kubernetes"}}, "expected https"},
	} {
		err := c.proof.Validate()
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestLockValidate(t *testing.T) {
	for name, c := range map[string]struct {
		archive Archive
		want    string
	}{
		"none":         {Archive{URL: "s3://b/p"}, ""},
		"governance":   {Archive{URL: "s3://b/p", S3Config: locked("GOVERNANCE", 30)}, ""},
		"compliance":   {Archive{URL: "s3://b/p", S3Config: locked("COMPLIANCE", 36500)}, ""},
		"no mode":      {Archive{URL: "s3://b/p", S3Config: locked("", 30)}, "--s3-object-lock-mode"},
		"another mode": {Archive{URL: "s3://b/p", S3Config: locked("governance", 30)}, "--s3-object-lock-mode"},
		"no days":      {Archive{URL: "s3://b/p", S3Config: locked("GOVERNANCE", 0)}, "--s3-object-lock-days"},
		"for ever":     {Archive{URL: "s3://b/p", S3Config: locked("GOVERNANCE", 36501)}, "--s3-object-lock-days"},
		"a directory":  {Archive{URL: "file:///d", S3Config: locked("GOVERNANCE", 30)}, "no Object Lock"},
	} {
		err := c.archive.validate()
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func locked(mode string, days int) archive.S3Config {
	return archive.S3Config{Lock: archive.Lock{Mode: mode, Days: days}}
}
