package localpg

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"

	embeddedpostgres "github.com/fergusstrange/embedded-postgres"

	"github.com/orgsync/orgsync/devkit/stack/process"
)

// The release that is fetched when the machine has no Postgres.
const (
	fetchedVersion = embeddedpostgres.V17
	fetchedMajor   = 17
)

// fetch returns the downloaded installation, downloading it on first use into the user's cache directory.
func fetch(ctx context.Context, acct *account, progress io.Writer) (found binaries, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("fetch postgres: %w (or install Postgres %d or newer yourself)", err, oldest)
		}
	}()
	cache, err := os.UserCacheDir()
	if err != nil {
		return found, err
	}
	home, err := acct.place(ctx, filepath.Join(cache, "orgsync", "postgres"))
	if err != nil {
		return found, err
	}
	lock, err := process.WaitLock(ctx, filepath.Join(home, "lock"))
	if err != nil {
		return found, err
	}
	defer lock.Unlock()
	final := filepath.Join(home, string(fetchedVersion))
	if found, err := inspect(ctx, acct, filepath.Join(final, "bin")); err == nil {
		return found, nil
	}
	fmt.Fprintf(progress, "No Postgres %d or newer on this machine: downloading Postgres %s, once, into %s\n", oldest,
		fetchedVersion, final)
	if err := download(ctx, acct, home, final+".draft"); err != nil {
		return found, err
	}
	if err := errors.Join(os.RemoveAll(final), os.Rename(final+".draft", final)); err != nil {
		return found, err
	}
	return inspect(ctx, acct, filepath.Join(final, "bin"))
}

// download fetches an installation into dir. The library does so only as part of starting a server of its own, which
// must fail here for root and does no harm else; what counts is whether the files fetched can make a cluster.
func download(ctx context.Context, acct *account, home, dir string) error {
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	port, err := freePort()
	if err != nil {
		return err
	}
	trial := dir + ".trial"
	defer os.RemoveAll(trial)
	server := embeddedpostgres.NewDatabase(embeddedpostgres.DefaultConfig().Version(fetchedVersion).Port(uint32(port)).
		CachePath(home).BinariesPath(dir).RuntimePath(trial).Logger(io.Discard))
	fetchErr := server.Start()
	if fetchErr == nil {
		fetchErr = server.Stop()
	}
	found, err := inspect(ctx, acct, filepath.Join(dir, "bin"))
	if err != nil {
		return errors.Join(fetchErr, err)
	}
	if err := os.RemoveAll(trial); err != nil { // which holds the library's own cluster
		return err
	}
	if trial, err = acct.place(ctx, trial); err != nil {
		return err
	}
	_, err = initialise(ctx, acct, found, trial)
	return err
}

func freePort() (int, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	return listener.Addr().(*net.TCPAddr).Port, listener.Close()
}
