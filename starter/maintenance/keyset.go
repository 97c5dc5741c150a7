// Package maintenance holds the commands that look after an installation: its key set, its
// database's schema, its webhooks, and whether a build fits its workflows.
package maintenance

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/orgsync/orgsync/internal/secret"
	"github.com/orgsync/orgsync/internal/service"
	"github.com/orgsync/orgsync/starter/cli"
)

// KeysetCommands are those below "orgsync keyset".
type KeysetCommands struct {
	Create keysetCreate `cmd:"" help:"Create a key set in a new file."`
	Rotate keysetRotate `cmd:"" help:"Add a key that encrypts from now on; the others still decrypt."`
	Reseal keysetReseal `cmd:"" help:"Encrypt every stored secret again with the newest key."`
	Prune  keysetPrune  `cmd:"" help:"Remove all keys but the newest, once nothing is encrypted with them."`
}

// Help implements kong.HelpProvider.
func (KeysetCommands) Help() string {
	return `The key set encrypts the providers' secrets. Anyone who has it can decrypt them; without it they are lost.
Keep a copy somewhere other than with the database.

Examples:

  orgsync keyset create /etc/orgsync/keyset.json
  export ORGSYNC_KEYSET=/etc/orgsync/keyset.json`
}

type keysetCreate struct {
	File string `arg:"" help:"File to create; an existing file is left alone."`
}

// Help implements kong.HelpProvider.
func (keysetCreate) Help() string {
	return `Examples:

  orgsync keyset create /etc/orgsync/keyset.json`
}

// Run implements the command.
func (c keysetCreate) Run(s *cli.Session) error {
	keys, err := secret.Generate()
	if err != nil {
		return fmt.Errorf("create key set: %w", err)
	}
	file, err := os.OpenFile(c.File, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return cli.UsageError("create key set: file %s exists already; name another, or add a key to it with: orgsync "+
			"keyset rotate %s", c.File, c.File)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return cli.UsageError("create key set: there is no folder %s; make it with: mkdir -p %[1]s",
			filepath.Dir(c.File))
	}
	if err != nil {
		return fmt.Errorf("create key set: %w", err)
	}
	if err := writeAndClose(file, keys); err != nil {
		return fmt.Errorf("create key set: %w", err)
	}
	if s.JSON {
		return s.PrintJSON(KeysetFile(c))
	}
	s.Printf(
		"Key set written to %s. Keep a copy of it in a safe place: without it, stored secrets cannot be decrypted.",
		c.File)
	s.Printf("Next, for every worker and command line: export ORGSYNC_KEYSET=%s", c.File)
	return nil
}

type keysetRotate struct {
	File string `arg:"" help:"File of the key set."`
}

// Help implements kong.HelpProvider.
func (keysetRotate) Help() string {
	return `Copy the new file to all workers and restart them before the new key encrypts anything. Then reseal.

Examples:

  orgsync keyset rotate /etc/orgsync/keyset.json
  orgsync keyset reseal`
}

// Run implements the command.
func (c keysetRotate) Run(s *cli.Session) error {
	keys, err := secret.ReadFile(c.File)
	if err != nil {
		return cli.UsageError("rotate key set: %w; create one with: orgsync keyset create FILE", err)
	}
	rotated, err := secret.Rotate(keys)
	if err != nil {
		return cli.UsageError("rotate key set: file %s: %w", c.File, err)
	}
	if err := replace(c.File, rotated); err != nil {
		return fmt.Errorf("rotate key set: %w", err)
	}
	if s.JSON {
		return s.PrintJSON(KeysetFile(c))
	}
	s.Printf("Key added to %s. Next: copy the file to all workers, restart them, then run: orgsync keyset reseal",
		c.File)
	return nil
}

// replace writes a file so that at any moment either the old or the new one is there.
func replace(path string, content []byte) error {
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return err
	}
	if err = writeAndClose(file, content); err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	return nil
}

func writeAndClose(file *os.File, content []byte) error {
	_, err := file.Write(content)
	if err == nil {
		err = file.Sync()
	}
	return errors.Join(err, file.Close())
}

type keysetReseal struct{}

// Help implements kong.HelpProvider.
func (keysetReseal) Help() string {
	return `ORGSYNC_KEYSET must hold the old keys and the new one. The command refuses while a worker that lacks the
new key is running.

Examples:

  orgsync keyset reseal`
}

// Run implements the command.
func (keysetReseal) Run(ctx context.Context, s *cli.Session) error {
	done, err := s.Service.ResealSecrets(ctx)
	if service.HasCode(err, service.KeyNotHeld) {
		return fmt.Errorf("reseal: %w", s.Describe(err))
	}
	if err != nil {
		return err
	}
	if s.JSON {
		return s.PrintJSON(Resealed{Secrets: done.Secrets})
	}
	s.Printf("%s now encrypted with the newest key (%d).", cli.Counted(done.Secrets, "secret is", "secrets are"),
		done.KeyID)
	return nil
}

type keysetPrune struct {
	File string `arg:"" help:"File of the key set."`
}

// Help implements kong.HelpProvider.
func (keysetPrune) Help() string {
	return `Refuses while a stored secret is still encrypted with an old key, or while a worker that lacks the newest
key is running. Database backups from before the resealing still need the old keys: keep a copy of the old key set with
them.

Examples:

  orgsync keyset prune /etc/orgsync/keyset.json`
}

// Run implements the command.
func (c keysetPrune) Run(ctx context.Context, s *cli.Session) error {
	keys, err := secret.ReadFile(c.File)
	if err != nil {
		return cli.UsageError("prune key set: %w", err)
	}
	pruned, primary, gone, err := secret.Prune(keys)
	if err != nil {
		return cli.UsageError("prune key set: file %s: %w", c.File, err)
	}
	err = s.Service.CheckOnlyKey(ctx, primary)
	if service.HasCode(err, service.KeyNotHeld) || service.HasCode(err, service.SecretsUnderOtherKeys) {
		return fmt.Errorf("prune key set: %w", s.Describe(err))
	}
	if err != nil {
		return err
	}
	if err := replace(c.File, pruned); err != nil {
		return fmt.Errorf("prune key set: %w", err)
	}
	if s.JSON {
		return s.PrintJSON(PrunedKeyset{File: c.File, Removed: gone})
	}
	s.Printf("%s removed from %s. Next: copy the file to all workers and restart them.",
		cli.Counted(gone, "old key", "old keys"), c.File)
	return nil
}
