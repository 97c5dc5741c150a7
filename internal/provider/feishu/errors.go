package feishu

import (
	"math"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/provider"
)

// meaning is what one error code means and what a person should do about it.
type meaning struct {
	kind    provider.Kind
	problem string
	action  string
}

// Changed permissions and ranges work only once a new version of the app is
// published and approved (feishu.md §9, row 10).
const (
	grantScope = "add it in the developer console under the app > Permissions & Scopes, then publish a version of " +
		"the app and have it approved"
	widenRange = "widen the app's contact range in the developer console under the app > Permissions & Scopes > " +
		"contact data range, then publish a version and have it approved; the company's administrator can also do it " +
		"in the admin console"
	checkApp  = "compare app_id and app_secret with the developer console under the app > Credentials & Basic Info"
	checkBase = "check base_url: https://open.feishu.cn for Feishu, https://open.larksuite.com for Lark, or the " +
		"right path prefix of a gateway"
	checkProxy  = "check whether a proxy or gateway between this server and Feishu changes requests or answers"
	resetSecret = "check that app_id belongs to a self-built app of this company and that base_url names its " +
		"brand, then run the provider test again"
	shareToken = "another program may be invalidating it: give this sync an app of its own, or let all programs " +
		"that use this app share one token; if no other program uses it, " + resetSecret
	mayBeApp    = "nothing to do at first: the call is tried again; if the error recurs, " + checkApp
	unknownCode = "nothing to do at first: the call is tried again; if the error recurs, look the code up in " +
		"Feishu's documentation or ask its support with the request id"
	signInAgain = "start the sign-in again"
	reportBug   = "report this with the code and the request id: the request that orgsync sent is wrong"
)

// Of long connections.
const (
	allowStream = "only self-built apps can; check in the developer console under the app > Events & Callbacks that " +
		"events are received by a long connection"
	closeOthers = "end other programs that connect with this app: each event goes to one connection alone"
)

// Of people who cannot sign in.
const (
	nothingIfLeft = "nothing to do if the person left: the next sync removes them"
	allowApp      = "add the person in the developer console under the app > Version Management & Release > " +
		"availability"
	unfreeze = "check the person's account in the admin console of the company under its members"
)

// Of departments: a run only asks for those that Feishu listed, or that a person named.
const (
	nothingIfDeleted = "nothing to do if it was deleted in Feishu: the next sync removes it; "
	useOpenIDs       = nothingIfDeleted + "if you gave the id, use open_department_ids (od-...), not the custom " +
		"department ids of the admin console"
)

const tokenRefused = "the access token is refused, though it was fetched just now and the app id and secret " +
	"were accepted"

