package dingtalk

import (
	"net/http"
	"strings"

	"github.com/orgsync/orgsync/devkit/simulator"
)

// unbuilt are the calls with an app's token that DingTalk has and this service does not,
// by path, with the permission point that they need. They answer as DingTalk does to an
// app without the point, whatever points it has; unknown paths answer otherwise
// (dingtalk.md §1.2). Where the reference names no point, one was chosen.
var unbuilt = map[string]string{
	// dingtalk.md §1.3, §3, §4, §7.1, §8
	"/topapi/v2/user/getbymobile":            "qyapi_get_member_by_mobile",
	"/topapi/user/get_admin_scope":           member,
	"/topapi/role/getrolegroup":              departmentList,
	"/topapi/extcontact/list":                "qyapi_ext_contact",
	"/call_back/register_call_back":          "qyapi_base",
	"/call_back/get_call_back":               "qyapi_base",
	"/call_back/update_call_back":            "qyapi_base",
	"/call_back/delete_call_back":            "qyapi_base",
	"/call_back/get_call_back_failed_result": "qyapi_base",
	"/v1.0/contact/departments/search":       "Contact.Department.Read",
	"/v1.0/contact/users/search":             "Contact.User.Read",
	"/v1.0/contact/empLeaveRecords":          "Contact.Common.Read",
	"/v1.0/hrm/employees/dismissions":        "qyapi_hrm_read_user",
	"/v1.0/hrm/employees/dimissionInfos":     "qyapi_hrm_read_user",
	"/topapi/v2/department/create":           "qyapi_manage_addresslist",
	"/topapi/v2/department/update":           "qyapi_manage_addresslist",
	"/topapi/v2/department/delete":           "qyapi_manage_addresslist",
	"/topapi/v2/user/create":                 "qyapi_manage_addresslist",
	"/topapi/v2/user/update":                 "qyapi_manage_addresslist",
	"/topapi/v2/user/delete":                 "qyapi_manage_addresslist",
	// The old API, whose points are not given any more (dingtalk.md §3.2).
	"/user/get":         member,
	"/user/list":        departmentMember,
	"/user/listbypage":  departmentMember,
	"/user/getuserinfo": "qyapi_base",
	"/department/list":  departmentList,
	"/department/get":   departmentList,
}

// unbuiltName is the endpoint's name, such as role/list, empty for a path that is none of
// them. The old API's calls keep their slash: newer ones have the same names.
func unbuiltName(path string) string {
	if _, ok := unbuilt[path]; !ok {
		return ""
	}
	for _, prefix := range []string{"/topapi/v2/", "/topapi/", "/v1.0/"} {
		if name, ok := strings.CutPrefix(path, prefix); ok {
			return name
		}
	}
	return path
}

// refuseUnbuilt checks what DingTalk checks before the permission, and refuses that.
func (s *Server) refuseUnbuilt(q *request, point string, act simulator.Action) simulator.Reply {
	if strings.HasPrefix(q.URL.Path, "/v1.0/") {
		return s.refuseUnbuiltNew(q, point)
	}
	r := s.gate(q, handler{method: q.Method, point: point}, act)
	if r.code == 60011 &&
		!strings.HasPrefix(q.URL.Path, "/topapi/") { // without sub_code and request id (dingtalk.md §1.2)
		return q.json(map[string]any{"errcode": r.code, "errmsg": r.msg})
	}
	return q.refuse(r)
}

// refuseUnbuiltNew is the same on the newer host, which reads the token in a header only
// (dingtalk.md §1, §1.2).
func (s *Server) refuseUnbuiltNew(q *request, point string) simulator.Reply {
	token := q.Header.Get("x-acs-dingtalk-access-token")
	if token == "" {
		return q.newAPI(
			http.StatusBadRequest,
			"AuthenticationFailed.MissingParameter",
			"x-acs-dingtalk-access-token is mandatory",
		)
	}
	if owner, expired := s.Tokens.Owner(token); owner == "" || expired {
		return q.newAPI(http.StatusBadRequest, "InvalidAuthentication", "不合法的access_token")
	}
	if r := q.untrusted(); r != nil {
		return q.refuseNew(r)
	}
	return q.lacks(point)
}

// lacks names the missing permission in the newer host's words (dingtalk.md §9).
func (q *request) lacks(point string) simulator.Reply {
	reply := q.json(map[string]any{
		"code": "Forbidden.AccessDenied.AccessTokenPermissionDenied", "requestid": q.id, "message": "没有调用该接口的权限",
		"accessdenieddetail": map[string]any{"requiredScopes": []string{point}},
	})
	reply.Status = http.StatusForbidden
	return reply
}
