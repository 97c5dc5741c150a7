package stack

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/orgsync/orgsync/devkit/stack/process"
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
	"templ":         {"tools/templ", "github.com/a-h/templ/cmd/templ", "half a minute"},
}

// Tool returns the path of a pinned tool. All but temporal (see TemporalBinary) are built at first use and kept in the
// user's cache under the hash of what they are built from. Processes that want one at the same time wait for the one
// that builds.
func Tool(ctx context.Context, name string, progress io.Writer) (path string, err error) {
	if _, known := tools[name]; !known {
		return "", fmt.Errorf("no such tool: %s; there are %s", name,
			strings.Join(slices.Sorted(maps.Keys(tools)), ", "))
	}
	if name == "temporal" {
		return TemporalBinary(ctx, progress)
	}
	return build(ctx, name, progress)
}

func build(ctx context.Context, name string, progress io.Writer) (path string, err error) {
	path, module, err := builtPath(name)
	if err != nil {
		return "", fmt.Errorf("build %s: %w", name, err)
	}
	lock, err := process.WaitLock(ctx, path+".lock")
	if err != nil {
		return "", fmt.Errorf("build %s: %w", name, err)
	}
	defer lock.Unlock()
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	fmt.Fprintf(progress, "Building %s, once: takes %s on two cores the first time\n", name, tools[name].takes)
	cmd := exec.CommandContext(ctx, "go", "build", "-C", module, "-o", path+".draft", tools[name].path)
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=")
	cmd.Stdout, cmd.Stderr = progress, progress
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("build %s: %w", name, err)
	}
	return path, os.Rename(path+".draft", path)
}

// builtPath is where a tool is kept once it is built, and the module that it is built from.
func builtPath(name string) (path, module string, err error) {
	root, err := Root()
	if err != nil {
		return "", "", err
	}
	module = filepath.Join(root, tools[name].module)
	sum, err := os.ReadFile(filepath.Join(module, "go.sum"))
	if err != nil {
		return "", "", err
	}
	hash := sha256.Sum256(fmt.Appendf(nil, "%s %s\n%s", runtime.GOOS, runtime.GOARCH, sum))
	dir, err := cacheDir(fmt.Sprintf("tools/%x", hash[:8]))
	return filepath.Join(dir, name), module, err
}
