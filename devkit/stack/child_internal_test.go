package stack

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Temporal panics after it has logged that a port is taken; only the error's text tells that it
// may be started again.
func TestTailHasTheLineBeforeAPanic(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "log")
	text := "begun\nlisten: address already in use\npanic: nil pointer\n" + strings.Repeat("frame\n", 1000)
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	require.Regexp(t, `^listen: address already in use \| panic: nil pointer \| frame`, tail(file))
}
