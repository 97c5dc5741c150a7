package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// export is what a process writes: its lines are counted and not kept. With each piece of it the most memory that the
// process has held so far is read.
type export struct {
	process *exec.Cmd
	lines   int
	peak    int // in MB
}

func (e *export) Write(piece []byte) (int, error) {
	e.lines += bytes.Count(piece, []byte("\n"))
	// What wait4 tells of a child includes the memory of its parent, from which it was forked. The file is gone once
	// the process has ended.
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", e.process.Process.Pid))
	if _, rest, ok := strings.Cut(string(status), "VmHWM:"); ok {
		var kB int
		if _, err := fmt.Sscan(rest, &kB); err != nil {
			return 0, err
		}
		e.peak = kB >> 10
	}
	return len(piece), nil
}

// export runs an export as a process of its own.
func (in installation) export(format string) *export {
	in.t.Helper()
	var stderr bytes.Buffer
	command := exec.CommandContext(in.t.Context(), os.Args[0], "export", "acme", "--format", format,
		"--kind", "members")
	out := &export{process: command}
	command.Stdout, command.Stderr = out, &stderr
	command.Env = append(os.Environ(), programVariable+"=1", "GOGC=100")
	for name, value := range in.env {
		command.Env = append(command.Env, name+"="+value)
	}
	require.NoError(in.t, command.Run(), stderr.String())
	require.NotZero(in.t, out.peak)
	return out
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
	peaks := map[string]int{}
	formats := []string{"json", "ndjson", "csv"}
	insert(1, few)
	for _, format := range formats {
		peaks[format] = in.export(format).peak
	}
	insert(few+1, many)
	for _, format := range formats {
		large := in.export(format)
		t.Logf("%s: %d MB with %d rows, %d MB with %d", format, peaks[format], few, large.peak, many)
		require.GreaterOrEqual(t, large.lines, many)
		require.LessOrEqual(t, large.peak, peaks[format]+25, format)
	}
}
