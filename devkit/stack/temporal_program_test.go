package stack

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// program writes a program that says which version it is.
func program(t *testing.T, path, says string) string {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\necho '"+says+"'\n"), 0o755))
	return path
}

func TestRecentTemporal(t *testing.T) {
	t.Parallel()
	for says, want := range map[string]bool{
		"temporal version 1.5.1 (Server 1.29.1, UI 2.42.1)":     true,
		"temporal version 1.10.0 (Server 1.33.0, UI 2.55.0)":    true,
		"temporal version 0.0.0-DEV (Server 1.29.1, UI 2.42.1)": true,
		"temporal version 1.4.9 (Server 1.28.0, UI 2.40.0)":     false,
		"temporal version 0.0.0-DEV (Server 1.20.0, UI 2.10.0)": false,
		"command not found": false,
	} {
		require.Equal(t, want, recentTemporal(t.Context(), program(t, filepath.Join(t.TempDir(), "temporal"), says)),
			says)
	}
}

// network stands in for the whole of it.
type network func(*http.Request) (*http.Response, error)

func (n network) RoundTrip(request *http.Request) (*http.Response, error) { return n(request) }

// What is got once is used until PATH has something recent.
func TestTemporalComesFromPathElseDownloadedElseBuilt(t *testing.T) {
	path, cache := t.TempDir(), t.TempDir()
	t.Setenv("PATH", path+":"+os.Getenv("PATH"))
	t.Setenv("XDG_CACHE_HOME", cache)
	t.Setenv("HOME", cache) // whose Library/Caches it is on macOS
	root := http.DefaultTransport
	t.Cleanup(func() { http.DefaultTransport = root })
	var asked []string
	answer := network(func(request *http.Request) (*http.Response, error) {
		asked = append(asked, request.URL.Path)
		body := []byte(`{"archiveUrl":"https://example.com/cli.tar.gz","fileToExtract":"temporal"}`)
		if request.URL.Host == "example.com" {
			body = archive(t, "#!/bin/sh\necho 'temporal version 1.5.1 (Server 1.29.1)'\n")
		}
		return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(bytes.NewReader(body)),
			Request: request}, nil
	})
	find := func() (string, string) {
		var said bytes.Buffer
		found, err := TemporalBinary(t.Context(), &said)
		require.NoError(t, err)
		return found, said.String()
	}

	program(t, filepath.Join(path, "temporal"), "temporal version 1.4.9 (Server 1.28.0)")
	http.DefaultTransport = answer
	found, said := find()
	require.Contains(t, said, filepath.Join(path, "temporal")+" is older than v1.5.1: not used")
	require.Contains(t, said, "downloading v1.5.1")
	require.True(t, recentTemporal(t.Context(), found), found)
	require.Contains(t, asked, "/cli/v1.5.1")
	require.Equal(t, "temporal", filepath.Base(found), "so that a shell finds it by its name")
	left, err := filepath.Glob(filepath.Join(filepath.Dir(found), "download-*"))
	require.NoError(t, err)
	require.Empty(t, left)

	http.DefaultTransport = network(func(*http.Request) (*http.Response, error) {
		return nil, errors.New("no route to host")
	})
	again, said := find()
	require.Equal(t, found, again)
	require.NotContains(t, said, "download")

	require.NoError(t, os.Remove(found))
	built, _, err := builtPath("temporal")
	require.NoError(t, err)
	http.DefaultTransport = network(func(*http.Request) (*http.Response, error) {
		program(t, built, "temporal version 0.0.0-DEV (Server 1.29.1)") // as if another process had built it meanwhile
		return nil, errors.New("no route to host")
	})
	found, said = find()
	require.Equal(t, built, found)
	require.Contains(t, said, "cannot be downloaded, so it is built from source")
	require.Contains(t, said, "no route to host")
	_, said = find()
	require.NotContains(t, said, "download", "the network is not asked again")

	inPath := program(t, filepath.Join(path, "temporal"), "temporal version 1.6.0 (Server 1.30.0)")
	found, said = find()
	require.Equal(t, inPath, found)
	require.Empty(t, said)
}

func archive(t *testing.T, content string) []byte {
	t.Helper()
	var text bytes.Buffer
	compressed := gzip.NewWriter(&text)
	files := tar.NewWriter(compressed)
	require.NoError(t, files.WriteHeader(&tar.Header{Name: "temporal", Mode: 0o755, Size: int64(len(content))}))
	_, err := io.WriteString(files, content)
	require.NoError(t, errors.Join(err, files.Close(), compressed.Close()))
	return text.Bytes()
}

func TestReadAnnouncement(t *testing.T) {
	t.Parallel()
	whole := `{"feishu":{"config":{"base_url":"http://127.0.0.1:1"}},"dingtalk":{"config":{}},"wecom":{"config":{}},"control_url":"http://127.0.0.1:4"}`
	simulated, err := readAnnouncement([]byte(whole))
	require.NoError(t, err)
	require.Equal(t, "http://127.0.0.1:4", simulated.Control)
	require.Equal(t, "http://127.0.0.1:1", simulated.Providers["feishu"]["base_url"])
	for _, broken := range []string{"", whole[:20]} {
		_, err := readAnnouncement([]byte(broken))
		require.Error(t, err)
	}
}
