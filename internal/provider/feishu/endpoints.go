package feishu

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/message"
	"github.com/orgsync/orgsync/internal/provider"
)

// tier4 stays within "1000 calls a minute and 50 a second" (feishu.md §5.1): 980 in the
// first minute after a rest and 46 in its first second, which leaves a few to calls that
// are late and to others. The burst lets a small company be read without waiting. Limits
// hold per app, tenant and endpoint.
var tier4 = provider.Rate{Calls: 950, Per: time.Minute, Burst: 30}

// pages is the most bytes that a page or batch of pageSize departments or people has: 80
// KiB for each, custom fields and all.
const pages = 4 << 20

// The calls a sync makes. {id} is filled in by at. For the calls marked special
// no limit is published; they are rare here and take tier 4's, and a throttling
// answer corrects it.
var (
	tenantToken = provider.Endpoint{
		Name: "tenant_access_token", Method: http.MethodPost,
		Path: "/open-apis/auth/v3/tenant_access_token/internal", // limit not stated, feishu.md §5.1
	}
	getDepartment = provider.Endpoint{
		Name: "departments/get", Method: http.MethodGet, Rate: tier4, // special
		Path: "/open-apis/contact/v3/departments/{id}",
	}
	listChildren = provider.Endpoint{
		Name: "departments/children", Method: http.MethodGet, Rate: tier4, Largest: pages,
		Path: "/open-apis/contact/v3/departments/{id}/children",
	}
	batchDepartments = provider.Endpoint{
		Name: "departments/batch", Method: http.MethodGet, Rate: tier4, Largest: pages,
		Path: "/open-apis/contact/v3/departments/batch",
	}
	listScopes = provider.Endpoint{
		Name: "scopes", Method: http.MethodGet, Rate: tier4,
		Path: "/open-apis/contact/v3/scopes",
	}
	listUsers = provider.Endpoint{
		Name: "users/find_by_department", Method: http.MethodGet, Rate: tier4, Largest: pages,
		Path: "/open-apis/contact/v3/users/find_by_department",
	}
	batchUsers = provider.Endpoint{
		Name: "users/batch", Method: http.MethodGet, Rate: tier4, Largest: pages,
		Path: "/open-apis/contact/v3/users/batch",
	}
	getUser = provider.Endpoint{
		Name: "users/get", Method: http.MethodGet, Rate: tier4,
		Path: "/open-apis/contact/v3/users/{id}",
	}
	// The calls of feishu-more.md §C and §D. No limit is published of the last one.
	listGroups = provider.Endpoint{
		Name: "group/simplelist", Method: http.MethodGet, Rate: tier4,
		Path: "/open-apis/contact/v3/group/simplelist",
	}
	listGroupMembers = provider.Endpoint{
		Name: "group/member/simplelist", Method: http.MethodGet, Rate: tier4,
		Path: "/open-apis/contact/v3/group/{id}/member/simplelist",
	}
	listAppAdministrators = provider.Endpoint{
		Name: "app_admin_user/list", Method: http.MethodGet, Rate: tier4, // special
		Path: "/open-apis/user/v4/app_admin_user/list",
	}
	// queryTenant is asked for the company's name, and for its key when a person signs in
	// (feishu-more.md §D).
	queryTenant = provider.Endpoint{
		Name: "tenant/query", Method: http.MethodGet, Rate: tier4,
		Path: "/open-apis/tenant/v2/tenant/query",
	}
	// The calls of a login (feishu-more.md §B2, §B3; feishu.md §7.2). No limit is published.
	userToken = provider.Endpoint{
		Name: "oauth/v3/token", Method: http.MethodPost, Rate: tier4, Base: keyAccountsURL,
		Path: "/oauth/v3/token",
	}
	// userTokenLark is the older one: whether the newer is live at Lark is not known.
	userTokenLark = provider.Endpoint{
		Name: "authen/v2/oauth/token", Method: http.MethodPost, Rate: tier4,
		Path: "/open-apis/authen/v2/oauth/token",
	}
	userInfo = provider.Endpoint{
		Name: "authen/user_info", Method: http.MethodGet, Rate: tier4,
		Path: "/open-apis/authen/v1/user_info",
	}
	// streamAddress tells where to open a long connection; stream is the connection itself, at
	// that address (feishu-more.md §A2). No limit is published.
	streamAddress = provider.Endpoint{
		Name: "callback/ws/endpoint", Method: http.MethodPost, Rate: tier4,
		Path: "/callback/ws/endpoint",
	}
	stream = provider.Endpoint{Name: "long connection", Method: http.MethodGet}
)

// authorizePath is where people sign in, below accounts_url (feishu-more.md §B1).
const authorizePath = "/open-apis/authen/v1/authorize"

// pageSize is the largest page of the contact listings; more answers 40011. It
// is also the largest batch (feishu.md §2.2, §2.3, §3.4).
const pageSize = 50

// at fills an id into an endpoint's path. Ids that would change the path itself
// are refused: without that, an empty one would reach another endpoint.
func at(ep provider.Endpoint, id string) (provider.Endpoint, error) {
	if id == "" || id == "." || id == ".." {
		return ep, &provider.Error{Provider: directory.Feishu, Kind: provider.Invalid, Endpoint: ep.Name,
			Problem: message.Of("fault.id_impossible", message.Args{"ID": id})}
	}
	ep.Path = strings.Replace(ep.Path, "{id}", url.PathEscape(id), 1)
	return ep, nil
}

// idTypes says which ids the query and the answer's references use. They are the
// defaults, sent so that nothing depends on them staying so (feishu.md §2.1).
func idTypes() url.Values {
	return url.Values{
		"department_id_type": {"open_department_id"},
		"user_id_type":       {"open_id"},
	}
}

// pageOf asks for one page; the page token is opaque and Values escapes it once.
func pageOf(cursor string) url.Values {
	query := idTypes()
	query.Set("page_size", strconv.Itoa(pageSize))
	if cursor != "" {
		query.Set("page_token", cursor)
	}
	return query
}
