package stack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const serverStart = 30 * time.Second

// tokenFile keeps the administrator's token of the stack, which its database does not have.
const tokenFile = "token"

// addServer starts the REST API and returns once it answers an administrator's token.
func (s *Stack) addServer(ctx context.Context, port int) error {
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	s.serverURL = "http://" + address
	settings := append(s.Settings(), Setting{"ORGSYNC_SERVER_ADDRESS", address}, Setting{"ORGSYNC_PUBLIC_URL",
		s.serverURL})
	started, err := s.place.start("server", Environ(settings), filepath.Join(s.cfg.Bin, "orgsync-server"))
	if err != nil {
		return err
	}
	s.server = started
	if err := started.await(ctx, serverStart, func(ctx context.Context) error {
		return answers(ctx, s.serverURL+"/readyz", "")
	}); err != nil {
		return err
	}
	if s.token, err = s.keptToken(ctx); err != nil {
		return err
	}
	return answers(ctx, s.serverURL+"/api/v1/providers", s.token)
}

// CrashServer kills the server, as a crash does, and starts another in its place.
func (s *Stack) CrashServer(ctx context.Context) error {
	if err := s.server.Process.Stop(syscall.SIGKILL, time.Minute); err != nil {
		return err
	}
	at, err := url.Parse(s.serverURL)
	if err != nil {
		return err
	}
	port, err := strconv.Atoi(at.Port())
	if err != nil {
		return err
	}
	return s.addServer(ctx, port)
}

// keptToken is the token of last time, or a new one where there is none or where it is not
// valid any more.
func (s *Stack) keptToken(ctx context.Context) (string, error) {
	file := filepath.Join(s.cfg.Dir, tokenFile)
	kept, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("read the token: %w", err)
	}
	if token := strings.TrimSpace(string(kept)); token != "" && answers(ctx, s.serverURL+"/api/v1/providers",
		token) == nil {
		return token, nil
	}
	name := "development " + time.Now().UTC().Format(time.RFC3339Nano) // the last one's name may be taken
	made, err := s.Orgsync(ctx, nil, "token", "create", name, "--role", "admin", "--output", "json")
	if err != nil {
		return "", err
	}
	var document struct{ Token string }
	if err := json.Unmarshal(made, &document); err != nil {
		return "", fmt.Errorf("make a token: %w", err)
	}
	return document.Token, os.WriteFile(file, []byte(document.Token+"\n"), 0o600)
}

// answers returns nil if an address answers 200.
func answers(ctx context.Context, url, token string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", url, answer.Status)
	}
	return nil
}

// ServerURL is where the REST API is, empty where it is not served.
func (s *Stack) ServerURL() string { return s.serverURL }
