package dingtalk

import (
	"net/http"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/orgsync/orgsync/internal/directory"
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
	checkBaseURL = "check base_url: the legacy API is https://oapi.dingtalk.com (international: " +
		"https://oapi.dingtalk.io), with a path prefix only where a proxy needs one"
	checkAPIBaseURL = "check api_base_url: the newer API is https://api.dingtalk.com, with a path prefix only " +
		"where a proxy needs one"
	checkCredentials = "copy app_key and app_secret again from the DingTalk developer console " +
		"(open-dev.dingtalk.com): the app > Credentials (凭证与基础信息)"
	tokenRefused = "the access token is refused, though it was fetched just now and app_key and app_secret " +
		"were accepted"
	shareToken = "another program may be invalidating it: give this sync an app of its own, or let all " +
		"programs that use this app share one token"
	grantPermission = "grant it in the DingTalk developer console (open-dev.dingtalk.com): the app > Permission " +
		"management (权限管理)"
	trustAddress = "add it in the DingTalk developer console (open-dev.dingtalk.com): the app > Security " +
		"settings (安全设置) > server egress IP (服务器出口IP)"
	widenRange = "include it both in the permissions' authorised range (授权范围, under Permission management) " +
		"and in the app's visible range (可使用范围, under Version management), or leave it out on purpose"
	reportIt         = "report it together with the code and the request id; the settings are not at fault"
	enableApp        = "enable it again in the DingTalk admin console (oa.dingtalk.com)"
	raiseQuota       = "wait for the next month, or buy a larger quota in the DingTalk developer console"
	signInAgain      = "start the sign-in again"
	nothingIfDeleted = "nothing to do if it was deleted in DingTalk: the next sync removes it"
)

// meaning is what a code means.
type meaning struct {
	kind    provider.Kind
	problem string
	action  string
}

// meanings holds the documented codes a directory read can meet (dingtalk.md §1,
// §2, §3, §6).
var meanings = map[string]meaning{
	"-1":    {provider.Unavailable, "DingTalk is busy", ""},
	"60019": {provider.Unavailable, "DingTalk could not read the people of the department", ""},

	"22":  {provider.Invalid, "the API path does not exist", checkBaseURL},
	"404": {provider.Invalid, "the API path does not exist", checkBaseURL},
	"40000": {
		provider.Invalid,
		"a parameter or the access token did not arrive",
		"check that no proxy between here and DingTalk strips the query or the body",
	},
	"41001": {
		provider.Invalid,
		"the access token did not arrive",
		"check that no proxy between here and DingTalk strips the query",
	},
	"40009":  {provider.Invalid, "the department id is not valid", reportIt},
	"40035":  {provider.Invalid, "a parameter is not valid", reportIt},
	"400001": {provider.Invalid, "a parameter is not valid", reportIt},
	"400002": {provider.Invalid, "a parameter is not valid", reportIt},
	"40069":  {provider.Invalid, "the page size is not valid", reportIt},
	"60111":  {provider.Invalid, "the userid is missing", reportIt},

	"AuthenticationFailed.MissingParameter": {
		provider.Invalid,
		"the access token did not arrive",
		"check that no proxy between here and DingTalk strips headers",
	},
	"Missingbody": {
		provider.Invalid,
		"the request body did not arrive",
		"check that no proxy between here and DingTalk strips the body",
	},

	"40068": {provider.CursorExpired, "the page's position is no longer accepted", ""},

	// A fresh token may help after these (dingtalk.md §6).
	"40014":                 {provider.TokenRefused, tokenRefused, shareToken},
	"42001":                 {provider.TokenRefused, tokenRefused, shareToken},
	"40001":                 {provider.TokenRefused, tokenRefused, shareToken},
	"InvalidAuthentication": {provider.TokenRefused, tokenRefused, shareToken},

	"40089":                   {provider.Unauthenticated, "the CorpId and its secret do not match", checkCredentials},
	"40096":                   {provider.Unauthenticated, "app_key and app_secret do not match", checkCredentials},
	"invalidClientIdOrSecret": {provider.Unauthenticated, "app_key and app_secret do not match", checkCredentials},
	"invalid.client":          {provider.Unauthenticated, "app_key and app_secret do not match", checkCredentials},
	"authFailed":              {provider.Unauthenticated, "app_key and app_secret do not match", checkCredentials},
	"unauthorized.client": {provider.Unauthenticated, "the app is not authorised for this company",
		checkCredentials},

	"60011": {provider.Forbidden, "the app lacks a permission", grantPermission},
	"43007": {provider.Forbidden, "the call needs an authorisation that the app lacks", grantPermission},
	"60020": {provider.Forbidden, "this server's address is not on the app's list of egress addresses", trustAddress},
	"50003": {provider.Forbidden, "the app has been stopped", enableApp},
	"50005": {provider.Forbidden, "the company has been disabled in DingTalk", enableApp},
	"70001": {
		provider.Forbidden,
		"the company has been dissolved in DingTalk",
		"remove this provider, or point it at another company",
	},

	"Forbidden.AccessDenied.AccessTokenPermissionDenied": {
		provider.Forbidden,
		"the app lacks a permission",
		grantPermission,
	},
	"Forbidden.AccessDenied.IpNotInWhiteList": {
		provider.Forbidden,
		"this server's address is not on the app's list of egress addresses",
		trustAddress,
	},

	"50002": {provider.OutOfRange, "the person is outside the app's visible range", widenRange},
	"50004": {provider.OutOfRange, "the department is outside the app's visible range", widenRange},

	"60003": {provider.NotFound, "the department does not exist", nothingIfDeleted},
	"60121": {provider.NotFound, "the person is not a member of the company", nothingIfDeleted},
	"33011": {provider.NotFound, "the role does not exist", nothingIfDeleted},
	"33012": {provider.NotFound, "no member of the company has this userid", nothingIfDeleted},

	// The calls of a login (dingtalk.md §6, §8; dingtalk-more.md §B).
	"40078": {provider.CodeRefused, "the sign-in code is unknown or already used", signInAgain},
	"invalidParameter.authCode.notFound": {
		provider.CodeRefused,
		"the sign-in code is unknown or already used",
		signInAgain,
	},
	"invalidParameter.user.notFound": {provider.NotFound, "the person does not exist", nothingIfDeleted},

	"90018":            {provider.RateLimited, "the app calls this API too often", ""},
	codeThrottledByAll: {provider.RateLimited, "all customers of DingTalk together overload this API", ""},
	codeAddressBlocked: {
		provider.RateLimited,
		"this server's public address is blocked for five minutes for too many calls",
		"",
	},
	"Forbidden.AccessDenied.QpsLimitForAppkeyAndApi": {provider.RateLimited, "the app calls this API too often", ""},
	"Forbidden.AccessDenied.QpmLimitForAppkeyAndApi": {provider.RateLimited, "the app calls this API too often", ""},
	"Forbidden.AccessDenied.QpsLimitForApi": {
		provider.RateLimited,
		"all customers of DingTalk together overload this API",
		"",
	},

	"90020": {provider.QuotaExhausted, "the month's quota of API calls is used up", raiseQuota},
	"Forbidden.AccessDenied.ApiCountLimitForOrg": {
		provider.QuotaExhausted,
		"the month's quota of API calls is used up",
		raiseQuota,
	},
}

