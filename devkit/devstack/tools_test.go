package devstack

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRecentTemporal(t *testing.T) {
	t.Parallel()
	for output, want := range map[string]bool{
		"temporal version 1.5.1 (Server 1.29.1, UI 2.42.1)":     true,
		"temporal version 1.10.0 (Server 1.33.0, UI 2.55.0)":    true,
		"temporal version 0.0.0-DEV (Server 1.29.1, UI 2.42.1)": true,
		"temporal version 1.4.9 (Server 1.28.0, UI 2.40.0)":     false,
		"temporal version 0.0.0-DEV (Server 1.20.0, UI 2.10.0)": false,
		"command not found": false,
		"":                  false,
	} {
		require.Equal(t, want, recentTemporal(output), output)
	}
}

// Found through the link that is made of it, a program is linked to, not the link to itself.
func TestTemporalIsLinkedToWhereverItIs(t *testing.T) {
	bin, elsewhere := t.TempDir(), t.TempDir()
	program := filepath.Join(elsewhere, "temporal")
	require.NoError(t, os.WriteFile(program, []byte("#!/bin/sh\necho temporal version 1.5.1\n"), 0o755))
	program, err := filepath.EvalSymlinks(program)
	require.NoError(t, err)
	t.Setenv("PATH", bin+string(os.PathListSeparator)+elsewhere)
	link := filepath.Join(bin, "temporal")
	require.NoError(t, os.Symlink("/nowhere", link)) // of a program that is gone
	for range 2 {
		require.NoError(t, LinkTemporal(t.Context(), bin, io.Discard))
		target, err := os.Readlink(link)
		require.NoError(t, err)
		require.Equal(t, program, target)
	}
}

func TestToolRefusesWhatIsNotPinned(t *testing.T) {
	t.Parallel()
	_, err := Tool(t.Context(), "curl", io.Discard)
	require.ErrorContains(t, err, "no such tool; there are sqlc, staticcheck, temporal, workflowcheck")
}

func TestReadAnnouncement(t *testing.T) {
	t.Parallel()
	whole := `{"feishu":{"config":{"base_url":"http://127.0.0.1:1"}},"dingtalk":{"config":{}},"wecom":{"config":{}},"control_url":"http://127.0.0.1:4"}`
	simulated, err := readAnnouncement([]byte(whole))
	require.NoError(t, err)
	require.Equal(t, "http://127.0.0.1:4", simulated.Control)
	require.Equal(t, "http://127.0.0.1:1", simulated.Providers["feishu"]["base_url"])
	for _, broken := range []string{"", whole[:20], `{"feishu":{}}`} {
		_, err := readAnnouncement([]byte(broken))
		require.Error(t, err)
	}
}
