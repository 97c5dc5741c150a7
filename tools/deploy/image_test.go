package deploy

import (
	"debug/elf"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The image has neither a C library nor anything else.
func TestProgramsAreStatic(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"orgsync", "orgsync-worker", "orgsync-server"} {
		file, err := elf.Open(program(t, name))
		require.NoError(t, err)
		defer file.Close()
		for _, segment := range file.Progs {
			require.NotEqual(t, elf.PT_INTERP, segment.Type, "%s needs a dynamic linker", name)
		}
		libraries, err := file.ImportedLibraries()
		require.NoError(t, err)
		require.Empty(t, libraries)
	}
}

// No shell, no home and no time zones are there.
func TestProgramsNeedNothingAround(t *testing.T) {
	t.Parallel()
	cmd := exec.Command(program(t, "orgsync"), "migrate")
	cmd.Env = []string{"HOME=/", "DATABASE_URL=postgres://nobody@127.0.0.1:1/none"}
	out, err := cmd.CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(out), "check DATABASE_URL and that Postgres is running")
}

func TestImage(t *testing.T) {
	t.Parallel()
	text := read(t, "Dockerfile")
	require.Contains(t, text, "\nFROM scratch\n")
	require.Regexp(t, `(?m)^USER [1-9]\d*:[1-9]\d*$`, text)
	wanted := regexp.MustCompile(`(?m)^FROM golang:(\S+) AS build$`).FindStringSubmatch(text)
	require.NotNil(t, wanted)
	require.Contains(t, read(t, "go.mod"), "\ngo "+wanted[1]+".", "the image builds with another Go than go.mod names")
	copied := regexp.MustCompile(`(?m)^COPY --from=build (.*) /usr/bin/$`).FindStringSubmatch(text)
	require.NotNil(t, copied)
	for _, path := range strings.Fields(copied[1]) {
		program(t, strings.TrimPrefix(path, "/out/"))
	}
	// The context must hold what is built, and no secrets.
	ignored := read(t, ".dockerignore")
	require.Contains(t, ignored, "/deploy/secrets/\n")
	require.Contains(t, ignored, "/deploy/.env\n")
}

func TestUnits(t *testing.T) {
	t.Parallel()
	for _, program := range []string{"orgsync-worker", "orgsync-server"} {
		text := read(t, "deploy", "systemd", program+".service")
		started := regexp.MustCompile(`(?m)^ExecStart=\S*/(\S+)$`).FindStringSubmatch(text)
		require.NotNil(t, started)
		require.Equal(t, program, started[1])
		requireCommand(t, []string{started[1]})
		grace := seconds(t, regexp.MustCompile(`(?m)^TimeoutStopSec=(\d+)$`), text)
		requireGrace(t, grace)
		require.Greater(t, grace, serverStops(t))
	}
}
