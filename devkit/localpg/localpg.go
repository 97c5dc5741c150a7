package localpg

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/orgsync/orgsync/devkit/procgroup"
)

const (
	startTimeout = 60 * time.Second // recovery after a crash takes a while
	stopTimeout  = 30 * time.Second
)

// Config says which cluster to run, and how.
type Config struct {
	Dir       string    // home of the cluster; made if missing. Ignored if Temporary
	Port      int       // TCP port; 0 means the same as last time if it is free, else any free one
	Temporary bool      // in a new directory, without fsync, deleted by Stop or by the end of this process, however it ends
	Progress  io.Writer // told what takes long; nil for nobody
	Settings  []string  // of the server beyond its defaults, as name=value
}

// Server is a running server. Its methods may not be called concurrently.
type Server struct {
	cfg      Config
	acct     *account
	bin      binaries
	home     string
	port     int
	password string
	process  *procgroup.Process
	unlock   func()
}

// Start starts the cluster in cfg.Dir, which it makes first if there is none, and returns once the server takes
// connections. A server that an earlier process left running there is stopped first; one that a living process owns is an
// error. If this process ends without Stop, the server is shut down.
func Start(ctx context.Context, cfg Config) (*Server, error) {
	if cfg.Progress == nil {
		cfg.Progress = io.Discard
	}
	acct, err := serverAccount()
	if err != nil {
		return nil, err
	}
	s := &Server{cfg: cfg, acct: acct}
	if err := s.prepare(ctx); err != nil {
		s.leave()
		return nil, fmt.Errorf("prepare postgres: %w", err)
	}
	if err := s.run(ctx); err != nil {
		s.leave()
		return nil, fmt.Errorf("start postgres: %w", err)
	}
	return s, nil
}

// URL is where to connect, as the cluster's superuser, to a database: "postgres" exists from the start. It holds a password.
func (s *Server) URL(database string) string {
	where := url.URL{
		Scheme: "postgres", User: url.UserPassword(superuser, s.password),
		Host: net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)), Path: database, RawQuery: "sslmode=disable",
	}
	return where.String()
}

// Port is the TCP port on 127.0.0.1.
func (s *Server) Port() int { return s.port }

// Pid is the process id of the server's first process.
func (s *Server) Pid() int { return s.process.Pid() }

// LogFile is where the server writes its log.
func (s *Server) LogFile() string { return filepath.Join(s.home, logFile) }

// Done is closed when the server has ended, whether asked to or not.
func (s *Server) Done() <-chan struct{} { return s.process.Done() }

// Stop breaks off open connections, shuts the server down in order and returns once it is gone. A second Stop does nothing.
func (s *Server) Stop() error {
	err := s.process.Stop(syscall.SIGINT, stopTimeout) // a fast shutdown, in Postgres' words
	s.leave()
	return err
}

// Crash ends the server as a power cut would, without writing anything back. Restart brings it up again.
func (s *Server) Crash() error { return s.process.Stop(syscall.SIGQUIT, stopTimeout) }

// Restart stops the server if it runs and starts it again on the same port.
func (s *Server) Restart(ctx context.Context) error {
	if err := s.process.Stop(syscall.SIGINT, stopTimeout); err != nil {
		return err
	}
	if err := s.run(ctx); err != nil {
		return fmt.Errorf("restart postgres: %w", err)
	}
	return nil
}

// Remove deletes the cluster in dir with all its data. It must not be running.
func Remove(dir string) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return fmt.Errorf("remove cluster: %w", err)
	}
	homes := []string{dir}
	if os.Geteuid() == 0 {
		homes = append(homes, substitute(dir))
	}
	for _, home := range homes {
		if _, err := os.Stat(home); err != nil {
			continue
		}
		unlock, err := procgroup.TryLock(filepath.Join(home, lockFile))
		if err != nil {
			return fmt.Errorf("remove cluster: it is in use: %w", err)
		}
		err = os.RemoveAll(home)
		unlock()
		if err != nil {
			return fmt.Errorf("remove cluster: %w", err)
		}
	}
	_ = os.Remove(rootHome) // which works only if it is there and nothing else lies in it
	return nil
}

// prepare claims the directory and makes the cluster if there is none.
func (s *Server) prepare(ctx context.Context) error {
	wanted, err := filepath.Abs(s.cfg.Dir)
	if s.cfg.Temporary {
		wanted, err = os.MkdirTemp("", "orgsync-postgres-")
	}
	if err != nil {
		return err
	}
	if s.home, err = s.acct.place(ctx, wanted); err != nil {
		return err
	}
	if s.unlock, err = procgroup.TryLock(filepath.Join(s.home, lockFile)); err != nil {
		return fmt.Errorf("the cluster belongs to another process: %w", err)
	}
	if s.bin, err = findBinaries(ctx, s.acct, major(s.home), s.cfg.Progress); err != nil {
		return err
	}
	if s.password, err = remembered(filepath.Join(s.home, passwordFile), newPassword); err != nil {
		return err
	}
	if major(s.home) != 0 {
		return nil
	}
	return initialise(ctx, s.acct, s.bin, s.home, s.password)
}

// leave gives the directory up, and deletes a temporary one.
func (s *Server) leave() {
	if s.unlock == nil {
		return
	}
	if s.cfg.Temporary {
		_ = os.RemoveAll(s.home)
	}
	s.unlock()
	s.unlock = nil
}
