package wecom

import (
	"errors"
	"net/netip"
	"regexp"
	"strconv"
	"time"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/message"
	"github.com/orgsync/orgsync/internal/provider"
)

// Arguments of the texts of a code are Place, where in the admin console the credential is managed,
// Label, its name, Address, the caller's as WeCom saw it, and the Code.
const (
	checkBaseURL = "remedy.wecom_check_base"
	reportBug    = "remedy.wecom_report"
	ownSecret    = "remedy.wecom_own_secret"
	widenRange   = "remedy.wecom_widen_range"
	signInAgain  = "remedy.sign_in_again"
	askForRights = "remedy.wecom_ask_for_rights"
)

// tokenRefused is what 40014 and 42001 mean and, of any call but gettoken, 40001: a
// fresh token may help (wecom.md §1.2).
var tokenRefused = meaning{
	Kind: provider.TokenRefused, Problem: "fault.wecom_token_refused", Action: "remedy.wecom_share_token",
}

// suiteTokenRefused is what 40082 and 42009 mean (wecom-more.md §E5).
var suiteTokenRefused = meaning{
	Kind: provider.TokenRefused, Problem: "fault.suite_token_refused", Action: "remedy.suite_share_token",
}

// nothingIfDeleted is what to do about a department that is unknown: a run only asks for those
// that WeCom listed, or that a person named.
const nothingIfDeleted = "remedy.wecom_nothing_if_deleted"

// meaning is what a code means.
type meaning provider.Meaning

// meanings is the one table of WeCom's codes (wecom.md §5.2; 45031, 48001 and 60030 are
// of WeCom's full list, https://developer.work.weixin.qq.com/document/path/90313).
var meanings = map[int64]meaning{
	-1:   {provider.Unavailable, "fault.system_busy", ""},
	6000: {provider.Unavailable, "fault.data_changing", ""},

	40001: {provider.Unauthenticated, "fault.credential_wrong", ownSecret},
	40003: {provider.NotFound, "fault.member_userid_invalid", "remedy.wecom_check_userid"},
	40013: {provider.Unauthenticated, "fault.corp_id_wrong", "remedy.wecom_copy_corp_id"},
	40014: tokenRefused,
	40029: {provider.CodeRefused, "fault.sign_in_code_wrong", signInAgain},
	40031: {provider.Invalid, "fault.userids_invalid", reportBug},
	40035: {provider.Invalid, "fault.parameter_invalid", reportBug},
	40056: {provider.Invalid, "fault.agent_id_invalid", "remedy.wecom_copy_agent_id"},
	40058: {provider.Invalid, "fault.parameter_invalid", reportBug},
	40066: {provider.Invalid, "fault.departments_invalid", reportBug},
	40068: {provider.NotFound, "fault.tag_unknown", "remedy.wecom_check_tag"},
	40078: {provider.Invalid, "fault.suite_code_invalid", "remedy.suite_install_again"},
	40082: suiteTokenRefused,
	40083: {provider.Unauthenticated, "fault.suite_id_wrong", "remedy.suite_copy_id"},
	40084: {provider.Unauthenticated, "fault.permanent_code_invalid", "remedy.suite_administrator_installs"},
	40085: {provider.Unavailable, "fault.suite_ticket_invalid", awaitTicket},
	40091: {provider.Unauthenticated, "fault.credential_invalid", ownSecret},

	41001: {provider.Invalid, "fault.token_missing", reportBug},
	41002: {provider.Unauthenticated, "fault.corp_id_missing", ownSecret},
	41004: {provider.Unauthenticated, "fault.credential_missing", ownSecret},
	42001: tokenRefused,
	42003: {provider.CodeRefused, "fault.sign_in_code_expired", signInAgain},
	42007: {provider.Invalid, "fault.install_link_expired", "remedy.suite_new_link"},
	42009: suiteTokenRefused,

	47001: {provider.Invalid, "fault.body_not_json", reportBug},
	45009: {provider.RateLimited, "fault.wecom_too_many_calls", ""},
	45031: {provider.Unauthenticated, "fault.credential_unsafe", "remedy.wecom_reset_secret"},
	45029: {provider.Invalid, "fault.department_too_large", "remedy.divide_department"},
	45033: {provider.RateLimited, "fault.too_many_at_once", ""},
	46004: {provider.NotFound, "fault.member_unknown_or_unseen", widenRange},

	48001: {provider.Forbidden, "fault.company_lacks_api", askForRights},
	48002: {provider.Forbidden, "fault.credential_may_not", "remedy.wecom_swap_secrets"},
	48004: {provider.Forbidden, "fault.authorization_ended", "remedy.wecom_grant_or_install"},
	48005: {provider.Forbidden, "fault.call_retired", "remedy.newer_version"},
	48006: {provider.Forbidden, "fault.permission_withdrawn", askForRights},
	48008: {provider.Forbidden, "fault.edit_permission_too_narrow", askForRights},
	48009: {provider.Forbidden, "fault.sync_secret_from_new_address", "remedy.wecom_use_app_secret"},

	50001: {provider.Invalid, "fault.redirect_domain", "remedy.wecom_web_authorization"},
	50002: {provider.OutOfRange, "fault.member_beyond_range", widenRange},
	50003: {provider.Forbidden, "fault.app_disabled", "remedy.wecom_enable"},

	60003: {provider.NotFound, "fault.department_unknown", nothingIfDeleted},
	60004: {provider.NotFound, "fault.parent_unknown", "remedy.wecom_check_department"},
	60011: {provider.OutOfRange, "fault.beyond_range", widenRange},
	60020: {provider.Forbidden, "fault.address_not_trusted", "remedy.wecom_trust_address"},
	60021: {provider.OutOfRange, "fault.member_beyond_range", widenRange},
	60030: {provider.OutOfRange, "fault.object_beyond_range", widenRange},
	60031: {provider.Forbidden, "fault.app_barred", "remedy.wecom_ask_support"},
	60111: {provider.NotFound, "fault.member_gone_or_unseen", widenRange},
	60123: {provider.NotFound, "fault.department_invalid", nothingIfDeleted},

	84014:  {provider.CodeRefused, "fault.user_ticket_expired", signInAgain},
	84015:  {provider.CodeRefused, "fault.user_ticket_invalid", signInAgain},
	301002: {provider.Invalid, "fault.agent_of_other_app", "remedy.wecom_copy_both"},
	301036: {provider.Invalid, "fault.userid_fixed", "remedy.userid_once"},
	301042: {provider.Forbidden, "fault.address_not_of_provider", "remedy.suite_trust_address"},
	701008: {provider.Forbidden, "fault.licence_missing", "remedy.suite_licences"},
}

