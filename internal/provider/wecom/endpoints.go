package wecom

import (
	"net/http"
	"time"

	"github.com/orgsync/orgsync/internal/provider"
)

// perCorp leaves a few of the 10,000 calls a minute that one company has on one API to
// calls that are late and to others: the first one too many closes the API for a minute
// (wecom.md §5.1). After a rest 30 calls are made at once: that is all that a small company
// needs, and still at most 9,830 in a minute. The hourly limit (150,000) is not modelled: a
// company has at most 30,000 departments and costs about one call each, and the 45009 answer
// covers the rest (wecom.md §2, §5.1).
var perCorp = provider.Rate{Calls: 9_800, Per: time.Minute, Burst: 30}

// The calls this client makes (wecom.md §1.2, §2, §3.1, §4, §7.2, §7.3; wecom-more.md §C,
// §D). list_id must be a POST: whether a GET reads its parameters is unknown (wecom.md §3.2).
var (
	getToken             = endpoint(http.MethodGet, "gettoken", 0)
	departmentList       = endpoint(http.MethodGet, "department/list", 32<<20)
	departmentSimpleList = endpoint(http.MethodGet, "department/simplelist", 8<<20)
	departmentGet        = endpoint(http.MethodGet, "department/get", 0)
	userList             = endpoint(http.MethodGet, "user/list", provider.Largest)
	userSimpleList       = endpoint(http.MethodGet, "user/simplelist", 16<<20)
	userGet              = endpoint(http.MethodGet, "user/get", 0)
	userListID           = endpoint(http.MethodPost, "user/list_id", 4<<20)
	agentGet             = endpoint(http.MethodGet, "agent/get", 8<<20)
	tagList              = endpoint(http.MethodGet, "tag/list", 0)
	tagGet               = endpoint(http.MethodGet, "tag/get", 8<<20)
	agentAdministrators  = endpoint(http.MethodPost, "agent/get_admin_list", 0)
	userInfo             = endpoint(http.MethodGet, "auth/getuserinfo", 0)
	userDetail           = endpoint(http.MethodPost, "auth/getuserdetail", 0)

	// Of suites (wecom-more.md §B4, §E1, §E2).
	getSuiteToken        = endpoint(http.MethodPost, "service/get_suite_token", 0)
	getPreAuthCode       = endpoint(http.MethodGet, "service/get_pre_auth_code", 0)
	getPermanentCode     = endpoint(http.MethodPost, "service/v2/get_permanent_code", 0)
	getPermanentCodeV1   = endpoint(http.MethodPost, "service/get_permanent_code", 0)
	getCorpToken         = endpoint(http.MethodPost, "service/get_corp_token", 0)
	getAuthInfo          = endpoint(http.MethodPost, "service/get_auth_info", 8<<20)
	getProviderToken     = endpoint(http.MethodPost, "service/get_provider_token", 0)
	listMemberAuth       = endpoint(http.MethodPost, "user/list_member_auth", 0)
	userInfo3rd          = endpoint(http.MethodGet, "service/auth/getuserinfo3rd", 0)
	getCustomizedAuthURL = endpoint(http.MethodPost, "service/get_customized_auth_url", 0)
)

// endpoint makes a row of the table. The lists come whole: up to 30,000 departments, and
// up to 30,000 people directly in one (wecom.md §2), each with room for 1 KiB, 256 bytes,
// 2 KiB or 512 bytes; a page of list_id has 10,000 pairs (wecom.md §3.2); there are up to
// 3,000 tags, and 30,000 members and departments in one (wecom.md §4).
func endpoint(method, name string, largest int64) provider.Endpoint {
	return provider.Endpoint{Name: name, Method: method, Path: "/cgi-bin/" + name, Rate: perCorp, Largest: largest}
}
