package wecom

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
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

	// logins says of codes of sign-ins which company's they are.
	logins sync.Map
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

// authorisedByMembers reports whether a company's members authorise the suite one by one.
func (p *Platform) authorisedByMembers(s *Server) bool {
	id := p.CompanyID(s)
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.companies[id] != nil && p.companies[id].byMembers
}

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

// tell pushes the changes in a company's directory (wecom-more.md §A6).
func (p *Platform) tell(company *installed, happened []simulator.Happened) {
	p.mu.Lock()
	gone := company.gone || company.permanent == ""
	p.mu.Unlock()
	if gone {
		return
	}
	for _, h := range happened {
		if h.OfGroups() {
			continue // it sees no tags but its own
		}
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
