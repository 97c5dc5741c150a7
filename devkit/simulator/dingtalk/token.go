package dingtalk

import (
	"net/http"
	"strings"
	"time"

	"github.com/orgsync/orgsync/devkit/simulator"
)

// A token lives two hours; asking again while it is valid gives it its full life
// back (dingtalk.md §1.1). Both hosts share it.
const tokenLife = 2 * time.Hour

func (s *Server) token(owner string) string {
	token, _ := s.Tokens.Issue("", owner, tokenLife, 0)
	s.Tokens.Extend(token, tokenLife)
	return token
}

// issueToken answers the three token endpoints, each in its own spelling.
func (s *Server) issueToken(q *request, act simulator.Action) simulator.Reply {
	r := q.scripted(act, handler{})
	if r == nil && s.OverQuota(q.endpoint) > 0 {
		r = throttled
	}
	switch {
	case r != nil && (q.endpoint == "gettoken" || r.banned):
		return q.refuse(r)
	case r != nil:
		return q.refuseNew(r)
	}
	switch q.endpoint {
	case "gettoken":
		return s.getToken(q)
	case "oauth2/accessToken":
		if q.Method != http.MethodPost {
			return q.newAPI(http.StatusNotFound, "InvalidAction.NotFound", "Specified api is not found")
		}
		if q.params.json == nil {
			return q.newAPI(http.StatusBadRequest, "Missingbody", "body is mandatory for this action")
		}
		if q.params.json["appKey"] != q.cfg.AppKey || q.params.json["appSecret"] != q.cfg.AppSecret {
			return q.newAPI(http.StatusBadRequest, "invalidClientIdOrSecret", "无效的clientId或者clientSecret")
		}
		return q.json(map[string]any{"accessToken": s.token(q.cfg.AppKey), "expireIn": int(tokenLife.Seconds())})
	default:
		corp := strings.TrimSuffix(strings.TrimPrefix(q.URL.Path, "/v1.0/oauth2/"), "/token")
		switch {
		case corp != q.cfg.CorpID:
			return q.newAPI(http.StatusInternalServerError, "unknownError", "未知错误")
		case q.params.json["grant_type"] != "client_credentials":
			return q.newAPI(http.StatusBadRequest, "unsupported.grant.type", "grant type")
		case q.params.json["client_id"] != q.cfg.AppKey || q.params.json["client_secret"] != q.cfg.AppSecret:
			return q.newAPI(http.StatusBadRequest, "invalid.client", "client")
		}
		return q.json(map[string]any{"access_token": s.token(q.cfg.AppKey), "expires_in": int(tokenLife.Seconds())})
	}
}

// refuseNew is a refusal in the newer API's words (dingtalk.md §1.2 shape D, §6). A code
// for which it has none is a failure of the server.
func (q *request) refuseNew(r *refusal) simulator.Reply {
	switch r.code {
	case 90018:
		return q.newAPI(http.StatusForbidden, "Forbidden.AccessDenied.QpsLimitForAppkeyAndApi", r.msg)
	case 90002:
		return q.newAPI(http.StatusForbidden, "Forbidden.AccessDenied.QpsLimitForApi", r.msg)
	case 60020:
		return q.newAPI(http.StatusForbidden, "Forbidden.AccessDenied.IpNotInWhiteList", r.msg)
	case 60011:
		return q.newAPI(http.StatusForbidden, "Forbidden.AccessDenied.AccessTokenPermissionDenied", r.msg)
	default:
		return q.newAPI(http.StatusInternalServerError, "unknownError", r.msg)
	}
}

// getToken reads the query only; its refusals carry no request id.
func (s *Server) getToken(q *request) simulator.Reply {
	key, secret := q.URL.Query().Get("appkey"), q.URL.Query().Get("appsecret")
	if q.Method != http.MethodGet { // the documented one (dingtalk.md §1.1); what another gets is a choice
		key, secret = "", ""
	}
	switch {
	case key == "" || secret == "":
		return q.json(map[string]any{"errcode": 40035, "errmsg": "缺少参数 corpid or appkey"})
	case key != q.cfg.AppKey || secret != q.cfg.AppSecret:
		return q.json(map[string]any{"errcode": 40096, "errmsg": "不合法的appKey或appSecret"})
	}
	return q.json(
		map[string]any{"errcode": 0, "errmsg": "ok", "access_token": s.token(key),
			"expires_in": int(tokenLife.Seconds())},
	)
}
