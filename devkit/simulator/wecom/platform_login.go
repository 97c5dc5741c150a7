package wecom

import (
	"net/http"
	"net/url"
	"strconv"

	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/internal/directory"
)

// signInPage is the page inside WeCom at which members sign in to a suite.
const signInPage = "/connect/oauth2/authorize"

// signIn serves that page to the members of one company (wecom-more.md §B1, §B4).
func (p *Platform) signIn(w http.ResponseWriter, r *http.Request, s *Server) {
	query := r.URL.Query()
	page := simulator.SignIn{
		Type: directory.WeCom, RedirectURL: query.Get("redirect_uri"), State: query.Get("state"),
		CodeNames: []string{"code"}, Refusal: url.Values{},
		Issue: func(_ *simulator.View, g simulator.Grant) (code, problem string) {
			g.InApp = true
			code = p.Passes.Issue("", g, codeLife, 0)
			p.logins.Store(code, s)
			return code, ""
		},
	}
	switch {
	case query.Get("appid") != p.suite.ID:
		page.Problem = "appid is not a suite's id"
	case !plainState.MatchString(page.State):
		page.Problem = "state may have 128 letters and digits"
	case !trusted(page.RedirectURL, nil):
		page.Problem = "redirect_uri参数错误"
	case query.Get("response_type") != "code":
		page.Problem = "response_type must be code"
	case query.Get("scope") != "snsapi_base":
		page.Problem = "scope is not snsapi_base"
	}
	s.company.ServeSignIn(w, r, page)
}

// userInfo3rd tells whom a code stands for, of any company. Of an outsider it tells an openid alone
// (wecom-more.md §B4).
func (p *Platform) userInfo3rd(query url.Values, _ map[string]any) map[string]any {
	g, state := p.Passes.Spend(query.Get("code"))
	switch state {
	case simulator.PassGood:
	case simulator.PassExpired:
		return failure(42003)
	default:
		return failure(40029)
	}
	if g.Outsider {
		return good(map[string]any{"openid": "o" + strconv.Itoa(g.Stranger())})
	}
	of, _ := p.logins.Load(query.Get("code"))
	s, _ := of.(*Server)
	var user string
	s.company.View(func(v *simulator.View) {
		who, _ := v.Person(g.Person)
		user = p.UserID(s.company.UserID(directory.WeCom, who))
	})
	return good(map[string]any{"corpid": p.CompanyID(s), "userid": user, "open_userid": user})
}
