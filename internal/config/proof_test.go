package config

import (
	"strings"
	"testing"
	"time"
)

func TestProofValidate(t *testing.T) {
	const url = "https://127.0.0.1:6443/metrics"
	for name, c := range map[string]struct {
		proof Proof
		want  string
	}{
		"nothing":             {Proof{}, ""},
		"all":                 {Proof{HeartbeatInterval: time.Hour, Server: ServerMetrics{URL: url, TokenFile: "t", CAFile: "c"}}, ""},
		"certificate":         {Proof{Server: ServerMetrics{URL: url, CertFile: "c", KeyFile: "k"}}, ""},
		"too often":           {Proof{HeartbeatInterval: time.Millisecond}, "--heartbeat-interval"},
		"backwards":           {Proof{HeartbeatInterval: -time.Hour}, "--heartbeat-interval"},
		"a token for nobody":  {Proof{Server: ServerMetrics{TokenFile: "t"}}, "--apiserver-metrics-url is required"},
		"a token in the open": {Proof{Server: ServerMetrics{URL: "http://127.0.0.1/metrics", TokenFile: "t"}}, "plain HTTP"},
		"half a certificate":  {Proof{Server: ServerMetrics{URL: url, CertFile: "c"}}, "belong together"},
		"a password":          {Proof{Server: ServerMetrics{URL: "https://u:hunter2@h/metrics"}}, "credentials"},
		"no URL":              {Proof{Server: ServerMetrics{URL: "kubernetes"}}, "expected https"},
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
		"governance":   {Archive{URL: "s3://b/p", LockMode: "GOVERNANCE", LockDays: 30}, ""},
		"compliance":   {Archive{URL: "s3://b/p", LockMode: "COMPLIANCE", LockDays: 36500}, ""},
		"no mode":      {Archive{URL: "s3://b/p", LockDays: 30}, "--s3-object-lock-mode"},
		"another mode": {Archive{URL: "s3://b/p", LockMode: "governance", LockDays: 30}, "--s3-object-lock-mode"},
		"no days":      {Archive{URL: "s3://b/p", LockMode: "GOVERNANCE"}, "--s3-object-lock-days"},
		"for ever":     {Archive{URL: "s3://b/p", LockMode: "GOVERNANCE", LockDays: 36501}, "--s3-object-lock-days"},
		"a directory":  {Archive{URL: "file:///d", LockMode: "GOVERNANCE", LockDays: 30}, "no Object Lock"},
	} {
		err := c.archive.validate()
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}
