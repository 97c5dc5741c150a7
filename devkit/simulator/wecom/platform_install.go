package wecom

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/orgsync/orgsync/devkit/simulator"
)

// company returns what the platform knows of a company. The lock must be held.
func (p *Platform) company(id string, s *Server) *installed {
	if p.companies[id] == nil {
		p.companies[id] = &installed{id: id, server: s}
	}
	return p.companies[id]
}

// grant makes a code for a company that consents. The lock must be held.
func (p *Platform) grant(company *installed, state string) string {
	code := p.next("auth")
	p.codes[code] = &authCode{company: company, state: state, expires: p.Now().Add(authLife)}
	company.gone = false
	company.server.suite = p
	if !company.watched {
		company.watched = true
		company.server.company.Watch(func(happened []simulator.Happened) { p.tell(company, happened) })
	}
	return code
}

// Market has a company install the suite from the market, or scan the code of a 代开发 template:
// the code comes as an event (wecom-more.md §E2).
func (p *Platform) Market(s *Server, state string) {
	id := p.CompanyID(s)
	p.mu.Lock()
	code := p.grant(p.company(id, s), state)
	p.mu.Unlock()
	p.push("create_auth", element("AuthCode", code)+element("State", state)+"<ExtraInfo></ExtraInfo>")
}

// Install does what a company's administrator does at an install link: consents, and has the
// browser go back. It returns what the page then shows.
func (p *Platform) Install(link string, s *Server) (page string, err error) {
	u, err := url.Parse(link)
	if err != nil {
		return "", err
	}
	query := u.Query()
	if p.customised() {
		p.Market(s, query.Get("state"))
		return "", nil
	}
	back, err := p.consent(u, s)
	if err != nil {
		return "", err
	}
	answer, err := http.Get(back) //nolint:noctx,gosec // the address is the test's own
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if answer.StatusCode != http.StatusOK {
		return string(body), fmt.Errorf("status %d", answer.StatusCode)
	}
	return string(body), err
}

// consent opens the install page for a company and returns where the browser goes back to.
func (p *Platform) consent(page *url.URL, s *Server) (back string, err error) {
	query, id := page.Query(), p.CompanyID(s)
	p.mu.Lock()
	defer p.mu.Unlock()
	expires, known := p.preAuth[query.Get("pre_auth_code")]
	delete(p.preAuth, query.Get("pre_auth_code"))
	if page.Path != installPage || query.Get("suite_id") != p.suite.ID || !known || p.Now().After(expires) {
		return "", errors.New("the install page does not open: 42007")
	}
	code := p.grant(p.company(id, s), query.Get("state"))
	return query.Get("redirect_uri") + "?" + url.Values{
		"auth_code": {code}, "expires_in": {"600"}, "state": {query.Get("state")},
	}.Encode(), nil
}

// Uninstall has a company uninstall the suite. What it had is good no more.
func (p *Platform) Uninstall(s *Server, lost bool) {
	id := p.CompanyID(s)
	p.mu.Lock()
	company := p.company(id, s)
	company.gone, company.permanent = true, ""
	p.mu.Unlock()
	if !lost {
		p.push("cancel_auth", element("AuthCorpId", id))
	}
}

// SetRange changes what the suite sees of a company, and tells of it.
func (p *Platform) SetRange(s *Server, visible *simulator.Range, byMembers bool) {
	s.Reconfigure(func(cfg *Config) { cfg.Range = visible })
	id := p.CompanyID(s)
	p.mu.Lock()
	p.company(id, s).byMembers = byMembers
	p.mu.Unlock()
	p.push("change_auth", element("AuthCorpId", id)+element("State", ""))
}

// ResetSecret makes a new secret of a 代开发 app: the old one is good no more.
func (p *Platform) ResetSecret(s *Server) {
	id := p.CompanyID(s)
	p.mu.Lock()
	company := p.company(id, s)
	company.permanent = ""
	for token, of := range p.byToken {
		if of == company {
			delete(p.byToken, token)
		}
	}
	code := p.grant(company, "")
	p.mu.Unlock()
	p.push("reset_permanent_code", element("AuthCode", code))
}
