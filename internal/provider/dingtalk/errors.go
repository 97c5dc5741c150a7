package dingtalk

import (
	"net/http"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/message"
	"github.com/orgsync/orgsync/internal/provider"
	"github.com/orgsync/orgsync/internal/provider/wire"
)

const (
	codeOK = "0"
	// codeThrottledByAll is throttling caused by all customers together; its
	// text names the end (dingtalk.md §6).
	codeThrottledByAll = "90002"
	// codeAddressBlocked is the "status" of the rate guard's answer, which blocks
	// one public address for every API (dingtalk.md §1.2 shape E, §6).
	codeAddressBlocked = "1111"
	codeGateway        = "88"
)

// How long throttling lasts (dingtalk.md §6).
const (
	throttleWindow = time.Second
	addressBlock   = 5 * time.Minute
	// longestThrottle bounds an end read from a text, so that a wrong clock here
	// or there does not stop a sync.
	longestThrottle = time.Minute
)

// Words for what a person should do, where several codes need the same.
const (
	checkBaseURL     = "remedy.dingtalk_check_base"
	checkAPIBaseURL  = "remedy.dingtalk_check_api_base"
	checkCredentials = "remedy.dingtalk_check_app"
	tokenRefused     = "fault.token_refused_by_key"
	shareToken       = "remedy.share_token"
	grantPermission  = "remedy.dingtalk_grant"
	trustAddress     = "remedy.dingtalk_trust_address"
	widenRange       = "remedy.dingtalk_widen_range"
	reportIt         = "remedy.dingtalk_report"
	enableApp        = "remedy.dingtalk_enable_app"
	raiseQuota       = "remedy.dingtalk_raise_quota"
	signInAgain      = "remedy.sign_in_again"
	nothingIfDeleted = "remedy.dingtalk_nothing_if_deleted"
)

// meaning is what a code means.
type meaning provider.Meaning

// meanings holds the documented codes a directory read can meet (dingtalk.md §1,
// §2, §3, §6).
var meanings = map[string]meaning{
	"-1":    {provider.Unavailable, "fault.dingtalk_busy", ""},
	"60019": {provider.Unavailable, "fault.dingtalk_people_away", ""},

	"22":     {provider.Invalid, "fault.api_path_unknown", checkBaseURL},
	"404":    {provider.Invalid, "fault.api_path_unknown", checkBaseURL},
	"40000":  {provider.Invalid, "fault.parameter_or_token_not_arrived", "remedy.dingtalk_proxy_query_or_body"},
	"41001":  {provider.Invalid, "fault.token_stripped", "remedy.dingtalk_proxy_query"},
	"40009":  {provider.Invalid, "fault.department_id_invalid", reportIt},
	"40035":  {provider.Invalid, "fault.parameter_invalid", reportIt},
	"400001": {provider.Invalid, "fault.parameter_invalid", reportIt},
	"400002": {provider.Invalid, "fault.parameter_invalid", reportIt},
	"40069":  {provider.Invalid, "fault.page_size_invalid", reportIt},
	"60111":  {provider.Invalid, "fault.userid_missing", reportIt},

	"AuthenticationFailed.MissingParameter": {
		provider.Invalid,
		"fault.token_stripped",
		"remedy.dingtalk_proxy_headers",
	},
	"Missingbody": {provider.Invalid, "fault.body_not_arrived", "remedy.dingtalk_proxy_body"},

	"40068": {provider.CursorExpired, "fault.position_refused", ""},

	// A fresh token may help after these (dingtalk.md §6).
	"40014":                 {provider.TokenRefused, tokenRefused, shareToken},
	"42001":                 {provider.TokenRefused, tokenRefused, shareToken},
	"40001":                 {provider.TokenRefused, tokenRefused, shareToken},
	"InvalidAuthentication": {provider.TokenRefused, tokenRefused, shareToken},

	"40089":                   {provider.Unauthenticated, "fault.corp_secret_mismatch", checkCredentials},
	"40096":                   {provider.Unauthenticated, "fault.key_secret_mismatch", checkCredentials},
	"invalidClientIdOrSecret": {provider.Unauthenticated, "fault.key_secret_mismatch", checkCredentials},
	"invalid.client":          {provider.Unauthenticated, "fault.key_secret_mismatch", checkCredentials},
	"authFailed":              {provider.Unauthenticated, "fault.key_secret_mismatch", checkCredentials},
	"unauthorized.client":     {provider.Unauthenticated, "fault.app_not_authorized", checkCredentials},

	"60011": {provider.Forbidden, "fault.permission_missing", grantPermission},
	"43007": {provider.Forbidden, "fault.authorization_missing", grantPermission},
	"60020": {provider.Forbidden, "fault.address_not_egress", trustAddress},
	"50003": {provider.Forbidden, "fault.app_stopped", enableApp},
	"50005": {provider.Forbidden, "fault.dingtalk_company_disabled", enableApp},
	"70001": {provider.Forbidden, "fault.dingtalk_company_dissolved", "remedy.remove_provider"},

	"Forbidden.AccessDenied.AccessTokenPermissionDenied": {
		provider.Forbidden,
		"fault.permission_missing",
		grantPermission,
	},
	"Forbidden.AccessDenied.IpNotInWhiteList": {provider.Forbidden, "fault.address_not_egress", trustAddress},

	"50002": {provider.OutOfRange, "fault.person_beyond_range", widenRange},
	"50004": {provider.OutOfRange, "fault.department_beyond_range", widenRange},

	"60003": {provider.NotFound, "fault.department_unknown", nothingIfDeleted},
	"60121": {provider.NotFound, "fault.person_of_no_company", nothingIfDeleted},
	"33011": {provider.NotFound, "fault.role_unknown", nothingIfDeleted},
	"33012": {provider.NotFound, "fault.userid_of_nobody", nothingIfDeleted},

	// The calls of a login (dingtalk.md §6, §8; dingtalk-more.md §B).
	"40078": {provider.CodeRefused, "fault.sign_in_code_unknown_or_used", signInAgain},
	"invalidParameter.authCode.notFound": {
		provider.CodeRefused,
		"fault.sign_in_code_unknown_or_used",
		signInAgain,
	},
	"invalidParameter.user.notFound": {provider.NotFound, "fault.person_unknown", nothingIfDeleted},

	"90018":            {provider.RateLimited, "fault.app_call_too_often", ""},
	codeThrottledByAll: {provider.RateLimited, "fault.dingtalk_overloaded", ""},
	codeAddressBlocked: {provider.RateLimited, "fault.dingtalk_address_blocked", ""},
	"Forbidden.AccessDenied.QpsLimitForAppkeyAndApi": {provider.RateLimited, "fault.app_call_too_often", ""},
	"Forbidden.AccessDenied.QpmLimitForAppkeyAndApi": {provider.RateLimited, "fault.app_call_too_often", ""},
	"Forbidden.AccessDenied.QpsLimitForApi":          {provider.RateLimited, "fault.dingtalk_overloaded", ""},

	"90020": {provider.QuotaExhausted, "fault.month_quota_used", raiseQuota},
	"Forbidden.AccessDenied.ApiCountLimitForOrg": {provider.QuotaExhausted, "fault.month_quota_used", raiseQuota},
}

