package feishu

import (
	"math"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/message"
	"github.com/orgsync/orgsync/internal/provider"
)

// Changed permissions and ranges work only once a new version of the app is
// published and approved (feishu.md §9, row 10).
const (
	grantScope  = "remedy.feishu_grant"
	widenRange  = "remedy.feishu_widen_range"
	checkApp    = "remedy.feishu_check_app"
	checkBase   = "remedy.feishu_check_base"
	checkProxy  = "remedy.feishu_check_proxy"
	resetSecret = "remedy.feishu_reset_secret"
	shareToken  = "remedy.feishu_share_token"
	mayBeApp    = "remedy.feishu_maybe_app"
	unknownCode = "remedy.feishu_unknown_code"
	signInAgain = "remedy.sign_in_again"
	reportBug   = "remedy.feishu_report"
)

// Of long connections.
const (
	allowStream = "remedy.feishu_allow_stream"
	closeOthers = "remedy.feishu_close_others"
)

// Of people who cannot sign in.
const (
	nothingIfLeft = "remedy.nothing_if_left"
	allowApp      = "remedy.feishu_allow_app"
	unfreeze      = "remedy.feishu_unfreeze"
)

// Of departments: a run only asks for those that Feishu listed, or that a person named.
const useOpenIDs = "remedy.feishu_use_open_ids"

const tokenRefused = "fault.token_refused_by_app"

// meaning is what a code means.
type meaning provider.Meaning

