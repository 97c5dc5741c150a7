package wecom

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/internal/directory"
)

// A code is good once and for five minutes, a ticket for half an hour (wecom.md §7.2).
const (
	codeLife   = 5 * time.Minute
	ticketLife = 30 * time.Minute
)

// plainState is what a state may be (wecom.md §7.1).
var plainState = regexp.MustCompile(`^[a-zA-Z0-9]{0,128}$`)

// signIn is the sign-in page that a request asks for: that of any browser, or that inside
// WeCom, of which the fragment cannot be seen here (wecom-more.md §B1, §B2).
func (s *Server) signIn(q *request) (simulator.SignIn, bool) {
	inApp := q.URL.Path == "/connect/oauth2/authorize"
	if !inApp && q.URL.Path != "/wwlogin/sso/login" {
		return simulator.SignIn{}, false
	}
	private := inApp && q.query.Get("scope") == "snsapi_privateinfo"
	page := simulator.SignIn{
		Type: directory.WeCom, RedirectURL: q.query.Get("redirect_uri"), State: q.query.Get("state"),
		CodeNames: []string{"code"}, Refusal: url.Values{},
		Issue: func(v *simulator.View, g simulator.Grant) (code, problem string) {
			p, _ := v.Person(g.Person)
			if (!inApp || private) && !g.Outsider && (p.Left || !v.CoversPerson(q.cfg.Range, p)) {
				return "", "the member is not in the app's visible range"
			}
			g.InApp, g.Private = inApp, private
			return s.Passes.Issue("", g, codeLife, 0), ""
		},
	}
	agent, corp := strconv.Itoa(q.cfg.AgentID), q.cfg.CorpID
	if s.suite != nil && s.suite.customised() { // the company and the app as the service provider sees them
		agent, corp = strconv.Itoa(suiteAgent), s.suite.CompanyID(s)
	}
	switch {
	case q.query.Get("appid") != corp:
		page.Problem = "appid is not a corp's id"
	case !plainState.MatchString(page.State):
		page.Problem = "state may have 128 letters and digits"
	case !trusted(page.RedirectURL, q.cfg.RedirectHosts):
		page.Problem = "redirect_uri参数错误"
	case inApp && q.query.Get("response_type") != "code":
		page.Problem = "response_type must be code"
	case inApp && !private && q.query.Get("scope") != "snsapi_base":
		page.Problem = "scope is not one of snsapi_base and snsapi_privateinfo"
	case private && q.query.Get("agentid") != agent, !inApp && q.query.Get("agentid") != agent:
		page.Problem = "无效的agentid"
	case !inApp && q.query.Get("login_type") != "CorpApp":
		page.Problem = "login_type is not CorpApp"
	}
	return page, true
}

// trusted: host and port must be a trusted domain's; scheme and path do not matter
// (wecom-more.md §B1).
func trusted(address string, hosts []string) bool {
	u, err := url.Parse(address)
	if err != nil || !simulator.Registered(address, nil) {
		return false
	}
	return len(hosts) == 0 || slices.Contains(hosts, u.Host)
}

func readTicket(r *http.Request) string {
	var body struct {
		Ticket string `json:"user_ticket"`
	}
	if r.Method != http.MethodPost || json.NewDecoder(io.LimitReader(r.Body, maxBody)).Decode(&body) != nil {
		return ""
	}
	return body.Ticket
}

type userInfo struct {
	ok
	UserID   string `json:"userid,omitempty"`
	Ticket   string `json:"user_ticket,omitempty"`
	OpenID   string `json:"openid,omitempty"`
	External string `json:"external_userid,omitempty"`
}

// userInfo tells whom a code stands for (wecom.md §7.2). The member need not be in the
// visible range, and there is a ticket only inside WeCom (wecom-more.md §B3).
func (s *Server) userInfo(v *simulator.View, q *request) (any, simulator.Shape, *refusal) {
	g, state := s.Passes.Spend(q.query.Get("code"))
	switch state {
	case simulator.PassGood:
	case simulator.PassExpired:
		return nil, simulator.Shape{}, &refusal{code: 42003, text: "code expired"}
	default:
		return nil, simulator.Shape{}, &refusal{code: 40029, text: "invalid code"}
	}
	if g.Outsider {
		return userInfo{ok: success, OpenID: "o" + strconv.Itoa(g.Stranger())}, simulator.Shape{Object: "."}, nil
	}
	p, _ := v.Person(g.Person)
	made := userInfo{ok: success, UserID: s.userID(q, p)}
	if q.cfg.LinkedCorp != "" {
		made.UserID = q.cfg.LinkedCorp + "/" + made.UserID
	}
	if g.Private {
		made.Ticket = s.Passes.Issue("UT-", g, ticketLife, 256)
	}
	return made, simulator.Shape{Object: ".", ID: "userid"}, nil
}

// IssueInApp is the code that a page inside WeCom gets of a person, who is not asked (wecom-more.md §B2).
func (s *Server) IssueInApp(p simulator.PersonID) string {
	return s.Passes.Issue("", simulator.Grant{Person: p, InApp: true}, codeLife, 0)
}

type userDetail struct {
	ok
	UserID  string `json:"userid"`
	Gender  string `json:"gender"`
	Avatar  string `json:"avatar"`
	QRCode  string `json:"qr_code"`
	Mobile  string `json:"mobile"`
	Email   string `json:"email"`
	BizMail string `json:"biz_mail"`
	Address string `json:"address"`
}

// userDetail tells what the member agreed to show, without a name (wecom.md §7.3).
func (s *Server) userDetail(v *simulator.View, q *request) (any, simulator.Shape, *refusal) {
	g, state := s.Passes.Show(q.ticket)
	switch state {
	case simulator.PassGood:
	case simulator.PassExpired:
		return nil, simulator.Shape{}, &refusal{code: 84014, text: "user ticket expired"}
	default:
		return nil, simulator.Shape{}, &refusal{code: 84015, text: "invalid user ticket"}
	}
	p, _ := v.Person(g.Person)
	facts := v.Facts(p.ID)
	return userDetail{
		ok: success, UserID: s.userID(q, p), Gender: genders[facts.Gender],
		Avatar: "https://wework.example/login/" + strconv.Itoa(int(p.ID)), QRCode: "https://wework.example/qr",
		Mobile: strings.TrimPrefix(p.Phone, "+86"), Email: p.Email, BizMail: facts.WorkEmail, Address: facts.WorkPlace,
	}, simulator.Shape{Object: ".", ID: "userid"}, nil
}
