package notify

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// at is when the tests' messages are signed.
func at() time.Time { return time.Unix(1599360473, 0) }

const token = "t0ken-of-the-hook"

// received is what a service was sent.
type received struct {
	*http.Request
	body []byte
}

// serve answers every message alike and hands on what came.
func serve(t *testing.T, status int, answer string) (url string, messages <-chan received) {
	t.Helper()
	came := make(chan received, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err == nil {
			came <- received{r, body}
		}
		if status/100 == 3 {
			w.Header().Set("Location", "/"+token)
		}
		w.WriteHeader(status)
		fmt.Fprint(w, answer)
	}))
	t.Cleanup(server.Close)
	return server.URL + "/hook/" + token, came
}

func sender() *Sender {
	return &Sender{Now: at,
		HTTP: &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		}}}
}

func TestFormats(t *testing.T) {
	t.Parallel()
	require.Equal(t, []string{"dingtalk", "feishu", "json", "wecom"}, Formats())
	words := quoted(held().text(longText))
	for name, c := range map[string]struct {
		hook   Hook
		query  string // of the request, beside the hook's own
		answer string
		want   string
	}{
		"feishu": {Hook{Format: "feishu"}, "", `{"code":0,"msg":"success"}`,
			`{"msg_type":"text","content":{"text":` + words + `}}`},
		"feishu, signed": {Hook{Format: "feishu", Secret: "SECdemo"}, "", `{"StatusCode":0}`,
			`{"timestamp":"1599360473","sign":"UNvK0aHeWrPUMl0ySOUpIoYdvBDU1mnjgkbX5JtMxkk=","msg_type":"text","content":{"text":` + words + `}}`},
		"dingtalk": {Hook{Format: "dingtalk"}, "", `{"errcode":0,"errmsg":"ok"}`,
			`{"msgtype":"text","text":{"content":` + words + `}}`},
		"dingtalk, signed": {Hook{Format: "dingtalk", Secret: "SECdemo"},
			"&sign=tGWkA5eQOQNCNPDgphtxIoNLO%2B%2FgD8Lcb705KQoRzeY%3D&timestamp=1599360473000", `{"errcode":0}`,
			`{"msgtype":"text","text":{"content":` + words + `}}`},
		"wecom": {Hook{Format: "wecom"}, "", `{"errcode":0,"errmsg":"ok"}`,
			`{"msgtype":"text","text":{"content":` + words + `}}`},
		"json": {Hook{Format: "json"}, "", "thank you",
			`{"id":"r1/held","event":"held","provider":"acme","run_id":"r1","workflow_id":"orgsync/acme/removals/r1",
			"mode":"apply","status":"held","reason":"it would remove 21 of 42 members; the limit is 20",
			"counts":{"departments":{"read":12,"created":0,"updated":0,"moved":0,"restored":0,"deleted":0,"unchanged":0,"failed":0},
			"members":{"read":340,"created":2,"updated":0,"moved":0,"restored":1,"deactivated":0,"deleted":0,"unchanged":0,"failed":0,"linked":0,"account_created":0},
			"memberships":{"created":0,"deleted":0},
			"groups":{"read":0,"created":0,"updated":0,"restored":0,"deleted":0,"unchanged":0,"failed":0},
			"group_memberships":{"created":0,"deleted":0},"administrators":{"read":0,"created":0,"updated":0,"deleted":0,"failed":0}},
			"planned":{"members":21,"departments":0,"memberships":24,"groups":0,"group_memberships":0,"administrators":0},
			"started_at":"1970-01-01T00:00:01Z","decide_until":"2020-09-06T02:47:53Z","commands":["orgsync approve acme r1","orgsync reject acme r1"],
			"url":"http://ui/held","text":` + words + `}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url, messages := serve(t, http.StatusOK, c.answer)
			c.hook.URL = url + "?key=1"
			m := held()
			m.DecideUntil = new(m.DecideUntil.UTC())
			require.NoError(t, sender().Send(t.Context(), c.hook, m))
			got := <-messages
			require.Equal(t, http.MethodPost, got.Method)
			require.Equal(t, "application/json; charset=utf-8", got.Header.Get("Content-Type"))
			require.Equal(t, "key=1"+c.query, got.URL.RawQuery)
			require.JSONEq(t, c.want, string(got.body))
		})
	}
}

func quoted(s string) string {
	out, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return string(out)
}

func TestBodiesStayWithinTheRobotsLimits(t *testing.T) {
	t.Parallel()
	for format, most := range map[string]int{"feishu": 20_000, "dingtalk": 20_000, "wecom": 20_000, "json": 1 << 20} {
		for _, filler := range []string{"x", "长", `"`, "<"} {
			m := held()
			m.Reason = strings.Repeat(filler, 200_000)
			_, body, err := formats[format].build(Hook{Format: format, URL: "http://h"}, m, at())
			require.NoError(t, err)
			require.LessOrEqual(t, len(body), most, format)
			if format == "wecom" {
				var sent struct{ Text text }
				require.NoError(t, json.Unmarshal(body, &sent))
				require.LessOrEqual(t, len(sent.Text.Content), 2048)
			}
		}
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		format string
		status int
		answer string
		final  bool
		wait   time.Duration
		want   string
	}{
		"json, gone":      {"json", 404, "", true, 0, "HTTP status 404"},
		"json, moved":     {"json", 302, "", true, 0, "redirect"},
		"json, broken":    {"json", 500, "", false, 0, "HTTP status 500"},
		"json, slow down": {"json", 429, "", false, time.Minute, "HTTP status 429"},
		"feishu, bad signature": {"feishu", 200, `{"code":19021,"msg":"sign match fail"}`, true, 0,
			"code 19021: the signature does not fit"},
		"feishu, keyword":       {"feishu", 200, `{"code":19024}`, true, 0, "keywords"},
		"feishu, old bad token": {"feishu", 200, `{"StatusCode":19001}`, true, 0, "code 19001"},
		"feishu, too many":      {"feishu", 200, `{"code":11232}`, false, time.Minute, "code 11232"},
		"dingtalk, bad signature": {"dingtalk", 200, `{"errcode":310000,"errmsg":"sign not match"}`, true, 0,
			"code 310000"},
		"dingtalk, too many": {"dingtalk", 200, `{"errcode":130101}`, false, 10 * time.Minute, "code 130101"},
		"dingtalk, busy":     {"dingtalk", 200, `{"errcode":-1}`, false, 10 * time.Second, "busy"},
		"wecom, removed": {"wecom", 200, `{"errcode":93000,"errmsg":"invalid webhook url ` + token + `"}`, true,
			0, "code 93000"},
		"wecom, too many": {"wecom", 200, `{"errcode":45009}`, false, time.Minute, "code 45009"},
		"wecom, unknown": {"wecom", 200, `{"errcode":4711,"errmsg":"` + token + `"}`, true, 0,
			"code 4711: the robot refuses"},
		"wecom, a proxy's page": {"wecom", 200, `<html>` + token, false, 0, "not a robot's"},
		"feishu, no verdict":    {"feishu", 200, `{}`, false, 0, "not a robot's"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url, _ := serve(t, c.status, c.answer)
			err := sender().Send(t.Context(), Hook{Format: c.format, URL: url, Secret: "SECdemo"}, held())
			var problem *Error
			require.ErrorAs(t, err, &problem)
			require.Equal(t, c.final, problem.Final)
			require.Equal(t, c.wait, problem.RetryAfter)
			require.ErrorContains(t, err, c.want)
			requireNoSecret(t, err.Error())
		})
	}
}

