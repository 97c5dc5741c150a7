package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

type fuzzCommand struct {
	Time time.Duration `help:"How long each fuzz test runs." default:"20s"`
}

// Run runs the fuzz tests of all packages one after the other, since go test takes one at a time.
func (c fuzzCommand) Run(ctx context.Context) error {
	list := exec.CommandContext(ctx, "go", "test", "-list", "^Fuzz", "./...")
	list.Stderr = os.Stderr
	out, err := list.Output()
	if err != nil {
		return fmt.Errorf("list the fuzz tests: %w", err)
	}
	for _, test := range parseFuzzList(out) {
		fmt.Printf("%s %s\n", test.pkg, test.name)
		if err := runCommand(ctx, []string{"go", "test", "-run", "^$", "-fuzz", "^" + test.name + "$",
			"-fuzztime", c.Time.String(), test.pkg}, os.Environ()); err != nil {
			return fmt.Errorf("fuzz %s in %s: %w", test.name, test.pkg, err)
		}
	}
	return nil
}

type fuzzTest struct{ pkg, name string }

// parseFuzzList reads what go test -list prints: the names of a package's tests, then a line "ok <package> <time>".
func parseFuzzList(out []byte) []fuzzTest {
	var tests []fuzzTest
	var names []string
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		switch {
		case len(fields) == 1 && strings.HasPrefix(fields[0], "Fuzz"):
			names = append(names, fields[0])
		case len(fields) >= 2 && fields[0] == "ok":
			for _, name := range names {
				tests = append(tests, fuzzTest{fields[1], name})
			}
			names = nil
		}
	}
	return tests
}
