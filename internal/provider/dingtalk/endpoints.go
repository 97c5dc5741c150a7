package dingtalk

import (
	"net/http"
	"time"

	"github.com/orgsync/orgsync/internal/provider"
)

// perAPI leaves two of the 20 calls a second that every app has per API path on the
// standard edition (dingtalk.md §6): one for a call that is late, one for others.
var perAPI = provider.Rate{Calls: 18, Per: time.Second}

// The calls this client makes (dingtalk.md §1.1, §2, §3, §5).
var (
	accessToken = provider.Endpoint{Name: "oauth2/accessToken", Method: http.MethodPost, Path: "/v1.0/oauth2/accessToken", Rate: perAPI, Base: keyAPIBaseURL}

	getToken = provider.Endpoint{Name: "gettoken", Method: http.MethodGet, Path: "/gettoken", Rate: perAPI}

	authScopes = provider.Endpoint{Name: "auth/scopes", Method: http.MethodGet, Path: "/auth/scopes", Rate: perAPI}

	departmentGet     = post("department/get", "/topapi/v2/department/get")
	departmentListSub = post("department/listsub", "/topapi/v2/department/listsub")
	departmentSubIDs  = post("department/listsubid", "/topapi/v2/department/listsubid")

	userList = post("user/list", "/topapi/v2/user/list")
	userGet  = post("user/get", "/topapi/v2/user/get")
	userIDs  = post("user/listid", "/topapi/user/listid")
)

// endpoints is the whole table, for a block that covers every API at once.
var endpoints = []provider.Endpoint{
	accessToken, getToken, authScopes, departmentGet, departmentListSub, departmentSubIDs, userList, userGet, userIDs,
}

func post(name, path string) provider.Endpoint {
	return provider.Endpoint{Name: name, Method: http.MethodPost, Path: path, Rate: perAPI}
}