// meanings is every code that the calls of a sync can answer (feishu.md §1.2, §5.1,
// §5.2, where sources and HTTP statuses stand; 2200, 10005, 10012, 10013, 40006 and
// 100000x are of the general table, feishu.md §0 ERR).
var meanings = map[int64]meaning{
	10005: {provider.Unauthenticated, "the app is not authorised for this company", checkApp},
	10003: {provider.Unauthenticated, "the app id or secret is malformed", checkApp},
	10014: {
		provider.Unauthenticated,
		"the app does not exist on this host or is disabled",
		checkApp + "; a Lark app needs base_url https://open.larksuite.com",
	},
	10015: {provider.Unauthenticated, "the app secret is wrong", checkApp},

	99991661: {provider.Unauthenticated, "the call arrived without its access token", checkProxy},
	// A fresh token may help after these (feishu.md §5.2 and §8, row "Retry").
	99991663: {provider.TokenRefused, tokenRefused, shareToken},
	99991664: {provider.TokenRefused, tokenRefused, shareToken},
	99991665: {provider.TokenRefused, tokenRefused, shareToken},
	99991671: {provider.TokenRefused, "the access token is refused as malformed", shareToken},
	99991668: {provider.Unauthenticated, "the access token is refused as a user's", resetSecret},
	99991677: {provider.Unauthenticated, "the access token is refused as an expired user's", resetSecret},
	99991662: {
		provider.Unauthenticated,
		"the app is disabled",
		"enable the app in the admin console of the company under its apps",
	},
	99991673: {
		provider.Unauthenticated,
		"the app is not installed in this company",
		"publish a version of the app in the developer console and have the company's administrator approve it",
	},

	99991672: {provider.Forbidden, "the app lacks a permission for this call", grantScope},
	99991679: {provider.Forbidden, "the call needs a permission that was not granted", grantScope},
	99991401: {
		provider.Forbidden,
		"this server's address is not on the app's list of allowed addresses",
		"add this server's public address in the developer console under the app > Security Settings > IP allow-list",
	},

	40004: {provider.OutOfRange, "the department is outside the app's contact range", widenRange},
	40014: {provider.OutOfRange, "the parent department is outside the app's contact range", widenRange},
	41050: {provider.OutOfRange, "the person is outside the app's contact range", widenRange},
	// Evidence of another app's or tenant's ids, not of a person who left.
	99992361: {
		provider.OutOfRange,
		"the open_id was issued to another app",
		"use the app that the stored ids were read with, or run a full sync to renew them",
	},
	99992381: {
		provider.OutOfRange,
		"the union_id belongs to another company",
		"use an app of the company that the stored ids were read from, or run a full sync to renew them",
	},

	40015: {
		provider.NotFound,
		"the department does not exist",
		nothingIfDeleted + "if you gave the id, check it",
	},
	99992357: {
		provider.NotFound,
		"the open_department_id is unknown",
		useOpenIDs,
	},
	99992380: {
		provider.NotFound,
		"the department id is unknown",
		useOpenIDs,
	},
	41012: {
		provider.NotFound,
		"the user id is invalid",
		"check the id; if the person is gone, the sync removes them by itself",
	},
	99992351: {
		provider.NotFound,
		"the open_id is unknown",
		"check the id; if the person is gone, the sync removes them by itself",
	},
	99992360: {
		provider.NotFound,
		"the user_id is unknown",
		"check the id; if the person is gone, the sync removes them by itself",
	},
	99992364: {
		provider.NotFound,
		"the union_id is unknown, or the user_id belongs to another company",
		"check that app_id still names an app of the company that the stored ids were read from",
	},

	// Of groups (feishu-more.md §C).
	42009: {provider.OutOfRange, "the user group is outside the app's contact range", widenRange},
	42002: {
		provider.NotFound,
		"the user group does not exist",
		"check the id; if the group is gone, the sync removes it by itself",
	},
	42029: {
		provider.Forbidden,
		"the user group can be managed in the admin console only",
		"leave it to the admin console",
	},
	41071: {provider.Invalid, "the type of a group's member is wrong", reportBug},
	41072: {provider.Invalid, "the type of id does not fit a group's member", reportBug},
	41074: {provider.Invalid, "a parameter of a group's members is wrong", reportBug},

	// Of the call for the company's name alone; only their HTTP statuses are documented,
	// 404 and 403 (feishu-more.md §D).
	1184000: {provider.NotFound, "the company is unknown", checkApp},
	1184001: {provider.Forbidden, "the company's own data may not be read", grantScope},

	99991400: {provider.RateLimited, "too many calls", ""},
	1000004:  {provider.RateLimited, "this call is made too often", ""},
	1000005:  {provider.RateLimited, "the app makes too many calls", ""},
	99991403: {
		provider.QuotaExhausted,
		"the company's monthly quota of API calls is used up",
		"wait for the first of the next month, or upgrade the company's plan; a longer sync interval uses fewer calls",
	},

	2200:    {provider.Unavailable, "Feishu reports an internal error, as it does when calls come too often", ""},
	10012:   {provider.Unavailable, "Feishu could not make the app's access token", mayBeApp},
	10013:   {provider.Unavailable, "Feishu could not make the company's access token", mayBeApp},
	40003:   {provider.Unavailable, "Feishu reports an internal error", ""},
	40006:   {provider.Unavailable, "Feishu reports an internal error", ""},
	1000003: {provider.Unavailable, "Feishu reports an internal error", ""},
	40008:   {provider.Unavailable, "Feishu has no information about this department at the moment", ""},
	40012:   {provider.CursorExpired, "the page token is no longer accepted", ""},
	43010: {
		provider.TooLarge,
		"the department is too large to be read with everything below it",
		"nothing to do: the departments are read level by level instead",
	},

	// The call for a long connection and its handshake (feishu-more.md §A2).
	1:          {provider.Unavailable, "Feishu is busy", ""},
	403:        {provider.Forbidden, "the app may not open a long connection", allowStream},
	514:        {provider.Unauthenticated, "the app id or secret is refused for the long connection", checkApp},
	1000040343: {provider.Unavailable, "Feishu reports an internal error", ""},
	1000040344: {provider.Unauthenticated, "the call arrived without its credentials", checkProxy},
	1000040350: {provider.Unavailable, "50 long connections of this app are open, which is the most", closeOthers},

	// The calls of a login (feishu-more.md §B2, feishu.md §7.3).
	20001: {provider.Invalid, "a parameter of the sign-in is missing", reportBug},
	20002: {provider.Unauthenticated, "the app secret is wrong", checkApp},
	20003: {provider.CodeRefused, "the sign-in code is unknown or used", signInAgain},
	20004: {provider.CodeRefused, "the sign-in code has expired", signInAgain},
	20005: {provider.Unavailable, "the person's access token is refused, though it was fetched just now", signInAgain},
	20008: {provider.NotFound, "the person does not exist", nothingIfLeft},
	20009: {provider.Unauthenticated, "the app is not installed in this company", checkApp},
	20010: {provider.OutOfRange, "the person may not use the app", allowApp},
	20021: {provider.NotFound, "the person has resigned", nothingIfLeft},
	20022: {provider.MemberSuspended, "the person's account is frozen", unfreeze},
	20023: {provider.MemberSuspended, "the person's account cannot be used", unfreeze},
	20024: {provider.CodeRefused, "the sign-in code was made for another app", signInAgain},
	20036: {provider.Invalid, "the grant type is refused", reportBug},
	20048: {provider.Unauthenticated, "the app does not exist on this host", checkApp},
	20049: {provider.CodeRefused, "the sign-in was begun elsewhere: its PKCE verifier does not fit", signInAgain},
	20050: {provider.Unavailable, "Feishu's sign-in is busy", ""},
	20063: {provider.Invalid, "a parameter of the sign-in is malformed", reportBug},
	20065: {provider.CodeRefused, "the sign-in code was used already", signInAgain},
	20066: {provider.MemberSuspended, "the person's account cannot be used", unfreeze},
	20067: {provider.Invalid, "a permission is asked for twice", reportBug},
	20068: {provider.Forbidden, "the sign-in asks for a permission that was not granted", grantScope},
	20069: {provider.Unauthenticated, "the app is disabled", checkApp},
	20070: {provider.Invalid, "the app authenticates in two ways at once", reportBug},
	20071: {provider.CodeRefused, "the sign-in code was made for another redirect address", signInAgain},
	20072: {provider.Unavailable, "Feishu's sign-in is busy", ""},

	40001: {provider.Invalid, "a parameter is wrong", reportBug},
	40011: {provider.Invalid, "the page size is wrong", reportBug},
	42008: {
		provider.Invalid,
		"the object belongs to another company than the app",
		"check that app_id names an app of the company that is synced",
	},
	99992402: {provider.Invalid, "a field of the request is refused", reportBug},
	99991201: {provider.Invalid, "the path is unknown", checkBase},
	99991301: {provider.Invalid, "the method is not accepted", checkBase},
}

