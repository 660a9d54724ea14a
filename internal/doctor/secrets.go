package doctor

import (
	"context"
	"os"

	"github.com/auditsidecar/auditsidecar/internal/durable"
)

// SecretFile is a file that only the sidecar may read.
type SecretFile struct {
	Setting  string // the flag or variable that names it
	Path     string // empty: not set
	Optional bool   // need not exist
	Unset    string // what to do if it is not set, which is worth a warning; empty: nothing
}

// checkSecretFiles looks at who may read secret files.
func checkSecretFiles(_ context.Context, cfg *Config) (all []Result) {
	for _, f := range cfg.Secrets {
		switch {
		case f.Path == "" && f.Unset != "":
			all = append(all, result(Warning, f.Unset, "%s is not set: the records are not signed, and a writer of the archive can replace them", f.Setting))
		case f.Path != "":
			all = append(all, f.check())
		}
	}
	return all
}

func (f SecretFile) check() Result {
	info, err := os.Stat(f.Path)
	switch {
	case os.IsNotExist(err) && f.Optional:
		return result(Info, "", "%s names %s, which does not exist: the next source is asked", f.Setting, f.Path)
	case err != nil:
		return result(Error, "put it there, readable by the sidecar's user", "%s: %s", f.Setting, err)
	case !durable.Secret(info, os.Geteuid(), os.Getegid()):
		return result(Warning, "chmod 0600 "+f.Path, "%s: %s can be read by others (mode %04o)", f.Setting, f.Path, info.Mode().Perm())
	}
	return result(OK, "", "%s: %s has mode %04o", f.Setting, f.Path, info.Mode().Perm())
}
