package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/app"
	"github.com/orgsync/orgsync/starter/cli"
)

func TestNotifyTest(t *testing.T) {
	t.Parallel()
	came := make(chan map[string]any, 10)
	good := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var message map[string]any
		if json.NewDecoder(r.Body).Decode(&message) == nil {
			came <- message
		}
	}))
	t.Cleanup(good.Close)
	bad := httptest.NewServer(http.HandlerFunc(
		func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"code":19001}`)) }))
	t.Cleanup(bad.Close)

	in := installation{t: t, env: map[string]string{}}
	o := in.run("notify", "test")
	require.Equal(t, cli.ExitUsage, o.status)
	require.Contains(t, o.stderr, "ORGSYNC_NOTIFY is not set")

	in.env["ORGSYNC_NOTIFY"] = "json:" + good.URL + "/token-1234"
	o = in.ok("notify", "test")
	require.Contains(t, o.stdout, "ok, delivered")
	require.NotContains(t, o.stdout, "token-1234")
	message := <-came
	require.Equal(t, "test", message["event"])
	require.Equal(t, "orgsync: this is a test; messages about runs arrive here", message["text"])

	in.env["ORGSYNC_NOTIFY"] += " feishu:" + bad.URL + "/token-5678"
	o = in.run("notify", "test", "--output", "json")
	require.Equal(t, cli.ExitFailed, o.status)
	require.Contains(t, o.stderr, "the message could not be delivered to 1 of 2 webhooks")
	var trials []app.HookTrial
	o.json(&trials)
	require.True(t, trials[0].Delivered)
	require.False(t, trials[1].Delivered)
	require.Contains(t, trials[1].Problem, "code 19001: Feishu knows no robot with that address")
	require.NotContains(t, o.stdout+o.stderr, "token-5678")
}
