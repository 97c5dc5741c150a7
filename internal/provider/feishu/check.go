package feishu

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/orgsync/orgsync/internal/message"
	"github.com/orgsync/orgsync/internal/provider"
	"github.com/orgsync/orgsync/internal/provider/wire"
)

// Check reads what a sync reads, a little of each. A missing permission is a
// finding; credentials or an address that are refused, and trouble, are errors.
func (c *client) Check(ctx context.Context) (*provider.Report, error) {
	if _, err := c.token(ctx); err != nil {
		return nil, err
	}
	r := &provider.Report{}
	r.Pass(message.Of("tried.credentials", nil), message.Of("found.feishu_credentials_accepted", nil))

	v, err := c.visible(ctx)
	if err != nil {
		return denied(r, triedRange, err)
	}
	withheld := false
	if v.silent {
		if withheld, err = c.withholdsPeople(ctx, v.departments); err != nil {
			return denied(r, triedRange, err)
		}
	}
	reportRange(r, v, withheld)
	if err := c.checkTenant(ctx, r); err != nil {
		return nil, err
	}
	roots, _, err := c.rootsOf(ctx, v)
	if err != nil {
		return denied(r, triedDepartments, err)
	}
	found, err := c.checkDepartments(ctx, r, roots)
	if err != nil {
		return denied(r, triedDepartments, err)
	}
	if err := c.checkMembers(ctx, r, append(roots, found...)); err != nil {
		return denied(r, triedMembers, err)
	}
	return r, c.optionalKinds(ctx, r)
}

// What is tried.
var (
	triedRange       = message.Of("tried.visible_range", nil)
	triedDepartments = message.Of("tried.departments", nil)
	triedMembers     = message.Of("tried.members", nil)
)

func triedPermission(name string) message.Text {
	return message.Of("tried.permission", message.Args{"Name": name})
}

// denied makes a finding of a missing permission and ends the check; anything
// else is returned as it is.
func denied(r *provider.Report, check message.Text, err error) (*provider.Report, error) {
	var e *provider.Error
	if !errors.As(err, &e) || e.Kind != provider.Forbidden || e.Code == "99991401" {
		return nil, err
	}
	r.Refuse(provider.Fail, check, e)
	return r, nil
}

// passedOver warns of a single department that cannot be read; others may be.
func passedOver(r *provider.Report, check message.Text, err error) bool {
	var e *provider.Error
	if !errors.As(err, &e) || !unreadable(err) {
		return false
	}
	r.Refuse(provider.Warn, check, e)
	return true
}

// reportRange fills in the range. Its member ids are open_ids: the range lists
// people by one kind of id. Withheld: it does not say who is granted one by one.
func reportRange(r *provider.Report, v visible, withheld bool) {
	widen, grant := message.Of(widenRange, nil), message.Of(grantScope, nil)
	limits := message.Args{"Departments": len(v.departments)}
	switch {
	case v.root != nil:
		r.Pass(triedRange, message.Of("found.whole_company", nil))
	case v.empty() && withheld:
		r.Add(provider.Fail, triedRange, message.Of(noDepartment, nil), grant)
	case v.empty():
		r.Add(provider.Fail, triedRange, message.Of(nothingVisible, nil), widen)
	case withheld:
		r.Add(provider.Warn, triedRange, message.Of("found.range_limited_departments", limits), widen)
	default:
		limits["Members"] = len(v.members)
		r.Add(provider.Warn, triedRange, message.Of("found.range_limited", limits), widen)
	}
	r.Range = provider.VisibleRange{
		Full:           v.root != nil,
		Departments:    v.departments,
		Members:        v.members,
		MembersUnknown: withheld,
	}
	if withheld && !v.empty() {
		r.Add(provider.Warn, triedPermission(employeeID), message.Of("found.feishu_granted_unread", nil), grant)
	}
	if v.groups > 0 {
		r.Add(provider.Warn, triedRange, message.Of("found.range_names_groups", message.Args{"Groups": v.groups}),
			message.Of("remedy.feishu_range_by_groups", nil))
	}
}

// tenantScope is the permission that the company's name needs (feishu-more.md §D).
const tenantScope = "tenant:tenant:readonly"

// checkTenant reads the company's name, which nothing but the root's name depends on.
func (c *client) checkTenant(ctx context.Context, r *provider.Report) error {
	name, refused, err := c.tenantName(ctx)
	if err != nil {
		return err
	}
	r.Company = name
	check := triedPermission(tenantScope)
	switch {
	case refused != nil:
		r.Add(provider.Warn, check,
			message.Of("found.company_name_refused", message.Args{"Refusal": refused.Said()}), refused.Remedy())
	case name == "":
		r.Add(provider.Warn, check, message.Of("found.company_name_missing", nil), message.Of(grantScope, nil))
	default:
		r.Pass(check, message.Of("found.granted", nil))
	}
	return nil
}