// pauses are how long a caller must wait after a code of the kind RateLimited.
var pauses = map[int64]time.Duration{45009: time.Minute, 45033: 5 * time.Second}

// unknown explains a code that the table lacks. Whether it passes is not known either,
// so it is tried again.
var unknown = meaning{
	Kind: provider.Unavailable, Problem: "fault.code_unknown", Action: "remedy.wecom_unknown_code",
}

// Of errmsg, whose text is not contract, only two well-formed facts are used
// (wecom.md §1.1): the hint, which WeCom's support asks for, and the caller's address.
var (
	hintPattern    = regexp.MustCompile(`hint: ?\[([0-9A-Za-z_]{1,64})\]`)
	addressPattern = regexp.MustCompile(`from ip: ?([0-9A-Fa-f.:]{3,45})`)
)

func failureOf(cred *credential, ep provider.Endpoint, code int64, errmsg string) *provider.Error {
	m, known := meanings[code]
	switch {
	case !known:
		m = unknown
	case code == 40001 && ep != getToken && ep != getSuiteToken && ep != getProviderToken:
		m = tokenRefused
	}
	address := ""
	if found := addressPattern.FindStringSubmatch(errmsg); found != nil {
		if ip, err := netip.ParseAddr(found[1]); err == nil {
			address = ip.String()
		}
	}
	e := provider.Meaning(m).AsError(directory.WeCom, ep, message.Args{
		"Place": cred.place, "Label": cred.label, "Address": address, "Code": code,
	})
	e.Code = strconv.FormatInt(code, 10)
	e.Unknown, e.RetryAfter = !known, pauses[code]
	if found := hintPattern.FindStringSubmatch(errmsg); found != nil {
		e.RequestID = found[1]
	}
	return e
}

func newError(ep provider.Endpoint, kind provider.Kind, problem, action message.Code) *provider.Error {
	return provider.Meaning{Kind: kind, Problem: problem, Action: action}.AsError(directory.WeCom, ep, nil)
}

func malformed(ep provider.Endpoint, problem string) *provider.Error {
	e := newError(ep, provider.Malformed, "", "")
	e.Problem = provider.Detail(problem)
	return e
}

func unusableAddress(ep provider.Endpoint) *provider.Error {
	return newError(ep, provider.Invalid, "fault.address_unusable", checkBaseURL)
}

// codeOf returns the provider's code in err, "" if there is none.
func codeOf(err error) string {
	var e *provider.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}
