package wecom

import (
	"cmp"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/orgsync/orgsync/devkit/simulator"
)

// Config says what credentials the service knows and how it behaves where the
// reference leaves that open. The zero value is a corp "wwsim" with an app created
// today that sees everything, and a contact-sync credential used from a new address.
type Config struct {
	simulator.Options
	// CorpID, Secret (of the app) and SyncSecret default to "wwsim",
	// "sim-app-secret" and "sim-sync-secret"; AgentID to 1000002.
	CorpID, Secret, SyncSecret string
	AgentID                    int
	// Range is the app's visible range; nil means the whole corp.
	Range *simulator.Range
	// TrustedIPs, if not empty, are the only callers let in, except to gettoken.
	TrustedIPs []string
	// Customised makes the app one that a service provider built for the corp (代开发),
	// which alone may list its administrators (wecom-more.md §D).
	Customised bool
	// OldApp makes the app one from before 2022-06-20, which sees all fields.
	OldApp bool
	// GenderZero sends gender "0" to a new app instead of leaving it out.
	GenderZero bool
	// OldSyncIP lets the sync credential read everything, as from an address it
	// has used before 2022-08-15.
	OldSyncIP bool
	// EmptyLastCursor ends list_id with next_cursor "" instead of leaving it out.
	EmptyLastCursor bool
	// HonourFetchChild makes user/list and user/simplelist recursive when asked.
	HonourFetchChild bool
	// ExpiredAs40014 answers 40014 to an expired token instead of 42001.
	ExpiredAs40014 bool
	// FreshTokens issues a new token at every call instead of the last valid one.
	FreshTokens bool
	// RedirectHosts are the app's trusted domains, host with port; none lets all in.
	RedirectHosts []string
	// LinkedCorp makes who signs in a member of that linked corp (互联).
	LinkedCorp string
	// MaxUserList answers 45029 to user/list on a larger department; 0 means never.
	MaxUserList int
}

// Server is a simulated WeCom. It is an http.Handler, safe for concurrent use.
type Server struct {
	*simulator.Service
	company *simulator.Company
	cursors *simulator.Codec

	// suite is set once a Platform serves the company.
	suite *Platform

	mu  sync.Mutex
	cfg Config
	log int // numbers the hints
}

// New returns a service that shows company as cfg says.
func New(company *simulator.Company, cfg Config) *Server {
	for _, d := range []struct {
		field *string
		value string
	}{{&cfg.CorpID, "wwsim"}, {&cfg.Secret, "sim-app-secret"}, {&cfg.SyncSecret, "sim-sync-secret"}} {
		if *d.field == "" {
			*d.field = d.value
		}
	}
	if cfg.AgentID == 0 {
		cfg.AgentID = 1000002
	}
	return &Server{
		Service: simulator.NewService(cfg.Options, limits), company: company, cfg: cfg,
		cursors: simulator.NewCodec("cursor/" + company.Tenant()),
	}
}

// Reconfigure changes the configuration in mid-run: range, secrets, switches.
// Options and company stay.
func (s *Server) Reconfigure(change func(*Config)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	cfg := s.cfg
	change(&cfg)
	cfg.Options = s.cfg.Options
	s.cfg = cfg
}

// limits: per corp and API, and the API is closed for the length of the window
// (wecom.md §5.1). None is published for gettoken.
func limits(endpoint string) []simulator.Quota {
	if endpoint == "gettoken" {
		return nil
	}
	return []simulator.Quota{
		{Calls: 10_000, Per: time.Minute, Block: time.Minute},
		{Calls: 150_000, Per: time.Hour, Block: time.Hour},
	}
}

// Owners of tokens: the two kinds of credential (wecom.md §1.3).
const (
	app     = "app"
	contact = "sync"
	// suiteApp is a service provider's app in the company.
	suiteApp = "suite"
)

