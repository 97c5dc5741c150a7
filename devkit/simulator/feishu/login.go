package feishu

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/internal/directory"
)

const (
	// The token endpoints of logins, current and deprecated (feishu-more.md §B2).
	userTokenV3 = "oauth/v3/token"
	userTokenV2 = "authen/v2/oauth/token"
	// The keys of this company and of another one.
	tenantKey  = "2ca1d211f64f6438"
	foreignKey = "736588c9260f175d"
	// A code is good once and for five minutes, one from inside Feishu for three
	// (feishu-more.md §B1, §B4).
	codeLife  = 5 * time.Minute
	inAppLife = 3 * time.Minute
	// userTokenSize is how long user tokens can be (feishu.md §7.2).
	userTokenSize = 2000
)

// strangers makes ids of members of other companies.
var strangers = simulator.NewCodec("strangers")

// signIn is the sign-in page that a request asks for (feishu-more.md §B1).
func (s *Server) signIn(q *request) simulator.SignIn {
	page := simulator.SignIn{
		Type: directory.Feishu, RedirectURL: q.query.Get("redirect_uri"), State: q.query.Get("state"),
		CodeNames: []string{"code"}, Refusal: url.Values{"error": {"access_denied"}},
		Issue: func(_ *simulator.View, g simulator.Grant) (code, problem string) {
			g.Challenge, g.Method = q.query.Get("code_challenge"), q.query.Get("code_challenge_method")
			return s.Passes.Issue("", g, codeLife, 64), ""
		},
	}
	switch {
	case q.query.Get("client_id") != q.cfg.AppID:
		page.Problem = "client_id is unknown"
	case q.query.Get("response_type") != "code":
		page.Problem = "response_type must be code"
	case !simulator.Registered(page.RedirectURL, q.cfg.RedirectURLs):
		page.Problem = "redirect_uri is not registered"
	case q.query.Get("scope") != "":
		page.Problem = "20027: the app lacks a permission that scope asks for"
	}
	return page
}

// IssueInApp is the code that a page inside Feishu gets of a person (feishu-more.md §B4).
func (s *Server) IssueInApp(p simulator.PersonID) string {
	return s.Passes.Issue("", simulator.Grant{Person: p, InApp: true}, inAppLife, 64)
}

// tokenRequest is what the token endpoints are asked.
type tokenRequest struct {
	GrantType    string `json:"grant_type"`
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret"`
	Code         string `json:"code"`
	RedirectURL  string `json:"redirect_uri"`
	Verifier     string `json:"code_verifier"`
}

// issueUserToken exchanges a code (feishu-more.md §B2). The answer is flat; the current
// endpoint sends no code with a success, which is a choice.
func (s *Server) issueUserToken(q *request, act simulator.Action) simulator.Reply {
	if q.Method != http.MethodPost {
		return q.notFound()
	}
	if r := q.scripted(act, handler{}); r != nil {
		return q.refuseLogin(r.code)
	}
	var in tokenRequest
	err := json.NewDecoder(io.LimitReader(q.Body, maxBody)).Decode(&in)
	switch {
	case err != nil:
		return q.refuseLogin(20063)
	case in.GrantType != "authorization_code":
		return q.refuseLogin(20036)
	case in.ClientID == "" || in.ClientSecret == "" || in.Code == "":
		return q.refuseLogin(20001)
	case in.ClientID != q.cfg.AppID:
		return q.refuseLogin(20048)
	case in.ClientSecret != q.cfg.AppSecret:
		return q.refuseLogin(20002)
	case q.Header.Get("Authorization") != "":
		return q.refuseLogin(20070)
	}
	g, state := s.Passes.Spend(in.Code)
	switch {
	case state == simulator.PassUnknown:
		return q.refuseLogin(20003)
	case state == simulator.PassExpired:
		return q.refuseLogin(20004)
	case state == simulator.PassUsed:
		return q.refuseLogin(20065)
	case in.RedirectURL != "" && in.RedirectURL != g.RedirectURL:
		return q.refuseLogin(20071)
	case !proven(g, in.Verifier, q.endpoint == userTokenV3):
		return q.refuseLogin(20049)
	}
	body := map[string]any{
		"access_token": s.Passes.Issue("eyJ", g, tokenLife, userTokenSize), "token_type": "Bearer",
		"expires_in": int(tokenLife.Seconds()), "scope": "",
	}
	if q.endpoint == userTokenV2 {
		body["code"] = 0
	}
	return q.flat(body)
}

// proven checks the verifier of PKCE, whose method is plain where none was named. One without
// a challenge before is refused by the current endpoint only (feishu-more.md §B1, §B2).
func proven(g simulator.Grant, verifier string, strict bool) bool {
	sum := sha256.Sum256([]byte(verifier))
	switch {
	case g.Challenge == "":
		return verifier == "" || !strict
	case g.Method == "S256":
		return len(verifier) >= 43 && base64.RawURLEncoding.EncodeToString(sum[:]) == g.Challenge
	default:
		return verifier == g.Challenge
	}
}

// refuseLogin is a refusal of the token endpoints.
func (q *request) refuseLogin(code int) simulator.Reply {
	reply := q.flat(map[string]any{"code": code, "error": "invalid_grant", "error_description": "simulated"})
	if reply.Status = http.StatusBadRequest; q.cfg.TokenErrorsAs200 {
		reply.Status = http.StatusOK
	}
	if code == 20050 || code == 20072 {
		reply.Status = http.StatusServiceUnavailable
	}
	return reply
}

// userInfo tells who a user token belongs to. Refusals come with 200 (feishu.md §7.3).
func (s *Server) userInfo(q *request, act simulator.Action) simulator.Reply {
	if q.Method != http.MethodGet {
		return q.notFound()
	}
	if r := q.scripted(act, handler{}); r != nil {
		return q.refuse(r)
	}
	g, state := s.Passes.Show(q.token)
	if state != simulator.PassGood {
		if strings.HasPrefix(q.token, "t-") || q.token == "" { // it takes a user's token only (feishu.md §5.2)
			return q.refuse(s.gate(q, handler{method: q.Method}, act))
		}
		return q.flat(map[string]any{"code": 20005, "msg": "invalid access token"})
	}
	var reply simulator.Reply
	s.company.View(func(v *simulator.View) {
		p, _ := v.Person(g.Person)
		data := map[string]any{
			"name": p.Name, "email": p.Email, "mobile": p.Phone, "avatar_url": "https://img.example/login",
			"open_id": s.OpenID(p.ID), "union_id": s.company.UnionID(directory.Feishu, p.ID), "tenant_key": tenantKey,
		}
		switch {
		case g.Outsider:
			data["open_id"], data["tenant_key"] = strangers.Hex("ou_", g.Stranger()), foreignKey
			data["union_id"] = strangers.Hex("on_", g.Stranger())
		case p.Left:
			reply = q.flat(map[string]any{"code": 20021, "msg": "user resigned"})
			return
		case p.Frozen:
			reply = q.flat(map[string]any{"code": 20022, "msg": "user frozen"})
			return
		}
		reply = q.flat(map[string]any{"code": 0, "msg": "success", "data": data})
	})
	return reply
}
