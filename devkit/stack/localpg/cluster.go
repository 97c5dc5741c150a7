package localpg

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// Files in the home of a cluster.
const (
	dataDir      = "data"
	logFile      = "postgres.log"
	passwordFile = "password"
)

// superuser is the role that owns everything in a private cluster.
const superuser = "orgsync"

// locale gives byte order and Unicode letters everywhere; macOS had no C.UTF-8 for a long time.
func locale() string {
	if runtime.GOOS == "darwin" {
		return "en_US.UTF-8"
	}
	return "C.UTF-8"
}

// initialise makes the cluster if there is none and returns its password. A half-made one, left by a crash, is made
// anew: the data directory gets its name last.
func initialise(ctx context.Context, acct *account, bin binaries, home string) (password string, err error) {
	final, passwords := filepath.Join(home, dataDir), filepath.Join(home, passwordFile)
	if text, err := os.ReadFile(passwords); err == nil && major(home) != 0 {
		return strings.TrimSpace(string(text)), nil
	}
	draft := final + ".draft"
	password = rand.Text()
	if err := errors.Join(os.RemoveAll(draft), os.Mkdir(draft, 0o700),
		os.WriteFile(passwords, []byte(password+"\n"), 0o600), acct.give(draft), acct.give(passwords)); err != nil {
		return "", err
	}
	// Passwords travel in clear over the loopback device, which only root can listen to; hashing them on every
	// connection would cost tests more than it protects.
	cmd := acct.command(ctx, draft, bin.path("initdb"), "--pgdata="+draft, "--username="+superuser,
		"--pwfile="+passwords,
		"--auth-host=password", "--auth-local=reject", "--encoding=UTF8", "--locale="+locale(), "--no-sync",
		"--no-instructions")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("initdb: %w: %s", err, lastLines(out))
	}
	return password, os.Rename(draft, final)
}

// major is the version that made the cluster, 0 if there is none yet.
func major(home string) int {
	text, err := os.ReadFile(filepath.Join(home, dataDir, "PG_VERSION"))
	if err != nil {
		return 0
	}
	return versionIn(string(text))
}

// lastLines is the end of a program's output, on one line, short enough for an error.
func lastLines(out []byte) string {
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return strings.Join(lines[max(0, len(lines)-8):], " | ")
}
