package wecom

import (
	"net/http"
	"time"

	"github.com/orgsync/orgsync/internal/provider"
)

// perCorp leaves a few of the 10,000 calls a minute that one company has on one API to
// calls that are late and to others: the first one too many closes the API for a minute
// (wecom.md §5.1). The hourly limit (150,000) is not modelled: a company has at most
// 30,000 departments and costs about one call each, and the 45009 answer covers the
// rest (wecom.md §2, §5.1).
var perCorp = provider.Rate{Calls: 9_800, Per: time.Minute}

// The calls this client makes (wecom.md §1.2, §2, §3.1). list_id must be a POST:
// whether a GET reads its parameters is unknown (wecom.md §3.2).
var (
	getToken             = endpoint(http.MethodGet, "gettoken")
	departmentList       = endpoint(http.MethodGet, "department/list")
	departmentSimpleList = endpoint(http.MethodGet, "department/simplelist")
	departmentGet        = endpoint(http.MethodGet, "department/get")
	userList             = endpoint(http.MethodGet, "user/list")
	userSimpleList       = endpoint(http.MethodGet, "user/simplelist")
	userGet              = endpoint(http.MethodGet, "user/get")
	userListID           = endpoint(http.MethodPost, "user/list_id")
	agentGet             = endpoint(http.MethodGet, "agent/get")
)

func endpoint(method, name string) provider.Endpoint {
	return provider.Endpoint{Name: name, Method: method, Path: "/cgi-bin/" + name, Rate: perCorp}
}
