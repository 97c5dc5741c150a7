package feishu

import (
	"net/http"
	"slices"
	"strings"

	"github.com/orgsync/orgsync/devkit/simulator"
)

// unbuilt are the calls with an app's token that Feishu has and this service does not, by
// method and path below /open-apis, with the permissions that let an app make them. They
// answer as Feishu does to an app without the permission, whatever it has; unknown paths
// answer otherwise. A call without permissions takes no app's token at all. Where the
// reference names no permission, one was chosen.
var unbuilt = map[string][]string{
	// feishu.md §2.3, §3.2, §3.4, §4, feishu-more.md §C
	"GET contact/v3/users": {
		"contact:contact.base:readonly",
		"contact:contact:readonly_as_app",
	},
	"POST contact/v3/users/batch_get_id":              {"contact:user.id:readonly"},
	"POST contact/v3/departments/search":              nil,
	"GET contact/v3/group/member_belong":              {"contact:group:readonly"},
	"GET contact/v3/functional_roles/:id/members":     {"contact:functional_role", "contact:functional_role:readonly"},
	"GET contact/v3/functional_roles/:id/members/:id": {"contact:functional_role", "contact:functional_role:readonly"},
	"GET contact/v2/role/list":                        {"contact:contact:readonly_as_app"},
	"GET contact/v3/unit":                             {"contact:unit:readonly"},
	"GET contact/v3/unit/list_department":             {"contact:unit:readonly"},
	"GET contact/v3/unit/:id":                         {"contact:unit:readonly"},
	"GET contact/v3/job_families":                     {"contact:job_family:readonly"},
	"GET contact/v3/job_families/:id":                 {"contact:job_family:readonly"},
	"GET contact/v3/job_levels":                       {"contact:job_level:readonly"},
	"GET contact/v3/job_levels/:id":                   {"contact:job_level:readonly"},
	"GET contact/v3/job_titles":                       {"contact:job_title:readonly"},
	"GET contact/v3/job_titles/:id":                   {"contact:job_title:readonly"},
	"GET contact/v3/work_cities":                      {"contact:work_city:readonly"},
	"GET contact/v3/work_cities/:id":                  {"contact:work_city:readonly"},
	"GET contact/v3/employee_type_enums":              {"contact:contact:readonly_as_app"},
	"GET contact/v3/custom_attrs":                     {"contact:contact:readonly_as_app"},
	"GET event/v1/outbound_ip":                        {"event:ip_list"},
	// feishu-more.md §D
	"GET application/v3/is_user_admin":    {"admin:app.admin:check"},
	"GET contact/v1/user/admin_scope/get": {"admin:app.admin:check"},
	// feishu-more.md §F
	"POST contact/v3/users":                                 {"contact:contact"},
	"PATCH contact/v3/users/:id":                            {"contact:contact"},
	"DELETE contact/v3/users/:id":                           {"contact:contact"},
	"POST contact/v3/users/:id/resurrect":                   {"contact:contact"},
	"PATCH contact/v3/users/:id/update_user_id":             {"contact:contact"},
	"POST contact/v3/departments":                           {"contact:contact"},
	"PATCH contact/v3/departments/:id":                      {"contact:contact"},
	"DELETE contact/v3/departments/:id":                     {"contact:contact"},
	"PATCH contact/v3/departments/:id/update_department_id": {"contact:contact"},
	"POST contact/v3/functional_roles":                      {"contact:functional_role"},
}

// unbuiltCall finds the call that a request is, by its key in unbuilt.
func unbuiltCall(method, path string) (call string, found bool) {
	path, ok := strings.CutPrefix(path, "/open-apis/")
	if !ok {
		return "", false
	}
	parts := strings.Split(path, "/")
	for pattern := range unbuilt {
		of, rest, _ := strings.Cut(pattern, " ")
		if of != method || !fits(strings.Split(rest, "/"), parts) {
			continue
		}
		// A path of words is meant before one with an id in their place.
		if call == "" || strings.Count(pattern, ":") < strings.Count(call, ":") {
			call = pattern
		}
	}
	return call, call != ""
}

func fits(pattern, parts []string) bool {
	return slices.EqualFunc(pattern, parts, func(want, is string) bool {
		return want == is || want == ":id" && is != ""
	})
}

// refuseUnbuilt checks what Feishu checks before the permission, and refuses that.
func (s *Server) refuseUnbuilt(q *request, scopes []string, act simulator.Action) simulator.Reply {
	return q.refuse(s.gate(q, handler{method: q.Method, scopes: scopes}, act))
}

// notFound is how unknown paths and methods answer: in plain text (feishu-more.md §H,
// where it was probed; the table of codes has JSON for it).
func (q *request) notFound() simulator.Reply {
	header := q.header()
	header.Set("Content-Type", "text/plain; charset=utf-8")
	return simulator.Reply{Status: http.StatusNotFound, Header: header, Body: []byte("404 page not found")}
}
