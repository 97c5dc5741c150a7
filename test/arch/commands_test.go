package arch_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// commandLine is a command line of ours in a text for people.
var commandLine = regexp.MustCompile(
	`\borgsync (provider|sync|runs|approve|reject|status|cancel|undo|notify|schedule|tree|search|member|explain|` +
		`groups|admins|export|rules|accounts|token (create|list|revoke)|replay|migrate|keyset|events|webhook|changes|console)\b`)

// What a person should do next is said by internal/message, in the person's language.
func TestNoCommandLinesBelowTheEdges(t *testing.T) {
	t.Parallel()
	checked := 0
	for _, pattern := range []string{"db/*.go", "db/*/*.go", "activities/*.go", "workflows/*.go"} {
		paths, err := filepath.Glob(filepath.Join(root, pattern))
		require.NoError(t, err)
		for _, path := range paths {
			if strings.HasSuffix(path, "_test.go") {
				continue
			}
			files := token.NewFileSet()
			file, err := parser.ParseFile(files, path, nil, 0)
			require.NoError(t, err)
			ast.Inspect(file, func(n ast.Node) bool {
				if literal, ok := n.(*ast.BasicLit); ok && literal.Kind == token.STRING &&
					commandLine.MatchString(literal.Value) {
					t.Errorf("%s: a command line; give code and arguments of internal/message: %s",
						files.Position(literal.Pos()), literal.Value)
				}
				return true
			})
			checked++
		}
	}
	require.Greater(t, checked, 50)
	for _, pattern := range []string{"db/queries/*.sql", "db/migrations/*.sql"} {
		paths, err := filepath.Glob(filepath.Join(root, pattern))
		require.NoError(t, err)
		require.NotEmpty(t, paths)
		for _, path := range paths {
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			if found := commandLine.FindString(string(text)); found != "" {
				t.Errorf("%s: a command line: %s", path, found)
			}
		}
	}
}
