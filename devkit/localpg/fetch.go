package localpg

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	embeddedpostgres "github.com/fergusstrange/embedded-postgres"

	"github.com/orgsync/orgsync/devkit/procgroup"
)

// The release that is fetched when the machine has no Postgres.
const (
	fetchedVersion = embeddedpostgres.V17
	fetchedMajor   = 17
)

// fetch returns the downloaded installation, downloading it on first use into the user's cache directory.
func fetch(ctx context.Context, acct *account, progress io.Writer) (binaries, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return binaries{}, fmt.Errorf("fetch postgres: %w", err)
	}
	home, err := acct.place(ctx, filepath.Join(cache, "orgsync", "postgres"))
	if err != nil {
		return binaries{}, fmt.Errorf("fetch postgres: %w", err)
	}
	unlock, err := procgroup.Lock(ctx, filepath.Join(home, "lock"))
	if err != nil {
		return binaries{}, fmt.Errorf("fetch postgres: %w", err)
	}
	defer unlock()

	final := filepath.Join(home, string(fetchedVersion))
	if found, err := inspect(ctx, acct, filepath.Join(final, "bin")); err == nil {
		return found, nil
	}
	fmt.Fprintf(progress, "No Postgres %d or newer on this machine: downloading Postgres %s, once, into %s\n", oldest, fetchedVersion, final)
	draft := final + ".draft"
	if err := os.RemoveAll(draft); err != nil {
		return binaries{}, fmt.Errorf("fetch postgres: %w", err)
	}
	// The library fetches only as part of starting a server of its own, which must fail here for root and does no harm
	// else. What counts is whether the files fetched can make a cluster.
	port, err := freePort()
	if err != nil {
		return binaries{}, fmt.Errorf("fetch postgres: %w", err)
	}
	server := embeddedpostgres.NewDatabase(embeddedpostgres.DefaultConfig().
		Version(fetchedVersion).Port(uint32(port)).CachePath(home).
		BinariesPath(draft).RuntimePath(draft + ".run").Logger(io.Discard))
	fetchErr := server.Start()
	if fetchErr == nil {
		fetchErr = server.Stop()
	}
	_ = os.RemoveAll(draft + ".run")
	if err := proveFetched(ctx, acct, draft); err != nil {
		if fetchErr != nil {
			err = fetchErr
		}
		return binaries{}, fmt.Errorf("fetch postgres: %w (or install Postgres %d or newer yourself)", err, oldest)
	}
	if err := os.RemoveAll(final); err != nil {
		return binaries{}, fmt.Errorf("fetch postgres: %w", err)
	}
	if err := os.Rename(draft, final); err != nil {
		return binaries{}, fmt.Errorf("fetch postgres: %w", err)
	}
	return inspect(ctx, acct, filepath.Join(final, "bin"))
}

// proveFetched makes a throw-away cluster with the files fetched.
func proveFetched(ctx context.Context, acct *account, dir string) error {
	found, err := inspect(ctx, acct, filepath.Join(dir, "bin"))
	if err != nil {
		return err
	}
	scratch, err := os.MkdirTemp("", "orgsync-postgres-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	home, err := acct.place(ctx, scratch)
	if err != nil {
		return err
	}
	defer os.RemoveAll(home)
	return initialise(ctx, acct, found, home, "scratch")
}
