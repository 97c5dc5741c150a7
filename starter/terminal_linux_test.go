package main

import (
	"bytes"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// atTerminal runs a command at a terminal of its own, answers the question that it ends
// with, and returns what came of it. What is on the terminal, the typed answer with it,
// is in stdout.
func (in installation) atTerminal(question, answer string, args ...string) outcome {
	in.t.Helper()
	screen, tty := openTerminal(in.t)
	var stderr bytes.Buffer
	status := make(chan int, 1)
	go func() {
		status <- execute(in.t.Context(), args, tty, tty, &stderr, func(name string) string { return in.env[name] })
		_ = tty.Close()
	}()
	var shown bytes.Buffer
	answered := false
	require.NoError(in.t, screen.SetDeadline(time.Now().Add(time.Minute)))
	for buffer := make([]byte, 4096); ; {
		n, err := screen.Read(buffer)
		shown.Write(buffer[:n])
		if !answered && question != "" && bytes.Contains(shown.Bytes(), []byte(question)) {
			answered = true
			_, err := screen.WriteString(answer + "\n")
			require.NoError(in.t, err)
		}
		require.NotErrorIs(in.t, err, os.ErrDeadlineExceeded, "it still waits: %s", shown.String())
		if err != nil { // the command has closed its end
			break
		}
	}
	ended := <-status // from here on nothing is written any more
	require.True(in.t, answered || question == "", "it did not ask %q: %s%s", question, shown.String(), stderr.String())
	return outcome{
		t: in.t, status: ended, stderr: stderr.String(),
		stdout: string(bytes.ReplaceAll(shown.Bytes(), []byte("\r\n"), []byte("\n"))),
	}
}

// openTerminal returns both ends of a pseudo-terminal of 80 columns.
func openTerminal(t *testing.T) (screen, tty *os.File) {
	t.Helper()
	// Not to block, so that reading has a deadline.
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
	require.NoError(t, err)
	screen = os.NewFile(uintptr(fd), "screen")
	t.Cleanup(func() { _ = screen.Close() })
	require.NoError(t, unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0))
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	require.NoError(t, err)
	tty, err = os.OpenFile("/dev/pts/"+strconv.Itoa(n), os.O_RDWR|unix.O_NOCTTY, 0)
	require.NoError(t, err)
	t.Cleanup(func() { _ = tty.Close() })
	require.NoError(t, unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 80}))
	return screen, tty
}
