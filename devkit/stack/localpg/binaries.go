package localpg

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// oldest is the oldest major version that the project supports.
const oldest = 15

// binaries are the programs of one Postgres installation.
type binaries struct {
	dir   string
	major int
}

func (b binaries) path(program string) string { return filepath.Join(b.dir, program) }

// findBinaries returns an installation that acct can run: of the given major version, or the first that is new enough
// if major is 0. What is not on the machine is fetched.
func findBinaries(ctx context.Context, acct *account, major int, progress io.Writer) (binaries, error) {
	for _, dir := range candidates(ctx) {
		found, err := inspect(ctx, acct, dir)
		if err == nil && (found.major == major || major == 0 && found.major >= oldest) {
			return found, nil
		}
	}
	if err := ctx.Err(); err != nil {
		return binaries{}, fmt.Errorf("find postgres: %w", err) // what was not found may be there
	}
	if major != 0 && major != fetchedMajor {
		return binaries{}, fmt.Errorf("find postgres: the data was made by Postgres %d, which is not on this machine: "+
			"install it or remove the data", major)
	}
	return fetch(ctx, acct, progress)
}

// candidates lists the places where Postgres installations are, the most deliberate choice first.
func candidates(ctx context.Context) []string {
	var dirs []string
	if path, err := exec.LookPath("postgres"); err == nil {
		// A link in PATH stands alone; initdb and the shared files lie beside what it points to.
		if target, err := filepath.EvalSymlinks(path); err == nil {
			dirs = append(dirs, filepath.Dir(target))
		}
	}
	if out, err := exec.CommandContext(ctx, "pg_config", "--bindir").Output(); err == nil {
		dirs = append(dirs, strings.TrimSpace(string(out)))
	}
	for _, pattern := range []string{
		"/usr/lib/postgresql/*/bin", // Debian, Ubuntu
		"/usr/pgsql-*/bin",          // Red Hat
		"/opt/homebrew/opt/postgresql*/bin",
		"/usr/local/opt/postgresql*/bin",
		"/Applications/Postgres.app/Contents/Versions/*/bin",
	} {
		matches, _ := filepath.Glob(pattern)
		slices.SortFunc(matches, func(a, b string) int { return versionIn(b) - versionIn(a) })
		dirs = append(dirs, matches...)
	}
	return dirs
}

var number = regexp.MustCompile(`\d+`)

// versionIn is the first number in a path or version line, so that 9 comes before 15; 0 if there is none.
func versionIn(text string) int {
	n, _ := strconv.Atoi(number.FindString(text))
	return n
}

// inspect checks that a directory has the programs needed and that acct can run them.
func inspect(ctx context.Context, acct *account, dir string) (binaries, error) {
	b := binaries{dir: dir}
	if _, err := os.Stat(b.path("initdb")); err != nil {
		return b, err
	}
	out, err := acct.command(ctx, "/", b.path("postgres"), "--version").Output()
	b.major = versionIn(string(out))
	return b, err
}