func TestUnreachableHook(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.NotFoundHandler())
	hook := Hook{Format: "json", URL: server.URL + "/" + token}
	server.Close()
	err := sender().Send(t.Context(), hook, held())
	var problem *Error
	require.ErrorAs(t, err, &problem)
	require.False(t, problem.Final)
	requireNoSecret(t, err.Error())

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, sender().Send(ctx, hook, held()), context.Canceled)
	require.False(t, errors.As(sender().Send(ctx, hook, held()), new(*Error)))

	for _, bad := range []Hook{{Format: "json", URL: "http://[" + token},
		{Format: "dingtalk", URL: ":" + token, Secret: "SECdemo"}, {Format: "pager", URL: "http://" + token}} {
		err := sender().Send(t.Context(), bad, held())
		require.ErrorAs(t, err, &problem)
		require.True(t, problem.Final)
		if bad.Format != "pager" { // there the host is the token
			requireNoSecret(t, err.Error())
		}
	}
}

func TestHookIsNamedWithoutItsSecrets(t *testing.T) {
	t.Parallel()
	hook := Hook{Format: "feishu", URL: "https://user:pass@open.feishu.cn:443/hook/" + token, Secret: "SECdemo"}
	require.Regexp(t, `^feishu open\.feishu\.cn [0-9a-f]{8}$`, hook.Name())
	other := hook
	other.URL += "x"
	require.NotEqual(t, hook.Name(), other.Name())
	var printed bytes.Buffer
	fmt.Fprintf(&printed, "%v %+v %#v %s", hook, hook, hook, []Hook{hook})
	requireNoSecret(t, printed.String())
	require.NotContains(t, printed.String(), "pass")
}

func requireNoSecret(t *testing.T, text string) {
	t.Helper()
	require.NotContains(t, text, token)
	require.NotContains(t, text, "SECdemo")
}