// unknown is a code of which nothing is known.
var unknown = meaning{
	Kind: provider.Unavailable, Problem: "fault.code_unknown", Action: "remedy.dingtalk_unknown_code",
}

// classify looks a code up. A code that is neither in the table nor of a family whose
// meaning is documented may pass, so it is tried again.
func classify(code string, status int) meaning {
	if c, ok := meanings[code]; ok {
		return c
	}
	n, err := strconv.Atoi(code)
	switch {
	case err == nil && n >= 90001 && n <= 90019: // per server, company or suite (dingtalk.md §6)
		return meaning{Kind: provider.RateLimited, Problem: "fault.too_many_calls"}
	case err == nil && n >= 900001 && n <= 900010: // (dingtalk.md §6)
		return meaning{Kind: provider.Invalid, Problem: "fault.callback_unreadable", Action: reportIt}
	case err != nil && status == http.StatusTooManyRequests:
		return meaning{Kind: provider.RateLimited, Problem: "fault.too_many_calls"}
	default:
		return unknown
	}
}

// failure is what an answer says about itself, whichever of its shapes it has
// (dingtalk.md §1.2). A success has the code 0.
type failure struct {
	status    int
	code      string
	requestID string
	// text is DingTalk's own; it is searched for a few facts and never shown.
	text   string
	scopes []string
}

// readFailure recognises the shapes A to E. It reports false for anything else.
func readFailure(fields record, status int) (failure, bool) {
	f := failure{status: status}
	if code := fields.Text("errcode"); code != nil { // A, B, C and success
		if _, err := strconv.Atoi(*code); err != nil {
			return f, false
		}
		f.code = *code
		if sub := fields.Text("sub_code"); f.code == codeGateway && sub != nil && *sub != "" {
			f.code = *sub // the gateway's real cause
		}
		f.requestID = plain(fields.Text("request_id"))
		f.text = deref(fields.Text("sub_msg")) + "\n" + deref(fields.Text("errmsg"))
		return f, true
	}
	if code := fields.String("code"); code != "" { // D
		f.code = code
		f.requestID = plain(fields.Text("requestid"))
		f.text = deref(fields.Text("message"))
		if detail, ok := wire.Object(fields["accessdenieddetail"]); ok {
			items, _ := detail.List("requiredScopes")
			for _, item := range items {
				scope, _ := item.(string)
				f.scopes = append(f.scopes, scope)
			}
		}
		return f, true
	}
	if state := fields.Number("status"); state != nil && *state == 1111 { // E
		f.code = codeAddressBlocked
		return f, true
	}
	return f, false
}

