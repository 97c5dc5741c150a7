package devstack

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/orgsync/orgsync/devkit/procgroup"
)

// tool is a program of others that is built from a pinned version.
type tool struct {
	module string // directory with the go.mod that pins it
	path   string // package to build
	takes  string // for people: how long a first build takes on two cores
}

var tools = map[string]tool{
	"temporal":      {"tools", "github.com/temporalio/cli/cmd/temporal", "about four minutes"},
	"sqlc":          {"tools", "github.com/sqlc-dev/sqlc/cmd/sqlc", "about four minutes"},
	"workflowcheck": {"tools", "go.temporal.io/sdk/contrib/tools/workflowcheck", "a few seconds"},
	"staticcheck":   {"tools/lint", "honnef.co/go/tools/cmd/staticcheck", "half a minute"},
}

// ToolNames are the names Tool knows, in order.
func ToolNames() []string {
	names := make([]string, 0, len(tools))
	for name := range tools {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// TemporalBinary returns the path of a temporal program that can run a stack: the one in PATH if it is recent enough, else
// one built from tools/go.mod, once for all checkouts. progress is told before anything that takes minutes.
func TemporalBinary(ctx context.Context, progress io.Writer) (string, error) {
	if path, err := exec.LookPath("temporal"); err == nil {
		ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		if out, err := exec.CommandContext(ctx, path, "--version").Output(); err == nil && recentTemporal(string(out)) {
			return resolved(path)
		}
	}
	return Tool(ctx, "temporal", progress)
}

// LinkTemporal puts a link to the temporal program that stacks are run with into a directory, so that the commands that are
// shown to people find one.
func LinkTemporal(ctx context.Context, dir string, progress io.Writer) error {
	program, err := TemporalBinary(ctx, progress)
	if err != nil {
		return err
	}
	link := filepath.Join(dir, "temporal")
	if target, err := os.Readlink(link); err == nil && target == program {
		return nil
	}
	draft := fmt.Sprintf("%s.%d", link, os.Getpid())
	err = os.Symlink(program, draft)
	if err == nil {
		err = os.Rename(draft, link)
	}
	if err != nil {
		return fmt.Errorf("link to temporal: %w", err)
	}
	return nil
}

// resolved is the path of a program itself, whatever links lead to it.
func resolved(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(path)
}

// A release calls itself "temporal version 1.5.1 (Server 1.29.1, UI 2.42.1)". One built from source says 0.0.0-DEV, but the
// server's version is right.
var (
	cliVersion    = regexp.MustCompile(`temporal version (\d+)\.(\d+)\.(\d+)`)
	serverVersion = regexp.MustCompile(`Server (\d+)\.(\d+)\.(\d+)`)
)

// recentTemporal says whether a program that prints this version serves: 1.5.1 is the one the stack is tested with
// (temporal.md §0).
func recentTemporal(output string) bool {
	return atLeast(cliVersion.FindStringSubmatch(output), []int{1, 5, 1}) ||
		atLeast(serverVersion.FindStringSubmatch(output), []int{1, 29, 1})
}

func atLeast(match []string, wanted []int) bool {
	if match == nil {
		return false
	}
	found := make([]int, 0, len(wanted))
	for _, digits := range match[1:] {
		n, err := strconv.Atoi(digits)
		if err != nil {
			return false
		}
		found = append(found, n)
	}
	return slices.Compare(found, wanted) >= 0
}

// Tool returns the path of a pinned tool (see ToolNames), which is built at first use and kept in the user's cache under
// the hash of what it is built from. Processes that want it at the same time wait for the one that builds.
func Tool(ctx context.Context, name string, progress io.Writer) (string, error) {
	wanted, known := tools[name]
	if !known {
		return "", fmt.Errorf("build %s: no such tool; there are %s", name, strings.Join(ToolNames(), ", "))
	}
	root, err := Root()
	if err != nil {
		return "", fmt.Errorf("build %s: %w", name, err)
	}
	dir, err := toolDir(filepath.Join(root, wanted.module))
	if err != nil {
		return "", fmt.Errorf("build %s: %w", name, err)
	}
	path := filepath.Join(dir, name)
	unlock, err := procgroup.Lock(ctx, path+".lock")
	if err != nil {
		return "", fmt.Errorf("build %s: %w", name, err)
	}
	defer unlock()
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	fmt.Fprintf(progress, "Building %s, once: takes %s on two cores the first time\n", name, wanted.takes)
	draft := path + ".draft"
	cmd := exec.CommandContext(ctx, "go", "build", "-C", filepath.Join(root, wanted.module), "-o", draft, wanted.path)
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=")
	cmd.Stdout, cmd.Stderr = progress, progress
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("build %s: %w", name, err)
	}
	if err := os.Rename(draft, path); err != nil {
		return "", fmt.Errorf("build %s: %w", name, err)
	}
	return path, nil
}

// toolDir is where the tools of a module are kept.
func toolDir(module string) (string, error) {
	cache, err := cacheDir()
	if err != nil {
		return "", err
	}
	sum, err := os.ReadFile(filepath.Join(module, "go.sum"))
	if err != nil {
		return "", err
	}
	hash := sha256.New()
	fmt.Fprintln(hash, runtime.GOOS, runtime.GOARCH)
	hash.Write(sum)
	dir := filepath.Join(cache, "tools", hex.EncodeToString(hash.Sum(nil)[:8]))
	return dir, os.MkdirAll(dir, 0o755)
}
