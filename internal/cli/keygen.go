package cli

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/auditsidecar/auditsidecar/internal/archive"
	"github.com/auditsidecar/auditsidecar/internal/durable"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
)

const keygenExample = `  # a key for a node, and its public half beside it
  auditsidecar keygen --cluster prod --node cp1 --out /etc/auditsidecar/signing.key

  # a key that takes over from it
  auditsidecar keygen --cluster prod --node cp1 --out /etc/auditsidecar/signing-2.key \
    --replaces /etc/auditsidecar/signing.key`

// keygenFlags are the flags of the verb keygen.
type keygenFlags struct{ cluster, node, out, replaces string }

func newKeygenCommand() *cobra.Command {
	var f keygenFlags
	cmd := &cobra.Command{
		Use:        "keygen --cluster NAME --node NAME --out FILE [--replaces FILE]",
		Short:      "Make a key to sign the archive's records with",
		SuggestFor: []string{"key", "keys", "sign"},
		Long: `keygen makes an Ed25519 key for run --signing-key-file, for one node. The private
key goes to FILE (mode 0600), the public key to FILE.vkey, for verify --key, and
to standard output. Both have the form of the Go note package. Keep a copy of the
public key out of reach of those who can write the archive. No file is ever
replaced.

With --replaces the old key, if it is the one in force, hands over to the new one.
Give run the new file and destroy the old one; add the new public key to those
that verify --key reads, and the line "until N" after the old one.`,
		Example: keygenExample,
		Args:    usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.check(); err != nil {
				return &usageError{err}
			}
			key, err := f.generate()
			if err != nil {
				return err
			}
			if err := writeKey(key, f.out); err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), key.Vkey)
			return err
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.cluster, "cluster", "", "`name` of the cluster, as of run --cluster")
	flags.StringVar(&f.node, "node", "", "`name` of the node, as of run --node")
	flags.StringVar(&f.out, "out", "", "new `file` for the private key; the public one goes to FILE.vkey")
	flags.StringVar(&f.replaces, "replaces", "", "`file` with the private key that the new one takes over from")
	require(flags, "cluster", "node", "out")
	return cmd
}

func (f *keygenFlags) check() error {
	errs := []error{archive.CheckName("--cluster", f.cluster), archive.CheckName("--node", f.node)}
	if f.out == "" {
		errs = append(errs, errors.New("--out is required: the file for the private key"))
	}
	return errors.Join(errs...)
}

// generate makes a key, with the consent of the one that it replaces.
func (f *keygenFlags) generate() (*manifest.SigningKey, error) {
	name := manifest.KeyName(f.cluster, f.node)
	var old *manifest.SigningKey
	if f.replaces != "" {
		var err error
		if old, err = manifest.ReadSigningKey(f.replaces, name); err != nil {
			return nil, err
		}
	}
	return manifest.GenerateKey(name, old)
}

// writeKey writes both halves, the public one first: a private key without it
// could be in use before its signatures can be checked.
func writeKey(key *manifest.SigningKey, path string) error {
	write := func(text string) func(io.Writer) error {
		return func(w io.Writer) error {
			_, err := io.WriteString(w, text)
			return err
		}
	}
	if err := publishNew(path+".vkey", 0o644, write(key.Vkey+"\n")); err != nil {
		return err
	}
	if err := publishNew(path, 0o600, write(key.Text())); err != nil {
		return errors.Join(err, durable.OS().Remove(path+".vkey"))
	}
	return nil
}
