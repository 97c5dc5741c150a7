package arch_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var root = filepath.Join("..", "..")

// documents are what people read, by path.
func documents(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/adr/*.md", "workflows/testdata/replay/*.md"} {
		paths, err := filepath.Glob(filepath.Join(root, pattern))
		require.NoError(t, err)
		for _, path := range paths {
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			name, err := filepath.Rel(root, path)
			require.NoError(t, err)
			found[name] = string(text)
		}
	}
	require.Greater(t, len(found), 5)
	return found
}

// sources is the text of all Go files that are not tests, and of the catalogue with the
// placeholders of Go.
func sources(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	require.NoError(t, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() && strings.HasPrefix(entry.Name(), ".") && path != root {
			return errorOr(err, filepath.SkipDir)
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		text, err := os.ReadFile(path)
		all.Write(text)
		return err
	}))
	for _, name := range []string{"en.toml", "provider.en.toml"} {
		catalogue, err := os.ReadFile(filepath.Join(root, "internal", "message", name))
		require.NoError(t, err)
		all.WriteString(placeholder.ReplaceAllString(strings.ReplaceAll(string(catalogue), "\\\n", ""), "%s"))
	}
	return all.String()
}

func errorOr(err, other error) error {
	if err != nil {
		return err
	}
	return other
}

var (
	fence    = regexp.MustCompile("(?ms)^ *```[a-z]*\n(.*?)^ *```")
	codeSpan = regexp.MustCompile("`([^`\n]+)`")
	makes    = regexp.MustCompile(`(?:^|[ \t(])make ([a-z][a-z-]*)`)
	built    = regexp.MustCompile(`-o (bin/[a-z-]+)`)
	target   = regexp.MustCompile(`(?m)^([a-z][a-z-]*):`)
	link     = regexp.MustCompile(`\]\(([^)]*)\)`)
	heading  = regexp.MustCompile(`(?m)^#+ (.*)$`)
	// placeholder is one of the catalogue's texts.
	placeholder = regexp.MustCompile(`\{\{\.[A-Za-z]+\}\}`)
	variable    = regexp.MustCompile(`ORGSYNC_[A-Z_]*[A-Z]`)
)

// code is every piece of code in a document: spans and the lines of blocks.
func code(text string) []string {
	var pieces []string
	for _, block := range fence.FindAllStringSubmatch(text, -1) {
		pieces = append(pieces, strings.Split(block[1], "\n")...)
	}
	for _, span := range codeSpan.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
		pieces = append(pieces, span[1])
	}
	return pieces
}

func TestDocumentsNameWhatExists(t *testing.T) {
	t.Parallel()
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	require.NoError(t, err)
	var targets, programs []string
	for _, match := range target.FindAllStringSubmatch(string(makefile), -1) {
		targets = append(targets, match[1])
	}
	for _, match := range built.FindAllStringSubmatch(string(makefile), -1) {
		programs = append(programs, match[1])
	}
	all := sources(t)
	for name, text := range documents(t) {
		for _, piece := range code(text) {
			for _, match := range makes.FindAllStringSubmatch(piece, -1) {
				if !slices.Contains(targets, match[1]) {
					t.Errorf("%s: there is no target %q in the Makefile", name, match[1])
				}
			}
			for _, found := range variable.FindAllString(piece, -1) {
				if !strings.Contains(all, found) && !strings.HasPrefix(found, "ORGSYNC_SIM_") {
					t.Errorf("%s: nothing reads %s", name, found)
				}
			}
			word, _, _ := strings.Cut(strings.TrimSpace(piece), " ")
			if problem := missing(word, programs); problem != "" {
				t.Errorf("%s: %s", name, problem)
			}
		}
	}
}

// missing says that a word looks like a path of the project and is none.
func missing(word string, programs []string) string {
	top, rest, isPath := strings.Cut(strings.TrimSuffix(word, "/..."), "/")
	if !isPath || strings.ContainsAny(word, "*<>{}'\":=") {
		return ""
	}
	if top == "bin" && rest != "" {
		if !slices.Contains(programs, word) {
			return word + " is not built by the Makefile"
		}
		return ""
	}
	if info, err := os.Stat(filepath.Join(root, top)); top == "" || top == "." || top == ".." || top == ".dev" ||
		err != nil || !info.IsDir() {
		return ""
	}
	if _, err := os.Stat(filepath.Join(root, top, rest)); err != nil {
		return word + " does not exist"
	}
	return ""
}

func TestDocumentsLinkToWhatExists(t *testing.T) {
	t.Parallel()
	all := documents(t)
	for name, text := range all {
		for _, match := range link.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
			if strings.Contains(match[1], "://") {
				continue
			}
			file, anchor, _ := strings.Cut(match[1], "#")
			path := name
			if file != "" {
				path = filepath.Join(filepath.Dir(name), file)
			}
			if _, err := os.Stat(filepath.Join(root, path)); err != nil {
				t.Errorf("%s: link to %s, which does not exist", name, match[1])
			} else if anchor != "" && !slices.Contains(anchors(all[path]), anchor) {
				t.Errorf("%s: link to %s, but there is no such heading", name, match[1])
			}
		}
	}
}

var notInAnchors = regexp.MustCompile(`[^\p{L}\p{N}\- ]`)

// anchors are the names under which a document's headings are linked to.
func anchors(text string) []string {
	var names []string
	for _, match := range heading.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
		names = append(names, strings.ReplaceAll(notInAnchors.ReplaceAllString(strings.ToLower(match[1]), ""), " ",
			"-"))
	}
	return names
}

func TestEverySettingIsDocumented(t *testing.T) {
	t.Parallel()
	settings, err := os.ReadFile(filepath.Join(root, "internal", "config", "settings.go"))
	require.NoError(t, err)
	readme := documents(t)["README.md"]
	for _, name := range variable.FindAllString(string(settings), -1) {
		if !strings.Contains(readme, "\n- `"+name+"` (") {
			t.Errorf("README.md does not explain %s", name)
		}
	}
}

// An operator looks for the words on the screen.
func TestTroubleshootingQuotesTheProgramsWords(t *testing.T) {
	t.Parallel()
	all := sources(t)
	_, list, found := strings.Cut(documents(t)[filepath.Join("docs", "operations.md")], "\n## Troubleshooting\n")
	require.True(t, found)
	list, _, _ = strings.Cut(list, "\n## ")
	quoted := 0
	for _, item := range strings.Split(strings.ReplaceAll(list, "\n  ", " "), "\n- **")[1:] {
		text, _, isItem := strings.Cut(item, "**: ")
		require.True(t, isItem, item)
		for _, span := range codeSpan.FindAllStringSubmatch(text, -1) {
			quoted++
			if vendor, number, _ := strings.Cut(span[1], " "); strings.Trim(number, "0123456789") == "" &&
				number != "" {
				codes, err := os.ReadFile(filepath.Join(root, "internal", "provider", strings.ToLower(vendor),
					"errors.go"))
				require.NoError(t, err)
				if !strings.Contains(string(codes), number) {
					t.Errorf("no client knows %s", span[1])
				}
				continue
			}
			for _, words := range strings.Split(strings.ReplaceAll(span[1], "acme", "%s"), "…") {
				if !strings.Contains(all, strings.Trim(words, " ")) {
					t.Errorf("no program says %q", span[1])
				}
			}
		}
	}
	require.Greater(t, quoted, 20)
}

var record = regexp.MustCompile(`^(\d{4})-[a-z0-9-]+\.md$`)

// Records of decisions are numbered without holes and have the same parts.
func TestDecisionRecordsHaveOneTemplate(t *testing.T) {
	t.Parallel()
	entries, err := os.ReadDir(filepath.Join(root, "docs", "adr"))
	require.NoError(t, err)
	all, n := documents(t), 0
	for _, entry := range entries {
		name := record.FindStringSubmatch(entry.Name())
		if name == nil {
			require.Equal(t, "README.md", entry.Name())
			continue
		}
		n++
		require.Equal(t, fmt.Sprintf("%04d", n), name[1], "the next number is free")
		text := all[filepath.Join("docs", "adr", entry.Name())]
		require.True(t, strings.HasPrefix(text, "# "+name[1]+" "), entry.Name())
		at := 0
		for _, part := range []string{"## Status", "## Context", "## Decision", "## Consequences"} {
			found := strings.Index(text, "\n"+part+"\n")
			require.Greater(t, found, at, "%s: %s", entry.Name(), part)
			at = found
		}
		require.Contains(t, all[filepath.Join("docs", "adr", "README.md")], "| ["+name[1]+"]("+entry.Name()+") |")
	}
	require.Greater(t, n, 30)
}
