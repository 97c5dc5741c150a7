package dingtalk

import (
	"cmp"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/orgsync/orgsync/devkit/simulator"
)

// Permission points (dingtalk.md §1.3).
const (
	departmentList   = "qyapi_get_department_list"
	departmentMember = "qyapi_get_department_member"
	member           = "qyapi_get_member"
	basic            = "qyapi_base"
	// UserPoint is what reading the profile of who signs in needs.
	UserPoint = "Contact.User.Read"
	// MobilePoint and EmailPoint decide about fields, not calls.
	MobilePoint = "企业员工手机号信息"
	EmailPoint  = "邮箱等个人信息"
)

// AllPoints are all permission points that the simulated calls and fields ask for.
var AllPoints = []string{departmentList, departmentMember, member, MobilePoint, EmailPoint, UserPoint, basic}

// Without returns AllPoints less those named.
func Without(named ...string) ([]string, error) {
	for _, point := range named {
		if !slices.Contains(AllPoints, point) {
			return nil, fmt.Errorf("permission %q is unknown; there are %v", point, AllPoints)
		}
	}
	return slices.DeleteFunc(
		slices.Clone(AllPoints),
		func(point string) bool { return slices.Contains(named, point) },
	), nil
}

// Config says what app the service knows and how it behaves where the reference
// leaves that open. The zero value is an app "dingsim" that sees everything.
type Config struct {
	simulator.Options
	// AppKey and AppSecret default to "dingsim" and "sim-secret", CorpID to
	// "dingsimcorp".
	AppKey, AppSecret, CorpID string
	// Range is the contact scope; nil means the whole company.
	Range *simulator.Range
	// Points are the app's permission points; nil means AllPoints.
	Points []string
	// TrustedIPs, if not empty, are the only callers let in.
	TrustedIPs []string
	// HomeSchool adds a department with the id -7 below the root, which cannot be
	// read (dingtalk.md §2).
	HomeSchool bool
	// RedirectURLs are the registered ones, compared exactly; none lets all in.
	RedirectURLs []string
	// KnownOutsiders makes members of other companies external contacts of this one.
	KnownOutsiders bool
	// OmitUnset leaves unset e-mails and phones out instead of sending "".
	OmitUnset bool
}

// Server is a simulated DingTalk, both hosts in one. It is an http.Handler, safe
// for concurrent use.
type Server struct {
	*simulator.Service
	// Streams are the app's connections.
	Streams simulator.Streams
	company *simulator.Company

	mu  sync.Mutex
	cfg Config
	log int // numbers the request ids
}

// New returns a service that shows company as cfg says.
func New(company *simulator.Company, cfg Config) *Server {
	for _, d := range []struct {
		field *string
		value string
	}{{&cfg.AppKey, "dingsim"}, {&cfg.AppSecret, "sim-secret"}, {&cfg.CorpID, "dingsimcorp"}} {
		if *d.field == "" {
			*d.field = d.value
		}
	}
	if cfg.Points == nil {
		cfg.Points = AllPoints
	}
	return &Server{Service: simulator.NewService(cfg.Options, limits), company: company, cfg: cfg}
}

// Reconfigure changes the configuration in mid-run: range, permission points,
// switches. Options and company stay.
func (s *Server) Reconfigure(change func(*Config)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	cfg := s.cfg
	change(&cfg)
	cfg.Options = s.cfg.Options
	s.cfg = cfg
}

// limits: 20 calls a second per app and API, those that fetch tokens among them
// (dingtalk.md §1.1, §6).
func limits(string) []simulator.Quota {
	return []simulator.Quota{{Calls: 20, Per: time.Second}}
}

// request is one call, as far as it can be read before anything is checked.
type request struct {
	*http.Request
	endpoint string
	cfg      Config
	id       string
	params   params
	token    string
	now      time.Time
}

