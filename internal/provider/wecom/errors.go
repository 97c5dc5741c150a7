package wecom

import (
	"errors"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/provider"
)

// meaning explains one errcode. "{place}" stands for where in the admin console
// the credential is managed, "{label}" for its name, "{address}" for the caller's
// address as WeCom saw it.
type meaning struct {
	kind    provider.Kind
	problem string
	action  string
	// wait is set for RateLimited only.
	wait time.Duration
}

const (
	checkBaseURL = "check base_url: https://qyapi.weixin.qq.com, with a path prefix only where a gateway needs one"
	reportBug    = "this is a bug in orgsync: report it with the request id"
	ownSecret    = "copy corp_id from My Company (我的企业) and the {label} from {place}; if the secret was reset, " +
		"replace it here too"
	widenRange   = "add it under {place} > Visible Range (可见范围)"
	signInAgain  = "start the sign-in again"
	askForRights = "look at {place} in the admin console and grant it again"
)

// tokenRefused is what 40014 and 42001 mean and, of any call but gettoken, 40001: a
// fresh token may help (wecom.md §1.2).
var tokenRefused = meaning{
	kind:    provider.TokenRefused,
	problem: "the access token is refused, though it was fetched just now with the {label}",
	action: "another program may be invalidating it: give this sync a secret of its own, or let all programs that " +
		"use this secret share one token; " +
		"if no other program uses it, check that the app is enabled under {place}",
}

// suiteTokenRefused is what 40082 and 42009 mean (wecom-more.md §E5).
var suiteTokenRefused = meaning{
	kind:    provider.TokenRefused,
	problem: "the suite's token is refused, though it was fetched just now",
	action:  "another program may be using the same suite: let only one fetch its tokens",
}

// nothingIfDeleted is what to do about a department that is unknown: a run only asks for those
// that WeCom listed, or that a person named.
const nothingIfDeleted = "nothing to do if it was deleted in WeCom: the next sync removes it; if you gave the id, " +
	"check it in the admin console under Contacts (通讯录)"

