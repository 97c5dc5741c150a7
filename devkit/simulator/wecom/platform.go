package wecom

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/internal/directory"
)

// Suite is what a service provider has registered: a suite or, with an id that begins with dk, a
// 代开发 template. Token and AESKey are those of its callback address.
type Suite struct {
	ID, Secret, Token, AESKey    string
	ProviderCorp, ProviderSecret string
}

// Platform is WeCom as a service provider with one suite sees it: it pushes tickets, has
// companies install the suite, and gives it what they authorised (wecom-more.md §A7, §E). It is an
// http.Handler, safe for concurrent use.
type Platform struct {
	*simulator.Service
	// Pages is where links lead that companies install the suite by; set it before anything asks
	// for one. Empty: nowhere.
	Pages string
	suite Suite

	mu        sync.Mutex
	made      int // numbers codes, tickets and the like
	url       string
	pusher    *simulator.Pusher // nil before an address is saved
	auth      *simulator.Pusher // of events that want an answer within a second
	tickets   map[string]time.Time
	preAuth   map[string]time.Time
	codes     map[string]*authCode
	companies map[string]*installed // by the id that the service provider sees
	byToken   map[string]*installed
}

// authCode is a code that is exchanged once for a permanent one.
type authCode struct {
	company *installed
	state   string
	expires time.Time
}

// installed is a company that has, or had, the suite.
type installed struct {
	id        string
	server    *Server
	permanent string // empty: not exchanged, or cancelled
	gone      bool
	watched   bool
	byMembers bool
}

// Lives (wecom-more.md §A7, §E1).
const (
	suiteTicketLife = 30 * time.Minute
	authLife        = 10 * time.Minute
	preAuthLife     = 20 * time.Minute
	// TicketEvery is how often WeCom pushes a ticket.
	TicketEvery = 10 * time.Minute
)

// NewPlatform returns a platform with a suite that nobody has installed.
func NewPlatform(suite Suite, o simulator.Options) *Platform {
	return &Platform{
		Service: simulator.NewService(o, limits), suite: suite,
		tickets: map[string]time.Time{}, preAuth: map[string]time.Time{}, codes: map[string]*authCode{},
		companies: map[string]*installed{}, byToken: map[string]*installed{},
	}
}

func (p *Platform) customised() bool { return strings.HasPrefix(p.suite.ID, "dk") }

// next returns a value that was never given before. The lock must be held.
func (p *Platform) next(kind string) string {
	p.made++
	return simulator.NewCodec(kind+p.suite.ID).Hex(kind+"-sim-", p.made)
}

// CompanyID is the id under which the service provider sees a company (wecom-more.md §E4).
func (p *Platform) CompanyID(s *Server) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	sum := sha256.Sum256([]byte(p.suite.ProviderCorp + "/" + s.cfg.CorpID + "/" + s.company.Tenant()))
	return "wp" + hex.EncodeToString(sum[:12])
}

// UserID is the id under which the service provider sees a member: two members' ids may differ
// in case alone (wecom-more.md §E4).
func (p *Platform) UserID(userid string) string {
	n, err := strconv.Atoi(userid[len(strings.TrimRight(userid, "0123456789")):])
	if err != nil {
		return ""
	}
	return p.codec().Hex("wo", n/2) + []string{"Q", "q"}[n%2]
}

func (p *Platform) codec() *simulator.Codec {
	return simulator.NewCodec("userids/" + p.suite.ProviderCorp)
}

// userID is a person's id as the caller sees it.
func (s *Server) userID(q *request, p simulator.Person) string {
	id := s.company.UserID(directory.WeCom, p)
	if q.owner == suiteApp && id != "" {
		return s.suite.UserID(id)
	}
	return id
}

// personOf is the inverse of userID.
func (s *Server) personOf(v *simulator.View, q *request, id string) (simulator.Person, bool) {
	if q.owner != suiteApp {
		return v.PersonByUserID(directory.WeCom, id)
	}
	if len(id) < 3 {
		return simulator.Person{}, false
	}
	half, ok := s.suite.codec().FromHex("wo", id[:len(id)-1])
	parity := strings.Index("Qq", id[len(id)-1:])
	if !ok || parity < 0 || half < 0 {
		return simulator.Person{}, false
	}
	return v.PersonByNumber(2*half + parity)
}

// hidesNames reports whether names are left out: from suites, not from 代开发 apps
// (wecom.md §1.3, wecom-more.md §E4).
func (s *Server) hidesNames(q *request) bool { return q.owner == suiteApp && !s.suite.customised() }

// ServeHTTP implements http.Handler: the suite's own calls, and those with a company's token.
func (p *Platform) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	endpoint, _ := strings.CutPrefix(r.URL.Path, "/cgi-bin/")
	serve, known := platformCalls[endpoint]
	if !known {
		p.forward(w, r)
		return
	}
	body := map[string]any{}
	raw, _ := io.ReadAll(io.LimitReader(r.Body, maxBody))
	notJSON := r.Method == http.MethodPost && json.Unmarshal(raw, &body) != nil
	call := simulator.Call{Endpoint: endpoint, Token: r.URL.Query().Get("suite_access_token")}
	p.Serve(w, r, call, func(act simulator.Action) simulator.Reply {
		if act.Kind == simulator.Code {
			return platformReply(failure(act.Code))
		}
		if notJSON {
			return platformReply(failure(47001))
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		return platformReply(serve(p, r.URL.Query(), body))
	})
}