// handler makes the answer of an endpoint: the keys beside errcode.
type handler struct {
	method string
	// point is the permission needed, empty for those every app has.
	point string
	serve func(*Server, *simulator.View, *request) (answer map[string]any, shape simulator.Shape, refused *refusal)
}

var handlers = map[string]handler{
	"department/listsub":          {http.MethodPost, departmentList, (*Server).listSub},
	"department/listsubid":        {http.MethodPost, departmentList, (*Server).listSubID},
	"department/get":              {http.MethodPost, departmentList, (*Server).getDepartment},
	"department/listparentbydept": {http.MethodPost, departmentList, (*Server).parentsOfDepartment},
	"department/listparentbyuser": {http.MethodPost, departmentList, (*Server).parentsOfUser},
	"user/list":                   {http.MethodPost, departmentMember, (*Server).listUsers},
	"user/listsimple":             {http.MethodPost, departmentMember, (*Server).listSimple},
	"user/listid":                 {http.MethodPost, member, (*Server).listUserID},
	"user/get":                    {http.MethodPost, member, (*Server).getUser},
	"user/getbyunionid":           {http.MethodPost, member, (*Server).getByUnionID},
	"user/getuserinfo":            {http.MethodPost, basic, (*Server).userInfo},
	"user/count":                  {http.MethodPost, member, (*Server).countUsers},
	"user/listadmin":              {http.MethodPost, member, (*Server).listAdministrators},
	"role/list":                   {http.MethodPost, departmentList, (*Server).listRoles},
	"role/simplelist":             {http.MethodPost, departmentMember, (*Server).listHolders},
	"role/getrole":                {http.MethodPost, departmentMember, (*Server).getRole},
	"auth/scopes":                 {http.MethodGet, "", (*Server).authScopes},
}

// paths name the endpoints of the legacy host (dingtalk.md §2, §3, §5).
var paths = map[string]string{
	"/topapi/v2/department/listsub":          "department/listsub",
	"/topapi/v2/department/listsubid":        "department/listsubid",
	"/topapi/v2/department/get":              "department/get",
	"/topapi/v2/department/listparentbydept": "department/listparentbydept",
	"/topapi/v2/department/listparentbyuser": "department/listparentbyuser",
	"/topapi/v2/user/list":                   "user/list",
	"/topapi/user/listsimple":                "user/listsimple",
	"/topapi/user/listid":                    "user/listid",
	"/topapi/v2/user/get":                    "user/get",
	"/topapi/user/getbyunionid":              "user/getbyunionid",
	"/topapi/v2/user/getuserinfo":            "user/getuserinfo",
	"/v1.0/contact/users/me":                 "users/me",
	"/v1.0/oauth2/userAccessToken":           "oauth2/userAccessToken",
	"/topapi/user/count":                     "user/count",
	"/topapi/user/listadmin":                 "user/listadmin",
	"/topapi/role/list":                      "role/list",
	"/topapi/role/simplelist":                "role/simplelist",
	"/topapi/role/getrole":                   "role/getrole",
	"/auth/scopes":                           "auth/scopes",
	"/gettoken":                              "gettoken",
	"/v1.0/oauth2/accessToken":               "oauth2/accessToken",
}

func route(path string) string {
	if strings.HasPrefix(path, "/v1.0/oauth2/") && strings.HasSuffix(path, "/token") && strings.Count(path, "/") == 4 {
		return "oauth2/token"
	}
	if name, ok := paths[path]; ok {
		return name
	}
	return unbuiltName(path)
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.serveStream(w, r) {
		return
	}
	s.mu.Lock()
	s.log++
	q := &request{Request: r, cfg: s.cfg, id: fmt.Sprintf("16sim%08x", s.log), endpoint: route(r.URL.Path),
		now: s.Now()}
	s.mu.Unlock()
	if r.URL.Path == "/oauth2/auth" {
		s.company.ServeSignIn(w, r, s.signIn(q))
		return
	}
	q.params = readParams(r)
	if q.token = r.URL.Query().Get("access_token"); q.token == "" {
		q.token = q.params.form.Get("access_token") // read too (dingtalk.md §1)
	}
	object := cmp.Or(q.params.text("dept_id"), q.params.text("role_id"), q.params.text("roleId"))
	call := simulator.Call{Endpoint: q.endpoint, Department: object, Page: q.page(), Token: q.token}
	s.Serve(w, r, call, func(act simulator.Action) simulator.Reply { return s.answer(q, act) })
}