// meanings is the one table of WeCom's codes (wecom.md §5.2; 45031, 48001 and 60030 are
// of WeCom's full list, https://developer.work.weixin.qq.com/document/path/90313).
var meanings = map[int64]meaning{
	-1:   {kind: provider.Unavailable, problem: "the system is busy"},
	6000: {kind: provider.Unavailable, problem: "the data was being changed at the same time"},

	40001: {
		kind:    provider.Unauthenticated,
		problem: "the {label} is wrong, was reset, belongs to another company, or its app is disabled",
		action:  ownSecret,
	},
	40003: {
		kind:    provider.NotFound,
		problem: "the member's userid is not valid",
		action:  "check the userid in the admin console under Contacts (通讯录)",
	},
	40013: {
		kind:    provider.Unauthenticated,
		problem: "corp_id is not a company's id",
		action:  "copy it from My Company (我的企业) > Company ID (企业ID); an AgentId does not belong there",
	},
	40014: tokenRefused,
	40029: {
		kind:    provider.CodeRefused,
		problem: "the sign-in code is wrong, used or older than five minutes",
		action:  signInAgain,
	},
	40031: {kind: provider.Invalid, problem: "the list of userids is not valid", action: reportBug},
	40035: {kind: provider.Invalid, problem: "a parameter is not valid", action: reportBug},
	40056: {
		kind:    provider.Invalid,
		problem: "agent_id is not valid",
		action:  "copy AgentId from App Management (应用管理) > the app",
	},
	40058: {kind: provider.Invalid, problem: "a parameter is not valid", action: reportBug},
	40066: {kind: provider.Invalid, problem: "the list of departments is not valid", action: reportBug},
	40068: {
		kind:    provider.NotFound,
		problem: "the tag does not exist",
		action:  "check the tag in the admin console under Contacts (通讯录) > Tags (标签)",
	},
	40078: {
		kind:    provider.Invalid,
		problem: "the authorisation code of the suite is not valid or was used",
		action:  "install the suite again",
	},
	40082: suiteTokenRefused,
	40083: {
		kind:    provider.Unauthenticated,
		problem: "suite_id is not a suite's id",
		action:  "copy it from the service provider's console (服务商管理后台) > the suite",
	},
	40084: {
		kind:    provider.Unauthenticated,
		problem: "the company's permanent code is not valid or was cancelled",
		action:  "have its administrator install the suite again",
	},
	40085: {kind: provider.Unavailable, problem: "the suite's ticket is not valid or has expired",
		action: awaitTicket},
	40091: {kind: provider.Unauthenticated, problem: "the {label} is not valid", action: ownSecret},

	41001: {kind: provider.Invalid, problem: "the call carried no token", action: reportBug},
	41002: {kind: provider.Unauthenticated, problem: "corp_id is missing", action: ownSecret},
	41004: {kind: provider.Unauthenticated, problem: "the {label} is missing", action: ownSecret},
	42001: tokenRefused,
	42003: {kind: provider.CodeRefused, problem: "the sign-in code has expired", action: signInAgain},
	42007: {kind: provider.Invalid, problem: "the install link has expired", action: "make a new one"},
	42009: suiteTokenRefused,

	47001: {kind: provider.Invalid, problem: "the call's body is not JSON", action: reportBug},
	45009: {
		kind:    provider.RateLimited,
		problem: "too many calls; after many calls with a wrong secret WeCom refuses this server for an hour",
		wait:    time.Minute,
	},
	45031: {
		kind:    provider.Unauthenticated,
		problem: "WeCom no longer accepts the {label}, because it is not safe enough",
		action:  "reset it under {place} and replace it here",
	},
	45029: {
		kind:    provider.Invalid,
		problem: "the department holds too many people for one answer",
		action:  "divide the people directly in it over sub-departments",
	},
	45033: {kind: provider.RateLimited, problem: "too many calls at the same time", wait: 5 * time.Second},
	46004: {kind: provider.NotFound, problem: "the member does not exist or is not visible", action: widenRange},

	48001: {
		kind:    provider.Forbidden,
		problem: "the company has not been granted this part of the API",
		action:  askForRights,
	},
	48002: {
		kind:    provider.Forbidden,
		problem: "the {label} may not make this call",
		action: "check that secret is an app's (App Management (应用管理) > the app > Secret) and sync_secret that of " +
			"contact sync (Management Tools (管理工具) > Contacts Sync (通讯录同步)), not the other way round",
	},
	48004: {
		kind:    provider.Forbidden,
		problem: "the authorisation of the {label} has ended; nothing is removed here for that",
		action:  "look at {place} and grant it again, or install the suite again",
	},
	48005: {
		kind:    provider.Forbidden,
		problem: "WeCom has retired this call",
		action:  "install a newer version of this program",
	},
	48006: {kind: provider.Forbidden, problem: "the permission was withdrawn after long disuse", action: askForRights},
	48008: {
		kind:    provider.Forbidden,
		problem: "the permission to edit contacts does not cover this call",
		action:  askForRights,
	},
	48009: {
		kind: provider.Forbidden,
		problem: "this is the contact sync secret, which reads only ids from an address it has not used in the last " +
			"90 days",
		action: "set secret to an app's secret (App Management (应用管理) > the app > Secret) and keep the contact sync " +
			"secret as sync_secret",
	},

	50001: {
		kind:    provider.Invalid,
		problem: "the redirect domain is not trusted",
		action:  "add it under {place} > Web authorisation (网页授权)",
	},
	50002: {kind: provider.OutOfRange, problem: "the member is outside the visible range", action: widenRange},
	50003: {kind: provider.Forbidden, problem: "the app is disabled", action: "enable it under {place}"},

	60003: {
		kind:    provider.NotFound,
		problem: "the department does not exist",
		action:  nothingIfDeleted,
	},
	60004: {
		kind:    provider.NotFound,
		problem: "the parent department does not exist",
		action:  "check the department in the admin console under Contacts (通讯录)",
	},
	60011: {
		kind:    provider.OutOfRange,
		problem: "the department or member is outside the visible range",
		action:  widenRange,
	},
	60020: {
		kind:    provider.Forbidden,
		problem: "this server's address{address} is not on the trusted IP list of the {label}",
		action:  "add it under {place} > Trusted Company IPs (企业可信IP); it takes effect one minute after saving",
	},
	60021: {kind: provider.OutOfRange, problem: "the member is outside the visible range", action: widenRange},
	60030: {kind: provider.OutOfRange, problem: "the object is outside the visible range", action: widenRange},
	60031: {
		kind:    provider.Forbidden,
		problem: "the app is barred from calling the API",
		action:  "ask WeCom's support why, with the request id",
	},
	60111: {
		kind:    provider.NotFound,
		problem: "the member does not exist, has left, or is outside the visible range",
		action:  widenRange,
	},
	60123: {
		kind:    provider.NotFound,
		problem: "the department is not valid",
		action:  nothingIfDeleted,
	},

	84014: {kind: provider.CodeRefused, problem: "the user ticket has expired", action: signInAgain},
	84015: {kind: provider.CodeRefused, problem: "the user ticket is not valid", action: signInAgain},
	301002: {
		kind:    provider.Invalid,
		problem: "agent_id and the secret belong to different apps",
		action:  "copy AgentId and Secret from the same app under App Management (应用管理)",
	},
	301036: {
		kind:    provider.Invalid,
		problem: "the userid cannot be changed",
		action:  "a userid made by the system can be changed only once",
	},
	301042: {
		kind:    provider.Forbidden,
		problem: "this server's address{address} is not on the service provider's IP list",
		action:  "add it in the service provider console under Provider Information (服务商信息) > IP list (IP白名单)",
	},
	701008: {
		kind:    provider.Forbidden,
		problem: "the member has no activated interface licence",
		action:  "activate licences (接口许可) for the company in the service provider's console (服务商管理后台)",
	},
}

