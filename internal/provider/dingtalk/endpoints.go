package dingtalk

import (
	"net/http"
	"time"

	"github.com/orgsync/orgsync/internal/provider"
)

// perAPI leaves two of the 20 calls a second that every app has per API path on the
// standard edition (dingtalk.md §6): one for a call that is late, one for others.
var perAPI = provider.Rate{Calls: 18, Per: time.Second}

// What answers can have at most: a page of pageSize people 40 KiB for each, a level of
// 1,000 departments (dingtalk.md §2) 4 KiB for each; ids come without pages, however many.
const (
	pages   = 4 << 20
	idLists = 8 << 20
)

// The calls this client makes (dingtalk.md §1.1, §2, §3, §4, §5).
var (
	accessToken = provider.Endpoint{
		Name: "oauth2/accessToken", Method: http.MethodPost, Path: "/v1.0/oauth2/accessToken", Rate: perAPI,
		Base: keyAPIBaseURL,
	}

	getToken = provider.Endpoint{Name: "gettoken", Method: http.MethodGet, Path: "/gettoken", Rate: perAPI}

	authScopes = provider.Endpoint{
		Name: "auth/scopes", Method: http.MethodGet, Path: "/auth/scopes", Rate: perAPI, Largest: idLists,
	}

	departmentGet     = post("department/get", "/topapi/v2/department/get", 0)
	departmentListSub = post("department/listsub", "/topapi/v2/department/listsub", pages)
	departmentSubIDs  = post("department/listsubid", "/topapi/v2/department/listsubid", 0)

	userList = post("user/list", "/topapi/v2/user/list", pages)
	userGet  = post("user/get", "/topapi/v2/user/get", 0)
	userIDs  = post("user/listid", "/topapi/user/listid", idLists)

	roleList      = post("role/list", "/topapi/role/list", pages)
	roleHolders   = post("role/simplelist", "/topapi/role/simplelist", pages)
	userListAdmin = post("user/listadmin", "/topapi/user/listadmin", idLists)
)

// The calls of a login (dingtalk.md §8).
var (
	userToken = provider.Endpoint{
		Name: "oauth2/userAccessToken", Method: http.MethodPost, Path: "/v1.0/oauth2/userAccessToken", Rate: perAPI,
		Base: keyAPIBaseURL,
	}
	usersMe = provider.Endpoint{
		Name: "users/me", Method: http.MethodGet, Path: "/v1.0/contact/users/me", Rate: perAPI, Base: keyAPIBaseURL,
	}
	userByUnionID = post("user/getbyunionid", "/topapi/user/getbyunionid", 0)
	userInfo      = post("user/getuserinfo", "/topapi/v2/user/getuserinfo", 0)
)

// streamTicket tells where to connect in Stream mode; stream is the connection itself
// (dingtalk-more.md §A2).
var (
	streamTicket = provider.Endpoint{
		Name: "gateway/connections/open", Method: http.MethodPost, Path: "/v1.0/gateway/connections/open",
		Rate: perAPI, Base: keyAPIBaseURL,
	}
	stream = provider.Endpoint{Name: "stream", Method: http.MethodGet, Base: keyAPIBaseURL}
)

// endpoints is the whole table, for a block that covers every API at once.
var endpoints = []provider.Endpoint{
	accessToken, getToken, authScopes, departmentGet, departmentListSub, departmentSubIDs, userList, userGet, userIDs,
	roleList, roleHolders, userListAdmin, userToken, usersMe, userByUnionID, userInfo, streamTicket,
}

func post(name, path string, largest int64) provider.Endpoint {
	return provider.Endpoint{Name: name, Method: http.MethodPost, Path: path, Rate: perAPI, Largest: largest}
}
