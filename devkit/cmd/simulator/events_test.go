package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"
)

func (p *program) events(vendor string) shownEvents {
	p.t.Helper()
	var all map[string]shownEvents
	require.Equal(p.t, 200, p.control("GET", "/events?vendor="+vendor, "", &all))
	return all[vendor]
}

// frame is what comes on DingTalk's stream.
type frame struct {
	Type    string
	Headers struct {
		MessageID string `json:"messageId"`
		EventType string `json:"eventType"`
	}
	Data string
}

// listen opens a connection to DingTalk and answers what comes; events come to the channel.
func (p *program) listen() <-chan frame {
	p.t.Helper()
	var ticket struct{ Endpoint, Ticket string }
	require.Equal(p.t, 200, p.call("POST", p.places.DingTalk.BaseURL+"/v1.0/gateway/connections/open",
		`{"clientId":"dingsim","clientSecret":"sim-secret","subscriptions":[{"type":"EVENT","topic":"*"}]}`, &ticket))
	conn, _, err := websocket.Dial(p.t.Context(), ticket.Endpoint+"?ticket="+ticket.Ticket, nil)
	require.NoError(p.t, err)
	p.t.Cleanup(func() { _ = conn.CloseNow() })
	came := make(chan frame, 100)
	go func() {
		for {
			_, text, err := conn.Read(p.t.Context())
			var f frame
			if err != nil || json.Unmarshal(text, &f) != nil {
				return
			}
			data := f.Data
			if f.Type == "EVENT" {
				came <- f
				data = `{"status":"SUCCESS"}`
			}
			answer, _ := json.Marshal(map[string]any{"code": 200, "data": data,
				"headers": map[string]string{"messageId": f.Headers.MessageID}})
			if conn.Write(p.t.Context(), websocket.MessageText, answer) != nil {
				return
			}
		}
	}()
	return came
}

// A change is told on the first connection without further ado, and then as is said.
func TestChangesAreTold(t *testing.T) {
	t.Parallel()
	p := startProgram(t, "--members", "20", "--departments", "5")
	require.Contains(t, p.order(0, "change", "dingtalk", "--title", "Chief"), "has the title Chief")
	require.False(t, p.events("dingtalk").On, "nobody listens")
	came := p.listen()
	require.Eventually(t, func() bool { return p.events("dingtalk").On }, 10*time.Second, 10*time.Millisecond)
	var done changedPerson
	require.Equal(t, 200, p.control("POST", "/change", `{"vendor":"dingtalk","move":true}`, &done))
	f := <-came
	require.Equal(t, "user_modify_org", f.Headers.EventType)
	require.Contains(t, f.Data, done.UserID)
	require.NotEmpty(t, done.Department)
	p.order(0, "change", "dingtalk", "--leave", "--user", done.UserID)
	require.Equal(t, "user_leave_org", (<-came).Headers.EventType)

	p.order(0, "events", "dingtalk", "--duplicate", "1", "--late", "1", "--late-by", "0.2")
	p.order(0, "change", "dingtalk", "--title", "Chief")
	<-came
	<-came
	p.order(0, "events", "dingtalk", "--drop", "1")
	p.order(0, "change", "dingtalk", "--title", "Chiefest")
	shown := p.events("dingtalk")
	require.Equal(t, []int64{1, 0, 1}, []int64{shown.Messages, shown.Acknowledged, shown.Lost})
	require.Equal(t, 1, shown.Connections)
	require.Equal(t, 200, p.control("DELETE", "/events?vendor=dingtalk", "", nil))
	require.False(t, p.events("dingtalk").On)
	require.Empty(t, came)

	for _, refused := range []struct {
		says string
		args []string
	}{
		{"WeCom tells of changes at a callback address only", []string{"events", "wecom"}},
		{"it should be a callback address", []string{"events", "wecom", "--url", "here"}},
		{"shares from 0 to 1", []string{"events", "feishu", "--drop", "2"}},
		{"only WeCom has", []string{"events", "feishu", "--full"}},
		{"only Feishu does", []string{"events", "dingtalk", "--split", "0.5"}},
		{"leave them out beside url", []string{"events", "feishu", "--url", "http://127.0.0.1:1/x", "--odd", "0.5"}},
		{"one of title, move and leave", []string{"change", "feishu"}},
	} {
		require.Contains(t, p.order(2, refused.args...), refused.says)
	}
	require.Contains(t, p.order(1, "change", "feishu", "--leave", "--user", "nobody"), `nobody at feishu has the id`)
	for _, bad := range []string{`{"vendor":"feishu"}`, `{"vendor":"entra","leave":true}`, `{"leave":true}`} {
		require.Equal(t, 400, p.control("POST", "/change", bad, nil), bad)
	}
}

// The program offers WeCom's company a suite. An administrator who opens its install page
// consents and is sent back, and apps of the company's own are served beside it.
func TestSuiteIsInstalled(t *testing.T) {
	t.Parallel()
	p := startProgram(t, "--members", "20")
	config := p.places.Suite.Config
	require.Equal(t, p.places.WeCom.BaseURL, config["base_url"])
	var token struct {
		Code int `json:"errcode"`
	}
	service := p.places.WeCom.BaseURL + "/cgi-bin/service/"
	p.call("POST", service+"get_suite_token", `{"suite_id":"wwsuite","suite_secret":"sim-suite-secret",
		"suite_ticket":"none"}`, &token)
	require.Equal(t, 40085, token.Code, "no ticket has been sent")
	code, n := p.departments(p.token())
	require.Zero(t, code)
	require.Positive(t, n)

	back := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(back.Close)
	page := p.places.WeCom.BaseURL + "/3rdapp/install?" + url.Values{
		"suite_id": {"wwsuite"}, "pre_auth_code": {"made up"}, "redirect_uri": {back.URL}}.Encode()
	require.Equal(t, 400, p.call("GET", page, "", nil))
	require.Contains(t, p.order(2, "suite"), "missing flags")
	require.Contains(t, p.order(0, "suite", "--uninstall"), "uninstalled")

	custom := startProgram(t, "--members", "20", "--suite", "dktemplate")
	require.Equal(t, 200, custom.call("GET", custom.places.WeCom.BaseURL+"/qr?state=s", "", nil))
}