// unknown explains a code that the table lacks. Whether it passes is not known either,
// so it is tried again.
func unknown(code int64) meaning {
	return meaning{kind: provider.Unavailable, problem: "this program does not know the code",
		action: "nothing to do at first: the call is tried again; if the error recurs, look the code up at " +
			"https://open.work.weixin.qq.com/devtool/query?e=" + strconv.FormatInt(
			code,
			10,
		)}
}

// Of errmsg, whose text is not contract, only two well-formed facts are used
// (wecom.md §1.1): the hint, which WeCom's support asks for, and the caller's address.
var (
	hintPattern    = regexp.MustCompile(`hint: ?\[([0-9A-Za-z_]{1,64})\]`)
	addressPattern = regexp.MustCompile(`from ip: ?([0-9A-Fa-f.:]{3,45})`)
)

func failureOf(cred *credential, ep provider.Endpoint, code int64, message string) *provider.Error {
	m, known := meanings[code]
	switch {
	case !known:
		m = unknown(code)
	case code == 40001 && ep != getToken && ep != getSuiteToken && ep != getProviderToken:
		m = tokenRefused
	}
	address := ""
	if found := addressPattern.FindStringSubmatch(message); found != nil {
		if ip, err := netip.ParseAddr(found[1]); err == nil {
			address = " " + ip.String()
		}
	}
	words := strings.NewReplacer("{place}", cred.place, "{label}", cred.label, "{address}", address)
	e := newError(ep, m.kind, words.Replace(m.problem), words.Replace(m.action))
	e.Code = strconv.FormatInt(code, 10)
	e.Unknown, e.RetryAfter = !known, m.wait
	if found := hintPattern.FindStringSubmatch(message); found != nil {
		e.RequestID = found[1]
	}
	return e
}

func newError(ep provider.Endpoint, kind provider.Kind, problem, action string) *provider.Error {
	return &provider.Error{Provider: directory.WeCom, Kind: kind, Endpoint: ep.Name, Problem: problem, Action: action}
}

func malformed(ep provider.Endpoint, problem string) *provider.Error {
	return newError(ep, provider.Malformed, problem, "")
}

func unusableAddress(ep provider.Endpoint) *provider.Error {
	return newError(ep, provider.Invalid, "the address of the call cannot be built", checkBaseURL)
}

// codeOf returns the provider's code in err, "" if there is none.
func codeOf(err error) string {
	var e *provider.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}