// page is the number of the page, for matching faults.
func (q *request) page() int {
	cursor, ok := q.params.number("cursor")
	if !ok {
		cursor, _ = q.params.number("offset") // of roles
	}
	size, _ := q.params.number("size")
	if size < 1 || cursor < 0 {
		return 1
	}
	return int(cursor/size) + 1
}

// answer checks in the order of dingtalk.md §12: path, token, address, permission,
// quota, then the endpoint's own.
func (s *Server) answer(q *request, act simulator.Action) simulator.Reply {
	if act.Kind == simulator.HTTPStatus {
		reply := q.refuse(business(act.Code, "simulated"))
		reply.Status = act.Status
		return reply
	}
	switch q.endpoint {
	case "gettoken", "oauth2/accessToken", "oauth2/token":
		return s.issueToken(q, act)
	case "oauth2/userAccessToken":
		return s.issueUserToken(q, act)
	case "users/me":
		return s.me(q, act)
	}
	h, ok := handlers[q.endpoint]
	if point, known := unbuilt[q.URL.Path]; !ok && known {
		return s.refuseUnbuilt(q, point, act)
	}
	if !ok {
		return q.unknownPath()
	}
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
		reply = q.succeed(answer, shape)
	})
	return reply
}

func (s *Server) gate(q *request, h handler, act simulator.Action) *refusal {
	if q.Method != h.method { // not documented; a POST endpoint finds no parameters in a GET (choice)
		q.params = params{}
	}
	if q.token == "" {
		return gateway(40000, "access_token is blank")
	}
	if owner, expired := s.Tokens.Owner(q.token); owner == "" || expired {
		return gateway(40014, "不合法的access_token")
	}
	if r := q.untrusted(); r != nil {
		return r
	}
	if h.serve == nil || h.point != "" && !slices.Contains(q.cfg.Points, h.point) {
		return missingPoint(h.point)
	}
	if wait := s.OverQuota(q.endpoint); wait > 0 {
		return throttled
	}
	return q.scripted(act, h)
}

// untrusted refuses callers that are not on the list of trusted addresses, if there is one.
func (q *request) untrusted() *refusal {
	ip, _, _ := net.SplitHostPort(q.RemoteAddr)
	if len(q.cfg.TrustedIPs) == 0 || slices.Contains(q.cfg.TrustedIPs, ip) {
		return nil
	}
	return gateway(60020, "访问ip不在白名单之中, request ip="+ip+" appKey("+q.cfg.AppKey+")")
}

// scripted is the refusal that a fault asks for.
func (q *request) scripted(act simulator.Action, h handler) *refusal {
	switch act.Kind {
	case simulator.Code:
		if slices.Contains(gatewayCodes, act.Code) {
			return gateway(act.Code, "simulated")
		}
		return business(act.Code, "simulated")
	case simulator.Throttle:
		switch act.Code {
		case 90002:
			return throttledByAll(strings.TrimPrefix(q.URL.Path, "/topapi/"), q.now, max(act.Delay, time.Second))
		case 1111:
			return &refusal{banned: true}
		default:
			return throttled
		}
	case simulator.Forbidden:
		return missingPoint(h.point)
	case simulator.OutOfRange:
		if q.endpoint == "user/get" || q.endpoint == "role/simplelist" {
			return errUserRange
		}
		return errDepartmentRange
	default:
		return nil
	}
}