// meanings is every code that the calls of a sync can answer (feishu.md §1.2, §5.1,
// §5.2, where sources and HTTP statuses stand; 2200, 10005, 10012, 10013, 40006 and
// 100000x are of the general table, feishu.md §0 ERR).
var meanings = map[int64]meaning{
	10005: {provider.Unauthenticated, "fault.app_not_authorized", checkApp},
	10003: {provider.Unauthenticated, "fault.feishu_credentials_malformed", checkApp},
	10014: {provider.Unauthenticated, "fault.app_unknown_or_disabled", "remedy.feishu_check_app_and_brand"},
	10015: {provider.Unauthenticated, "fault.app_secret_wrong", checkApp},

	99991661: {provider.Unauthenticated, "fault.token_not_arrived", checkProxy},
	// A fresh token may help after these (feishu.md §5.2 and §8, row "Retry").
	99991663: {provider.TokenRefused, tokenRefused, shareToken},
	99991664: {provider.TokenRefused, tokenRefused, shareToken},
	99991665: {provider.TokenRefused, tokenRefused, shareToken},
	99991671: {provider.TokenRefused, "fault.token_malformed", shareToken},
	99991668: {provider.Unauthenticated, "fault.token_of_user", resetSecret},
	99991677: {provider.Unauthenticated, "fault.token_of_user_expired", resetSecret},
	99991662: {provider.Unauthenticated, "fault.app_disabled", "remedy.feishu_enable_app"},
	99991673: {provider.Unauthenticated, "fault.app_not_installed", "remedy.feishu_publish"},

	99991672: {provider.Forbidden, "fault.call_permission_missing", grantScope},
	99991679: {provider.Forbidden, "fault.permission_not_granted", grantScope},
	99991401: {provider.Forbidden, "fault.address_not_allowed", "remedy.feishu_allow_address"},

	40004: {provider.OutOfRange, "fault.department_beyond_contact_range", widenRange},
	40014: {provider.OutOfRange, "fault.parent_beyond_contact_range", widenRange},
	41050: {provider.OutOfRange, "fault.person_beyond_contact_range", widenRange},
	// Evidence of another app's or tenant's ids, not of a person who left.
	99992361: {provider.OutOfRange, "fault.open_id_of_other_app", "remedy.feishu_same_app"},
	99992381: {provider.OutOfRange, "fault.union_id_of_other_company", "remedy.feishu_same_company"},

	40015:    {provider.NotFound, "fault.department_unknown", "remedy.feishu_deleted_or_check_id"},
	99992357: {provider.NotFound, "fault.open_department_id_unknown", useOpenIDs},
	99992380: {provider.NotFound, "fault.department_id_unknown", useOpenIDs},
	41012:    {provider.NotFound, "fault.user_id_invalid", "remedy.check_person_id"},
	99992351: {provider.NotFound, "fault.open_id_unknown", "remedy.check_person_id"},
	99992360: {provider.NotFound, "fault.user_id_unknown", "remedy.check_person_id"},
	99992364: {provider.NotFound, "fault.union_id_unknown", "remedy.feishu_check_company"},

	// Of groups (feishu-more.md §C).
	42009: {provider.OutOfRange, "fault.group_beyond_contact_range", widenRange},
	42002: {provider.NotFound, "fault.group_unknown", "remedy.check_group_id"},
	42029: {provider.Forbidden, "fault.group_only_in_console", "remedy.leave_to_console"},
	41071: {provider.Invalid, "fault.group_member_type", reportBug},
	41072: {provider.Invalid, "fault.group_member_id_type", reportBug},
	41074: {provider.Invalid, "fault.group_member_parameter", reportBug},

	// Of the call for the company's name alone; only their HTTP statuses are documented,
	// 404 and 403 (feishu-more.md §D).
	1184000: {provider.NotFound, "fault.company_unknown", checkApp},
	1184001: {provider.Forbidden, "fault.company_data_forbidden", grantScope},

	99991400: {provider.RateLimited, "fault.too_many_calls", ""},
	1000004:  {provider.RateLimited, "fault.call_too_often", ""},
	1000005:  {provider.RateLimited, "fault.app_too_many_calls", ""},
	99991403: {provider.QuotaExhausted, "fault.company_quota_used", "remedy.feishu_quota"},

	2200:    {provider.Unavailable, "fault.feishu_internal_or_throttled", ""},
	10012:   {provider.Unavailable, "fault.feishu_app_token", mayBeApp},
	10013:   {provider.Unavailable, "fault.feishu_company_token", mayBeApp},
	40003:   {provider.Unavailable, "fault.feishu_internal", ""},
	40006:   {provider.Unavailable, "fault.feishu_internal", ""},
	1000003: {provider.Unavailable, "fault.feishu_internal", ""},
	40008:   {provider.Unavailable, "fault.feishu_department_away", ""},
	40012:   {provider.CursorExpired, "fault.page_token_refused", ""},
	43010:   {provider.TooLarge, "fault.department_tree_too_large", "remedy.read_level_by_level"},

	// The call for a long connection and its handshake (feishu-more.md §A2).
	1:          {provider.Unavailable, "fault.feishu_busy", ""},
	403:        {provider.Forbidden, "fault.stream_forbidden", allowStream},
	514:        {provider.Unauthenticated, "fault.stream_credentials_refused", checkApp},
	1000040343: {provider.Unavailable, "fault.feishu_internal", ""},
	1000040344: {provider.Unauthenticated, "fault.credentials_not_arrived", checkProxy},
	1000040350: {provider.Unavailable, "fault.streams_all_taken", closeOthers},

	// The calls of a login (feishu-more.md §B2, feishu.md §7.3).
	20001: {provider.Invalid, "fault.sign_in_parameter_missing", reportBug},
	20002: {provider.Unauthenticated, "fault.app_secret_wrong", checkApp},
	20003: {provider.CodeRefused, "fault.sign_in_code_unknown", signInAgain},
	20004: {provider.CodeRefused, "fault.sign_in_code_expired", signInAgain},
	20005: {provider.Unavailable, "fault.person_token_refused", signInAgain},
	20008: {provider.NotFound, "fault.person_unknown", nothingIfLeft},
	20009: {provider.Unauthenticated, "fault.app_not_installed", checkApp},
	20010: {provider.OutOfRange, "fault.person_may_not_use_app", allowApp},
	20021: {provider.NotFound, "fault.person_resigned", nothingIfLeft},
	20022: {provider.MemberSuspended, "fault.person_frozen", unfreeze},
	20023: {provider.MemberSuspended, "fault.person_account_unusable", unfreeze},
	20024: {provider.CodeRefused, "fault.sign_in_code_of_other_app", signInAgain},
	20036: {provider.Invalid, "fault.grant_type_refused", reportBug},
	20048: {provider.Unauthenticated, "fault.app_unknown_on_host", checkApp},
	20049: {provider.CodeRefused, "fault.sign_in_pkce", signInAgain},
	20050: {provider.Unavailable, "fault.feishu_sign_in_busy", ""},
	20063: {provider.Invalid, "fault.sign_in_parameter_malformed", reportBug},
	20065: {provider.CodeRefused, "fault.sign_in_code_used", signInAgain},
	20066: {provider.MemberSuspended, "fault.person_account_unusable", unfreeze},
	20067: {provider.Invalid, "fault.permission_twice", reportBug},
	20068: {provider.Forbidden, "fault.sign_in_permission_missing", grantScope},
	20069: {provider.Unauthenticated, "fault.app_disabled", checkApp},
	20070: {provider.Invalid, "fault.app_authenticates_twice", reportBug},
	20071: {provider.CodeRefused, "fault.sign_in_code_of_other_address", signInAgain},
	20072: {provider.Unavailable, "fault.feishu_sign_in_busy", ""},

	40001:    {provider.Invalid, "fault.parameter_wrong", reportBug},
	40011:    {provider.Invalid, "fault.page_size_wrong", reportBug},
	42008:    {provider.Invalid, "fault.object_of_other_company", "remedy.feishu_app_of_company"},
	99992402: {provider.Invalid, "fault.field_refused", reportBug},
	99991201: {provider.Invalid, "fault.path_unknown", checkBase},
	99991301: {provider.Invalid, "fault.method_refused", checkBase},
}

