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

// rootHome is where clusters started by root lie when the wanted place cannot be reached by another account, for example
// anywhere below /root. Only root can write there, so nobody else can put something in its place.
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
	return nil, errors.New("postgres cannot run as root, and this machine has neither an account postgres nor nobody: " +
		"start as an ordinary user")
}

// command prepares a program to run in dir under the account, with an environment that no setting of ours leaks into.
func (a *account) command(ctx context.Context, dir, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = dir
	cmd.Env = []string{"PATH=/usr/local/bin:/usr/bin:/bin", "HOME=/", "LC_ALL=C", "TZ=UTC"}
	cmd.SysProcAttr = &syscall.SysProcAttr{}
	if a != nil {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: a.uid, Gid: a.gid}
	}
	return cmd
}

// reaches says whether the account can enter a directory. Trying it is the only answer that knows about access lists.
func (a *account) reaches(ctx context.Context, dir string) bool {
	return a == nil || a.command(ctx, dir, "/bin/sh", "-c", ":").Run() == nil
}

// give makes the account the owner of a file or directory.
func (a *account) give(path string) error {
	if a == nil {
		return nil
	}
	if err := os.Chown(path, int(a.uid), int(a.gid)); err != nil {
		return fmt.Errorf("give %s to account %s: %w", path, a.name, err)
	}
	return nil
}

// place makes the wanted directory, or one that stands for it below rootHome if the account cannot reach it.
func (a *account) place(ctx context.Context, wanted string) (string, error) {
	// Owner only; another account may pass through to what it was given, but not list.
	mode := os.FileMode(0o700)
	if a != nil {
		mode = 0o711
	}
	for _, dir := range []string{wanted, substitute(wanted)} {
		if err := os.MkdirAll(dir, mode); err != nil {
			return "", fmt.Errorf("make directory: %w", err)
		}
		if a == nil {
			return dir, nil
		}
		// The parent below rootHome is ours too, and the process's umask may have closed both.
		if dir != wanted {
			if err := os.Chmod(rootHome, mode); err != nil {
				return "", fmt.Errorf("open directory: %w", err)
			}
		}
		if err := os.Chmod(dir, mode); err != nil {
			return "", fmt.Errorf("open directory: %w", err)
		}
		if a.reaches(ctx, dir) {
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
