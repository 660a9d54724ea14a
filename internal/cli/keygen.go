package cli

import (
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/auditsidecar/auditsidecar/internal/durable"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
)

const keygenExample = `  # a key for this node, and its public half beside it
  auditsidecar keygen -o /etc/auditsidecar/signing.key

  # a key that takes over from it
  auditsidecar keygen -o /etc/auditsidecar/signing-2.key --replaces /etc/auditsidecar/signing.key`

func newKeygenCommand() *cobra.Command {
	var out, replaces string
	cmd := &cobra.Command{
		Use:        "keygen -o FILE [--replaces FILE]",
		Short:      "Make a key to sign the archive's records with",
		SuggestFor: []string{"key", "keys", "sign"},
		Long: `keygen makes an Ed25519 key for run --signing-key-file. The private key goes to
FILE (PEM, PKCS #8, mode 0600), the public key to FILE.pub, for verify
--public-key. Keep a copy of the public key out of reach of those who can write
the archive. No file is ever replaced.

With --replaces the old key signs for the new one, so that those who trust the
old one trust the new one too. Give run the new file, then destroy the old one.`,
		Example: keygenExample,
		Args:    usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if out == "" {
				return &usageError{errors.New("-o is required: the file for the private key")}
			}
			key, err := generateKey(replaces)
			if err != nil {
				return err
			}
			if err := writeKey(key, out); err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "key %s: private %s, public %s.pub\n", manifest.KeyID(key.Public()), out, out)
			return err
		},
	}
	flags := cmd.Flags()
	flags.StringVarP(&out, "out", "o", "", "new `file` for the private key; the public one goes to FILE.pub")
	flags.StringVar(&replaces, "replaces", "", "`file` with the private key that the new one takes over from")
	return cmd
}

// generateKey makes a key, with the consent of the one that it replaces.
func generateKey(replaces string) (manifest.SigningKey, error) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return manifest.SigningKey{}, fmt.Errorf("make a key: %w", err)
	}
	key := manifest.SigningKey{Private: private}
	if replaces == "" {
		return key, nil
	}
	old, err := manifest.ReadSigningKey(replaces)
	if err != nil {
		return manifest.SigningKey{}, err
	}
	e := manifest.Endorse(old.Private, key.Public())
	key.Endorsement = &e
	return key, nil
}

// writeKey writes both halves, the public one first: a private key without it
// could be in use before its signatures can be checked.
func writeKey(key manifest.SigningKey, path string) error {
	private, err := key.MarshalPEM()
	if err != nil {
		return err
	}
	public, err := manifest.MarshalPublicPEM(key.Public())
	if err != nil {
		return err
	}
	write := func(data []byte) func(io.Writer) error {
		return func(w io.Writer) error {
			_, err := w.Write(data)
			return err
		}
	}
	if err := publishNew(path+".pub", 0o644, write(public)); err != nil {
		return err
	}
	if err := publishNew(path, 0o600, write(private)); err != nil {
		return errors.Join(err, durable.OS().Remove(path+".pub"))
	}
	return nil
}