// request is one call, as far as it can be read before anything is checked.
type request struct {
	*http.Request
	endpoint string
	cfg      Config
	hint     string
	ip       string
	query    url.Values
	body     listIDBody
	ticket   string
	// owner is whose token the call carries, set once that was checked.
	owner string
	// byMembers says that it is a suite's that members authorise one by one.
	byMembers bool
}

// visible is the range of the call's credential.
func (q *request) visible() *simulator.Range {
	if q.owner == contact {
		return nil
	}
	return q.cfg.Range
}

// allFields reports whether the credential sees the fields that new apps do not.
func (q *request) allFields() bool { return q.owner == contact || q.owner == app && q.cfg.OldApp }

// handler makes the answer of an endpoint: the keys beside errcode.
type handler struct {
	// arrays are sent empty with errors (wecom.md §1.1).
	arrays []string
	// app and contact are the codes that refuse a credential, 0 for none; the
	// latter only from a new address unless always.
	app, contact int
	always       bool
	serve        func(*Server, *simulator.View, *request) (answer any, shape simulator.Shape, refused *refusal)
}

// handlers hold who may call what (wecom.md §1.4).
var handlers = map[string]handler{
	"department/list":       {[]string{"department"}, 0, 48009, false, (*Server).listDepartments},
	"department/simplelist": {[]string{"department_id"}, 0, 0, false, (*Server).simpleDepartments},
	"department/get":        {nil, 0, 48009, false, (*Server).getDepartment},
	"user/list":             {[]string{"userlist"}, 0, 48009, false, (*Server).listUsers},
	"user/simplelist":       {[]string{"userlist"}, 0, 48009, false, (*Server).simpleUsers},
	"user/get": {
		[]string{"department", "order", "is_leader_in_dept", "direct_leader"},
		0,
		48009,
		false,
		(*Server).getUser,
	},
	"user/list_id":          {[]string{"dept_user"}, 48002, 0, false, (*Server).listID},
	"tag/list":              {[]string{"taglist"}, 0, 0, false, (*Server).listTags},
	"tag/get":               {[]string{"userlist", "partylist"}, 0, 0, false, (*Server).getTag},
	"agent/get_admin_list":  {[]string{"admin"}, 48002, 48002, true, (*Server).listAdministrators},
	"agent/get":             {nil, 0, 301002, true, (*Server).getAgent},
	"user/list_member_auth": {[]string{"member_auth_list"}, 48002, 48002, true, (*Server).listAuthorised},
	"auth/getuserinfo":      {nil, 0, 48002, true, (*Server).userInfo},
	"auth/getuserdetail":    {nil, 0, 48002, true, (*Server).userDetail},
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := s.read(r)
	if page, found := s.signIn(q); found {
		s.company.ServeSignIn(w, r, page)
		return
	}
	if _, known := handlerOf(q.endpoint); !known && q.endpoint != "gettoken" {
		w.WriteHeader(http.StatusNotFound) // with an empty body (wecom.md §1.1)
		return
	}
	department := q.query.Get("department_id")
	object := cmp.Or(department, q.query.Get("id"), q.query.Get("tagid"))
	call := simulator.Call{Endpoint: q.endpoint, Department: object, Page: s.page(q),
		Token: q.query.Get("access_token")}
	s.Serve(w, r, call, func(act simulator.Action) simulator.Reply { return s.answer(q, act) })
}

func (s *Server) read(r *http.Request) *request {
	s.mu.Lock()
	s.log++
	q := &request{Request: r, cfg: s.cfg, hint: fmt.Sprintf("1700000000%015d", s.log), query: r.URL.Query()}
	s.mu.Unlock()
	q.endpoint, _ = strings.CutPrefix(r.URL.Path, "/cgi-bin/")
	q.ip, _, _ = net.SplitHostPort(r.RemoteAddr)
	switch q.endpoint {
	case "user/list_id", "user/list_member_auth":
		q.body = readListID(r)
	case "auth/getuserdetail":
		q.ticket = readTicket(r)
	}
	return q
}