// forward gives a call to the company whose token it carries.
func (p *Platform) forward(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	company := p.byToken[r.URL.Query().Get("access_token")]
	p.mu.Unlock()
	answer := failure(40014)
	switch {
	case company != nil && !company.gone:
		company.server.ServeHTTP(w, r)
		return
	case company != nil:
		answer = failure(48004)
	case r.URL.Query().Get("access_token") == "":
		answer = failure(41001)
	}
	reply := platformReply(answer)
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	_, _ = w.Write(reply.Body)
}

func failure(code int) map[string]any {
	return map[string]any{"errcode": code, "errmsg": "simulated, hint: [1700000000000000000000009]"}
}

func platformReply(answer map[string]any) simulator.Reply {
	raw, _ := json.Marshal(answer) // texts and numbers
	return simulator.Reply{Status: http.StatusOK, Body: raw,
		Header: http.Header{"Content-Type": {"application/json; charset=UTF-8"}}}
}

// Subscribe saves the callback address, which is checked as the console does: for the service
// provider's own company (wecom-more.md §A1).
func (p *Platform) Subscribe(address string, how simulator.Delivery) error {
	c := Callback{URL: address, Token: p.suite.Token, AESKey: p.suite.AESKey}
	if err := c.check(p.suite.ProviderCorp); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.url = address
	p.pusher = simulator.NewPusher(answerWithin, pauses, how)
	p.auth = simulator.NewPusher(time.Second, pauses, how)
	return nil
}

// Wait returns once no message is under way, and how many were not acknowledged.
func (p *Platform) Wait() (lost int64) {
	p.mu.Lock()
	pusher, auth := p.pusher, p.auth
	p.mu.Unlock()
	if pusher == nil {
		return 0
	}
	pusher.Wait()
	auth.Wait()
	return pusher.Lost.Load() + auth.Lost.Load()
}

// push sends a message to the suite: the answer must be the bare word (wecom-more.md §A2).
func (p *Platform) push(infoType, fields string) {
	p.mu.Lock()
	c := Callback{URL: p.url, Token: p.suite.Token, AESKey: p.suite.AESKey}
	pusher := p.pusher
	if strings.HasSuffix(infoType, "_auth") || infoType == "reset_permanent_code" {
		pusher = p.auth
	}
	p.mu.Unlock()
	if pusher == nil {
		return
	}
	message := "<xml>" + element("SuiteId", p.suite.ID) +
		"<InfoType> <![CDATA[" + infoType + "]]></InfoType><TimeStamp>" + // with a blank (wecom-more.md §A2)
		strconv.FormatInt(p.Now().Unix(), 10) + "</TimeStamp>" + fields + "</xml>"
	pusher.Push(func() (*http.Request, error) { return c.request(message, p.suite.ID) },
		func(status int, body []byte) bool { return status == http.StatusOK && string(body) == "success" })
}

// PushTicket makes a new ticket and pushes it. One that is lost was made all the same.
func (p *Platform) PushTicket(lost bool) {
	p.mu.Lock()
	ticket := p.next("ticket")
	p.tickets[ticket] = p.Now().Add(suiteTicketLife)
	p.mu.Unlock()
	if !lost {
		p.push("suite_ticket", element("SuiteTicket", ticket))
	}
}

// PushTickets pushes a ticket at once and then again and again until ctx is done.
func (p *Platform) PushTickets(ctx context.Context, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		p.PushTicket(false)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

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

// tell pushes the changes in a company's directory (wecom-more.md §A6).
func (p *Platform) tell(company *installed, happened []simulator.Happened) {
	p.mu.Lock()
	gone := company.gone || company.permanent == ""
	p.mu.Unlock()
	if gone {
		return
	}
	for _, h := range happened {
		change, fields := company.server.change(h, true, p.UserID)
		if change == "" {
			continue
		}
		p.push("change_contact", element("AuthCorpId", company.id)+element("ChangeType", change)+fields)
	}
}

// Truth is a company as the suite can know it: in encrypted ids, without what WeCom hides from it
// (wecom.md §1.3, §1.5). It has no tags but its own.
func (p *Platform) Truth(s *Server) simulator.Truth {
	whole := s.company.Truth(directory.WeCom)
	seen := simulator.Truth{
		Departments: whole.Departments, Members: map[string]simulator.TrueMember{},
		Groups:         map[string]simulator.TrueGroup{},
		Administrators: map[string]directory.AdministratorLevel{},
	}
	for id, d := range whole.Departments {
		for i, leader := range d.Leaders {
			d.Leaders[i] = p.UserID(leader)
		}
		slices.Sort(d.Leaders)
		if !p.customised() {
			d.Name = id
		}
		seen.Departments[id] = d
	}
	for id, m := range whole.Members {
		if m.Manager != "" {
			m.Manager = p.UserID(m.Manager)
		}
		if !p.customised() {
			m.Name = p.UserID(id)
		}
		m.Email, m.WorkEmail, m.Phone = "", "", ""
		for _, hidden := range []directory.Attribute{directory.WorkEmail, directory.WorkPlace, directory.Gender} {
			delete(m.Attributes, hidden)
		}
		seen.Members[p.UserID(id)] = m
	}
	for id, level := range whole.Administrators {
		seen.Administrators[p.UserID(id)] = level
	}
	return seen
}