// documented reports whether the error carries a code of the table above.
func documented(e *provider.Error) bool {
	code, err := strconv.ParseInt(e.Code, 10, 64)
	_, known := meanings[code]
	return err == nil && known
}

// classify says what a failed exchange means. usable tells whether there was an
// envelope at all; a known code outweighs the HTTP status.
func classify(ep provider.Endpoint, reply *provider.Reply, env envelope, usable bool) *provider.Error {
	redirect := reply.Status >= 300 && reply.Status < 400
	if v, known := meanings[env.code]; usable && known && !redirect {
		e := &provider.Error{Kind: v.kind, Problem: v.problem + named(env), Action: v.action}
		if e.Kind == provider.RateLimited {
			e.RetryAfter = retryAfter(reply.Header)
		}
		return e
	}
	status := "HTTP status " + strconv.Itoa(reply.Status)
	switch {
	case !usable, redirect, reply.Status == http.StatusTooManyRequests, env.code == 0 && reply.Status >= 500:
		e := provider.NotTheAPI(directory.Feishu, ep, reply, checkBase)
		if e.Kind == provider.RateLimited {
			e.RetryAfter = retryAfter(reply.Header)
		}
		return e
	case env.code == 0:
		return &provider.Error{
			Kind:    provider.Malformed,
			Problem: "the answer claims success with " + status,
			Action:  checkProxy,
		}
	default:
		return &provider.Error{Kind: provider.Unavailable, Unknown: true,
			Problem: "this program does not know the code (" + status + ")" + named(env), Action: unknownCode}
	}
}

// What permissions (contact:user.email:readonly) and fields look like; anything
// else in their place is not repeated, since free text may hold personal data.
var (
	scopeName = regexp.MustCompile(`^[a-z_]+(:[a-z0-9_.]+)+$`)
	fieldName = regexp.MustCompile(`^[a-z][a-z0-9_.]{0,63}$`)
)

// named lists the missing permissions and refused fields that an answer names.
func named(env envelope) string {
	scopes := env.violations("permission_violations", "subject", scopeName)
	fields := env.violations("field_violations", "field", fieldName)
	text := ""
	if len(scopes) > 0 {
		text += ": one of " + strings.Join(scopes, ", ")
	}
	if len(fields) > 0 {
		text += ": " + strings.Join(fields, ", ")
	}
	return text
}

const (
	defaultPause = 5 * time.Second
	// Windows are a second or a minute (feishu.md §5.1): a longer wait than this is
	// not believed.
	longestPause = time.Hour
)

// retryAfter reads x-ogw-ratelimit-reset, seconds to wait, possibly fractional
// (feishu.md §5.1), rounded up to whole seconds.
func retryAfter(h http.Header) time.Duration {
	seconds, err := strconv.ParseFloat(h.Get("x-ogw-ratelimit-reset"), 64)
	if err != nil || !(seconds >= 0 && seconds <= longestPause.Seconds()) { // NaN fails both
		return defaultPause
	}
	return max(time.Second, time.Duration(math.Ceil(seconds))*time.Second)
}