// answer checks in the order token, address, credential, quota, then the
// endpoint's own (wecom.md §1.1).
func (s *Server) answer(q *request, act simulator.Action) simulator.Reply {
	if act.Kind == simulator.HTTPStatus {
		reply := q.refuse(&refusal{code: act.Code, text: "simulated"})
		reply.Status = act.Status
		return reply
	}
	if q.endpoint == "gettoken" {
		return s.issueToken(q, act)
	}
	h, _ := handlerOf(q.endpoint)
	if r := s.gate(q, h, act); r != nil {
		return q.refuse(r)
	}
	var reply simulator.Reply
	s.company.View(func(v *simulator.View) {
		answer, shape, refused := h.serve(s, v, q)
		if refused != nil {
			reply = q.refuse(refused)
			return
		}
		reply = q.json(answer)
		reply.Shape = shape
	})
	return reply
}

func (s *Server) gate(q *request, h handler, act simulator.Action) *refusal {
	token := q.query.Get("access_token")
	if token == "" {
		return &refusal{code: 41001, text: "access_token missing"}
	}
	owner, expired := s.Tokens.Owner(token)
	switch {
	case owner == "" || expired && q.cfg.ExpiredAs40014:
		// Seen without the hint from these two (wecom.md §1.1).
		return &refusal{
			code: 40014,
			text: "invalid access_token",
			bare: q.endpoint == "user/get" || q.endpoint == "department/simplelist",
		}
	case expired:
		return &refusal{code: 42001, text: "access_token expired"}
	case len(q.cfg.TrustedIPs) > 0 && !slices.Contains(q.cfg.TrustedIPs, q.ip):
		return &refusal{code: 60020, text: "not allow to access from your ip"}
	}
	q.owner = owner
	code := h.app
	if q.endpoint == "agent/get_admin_list" && (q.cfg.Customised || owner == suiteApp) {
		code = 0
	}
	if owner == suiteApp {
		code = s.suiteGate(q, code)
	}
	if owner == contact {
		if code = h.contact; q.cfg.OldSyncIP && !h.always {
			code = 0
		}
	}
	if code != 0 {
		return &refusal{code: code, text: texts[code]}
	}
	if wait := s.OverQuota(q.endpoint); wait > 0 {
		return &refusal{code: 45009, text: texts[45009]}
	}
	return q.scripted(act)
}

// suiteGate is the code that refuses a call to a suite, 0: none. Members who authorise it one by one are in no
// department that it could list, and a list of theirs is to be had in that mode alone (wecom-more.md §E2).
func (s *Server) suiteGate(q *request, code int) int {
	q.byMembers = s.suite.authorisedByMembers(s)
	switch {
	case q.endpoint == "agent/get", strings.HasPrefix(q.endpoint, "auth/") && !s.suite.customised():
		return 48002 // not stated (wecom.md §1.4); a 代开发 app signs people in (wecom-more.md §B2)
	case strings.HasPrefix(q.endpoint, "auth/"):
		return 0
	case q.endpoint == "user/list_member_auth" && q.byMembers:
		return 0
	case q.byMembers && (strings.HasPrefix(q.endpoint, "department/") || q.endpoint == "user/list" ||
		q.endpoint == "user/simplelist"):
		return 60011
	case q.byMembers && q.endpoint == "agent/get_admin_list":
		return 48002
	}
	return code
}

// scripted is the refusal that a fault asks for.
func (q *request) scripted(act simulator.Action) *refusal {
	code := act.Code
	switch act.Kind {
	case simulator.Code:
	case simulator.Throttle:
		if code == 0 {
			code = 45009
		}
	case simulator.Forbidden:
		if code = 48002; q.owner == contact {
			code = 48009
		}
	case simulator.OutOfRange:
		if code = 60011; q.endpoint == "user/get" {
			code = 60111
		}
	default:
		return nil
	}
	text := texts[code]
	if text == "" {
		text = "simulated"
	}
	return &refusal{code: code, text: text}
}
