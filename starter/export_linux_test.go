package main

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// lineCounter counts lines and keeps nothing.
type lineCounter int

func (c *lineCounter) Write(p []byte) (int, error) {
	*c += lineCounter(bytes.Count(p, []byte("\n")))
	return len(p), nil
}

// peakOf runs a command as a process of its own and returns the most memory that it held, in MB.
func (in installation) peakOf(stdout io.Writer, args ...string) int64 {
	in.t.Helper()
	var stderr bytes.Buffer
	command := exec.CommandContext(in.t.Context(), os.Args[0], args...)
	command.Stdout, command.Stderr = stdout, &stderr
	command.Env = append(os.Environ(), programVariable+"=1")
	for name, value := range in.env {
		command.Env = append(command.Env, name+"="+value)
	}
	require.NoError(in.t, command.Run(), stderr.String())
	return command.ProcessState.SysUsage().(*syscall.Rusage).Maxrss >> 10
}

// An export of six times as many people, who would fill 60 MB, takes no more memory.
func TestExportHoldsFewRows(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	in.add("acme", feishuConfig())
	const few, many = 2000, 12_000
	insert := func(from, to int) {
		in.query(`INSERT INTO org_members (provider_id, external_id, name, attributes)
			SELECT p.id, 'u' || n, 'Name ' || n, jsonb_build_object('city', repeat(md5(n::text), 160))
			FROM identity_providers p, generate_series($1::int, $2::int) n`, from, to)
	}
	peaks := map[string]int64{}
	formats := []string{"json", "ndjson", "csv"}
	insert(1, few)
	for _, format := range formats {
		peaks[format] = in.peakOf(io.Discard, "export", "acme", "--format", format, "--kind", "members")
	}
	insert(few+1, many)
	for _, format := range formats {
		var lines lineCounter
		peak := in.peakOf(&lines, "export", "acme", "--format", format, "--kind", "members")
		t.Logf("%s: %d MB with %d rows, %d MB with %d", format, peaks[format], few, peak, many)
		require.GreaterOrEqual(t, int(lines), many)
		require.LessOrEqual(t, peak, peaks[format]+25, format)
	}
}
