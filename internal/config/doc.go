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
package config
