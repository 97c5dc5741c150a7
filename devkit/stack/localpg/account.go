package localpg

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// rootHome is where clusters started by root lie when the wanted place cannot be reached by another account, for
// example anywhere below /root. Only root can write there, so nobody else can put something in its place.
const rootHome = "/var/lib/orgsync"

// account is the account Postgres runs under. A nil account is our own.
type account struct {
	name     string
	uid, gid uint32
}

// serverAccount returns nil unless this process is root's: Postgres refuses to run as root.
func serverAccount() (*account, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "_postgres", "nobody"} {
		found, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, errUID := strconv.ParseUint(found.Uid, 10, 32)
		gid, errGID := strconv.ParseUint(found.Gid, 10, 32)
		if errUID == nil && errGID == nil && uid != 0 {
			return &account{name: name, uid: uint32(uid), gid: uint32(gid)}, nil
		}
	}
	return nil, errors.New(
		"postgres cannot run as root, and this machine has neither an account postgres nor nobody: " +
			"start as an ordinary user")
}

// command prepares a program to run in dir under the account, with an environment that no setting of ours leaks into.
func (a *account) command(ctx context.Context, dir, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = dir
	cmd.Env = []string{"PATH=/usr/local/bin:/usr/bin:/bin", "HOME=/", "LC_ALL=C", "TZ=UTC"}
	if a != nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: a.uid, Gid: a.gid}}
	}
	return cmd
}

// give makes the account the owner of a file or directory.
func (a *account) give(path string) error {
	if a == nil {
		return nil
	}
	return os.Chown(path, int(a.uid), int(a.gid))
}

// place makes the wanted directory, or one that stands for it below rootHome if the account cannot enter it.
func (a *account) place(ctx context.Context, wanted string) (string, error) {
	if a == nil {
		return wanted, os.MkdirAll(wanted, 0o700)
	}
	for _, dirs := range [][]string{{wanted}, {rootHome, substitute(wanted)}} {
		var dir string
		for _, dir = range dirs {
			// Another account may pass through to what it was given, but not list, whatever the process's umask.
			if err := errors.Join(os.MkdirAll(dir, 0o711), os.Chmod(dir, 0o711)); err != nil {
				return "", err
			}
		}
		// Trying it is the only answer that knows about access lists.
		if a.command(ctx, dir, "/bin/sh", "-c", ":").Run() == nil {
			return dir, nil
		}
		_ = os.Remove(dir) // if it is empty: nothing will ever be in it
	}
	return "", fmt.Errorf("account %s can reach neither %s nor %s", a.name, wanted, rootHome)
}

func substitute(wanted string) string {
	sum := sha256.Sum256([]byte(wanted))
	return filepath.Join(rootHome, hex.EncodeToString(sum[:8]))
}
