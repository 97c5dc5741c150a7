package feishu

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/orgsync/orgsync/devkit/simulator"
)

// A token lives two hours; it comes back unchanged while half an hour or more is
// left, and after that old and new are both valid (feishu.md §1.2).
const (
	tokenLife  = 2 * time.Hour
	tokenRenew = 30 * time.Minute
)

// maxBody is more than any request of a client needs.
const maxBody = 1 << 20

// issueToken answers both token endpoints. Refusals come with HTTP 200.
func (s *Server) issueToken(q *request, act simulator.Action) simulator.Reply {
	if q.Method != http.MethodPost {
		return q.notFound()
	}
	if r := q.scripted(act, handler{}); r != nil {
		return q.refuse(r)
	}
	var in struct {
		AppID     string `json:"app_id"`
		AppSecret string `json:"app_secret"`
	}
	err := json.NewDecoder(io.LimitReader(q.Body, maxBody)).Decode(&in)
	switch {
	case err != nil || !strings.HasPrefix(in.AppID, "cli_") || in.AppSecret == "":
		return q.flat(map[string]any{"code": 10003, "msg": "invalid param", "data": map[string]any{}})
	case in.AppID != q.cfg.AppID:
		return q.flat(map[string]any{"code": 10014, "msg": "app id not exists"})
	case in.AppSecret != q.cfg.AppSecret:
		return q.flat(map[string]any{"code": 10015, "msg": "wrong app secret"})
	}
	token, left := s.Tokens.Issue("t-g1", in.AppID, tokenLife, tokenRenew)
	body := map[string]any{"code": 0, "msg": "ok", "tenant_access_token": token, "expire": int(left.Seconds())}
	if q.endpoint == "app_access_token" {
		body["app_access_token"] = token
	}
	return q.flat(body)
}

func (s *Server) checkToken(q *request) *refusal {
	if q.token == "" {
		return &refusal{code: 99991661, msg: "Need a token"}
	}
	if !strings.HasPrefix(q.token, "t-") && !strings.HasPrefix(q.token, "u-") {
		return &refusal{code: 99991671, msg: "token must start with t- or u-"}
	}
	if owner, expired := s.Tokens.Owner(q.token); owner == "" || expired {
		return &refusal{
			code: 99991663,
			msg:  "Invalid access token for authorization. Please make a request with token attached.",
		}
	}
	return nil
}
