// Package config reads the settings of the verbs.
//
// Every setting is a command line flag. A flag that is not on the command
// line may come from an environment variable (AUDITSIDECAR_ and the flag's
// name in capitals, dashes as underscores) or from one YAML file whose keys
// are the flags' names. The order of precedence is command line, environment,
// file, default. [Fill] does the reading, strictly: an unknown key, a repeated
// key or a value that does not parse is an error that names where it stands,
// and all of them are reported at once.
//
// [Run] is the substance of the verb run: its settings, their flags and their
// validation.
//
// # Files
//
//	run.go        the flags of run
//	archive.go    the flags of the archive and its lock
//	loki.go       the flags of Loki
//	lokihttp.go   the HTTP client for Loki: TLS, OAuth2, bounds
//	tokens.go     tokens that are read again when they change
//	proof.go      the flags of the signing key and of kube-apiserver's counters
//	redact.go     the flags of redaction
//	fill.go       values from the environment and the file
//	show.go       the effective configuration, without secrets, and its hash
//	bytes.go      sizes with units
//	words.go      flags that take one of some words
package config
