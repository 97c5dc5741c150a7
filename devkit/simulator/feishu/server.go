package feishu

import (
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

// Config says what app the service knows and how it behaves where the reference
// leaves that open. The zero value is an app "cli_sim" that sees everything.
type Config struct {
	simulator.Options
	// AppID and AppSecret default to "cli_sim" and "sim-secret".
	AppID, AppSecret string
	// Range is the contact range; nil means all members.
	Range *simulator.Range
	// Scopes are the app's permissions; nil means AllScopes.
	Scopes []string
	// TrustedIPs, if not empty, are the only callers let in.
	TrustedIPs []string
	// MaxTree answers 43010 to fetch_child on a department with more departments
	// below it; 0 means never.
	MaxTree int
	// HiddenLeavers answers look-ups of people who have left as out of range (41050) and
	// does not show that they resigned. Which of the two the real API does was never
	// verified (feishu.md §3.4).
	HiddenLeavers bool
	// RedirectURLs are the registered ones, compared exactly; none lets all in.
	RedirectURLs []string
	// TokenErrorsAs200 answers refused sign-in codes with 200 instead of 400.
	TokenErrorsAs200 bool
	// PingSeconds is how often clients of a long connection are to ping; 0 means 120.
	PingSeconds int
	// EmptyLastToken sends page_token "" on the last page instead of none.
	EmptyLastToken bool
	// OmitEmptyItems leaves items out of an empty page instead of sending [].
	OmitEmptyItems bool
	// ThrottleWith400 answers over-quota calls with 400 instead of 429.
	ThrottleWith400 bool
}

// Server is a simulated Feishu. It is an http.Handler, safe for concurrent use.
type Server struct {
	*simulator.Service
	// Streams are the app's long connections.
	Streams simulator.Streams
	company *simulator.Company
	openIDs *simulator.Codec

	mu  sync.Mutex
	cfg Config
	log int // numbers the log ids
}

// New returns a service that shows company as cfg says.
func New(company *simulator.Company, cfg Config) *Server {
	if cfg.AppID == "" {
		cfg.AppID = "cli_sim"
	}
	if cfg.AppSecret == "" {
		cfg.AppSecret = "sim-secret"
	}
	if cfg.Scopes == nil {
		cfg.Scopes = AllScopes
	}
	return &Server{
		Service: simulator.NewService(cfg.Options, limits), company: company, cfg: cfg,
		openIDs: simulator.NewCodec("open/" + cfg.AppID + "/" + company.Tenant()),
	}
}

// Reconfigure changes the configuration in mid-run: range, permissions, switches.
// App id, options and company stay.
func (s *Server) Reconfigure(change func(*Config)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	cfg := s.cfg
	change(&cfg)
	cfg.AppID, cfg.Options = s.cfg.AppID, s.cfg.Options
	s.cfg = cfg
}

// OpenID is the person's id within this app; other apps know them by others
// (feishu.md §2.1).
func (s *Server) OpenID(p simulator.PersonID) string { return s.openIDs.Hex("ou_", int(p)) }

// limits: per app and API, 1000 a minute and 50 a second; none is stated for
// tokens (feishu.md §5.1). "Special" endpoints get the same, a choice.
func limits(endpoint string) []simulator.Quota {
	if strings.HasSuffix(endpoint, "_access_token") {
		return nil
	}
	return []simulator.Quota{{Calls: 50, Per: time.Second}, {Calls: 1000, Per: time.Minute}}
}

// request is one call, as far as it can be read before anything is checked.
type request struct {
	*http.Request
	endpoint string
	cfg      Config
	logID    string
	// id is the object's id in the path.
	id    string
	query url.Values
	token string
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.serveStream(w, r) {
		return
	}
	q := s.read(r)
	if r.URL.Path == "/open-apis/authen/v1/authorize" {
		s.company.ServeSignIn(w, r, s.signIn(q))
		return
	}
	call := simulator.Call{Endpoint: q.endpoint, Department: q.department(), Page: q.page(), Token: q.token}
	s.Serve(w, r, call, func(act simulator.Action) simulator.Reply { return s.answer(q, act) })
}

func (s *Server) read(r *http.Request) *request {
	s.mu.Lock()
	s.log++
	q := &request{Request: r, cfg: s.cfg, logID: fmt.Sprintf("20260101SIM%08d", s.log), query: r.URL.Query()}
	s.mu.Unlock()
	q.token, _ = strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	q.endpoint, q.id = route(r.URL.Path)
	if h, built := handlers[q.endpoint]; q.endpoint != "authen/user_info" && (!built || h.method != r.Method) {
		if call, found := unbuiltCall(r.Method, r.URL.Path); found {
			q.endpoint = call
		}
	}
	return q
}

// department is the id of the department asked for, for matching faults.
func (q *request) department() string {
	for _, id := range []string{q.query.Get("department_id"), q.query.Get("parent_department_id")} {
		if id != "" {
			return id
		}
	}
	return q.id
}

// handler makes the data of a good answer.
type handler struct {
	method string
	// scopes: one of them is needed (feishu.md §3.3).
	scopes []string
	serve  func(*Server, *simulator.View, *request) (data any, shape simulator.Shape, refused *refusal)
}

var handlers = map[string]handler{
	"departments/children":     {http.MethodGet, listScopes, (*Server).children},
	"departments/get":          {http.MethodGet, getScopes, (*Server).getDepartment},
	"departments/batch":        {http.MethodGet, []string{contactBase}, (*Server).batchDepartments},
	"departments/parent":       {http.MethodGet, listScopes, (*Server).parents},
	"departments/list":         {http.MethodGet, listScopes, (*Server).listDepartments},
	"scopes":                   {http.MethodGet, getScopes, (*Server).contactRange},
	"users/find_by_department": {http.MethodGet, listScopes, (*Server).findByDepartment},
	"users/get":                {http.MethodGet, getScopes, (*Server).getUser},
	"users/batch":              {http.MethodGet, []string{contactBase}, (*Server).batchUsers},
	"group/simplelist":         {http.MethodGet, []string{groupRead}, (*Server).listGroups},
	"group/get":                {http.MethodGet, []string{groupRead}, (*Server).getGroup},
	"group/member/simplelist":  {http.MethodGet, []string{groupRead}, (*Server).listGroupMembers},
	"app_admin_user/list": {
		http.MethodGet,
		[]string{appAdminID, "admin:app.admin:readonly"},
		(*Server).appAdministrators,
	},
	"tenant/query": {http.MethodGet, []string{tenantRead}, (*Server).tenant},
}

// route names the endpoint of a path. Unknown paths have the empty name.
func route(path string) (endpoint, id string) {
	switch rest, ok := strings.CutPrefix(path, "/open-apis/contact/v3/"); {
	case ok:
		parts := strings.Split(rest, "/")
		last := parts[len(parts)-1]
		switch {
		case rest == "scopes":
			return "scopes", ""
		case rest == "departments":
			return "departments/list", ""
		case rest == "group/simplelist":
			return rest, ""
		case len(parts) == 2 && parts[0] == "group" && last != "" && last != "member_belong":
			return "group/get", last
		case len(parts) == 4 && parts[0] == "group" && parts[2] == "member" && last == "simplelist":
			return "group/member/simplelist", parts[1]
		case len(parts) == 3 && parts[0] == "departments" && last == "children":
			return "departments/children", parts[1]
		case len(parts) == 2 && slices.Contains(
			[]string{"departments/batch", "departments/parent", "users/batch", "users/find_by_department"}, rest):
			return rest, ""
		case len(parts) == 2 && (parts[0] == "departments" || parts[0] == "users") && last != "":
			return parts[0] + "/get", last
		}
	case path == "/open-apis/auth/v3/tenant_access_token/internal":
		return "tenant_access_token", ""
	case path == "/open-apis/auth/v3/app_access_token/internal":
		return "app_access_token", ""
	case path == "/open-apis/user/v4/app_admin_user/list":
		return "app_admin_user/list", ""
	case path == "/oauth/v3/token":
		return userTokenV3, ""
	case path == "/open-apis/authen/v2/oauth/token":
		return userTokenV2, ""
	case path == "/open-apis/authen/v1/user_info":
		return "authen/user_info", ""
	case path == "/open-apis/tenant/v2/tenant/query":
		return "tenant/query", ""
	}
	return "", ""
}

// answer checks in the order path, method, token, address, permission, quota and
// then lets the endpoint answer.
func (s *Server) answer(q *request, act simulator.Action) simulator.Reply {
	if act.Kind == simulator.HTTPStatus {
		return q.refuse(&refusal{status: act.Status, code: act.Code, msg: "simulated"})
	}
	if strings.HasSuffix(q.endpoint, "_access_token") {
		return s.issueToken(q, act)
	}
	switch q.endpoint {
	case userTokenV2, userTokenV3:
		return s.issueUserToken(q, act)
	case "authen/user_info":
		return s.userInfo(q, act)
	}
	if scopes, ok := unbuilt[q.endpoint]; ok {
		return s.refuseUnbuilt(q, scopes, act)
	}
	h, ok := handlers[q.endpoint]
	if !ok || q.Method != h.method {
		return q.notFound()
	}
	if r := s.gate(q, h, act); r != nil {
		return q.refuse(r)
	}
	var reply simulator.Reply
	s.company.View(func(v *simulator.View) {
		data, shape, refused := h.serve(s, v, q)
		if refused != nil {
			reply = q.refuse(refused)
			return
		}
		reply = q.succeed(data, shape)
	})
	return reply
}

func (s *Server) gate(q *request, h handler, act simulator.Action) *refusal {
	if r := s.checkToken(q); r != nil {
		return r
	}
	if ip, _, _ := net.SplitHostPort(q.RemoteAddr); len(q.cfg.TrustedIPs) > 0 &&
		!slices.Contains(q.cfg.TrustedIPs, ip) {
		return &refusal{code: 99991401, msg: "ip " + ip + " is denied by app setting"}
	}
	switch {
	case h.serve == nil && len(h.scopes) == 0: // it takes a user's token only (feishu.md §5.2)
		return &refusal{
			code: 99991663,
			msg:  "Invalid access token for authorization. Please make a request with token attached.",
		}
	case h.serve == nil, !q.holds(h.scopes...):
		return missingScope(q.cfg.AppID, h.scopes)
	}
	if wait := s.OverQuota(q.endpoint); wait > 0 {
		return q.throttled(wait)
	}
	return q.scripted(act, h)
}

// scripted is the refusal that a fault asks for.
func (q *request) scripted(act simulator.Action, h handler) *refusal {
	switch act.Kind {
	case simulator.Code:
		status := act.Status
		if status == 0 {
			status = statusOf(act.Code)
		}
		return &refusal{status: status, code: act.Code, msg: "simulated"}
	case simulator.Throttle:
		return q.throttled(max(act.Delay, time.Second))
	case simulator.Forbidden:
		return missingScope(q.cfg.AppID, append(slices.Clone(h.scopes), contactBase)[:1])
	case simulator.OutOfRange:
		if q.endpoint == "users/get" || q.endpoint == "users/batch" {
			return errUserRange
		}
		if strings.HasPrefix(q.endpoint, "group/") {
			return errGroupRange
		}
		return errDepartmentRange
	default:
		return nil
	}
}
