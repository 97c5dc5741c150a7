package main

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/devkit/simulator/wecom"
	"github.com/orgsync/orgsync/internal/app"
	"github.com/orgsync/orgsync/internal/config"
	"github.com/orgsync/orgsync/internal/message"
	"github.com/orgsync/orgsync/internal/provider"
	"github.com/orgsync/orgsync/internal/service"
	"github.com/orgsync/orgsync/starter/cli"
	providercmd "github.com/orgsync/orgsync/starter/provider"
)

// suiteAddress serves the addresses of suites, as a server does, and returns the beginning of them.
func (in installation) suiteAddress() string {
	in.t.Helper()
	env := maps.Clone(in.env)
	use := app.NewService(func(...string) (config.Config, error) {
		return config.Load(func(name string) string { return env[name] })
	}, func(string) {}, slog.New(slog.DiscardHandler), message.English)
	in.t.Cleanup(use.Close)
	suites := use.NewIntake().ForSuites()
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { suites.Run(ctx) })
	in.t.Cleanup(func() {
		stop()
		running.Wait()
	})
	mux := http.NewServeMux()
	mux.HandleFunc(service.SuitePath+"{suite}", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		result, err := suites.Receive(r.Context(), r.PathValue("suite"), provider.CallbackRequest{
			Method: r.Method, Query: r.URL.Query(), Header: r.Header, Body: body, Now: time.Now(),
		})
		if err != nil {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		_, _ = w.Write(result.Body)
	})
	mux.HandleFunc(service.SuitePath+"{suite}"+service.InstalledPath, func(w http.ResponseWriter, r *http.Request) {
		query := r.URL.Query()
		err := suites.Installed(r.Context(), r.PathValue("suite"), query.Get("auth_code"), query.Get("state"))
		if err != nil {
			w.WriteHeader(http.StatusNotFound)
		}
	})
	server := httptest.NewServer(mux)
	in.t.Cleanup(server.Close)
	return server.URL
}

// The command line brings a company to a suite: it says what is missing, prints the link, shows what came of it,
// and takes a company that came without a link.
func TestACompanyInstallsASuite(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	suite := wecom.Suite{ID: "wwsuitecli", Secret: "sim-suite-secret", Token: "simToken01",
		AESKey: "k3yForTestsOnly0123456789abcdefghijABCDEFGH", ProviderCorp: "wwprovider"}
	platform := wecom.NewPlatform(suite, simulator.Options{})
	vendor := httptest.NewServer(platform)
	t.Cleanup(vendor.Close)
	document, err := json.Marshal(map[string]string{
		"suite_id": suite.ID, "suite_secret": suite.Secret, "suite_token_secret": suite.Token,
		"suite_aes_secret": suite.AESKey, "base_url": vendor.URL, "install_url": vendor.URL,
	})
	require.NoError(t, err)
	add := func(name string, more ...string) outcome {
		return in.feed(string(document), append([]string{"provider", "add", name, "--type", "wecom", "--suite",
			"--config", "-"}, more...)...)
	}
	var shown providercmd.Installation
	show := func(name string) providercmd.Installation {
		t.Helper()
		shown = providercmd.Installation{}
		in.ok("provider", "install", name, "--show", "-o", "json").json(&shown)
		return shown
	}

	o := add("acme")
	require.Equal(t, cli.ExitDone, o.status, o.stderr)
	require.Contains(t, o.stderr, "provider acme is stored, but there is no install link yet")
	require.Contains(t, o.stderr, "ORGSYNC_PUBLIC_URL")
	require.Contains(t, o.stdout, "No suite ticket has come yet.")
	require.Contains(t, o.stdout, "No company has installed the suite for acme.")
	in.env["ORGSYNC_PUBLIC_URL"] = in.suiteAddress()
	o = in.run("provider", "install", "acme")
	require.Equal(t, cli.ExitFailed, o.status, o.stdout)
	require.Contains(t, o.stderr, "ticket")
	require.Equal(t, in.env["ORGSYNC_PUBLIC_URL"]+"/suites/wwsuitecli", show("acme").CallbackURL)

	require.Eventually(t, func() bool {
		return platform.Subscribe(shown.CallbackURL, simulator.Delivery{Pace: 50}) == nil
	}, 20*time.Second, 50*time.Millisecond)
	platform.PushTicket(false)
	require.Zero(t, platform.Wait())
	o = in.ok("provider", "install", "acme")
	require.Contains(t, o.stdout, "Send this link to the company's administrator")
	lines := strings.Split(strings.TrimSpace(o.stdout), "\n")
	company := wecom.New(simulator.Generate(simulator.TypicalSpec(3, 5)), wecom.Config{})
	_, err = platform.Install(lines[len(lines)-1], company)
	require.NoError(t, err)
	require.Eventually(t, func() bool { return show("acme").Company == platform.CompanyID(company) }, 30*time.Second,
		50*time.Millisecond)
	require.NotNil(t, shown.TicketAt)
	require.NotNil(t, shown.AuthorizedAt)
	require.Contains(t, in.ok("provider", "show", "acme").stdout, platform.CompanyID(company))

	// The next one needs no ticket of its own: its link comes at once.
	o = add("other", "-o", "json")
	require.Equal(t, cli.ExitDone, o.status, o.stderr)
	o.json(&shown)
	require.Contains(t, shown.Link, vendor.URL+"/3rdapp/install?")
	require.NotNil(t, shown.LinkExpiresAt)
	came := wecom.New(simulator.Generate(simulator.TypicalSpec(4, 5)), wecom.Config{CorpID: "wwother"})
	platform.Market(came, "")
	require.Zero(t, platform.Wait())
	id := platform.CompanyID(came)
	require.Eventually(t, func() bool { return len(show("other").Unclaimed) == 1 }, 30*time.Second, 50*time.Millisecond)
	require.Contains(t, in.ok("provider", "install", "other", "--show").stdout,
		"Company "+id+" installed the suite without a link")
	o = in.run("provider", "install", "other", "--company", "wpNobody")
	require.Equal(t, cli.ExitUsage, o.status, o.stdout)
	require.Contains(t, in.ok("provider", "install", "other", "--company", id).stdout,
		"Company "+id+" has installed the suite.")
	platform.Uninstall(came, false)
	require.Zero(t, platform.Wait())
	require.Contains(t, in.ok("provider", "install", "other", "--show").stdout, "uninstalled the suite")

	// What no suite is has none.
	in.add("plain", feishuConfig())
	o = in.run("provider", "install", "plain")
	require.NotEqual(t, cli.ExitDone, o.status)
	require.Contains(t, o.stderr, "plain")
	for _, secret := range []string{suite.Secret, suite.Token, suite.AESKey} {
		require.NotContains(t, in.ok("provider", "show", "acme", "-o", "json").stdout, secret)
	}
}
