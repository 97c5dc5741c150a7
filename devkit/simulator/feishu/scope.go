package feishu

import (
	"fmt"
	"slices"
)

// Permissions by what needs them (feishu.md §2.2, §3.3).
const (
	contactBase    = "contact:contact.base:readonly"
	readAsApp      = "contact:contact:readonly_as_app"
	accessAsApp    = "contact:contact:access_as_app"
	contactRead    = "contact:contact:readonly"
	departmentBase = "contact:department.base:readonly"
	organize       = "contact:department.organize:readonly"
	userBase       = "contact:user.base:readonly"
	userDepartment = "contact:user.department:readonly"
	userEmployee   = "contact:user.employee:readonly"
	userEmployeeNo = "contact:user.employee_number:read"
	userGender     = "contact:user.gender:readonly"
	userEmail      = "contact:user.email:readonly"
	userPhone      = "contact:user.phone:readonly"
	userEmployeeID = "contact:user.employee_id:readonly"
	userJobLevel   = "contact:user.job_level:readonly"
	userJobFamily  = "contact:user.job_family:readonly"
	groupRead      = "contact:group:readonly"      // feishu-more.md §C
	appAdminID     = "admin:app.admin_id:readonly" // feishu-more.md §D
	tenantRead     = "tenant:tenant:readonly"      // feishu-more.md §D
)

// AllScopes are all permissions that the simulated endpoints and fields ask for.
var AllScopes = []string{
	contactBase, readAsApp, departmentBase, organize, userBase, userDepartment, userEmployee, userEmployeeNo,
	userGender, userEmail, userPhone, userEmployeeID, userJobLevel, userJobFamily, tenantRead, groupRead, appAdminID,
}

// Without returns AllScopes less those named, and less the broad ones, which would
// stand in for most of them.
func Without(named ...string) ([]string, error) {
	for _, scope := range named {
		if !slices.Contains(AllScopes, scope) {
			return nil, fmt.Errorf("permission %q is unknown; there are %v", scope, AllScopes)
		}
	}
	if len(named) == 0 {
		return AllScopes, nil
	}
	return slices.DeleteFunc(slices.Clone(AllScopes), func(scope string) bool {
		return slices.Contains(named, scope) || slices.Contains(broadScopes, scope)
	}), nil
}

var (
	broadScopes = []string{readAsApp, accessAsApp, contactRead}
	listScopes  = append([]string{contactBase, organize}, broadScopes...)
	getScopes   = append([]string{contactBase}, broadScopes...)
)

// holds reports whether the app has one of the permissions.
func (q *request) holds(scopes ...string) bool {
	return slices.ContainsFunc(scopes, func(s string) bool { return slices.Contains(q.cfg.Scopes, s) })
}

// shows reports whether a field of that permission, or of a broad one, is sent.
func (q *request) shows(scope string) bool { return q.holds(scope) || q.holds(broadScopes...) }

// given returns a pointer to v if the field is shown, else nil, which leaves the
// field out (feishu.md §3.3: absent, code still 0).
func given[T any](shown bool, v T) *T {
	if !shown {
		return nil
	}
	return &v
}
