package dingtalk

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/internal/directory"
)

// A code is good once and for five minutes; of that of a browser this is a choice
// (dingtalk-more.md §B1, §B2).
const codeLife = 5 * time.Minute

// strangers makes ids of members of other companies.
var strangers = simulator.NewCodec("strangers")

// signIn is the sign-in page that a request asks for (dingtalk-more.md §B1).
func (s *Server) signIn(q *request) simulator.SignIn {
	query := q.URL.Query()
	page := simulator.SignIn{
		Type: directory.DingTalk, RedirectURL: query.Get("redirect_uri"), State: query.Get("state"),
		CodeNames: []string{"code", "authCode"}, Refusal: url.Values{"error": {"access_denied"}},
		Issue: func(v *simulator.View, g simulator.Grant) (code, problem string) {
			if p, _ := v.Person(g.Person); p.Left && !g.Outsider {
				return "", "who left cannot sign in"
			}
			return s.Passes.Issue("", g, codeLife, 0), ""
		},
	}
	switch {
	case query.Get("client_id") != q.cfg.AppKey:
		page.Problem = "client_id is unknown"
	case query.Get("response_type") != "code":
		page.Problem = "response_type must be code"
	case query.Get("scope") != "openid" && query.Get("scope") != "openid corpid":
		page.Problem = "scope must be openid, or openid corpid"
	case query.Get("prompt") != "consent":
		page.Problem = "prompt must be consent"
	case !simulator.Registered(page.RedirectURL, q.cfg.RedirectURLs):
		page.Problem = "redirect_uri is not registered"
	}
	return page
}

// IssueInApp is the code that a page inside DingTalk gets of a person (dingtalk-more.md §B2).
func (s *Server) IssueInApp(p simulator.PersonID) string {
	return s.Passes.Issue("", simulator.Grant{Person: p, InApp: true}, codeLife, 0)
}

// issueUserToken exchanges the code of a browser (dingtalk.md §8). The two kinds of code are
// not interchangeable (dingtalk-more.md §B2).
func (s *Server) issueUserToken(q *request, act simulator.Action) simulator.Reply {
	if r := q.scripted(act, handler{}); r != nil {
		return q.refuseNew(r)
	}
	in := q.params.json
	switch {
	case q.Method != http.MethodPost:
		return q.newAPI(http.StatusNotFound, "InvalidAction.NotFound", "Specified api is not found")
	case in == nil:
		return q.newAPI(http.StatusBadRequest, "Missingbody", "body is mandatory for this action")
	case in["clientId"] != q.cfg.AppKey || in["clientSecret"] != q.cfg.AppSecret:
		return q.newAPI(http.StatusBadRequest, "invalidClientIdOrSecret", "无效的clientId或者clientSecret")
	case in["grantType"] != "authorization_code":
		return q.newAPI(http.StatusBadRequest, "unsupported.grant.type", "grant type")
	}
	g, state := s.Passes.Spend(q.params.text("code"))
	if state != simulator.PassGood || g.InApp {
		return q.newAPI(http.StatusBadRequest, "invalidParameter.authCode.notFound", "不合法的临时授权码")
	}
	return q.json(map[string]any{
		"accessToken": s.Passes.Issue("", g, tokenLife, 32), "refreshToken": "r-sim",
		"expireIn": int(tokenLife.Seconds()),
	})
}

// me tells who a user token belongs to: personal data, not the directory's (dingtalk.md §8).
func (s *Server) me(q *request, act simulator.Action) simulator.Reply {
	if r := q.scripted(act, handler{}); r != nil {
		return q.refuseNew(r)
	}
	token := q.Header.Get("x-acs-dingtalk-access-token")
	g, state := s.Passes.Show(token)
	switch {
	case token == "":
		return q.newAPI(http.StatusBadRequest, "AuthenticationFailed.MissingParameter",
			"x-acs-dingtalk-access-token is mandatory")
	case state != simulator.PassGood:
		return q.newAPI(http.StatusBadRequest, "InvalidAuthentication", "不合法的access_token")
	case q.untrusted() != nil:
		return q.refuseNew(q.untrusted())
	case !slices.Contains(q.cfg.Points, UserPoint):
		return q.lacks(UserPoint)
	}
	var reply simulator.Reply
	s.company.View(func(v *simulator.View) {
		p, _ := v.Person(g.Person)
		union := s.company.UnionID(directory.DingTalk, p.ID)
		if g.Outsider {
			union = strangers.Hex("", g.Stranger())
		}
		reply = q.json(map[string]any{
			"nick": "nick of " + p.Name, "unionId": union, "openId": "o" + union, "email": p.Email,
			"mobile": strings.TrimPrefix(p.Phone, "+86"), "stateCode": "86",
		})
	})
	return reply
}

// userInfo tells who a code from inside DingTalk stands for (dingtalk.md §8).
func (s *Server) userInfo(v *simulator.View, q *request) (map[string]any, simulator.Shape, *refusal) {
	g, state := s.Passes.Spend(q.params.text("code"))
	if state != simulator.PassGood || !g.InApp {
		return nil, simulator.Shape{}, business(40078, "不存在的临时授权码")
	}
	p, _ := v.Person(g.Person)
	return map[string]any{"result": map[string]any{
		"userid": s.company.UserID(directory.DingTalk, p), "unionid": s.company.UnionID(directory.DingTalk, p.ID),
		"name": p.Name, "device_id": "d-sim", "sys": false, "sys_level": 0,
	}}, simulator.Shape{Object: "result", ID: "userid"}, nil
}