func (f failure) toError(ep provider.Endpoint, now time.Time) *provider.Error {
	c := classify(f.code, f.status)
	if c.Action == checkBaseURL {
		c.Action = checkBase(ep)
	}
	e := newError(ep, c.Kind, c.Problem, c.Action)
	e.Code, e.RequestID, e.Unknown = plain(&f.code), f.requestID, c == unknown
	switch c.Kind {
	case provider.Forbidden:
		e.Problem = provider.Naming(e.Problem, "", f.address(), f.permissions())
	case provider.RateLimited:
		e.RetryAfter = f.retryAfter(now)
	}
	return e
}

var (
	callerAddress  = regexp.MustCompile(`request ip=([0-9A-Fa-f.:]+)`)
	requiredScopes = regexp.MustCompile(`requiredScopes=\[([A-Za-z0-9_., ]+)\]`)
	permission     = regexp.MustCompile(`^[A-Za-z0-9_.]{1,64}$`)
)

// address is the caller's, which DingTalk appends to its texts (dingtalk.md §1.3, §6).
func (f failure) address() string {
	if m := callerAddress.FindStringSubmatch(f.text); m != nil {
		if ip, err := netip.ParseAddr(strings.TrimRight(m[1], ".:")); err == nil {
			return ip.String()
		}
	}
	return ""
}

// permissions are the points that are missing, which DingTalk appends as well.
func (f failure) permissions() string {
	found := f.scopes
	if m := requiredScopes.FindStringSubmatch(f.text); m != nil {
		found = append(found, strings.FieldsFunc(m[1], func(r rune) bool { return r == ',' || r == ' ' })...)
	}
	return strings.Join(slices.DeleteFunc(slices.Clone(found), func(name string) bool {
		return !permission.MatchString(name)
	}), ", ")
}

var (
	throttleEnd = regexp.MustCompile(`限制将在 (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) 结束`)
	// china is the clock of throttling texts (dingtalk.md §6).
	china = time.FixedZone("UTC+8", 8*60*60)
)

func (f failure) retryAfter(now time.Time) time.Duration {
	switch f.code {
	case codeAddressBlocked:
		return addressBlock
	case "Forbidden.AccessDenied.QpmLimitForAppkeyAndApi": // calls per minute, by its name
		return time.Minute
	case codeThrottledByAll:
		m := throttleEnd.FindStringSubmatch(f.text)
		if m == nil {
			return throttleWindow
		}
		end, err := time.ParseInLocation(time.DateTime, m[1], china)
		if err != nil {
			return throttleWindow
		}
		return min(max(end.Sub(now), throttleWindow), longestThrottle)
	default:
		return throttleWindow
	}
}

// checkBase is what to check about the address of an endpoint.
func checkBase(ep provider.Endpoint) message.Code {
	if ep.Base == keyAPIBaseURL {
		return checkAPIBaseURL
	}
	return checkBaseURL
}

func unusableAddress(ep provider.Endpoint) *provider.Error {
	return newError(ep, provider.Invalid, "fault.address_unusable", checkBase(ep))
}

// notTheAPI is the error of an answer that is not DingTalk's own. The rate guard's page is one
// too (dingtalk.md §1.2 shape E).
func notTheAPI(ep provider.Endpoint, reply *provider.Reply) *provider.Error {
	return provider.NotTheAPI(directory.DingTalk, ep, reply,
		message.Of("remedy.dingtalk_or_blocked", message.Args{"Check": message.Of(checkBase(ep), nil)}))
}

// malformed reports a successful answer that cannot be what the API sends.
func (a answer) malformed(problem string) *provider.Error {
	e := newError(a.endpoint, provider.Malformed, "", reportIt)
	e.Problem, e.RequestID = provider.Detail(problem), a.requestID
	return e
}

func newError(ep provider.Endpoint, kind provider.Kind, problem, action message.Code) *provider.Error {
	return provider.Meaning{Kind: kind, Problem: problem, Action: action}.AsError(directory.DingTalk, ep, nil)
}

var plainWord = regexp.MustCompile(`^[A-Za-z0-9._-]{1,80}$`)

// plain lets codes and request ids through and nothing that could be more.
func plain(s *string) string {
	if s == nil || !plainWord.MatchString(*s) {
		return ""
	}
	return *s
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
