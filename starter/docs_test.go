package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/config"
	"github.com/orgsync/orgsync/internal/directory"
)

// documents are the texts that operators read.
func documents(t *testing.T) map[string]string {
	t.Helper()
	texts := map[string]string{}
	for _, pattern := range []string{"*.md", "docs/*.md"} {
		paths, err := filepath.Glob(filepath.Join("..", pattern))
		require.NoError(t, err)
		for _, path := range paths {
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			texts[path] = string(text)
		}
	}
	require.NotEmpty(t, texts)
	return texts
}

var (
	block    = regexp.MustCompile("(?ms)^ *```([a-z]*)\n(.*?)^ *```")
	inline   = regexp.MustCompile("`(?:bin/)?orgsync ([a-z][^`\n]*)`")
	shown    = regexp.MustCompile(`(?:^|\| *)(?:bin/)?orgsync (.*)$`)
	trailing = regexp.MustCompile(`\s+#.*$`)
	// defaulted is a setting with a default, as a program's help lists it.
	defaulted = regexp.MustCompile(`^  (ORGSYNC_[A-Z_]+) .* \(default (.*)\)$`)
	word      = regexp.MustCompile(`'[^']*'|\S+`)
)

func TestEveryCommandShownToOperatorsCanBeTyped(t *testing.T) {
	t.Parallel()
	// A parser keeps what it has parsed, so that each command needs one of its own.
	fresh := func() *kong.Kong {
		parser, err := newParser(&commands{}, kong.Writers(io.Discard, io.Discard), kong.Exit(func(int) {}))
		require.NoError(t, err)
		return parser
	}
	model := fresh().Model
	checked := 0
	typed := func(where, lines string) {
		for _, line := range strings.Split(lines, "\n") {
			found := shown.FindStringSubmatch(trailing.ReplaceAllString(strings.TrimSpace(line), ""))
			if found == nil {
				continue
			}
			checked++
			command, _, _ := strings.Cut(found[1], " | ")
			command, _, _ = strings.Cut(command, " > ")
			if _, err := fresh().Parse(words(command)); err != nil {
				t.Errorf("%s: orgsync %s: %v", where, found[1], err)
			}
		}
	}
	for path, text := range documents(t) {
		for _, code := range block.FindAllStringSubmatch(text, -1) {
			typed(path, code[2])
		}
		for _, found := range inline.FindAllStringSubmatch(block.ReplaceAllString(text, ""), -1) {
			checked++
			if node := nodeOf(model.Node, strings.Fields(found[1])); node.Type != kong.CommandNode ||
				len(node.Children) > 0 {
				t.Errorf("%s: there is no command orgsync %s", path, found[1])
			}
		}
	}
	require.NoError(t, kong.Visit(model, func(node kong.Visitable, next kong.Next) error {
		if n, ok := node.(*kong.Node); ok {
			typed(n.FullPath()+" --help", n.Detail)
		}
		return next(nil)
	}))
	require.Greater(t, checked, 60)
}

// words divides a command line as a shell does.
func words(line string) []string {
	found := word.FindAllString(line, -1)
	for i := range found {
		found[i] = strings.Trim(found[i], "'")
	}
	return found
}

// nodeOf follows words from command to command as far as they lead.
func nodeOf(node *kong.Node, words []string) *kong.Node {
	if len(words) == 0 {
		return node
	}
	for _, child := range node.Children {
		if child.Name == words[0] {
			return nodeOf(child, words[1:])
		}
	}
	return node
}

// What a run may remove unasked is stated where people decide to trust it; the program decides.
func TestDocumentsStateTheDefaultLimits(t *testing.T) {
	t.Parallel()
	guard := directory.DefaultGuard
	texts := documents(t)
	for _, path := range []string{"../README.md", "../docs/operations.md"} {
		text := strings.Join(strings.Fields(texts[path]), " ")
		require.Contains(t, text, guard.Members.String()+" of the active people", path)
		require.Contains(t, text, guard.Departments.String()+" of the departments", path)
		require.Contains(t, text, fmt.Sprintf("%g hours", directory.DefaultHold.Hours()), path)
	}
	for _, command := range []string{"add", "update"} {
		help := strings.Join(strings.Fields(installation{t: t}.ok("provider", command, "--help").stdout), " ")
		require.Contains(t, help, fmt.Sprintf("more people than this (%d)", guard.Members.Count))
		require.Contains(t, help, fmt.Sprintf("percentage of the people that goes with --removal-limit (%g)",
			guard.Members.Percent))
		require.Contains(t, help, fmt.Sprintf("more departments than this (%d)", guard.Departments.Count))
		require.Contains(t, help,
			fmt.Sprintf("percentage of the departments that goes with --department-removal-limit (%g)",
				guard.Departments.Percent))
		require.Contains(t, help, fmt.Sprintf("removals are rejected (%gh)", directory.DefaultHold.Hours()))
	}
}

// Every setting's default in README is the program's.
func TestReadmeStatesTheDefaultsOfSettings(t *testing.T) {
	t.Parallel()
	texts, checked := documents(t), 0
	for _, line := range strings.Split(config.Usage(), "\n") {
		found := defaulted.FindStringSubmatch(line)
		if found == nil {
			continue
		}
		checked++
		require.Contains(t, texts["../README.md"], "- `"+found[1]+"` (default `"+found[2]+"`): ")
	}
	require.Greater(t, checked, 8)
}

func TestEveryQueryInTheDocumentsRuns(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	pool := in.pool()
	checked := 0
	for path, text := range documents(t) {
		for _, code := range block.FindAllStringSubmatch(text, -1) {
			if code[1] != "sql" {
				continue
			}
			checked++
			_, err := pool.Exec(t.Context(), strings.ReplaceAll(code[2], "RUN_ID", uuid.NewString()))
			require.NoError(t, err, "%s: %s", path, code[2])
		}
	}
	require.Greater(t, checked, 5)
}
