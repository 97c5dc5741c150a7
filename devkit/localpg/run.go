package localpg

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/orgsync/orgsync/devkit/procgroup"
)

// Reasons for a failed start that go away by themselves.
var (
	errPortTaken = errors.New("the port is taken")
	errLeftovers = errors.New("processes of a crashed server are still ending")
)

// run starts the server process, trying again where trying helps, until it takes connections.
func (s *Server) run(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if err := s.endStranger(ctx); err != nil {
		return err
	}
	port, err := choosePort(s.home, s.cfg.Port)
	if err != nil {
		return err
	}
	for {
		err := s.attempt(ctx, port)
		switch {
		case err == nil:
			s.port = port
			return os.WriteFile(filepath.Join(s.home, portFile), []byte(strconv.Itoa(port)+"\n"), 0o600)
		case errors.Is(err, errPortTaken) && s.cfg.Port == 0:
			// Somebody was faster between choosing the port and taking it.
			if port, err = freePort(); err != nil {
				return err
			}
		case errors.Is(err, errLeftovers):
			if !sleep(ctx, 200*time.Millisecond) {
				return err
			}
		default:
			return err
		}
	}
}

// endStranger deals with the lock file of an earlier server. We hold the lock on the cluster, so whatever it names has lost
// its owner: a server still there is stopped, and a file whose process id now belongs to somebody else is removed, which
// Postgres itself would not dare.
func (s *Server) endStranger(ctx context.Context) error {
	path := filepath.Join(s.home, dataDir, "postmaster.pid")
	lines := readLines(path)
	if len(lines) == 0 {
		return nil
	}
	pid, _ := strconv.Atoi(lines[0])
	if err := procgroup.StopStranger(ctx, pid, filepath.Join(s.home, dataDir), syscall.SIGINT, stopTimeout/2); err != nil {
		return fmt.Errorf("stop the server left running: %w", err)
	}
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		return err
	}
	return nil
}

func (s *Server) attempt(ctx context.Context, port int) error {
	log, err := os.OpenFile(s.LogFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	begin, err := log.Stat()
	if err != nil {
		return err
	}
	data := filepath.Join(s.home, dataDir)
	orphan := procgroup.Orphan{Signal: syscall.SIGINT}
	args := []string{"-D", data, "-p", strconv.Itoa(port), "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=",
		"-c", "max_connections=300", "-c", "timezone=UTC", "-c", "log_timezone=UTC", "-c", "logging_collector=off"}
	if s.cfg.Temporary {
		args = append(args, "-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off")
		orphan = procgroup.Orphan{Signal: syscall.SIGQUIT, Remove: s.home}
	}
	for _, setting := range s.cfg.Settings {
		args = append(args, "-c", setting)
	}
	// Not bound to ctx: the server lives on after Start has returned.
	cmd := s.acct.command(context.WithoutCancel(ctx), data, s.bin.path("postgres"), args...)
	cmd.Stdout, cmd.Stderr = log, log
	if s.process, err = procgroup.Start(cmd, orphan); err != nil {
		return err
	}
	for !s.ready() {
		select {
		case <-s.process.Done():
			return s.whyEnded(begin.Size())
		default:
		}
		if !sleep(ctx, 20*time.Millisecond) {
			return errors.Join(ctx.Err(), s.process.Stop(syscall.SIGQUIT, stopTimeout))
		}
	}
	return nil
}

// ready reads what the server says of itself in the eighth line of postmaster.pid, as pg_ctl does
// (https://doxygen.postgresql.org/pidfile_8h.html, LOCK_FILE_LINE_PM_STATUS).
func (s *Server) ready() bool {
	lines := readLines(filepath.Join(s.home, dataDir, "postmaster.pid"))
	return len(lines) >= 8 && lines[0] == strconv.Itoa(s.process.Pid()) && strings.TrimSpace(lines[7]) == "ready"
}

// whyEnded turns the log since begin into an error.
func (s *Server) whyEnded(begin int64) error {
	text, _ := os.ReadFile(s.LogFile())
	text = text[min(begin, int64(len(text))):]
	switch {
	case strings.Contains(string(text), "could not bind"):
		return fmt.Errorf("%w: %s", errPortTaken, lastLines(text))
	case strings.Contains(string(text), "is still in use"):
		return fmt.Errorf("%w: %s", errLeftovers, lastLines(text))
	}
	return fmt.Errorf("it ended at once: %s (log: %s)", lastLines(text), s.LogFile())
}

func readLines(path string) []string {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	return strings.Split(string(text), "\n")
}

// sleep waits, and says false if ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