// unknown is a code of which nothing is known.
var unknown = meaning{provider.Unavailable, "this program does not know the code",
	"nothing to do at first: the call is tried again; if the error recurs, look the code up at " +
		"https://open.dingtalk.com/document/development/server-api-error-codes-1 " +
		"or ask DingTalk's support with the request id"}

// classify looks a code up. A code that is neither in the table nor of a family whose
// meaning is documented may pass, so it is tried again.
func classify(code string, status int) meaning {
	if c, ok := meanings[code]; ok {
		return c
	}
	n, err := strconv.Atoi(code)
	switch {
	case err == nil && n >= 90001 && n <= 90019: // per server, company or suite (dingtalk.md §6)
		return meaning{provider.RateLimited, "too many calls", ""}
	case err == nil && n >= 900001 && n <= 900010: // (dingtalk.md §6)
		return meaning{provider.Invalid, "a callback could not be decrypted or verified", reportIt}
	case err != nil && status == http.StatusTooManyRequests:
		return meaning{provider.RateLimited, "too many calls", ""}
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
	if c.action == checkBaseURL {
		c.action = checkBase(ep)
	}
	e := newError(ep, c.kind, c.problem, c.action)
	e.Code, e.RequestID, e.Unknown = plain(&f.code), f.requestID, c == unknown
	switch c.kind {
	case provider.Forbidden:
		e.Problem += f.facts()
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

// facts are the caller's address and the missing permission points, which
// DingTalk appends to its texts (dingtalk.md §1.3, §6).
func (f failure) facts() string {
	var facts string
	if m := callerAddress.FindStringSubmatch(f.text); m != nil {
		if ip, err := netip.ParseAddr(strings.TrimRight(m[1], ".:")); err == nil {
			facts += ": " + ip.String()
		}
	}
	found := f.scopes
	if m := requiredScopes.FindStringSubmatch(f.text); m != nil {
		found = append(found, strings.FieldsFunc(m[1], func(r rune) bool { return r == ',' || r == ' ' })...)
	}
	var names []string
	for _, name := range found {
		if permission.MatchString(name) {
			names = append(names, name)
		}
	}
	if len(names) > 0 {
		facts += ": " + strings.Join(names, ", ")
	}
	return facts
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
func checkBase(ep provider.Endpoint) string {
	if ep.Base == keyAPIBaseURL {
		return checkAPIBaseURL
	}
	return checkBaseURL
}

func unusableAddress(ep provider.Endpoint) *provider.Error {
	return newError(ep, provider.Invalid, "the address of the call cannot be built", checkBase(ep))
}

// notTheAPI judges an answer that is not DingTalk's own. The rate guard's page is one
// too (dingtalk.md §1.2 shape E).
func notTheAPI(ep provider.Endpoint, reply *provider.Reply) *provider.Error {
	return provider.NotTheAPI(directory.DingTalk, ep, reply,
		checkBase(ep)+"; DingTalk itself answers with a web page while it blocks an address for too many calls")
}

// malformed reports a successful answer that cannot be what the API sends.
func (a answer) malformed(problem string) *provider.Error {
	e := newError(a.endpoint, provider.Malformed, problem, reportIt)
	e.RequestID = a.requestID
	return e
}

func newError(ep provider.Endpoint, kind provider.Kind, problem, action string) *provider.Error {
	return &provider.Error{Provider: directory.DingTalk, Kind: kind, Endpoint: ep.Name, Problem: problem,
		Action: action}
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
