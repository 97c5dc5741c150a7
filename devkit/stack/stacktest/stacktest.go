// Package stacktest builds the programs that a stack runs, for tests of the stack and of what is built on it. Only
// tests import it.
package stacktest

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/orgsync/orgsync/devkit/stack"
	"github.com/orgsync/orgsync/devkit/stack/process"
)

// Programs returns the checkout's bin/, whose programs are up to date.
func Programs(t testing.TB) string {
	t.Helper()
	root, err := stack.Root()
	if err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(root, "bin")
	if err := os.MkdirAll(bin, 0o755); err != nil {
		t.Fatal(err)
	}
	// tests of other packages build at the same time
	lock, err := process.WaitLock(t.Context(), filepath.Join(bin, ".lock"))
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Unlock()
	build := exec.CommandContext(t.Context(), "make", "build")
	build.Dir = root
	if said, err := build.CombinedOutput(); err != nil {
		t.Fatalf("make build: %v\n%s", err, said)
	}
	return bin
}