func newError(ep provider.Endpoint, kind provider.Kind, problem, action message.Code) *provider.Error {
	return provider.Meaning{Kind: kind, Problem: problem, Action: action}.AsError(directory.Feishu, ep, nil)
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
		e := provider.Meaning(v).AsError(directory.Feishu, ep, nil)
		e.Problem = naming(e.Problem, env)
		if e.Kind == provider.RateLimited {
			e.RetryAfter = retryAfter(reply.Header)
		}
		return e
	}
	switch {
	case !usable, redirect, reply.Status == http.StatusTooManyRequests, env.code == 0 && reply.Status >= 500:
		e := provider.NotTheAPI(directory.Feishu, ep, reply, message.Of(checkBase, nil))
		if e.Kind == provider.RateLimited {
			e.RetryAfter = retryAfter(reply.Header)
		}
		return e
	case env.code == 0:
		return &provider.Error{Kind: provider.Malformed, Action: message.Of(checkProxy, nil),
			Problem: provider.Detail("the answer claims success with HTTP status " + strconv.Itoa(reply.Status))}
	default:
		e := provider.Meaning{Kind: provider.Unavailable, Problem: "fault.code_unknown_status", Action: unknownCode}.
			AsError(directory.Feishu, ep, message.Args{"Status": reply.Status})
		e.Unknown, e.Problem = true, naming(e.Problem, env)
		return e
	}
}

// What permissions (contact:user.email:readonly) and fields look like; anything
// else in their place is not repeated, since free text may hold personal data.
var (
	scopeName = regexp.MustCompile(`^[a-z_]+(:[a-z0-9_.]+)+$`)
	fieldName = regexp.MustCompile(`^[a-z][a-z0-9_.]{0,63}$`)
)

// naming adds the missing permissions and refused fields that an answer names.
func naming(problem message.Text, env envelope) message.Text {
	scopes := env.violations("permission_violations", "subject", scopeName)
	fields := env.violations("field_violations", "field", fieldName)
	return provider.Naming(problem, strings.Join(scopes, ", "), strings.Join(fields, ", "))
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
