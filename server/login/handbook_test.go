package login_test

import (
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/service"
	"github.com/orgsync/orgsync/server/api"
)

// block is the handbook's program in a language.
func block(t *testing.T, language string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "operations.md"))
	require.NoError(t, err)
	found := regexp.MustCompile("(?s)```" + language + "\n(.*?)```").FindSubmatch(text)
	require.NotNil(t, found, language)
	return string(found[1])
}

func TestTheHandbooksApplications(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	rest, err := api.New(w.mux, w.service, "0.0.0")
	require.NoError(t, err)
	t.Cleanup(rest.Close)
	made, err := w.service.CreateToken(t.Context(), service.CreateTokenInput{Name: "wiki", Role: "app"})
	require.NoError(t, err)
	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	self := free.Addr().String()
	require.NoError(t, free.Close())
	require.NoError(t, w.service.AddApp(t.Context(), "wiki", []string{"http://" + self + "/callback"},
		service.By{Name: "test"}))
	env := append(os.Environ(), "ORGSYNC_SERVER_URL="+w.url, "ORGSYNC_TOKEN="+made.Secret, "SELF="+self)

	dir := t.TempDir()
	source, program := filepath.Join(dir, "main.go"), filepath.Join(dir, "application")
	require.NoError(t, os.WriteFile(source, []byte(block(t, "go")), 0o600))
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, source).CombinedOutput()
	require.NoError(t, err, string(out))
	application := exec.CommandContext(t.Context(), program)
	application.Env = env
	require.NoError(t, application.Start())
	t.Cleanup(func() { _ = application.Process.Kill(); _ = application.Wait() })
	b := w.browser()
	var page *url.URL
	require.Eventually(t, func() bool {
		answer, err := b.client.Get("http://" + self + "/") //nolint:noctx // of the test's own process
		if err != nil {
			return false
		}
		defer answer.Body.Close()
		page, err = answer.Location()
		return err == nil
	}, 10*time.Second, 20*time.Millisecond)
	signIn := func() string {
		_, vendor, _ := b.get(page.String())
		_, callback, _ := b.get(vendor.String() + "&sim_person=" + w.id(3))
		_, back, _ := b.get(callback.String())
		return back.String()
	}
	status, _, body := b.get(signIn())
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, body, `"external_id":"`+w.id(3)+`"`)
	require.Contains(t, body, `"first_login":true`)

	python, err := exec.LookPath("python3")
	if err != nil {
		t.Log("python3 is not there")
		return
	}
	back, err := url.Parse(signIn())
	require.NoError(t, err)
	script := exec.CommandContext(t.Context(), python, "-c", block(t, "python")+
		"\nprint(who_signed_in('"+back.Query().Get("code")+"')['member']['external_id'])")
	script.Env = env
	out, err = script.CombinedOutput()
	require.NoError(t, err, string(out))
	require.Equal(t, w.id(3)+"\n", string(out))
}
