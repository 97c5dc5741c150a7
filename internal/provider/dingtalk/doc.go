// Package dingtalk reads a company's directory from DingTalk's legacy API
// (oapi.dingtalk.com), the only one that lists departments and people
// (dingtalk.md §1). It turns answers into the words of package directory and
// failures into provider.Error. It stores nothing, decides nothing about what is
// to be removed, and puts no secret, token or personal data into errors or logs.
//
// # Visible range
//
// /auth/scopes says what an app may read. With department 1 in it the walk
// starts at the root. Else it starts at every granted department, below a root of
// our own that also carries the people who are granted one by one
// (dingtalk.md §5).
//
// # Raw records
//
// A record's Raw is everything that was sent, with arrays that have no order of their own
// sorted, but for: a department's member_count and owning_member_count, which change
// whenever a member moves and would make every such department look changed; a person's
// leader and dept_order, which speak of the department that was asked, so that each of a
// person's listings would say something else (they stand in the memberships). What of a
// person only user/get sends (manager_userid, role_list, dept_position_list and others) is
// as of the last look-up.
//
// # What lists do not say
//
// No list names a person's main department, and department/listsub no order of
// departments (dingtalk.md §2, §3.1), nor a member's manager. Main department and manager are
// taken from user/get wherever one is made; the order of departments from department/get,
// which is made of the root and of granted departments.
package dingtalk