// checkDepartments reads the first page below the first root that has one.
func (c *client) checkDepartments(
	ctx context.Context,
	r *provider.Report,
	roots []provider.FoundDepartment,
) ([]provider.FoundDepartment, error) {
	for _, root := range roots {
		if root.ChildrenMethod == "" {
			continue
		}
		q := provider.Query{Department: root.ExternalID, Method: root.ChildrenMethod}
		page, err := c.ListDepartments(ctx, q)
		if provider.KindOf(err) == provider.TooLarge {
			q.Method = methodLevel
			page, err = c.ListDepartments(ctx, q)
		}
		if passedOver(r, triedDepartments, err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		r.Pass(triedDepartments, numberIn("found.read_below", root.ExternalID, len(page.Departments)))
		var raws []json.RawMessage
		for _, d := range page.Departments {
			raws = append(raws, d.Raw)
		}
		checkFields(r, raws, departmentFields)
		return page.Departments, nil
	}
	r.Pass(triedDepartments, message.Of("found.no_department_readable", nil))
	return nil, nil
}

// numberIn says how many objects were read in a department. People know the root by no id.
func numberIn(code message.Code, department string, number int) message.Text {
	if department == rootID {
		department = ""
	}
	return message.Of(code, message.Args{"Department": department, "Number": number})
}

const (
	// maxTries bounds how many departments are looked into for a member by whom to know.
	maxTries = 8
	// maxTrouble bounds how many of them may fail: one department that cannot be
	// read must not keep all others from being synced.
	maxTrouble = 3
)

// checkMembers reads people until it has found some.
func (c *client) checkMembers(ctx context.Context, r *provider.Report, departments []provider.FoundDepartment) error {
	var trouble []error
	for _, d := range departments[:min(len(departments), maxTries)] {
		page, err := c.ListDepartmentMembers(ctx, provider.Query{Department: d.ExternalID, Method: d.MembersMethod})
		if passedOver(r, triedMembers, err) {
			continue
		}
		if kind := provider.KindOf(err); kind == provider.Unavailable || kind == provider.Malformed {
			if trouble = append(trouble, err); len(trouble) == maxTrouble {
				break
			}
			continue
		}
		if err != nil {
			return err
		}
		if len(page.Members) == 0 {
			continue
		}
		r.Pass(triedMembers, numberIn("found.read_in", d.ExternalID, len(page.Members)))
		var raws []json.RawMessage
		for _, m := range page.Members {
			raws = append(raws, m.Raw)
		}
		checkFields(r, raws, memberFields)
		return nil
	}
	if len(trouble) > 0 {
		return trouble[0]
	}
	r.Pass(triedMembers, message.Of("found.no_direct_members", nil))
	return nil
}

// field is a permission that shows only in which fields are sent (feishu.md §3.3).
type field struct {
	scope string
	keys  []string
	costs message.Code
}

var departmentFields = []field{
	{"contact:department.base:readonly", []string{"name"}, "cost.department_names"},
	{
		"contact:department.organize:readonly",
		[]string{"parent_department_id", "order"},
		"cost.tree",
	},
}

var memberFields = []field{
	{"contact:user.base:readonly", []string{"name"}, "cost.names"},
	{"contact:user.department:readonly", []string{"department_ids", "orders"}, "cost.main_departments"},
	{
		"contact:user.employee:readonly",
		[]string{"status", "job_title"},
		"cost.statuses",
	},
	{employeeID, []string{"user_id"}, "cost.user_ids"},
	{"contact:user.email:readonly", []string{"email"}, "cost.emails"},
	{"contact:user.phone:readonly", []string{"mobile"}, "cost.phones"},
	{"contact:user.employee_number:read", []string{"employee_no"}, "cost.employee_numbers"},
	{"contact:user.gender:readonly", []string{"gender"}, "cost.genders"},
}

// checkFields warns of each permission none of whose fields any record carries:
// a missing field permission is no error but an absent field (feishu.md §3.3).
func checkFields(r *provider.Report, raws []json.RawMessage, fields []field) {
	if len(raws) == 0 {
		return
	}
	sent := map[string]bool{}
	for _, raw := range raws {
		read, _ := wire.Parse(raw)
		for key, value := range read {
			sent[key] = sent[key] || value != nil
		}
	}
	for _, f := range fields {
		if slices.ContainsFunc(f.keys, func(key string) bool { return sent[key] }) {
			r.Pass(triedPermission(f.scope), message.Of("found.granted", nil))
			continue
		}
		r.Add(provider.Warn, triedPermission(f.scope), message.Of("found.field_missing", message.Args{
			"Fields": strings.Join(f.keys, ", "), "Costs": message.Of(f.costs, nil),
		}), message.Of(grantScope, nil))
	}
}

// optionalKinds reads a page of user groups and one of administrators.
func (c *client) optionalKinds(ctx context.Context, r *provider.Report) error {
	groups, err := c.ListGroups(ctx, "")
	if err := r.OptionalKind(message.Of("tried.user_groups", nil), len(groups.Groups), err); err != nil {
		return err
	}
	administrators, err := c.ListAdministrators(ctx, "")
	return r.OptionalKind(message.Of("tried.administrators", nil), len(administrators.Administrators), err)
}
