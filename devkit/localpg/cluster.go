package localpg

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
)

// Files in the home of a cluster.
const (
	dataDir      = "data"
	logFile      = "postgres.log"
	lockFile     = "lock"
	portFile     = "port"
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

// initialise makes the cluster. A half-made one, left by a crash, is made anew: the data directory gets its name last.
func initialise(ctx context.Context, acct *account, bin binaries, home, password string) error {
	final := filepath.Join(home, dataDir)
	draft := final + ".draft"
	if err := os.RemoveAll(draft); err != nil {
		return fmt.Errorf("make cluster: %w", err)
	}
	if err := os.Mkdir(draft, 0o700); err != nil {
		return fmt.Errorf("make cluster: %w", err)
	}
	passwords := filepath.Join(home, "initdb.password")
	if err := os.WriteFile(passwords, []byte(password+"\n"), 0o600); err != nil {
		return fmt.Errorf("make cluster: %w", err)
	}
	defer os.Remove(passwords)
	if err := errors.Join(acct.give(draft), acct.give(passwords)); err != nil {
		return fmt.Errorf("make cluster: %w", err)
	}
	// Passwords travel in clear over the loopback device, which only root can listen to; hashing them on every connection
	// would cost tests more than it protects.
	cmd := acct.command(ctx, draft, bin.path("initdb"), "--pgdata="+draft, "--username="+superuser, "--pwfile="+passwords,
		"--auth-host=password", "--auth-local=reject", "--encoding=UTF8", "--locale="+locale(), "--no-sync", "--no-instructions")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("make cluster: initdb: %w: %s", err, lastLines(out))
	}
	if err := os.Rename(draft, final); err != nil {
		return fmt.Errorf("make cluster: %w", err)
	}
	return nil
}

// major is the version that made the cluster, 0 if there is none yet.
func major(home string) int {
	text, err := os.ReadFile(filepath.Join(home, dataDir, "PG_VERSION"))
	if err != nil {
		return 0
	}
	return versionIn(string(text))
}

// remembered returns the content of a small file, which is first filled by make if it is missing or empty.
func remembered(path string, makeOne func() (string, error)) (string, error) {
	if text, err := os.ReadFile(path); err == nil && len(text) > 0 {
		return strings.TrimSpace(string(text)), nil
	}
	text, err := makeOne()
	if err != nil {
		return "", err
	}
	return text, os.WriteFile(path, []byte(text+"\n"), 0o600)
}

func newPassword() (string, error) { return rand.Text(), nil }

// choosePort returns fixed if it is not 0, else the port remembered in home if it is free, else any free one.
func choosePort(home string, fixed int) (int, error) {
	if fixed != 0 {
		return fixed, nil
	}
	if text, err := os.ReadFile(filepath.Join(home, portFile)); err == nil {
		if port, err := strconv.Atoi(strings.TrimSpace(string(text))); err == nil && free(port) {
			return port, nil
		}
	}
	return freePort()
}

func free(port int) bool {
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	return err == nil && listener.Close() == nil
}

func freePort() (int, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	return listener.Addr().(*net.TCPAddr).Port, listener.Close()
}

// lastLines is the end of a program's output, on one line, short enough for an error.
func lastLines(out []byte) string {
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if len(lines) > 4 {
		lines = lines[len(lines)-4:]
	}
	return strings.Join(lines, " | ")
}
