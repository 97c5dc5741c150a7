package stack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/testsuite"

	"github.com/orgsync/orgsync/devkit/stack/process"
)

// released is the release of the temporal program that is downloaded, the one in tools/go.mod.
const released = "v1.5.1"

const (
	askTimeout      = 5 * time.Second // a network that leads nowhere is not waited for
	downloadTimeout = 3 * time.Minute
)

// TemporalBinary returns the path of a temporal program that can run a stack: the one in PATH if it is recent enough,
// else the released one, else one built from tools/go.mod; the latter two are got once and kept in the user's cache.
// progress is told what takes long and why.
func TemporalBinary(ctx context.Context, progress io.Writer) (string, error) {
	say := func(format string, args ...any) { fmt.Fprintf(progress, format+"\n", args...) }
	if path, err := exec.LookPath("temporal"); err == nil {
		if recentTemporal(ctx, path) {
			return filepath.Abs(path)
		}
		say("%s is older than %s: not used", path, released)
	}
	cache, err := cacheDir("temporal-" + released)
	if err != nil {
		return "", fmt.Errorf("find temporal: %w", err)
	}
	built, _, err := builtPath("temporal")
	if err != nil {
		return "", fmt.Errorf("find temporal: %w", err)
	}
	downloaded := filepath.Join(cache, "temporal")
	lock, err := process.WaitLock(ctx, filepath.Join(cache, "lock"))
	if err != nil {
		return "", fmt.Errorf("find temporal: %w", err)
	}
	defer lock.Unlock()
	for _, path := range []string{downloaded, built} {
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	say("No temporal in PATH that is recent enough: downloading %s from temporal.download, once", released)
	err = download(ctx, cache)
	if err == nil {
		return downloaded, nil
	}
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	say("temporal cannot be downloaded, so it is built from source: %v", err)
	return build(ctx, "temporal", progress)
}

// download lets Temporal's SDK fetch the released program into dir, under the name temporal. The SDK does so only as
// part of starting a server, so the program is asked for its help instead and ends by itself; what counts is what it
// is.
func download(ctx context.Context, dir string) error {
	// The SDK would wait for as long as the download may take.
	answer, err := (&http.Client{Timeout: askTimeout}).Head("https://temporal.download/")
	if err != nil {
		return err
	}
	_ = answer.Body.Close()
	draft, err := os.MkdirTemp(dir, "download-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(draft)
	fetching, cancel := context.WithTimeout(ctx, downloadTimeout)
	defer cancel()
	_, err = testsuite.StartDevServer(fetching, testsuite.DevServerOptions{
		CachedDownload: testsuite.CachedDownload{Version: released, DestDir: draft},
		ClientOptions:  &client.Options{Logger: silent},
		ExtraArgs:      []string{"--help"},
		Stdout:         writer(cancel),
		Stderr:         io.Discard,
	})
	program := filepath.Join(draft, "temporal-cli-"+released) // so the SDK names it
	if !recentTemporal(ctx, program) {
		return errors.Join(errors.New("what was fetched does not run"), err)
	}
	return os.Rename(program, filepath.Join(dir, "temporal"))
}

// writer calls itself when something is written.
type writer func()

func (w writer) Write(text []byte) (int, error) {
	w()
	return len(text), nil
}

// recentTemporal says whether a program serves. It calls itself "temporal version 1.5.1 (Server 1.29.1, UI 2.42.1)",
// the release that the stack is tested with (temporal.md §0); one built from source has no version of its own.
func recentTemporal(ctx context.Context, path string) bool {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	out, _ := exec.CommandContext(ctx, path, "--version").Output()
	_, server, _ := strings.Cut(string(out), "Server ")
	found := make([]int, 3)
	_, err := fmt.Sscanf(server, "%d.%d.%d", &found[0], &found[1], &found[2])
	return err == nil && slices.Compare(found, []int{1, 29, 1}) >= 0
}
