package deploy

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var root = filepath.Join("..", "..")

func read(t *testing.T, path ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(append([]string{root}, path...)...))
	require.NoError(t, err)
	return string(text)
}

// programs has the static programs, built once by the commands of the Dockerfile.
var programs = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "orgsync-image-")
	if err != nil {
		return "", err
	}
	text, err := os.ReadFile(filepath.Join(root, "Dockerfile"))
	if err != nil {
		return "", err
	}
	for _, build := range regexp.MustCompile(`(?m)^RUN (.* go build .*)$`).FindAllStringSubmatch(string(text), -1) {
		cmd := exec.Command("sh", "-ec", strings.ReplaceAll(build[1], "/out/", dir+"/"))
		cmd.Dir, cmd.Stderr = root, os.Stderr
		if err := cmd.Run(); err != nil {
			return dir, err
		}
	}
	return dir, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if dir, err := programs(); err == nil {
		_ = os.RemoveAll(dir)
	}
	os.Exit(code)
}

// program returns the path of a program as the image has it.
func program(t *testing.T, name string) string {
	t.Helper()
	dir, err := programs()
	require.NoError(t, err)
	path := filepath.Join(dir, name)
	require.FileExists(t, path)
	return path
}

// requireSetting fails unless a program reads a variable of that name.
func requireSetting(t *testing.T, name string) {
	t.Helper()
	if strings.HasPrefix(name, "TEMPORAL_") || strings.HasPrefix(name, "OTEL_") {
		return // the SDKs' own
	}
	help, err := exec.Command(program(t, "orgsync-worker"), "--help").Output()
	require.NoError(t, err)
	more, err := exec.Command(program(t, "orgsync"), "--help").Output()
	require.NoError(t, err)
	if !strings.Contains(string(help)+string(more), " "+name+" ") {
		t.Errorf("no program reads %s", name)
	}
}

// requireCommand fails unless the words are a program of the image and arguments that it takes.
func requireCommand(t *testing.T, words []string) {
	t.Helper()
	require.NotEmpty(t, words)
	arguments := words[1:]
	if len(arguments) > 0 && words[0] == "orgsync" {
		arguments = append(arguments[:len(arguments):len(arguments)], "--help")
	}
	if words[0] != "orgsync" && len(arguments) == 0 {
		arguments = []string{"--help"}
	}
	if len(arguments) == 1 && arguments[0] == "--ready" {
		require.Contains(t, read(t, strings.TrimPrefix(words[0], "orgsync-"), "main.go"), `"--ready"`)
		return
	}
	out, err := exec.Command(program(t, words[0]), arguments...).CombinedOutput()
	require.NoError(t, err, "%v: %s", words, out)
}

// requireGrace fails unless a worker gets more time to stop than it takes at most.
func requireGrace(t *testing.T, grace time.Duration) {
	t.Helper()
	found := regexp.MustCompile(`stopTimeout = (\d+) \* time\.Second`).FindStringSubmatch(read(t, "internal", "app",
		"worker.go"))
	require.NotNil(t, found)
	longest, err := time.ParseDuration(found[1] + "s")
	require.NoError(t, err)
	// The two queues are stopped one after the other, in each of which it may take that long.
	require.Greater(t, grace, 2*longest)
}

// serverStops is how long a server lets requests end.
func serverStops(t *testing.T) time.Duration {
	t.Helper()
	return seconds(t, regexp.MustCompile(`stopTimeout = (\d+) \* time\.Second`), read(t, "server", "serve.go"))
}
