package feishu

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

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
	pass(r, "credentials", "the app id and secret are accepted")

	v, err := c.visible(ctx)
	if err != nil {
		return denied(r, "visible range", err)
	}
	withheld := false
	if v.silent {
		if withheld, err = c.withholdsPeople(ctx, v.departments); err != nil {
			return denied(r, "visible range", err)
		}
	}
	reportRange(r, v, withheld)
	if err := c.checkTenant(ctx, r); err != nil {
		return nil, err
	}
	roots, _, err := c.rootsOf(ctx, v)
	if err != nil {
		return denied(r, "departments", err)
	}
	found, err := c.checkDepartments(ctx, r, roots)
	if err != nil {
		return denied(r, "departments", err)
	}
	if err := c.checkMembers(ctx, r, append(roots, found...)); err != nil {
		return denied(r, "members", err)
	}
	return r, c.optionalKinds(ctx, r)
}

func pass(r *provider.Report, check, detail string) {
	r.Findings = append(r.Findings, provider.Finding{Level: provider.Pass, Check: check, Detail: detail})
}

// denied makes a finding of a missing permission and ends the check; anything
// else is returned as it is.
func denied(r *provider.Report, check string, err error) (*provider.Report, error) {
	var e *provider.Error
	if !errors.As(err, &e) || e.Kind != provider.Forbidden || e.Code == "99991401" {
		return nil, err
	}
	refuse(r, provider.Fail, check, e)
	return r, nil
}

// refuse makes a finding of an error.
func refuse(r *provider.Report, l provider.Level, check string, e *provider.Error) {
	r.Findings = append(r.Findings, provider.Finding{Level: l, Check: check, Detail: e.Said(), Action: e.Remedy()})
}

// passedOver warns of a single department that cannot be read; others may be.
func passedOver(r *provider.Report, check string, err error) bool {
	var e *provider.Error
	if !errors.As(err, &e) || !unreadable(err) {
		return false
	}
	refuse(r, provider.Warn, check, e)
	return true
}

// reportRange fills in the range. Its member ids are open_ids: the range lists
// people by one kind of id. Withheld: it does not say who is granted one by one.
func reportRange(r *provider.Report, v visible, withheld bool) {
	finding := provider.Finding{Level: provider.Pass, Check: "visible range", Detail: "the whole company"}
	if v.root == nil {
		finding = provider.Finding{Level: provider.Warn, Check: "visible range", Action: widenRange,
			Detail: fmt.Sprintf(
				"limited to %d departments with all below them and %d people",
				len(v.departments),
				len(v.members),
			)}
		switch {
		case v.empty() && withheld:
			finding.Level, finding.Detail, finding.Action = provider.Fail, noDepartment+"; "+peopleUnknown, grantScope
		case v.empty():
			finding.Level, finding.Detail = provider.Fail, nothingVisible
		case withheld:
			finding.Detail = fmt.Sprintf("limited to %d departments with all below them", len(v.departments))
		}
	}
	r.Findings = append(r.Findings, finding)
	r.Range = provider.VisibleRange{
		Full:           v.root != nil,
		Departments:    v.departments,
		Members:        v.members,
		MembersUnknown: withheld,
	}
	if withheld && !v.empty() {
		r.Findings = append(r.Findings, provider.Finding{Level: provider.Warn, Check: "permission " + employeeID,
			Detail: peopleUnknown + ": such people are not read, and every run stays partial", Action: grantScope})
	}
	if v.groups > 0 {
		r.Findings = append(r.Findings, provider.Finding{Level: provider.Warn, Check: "visible range",
			Detail: fmt.Sprintf(
				"the range also names %d user groups; people who are visible only through a group are not read",
				v.groups,
			),
			Action: "add these people or their departments to the app's contact range"})
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
	finding := provider.Finding{Level: provider.Pass, Check: "permission " + tenantScope}
	const costs = "the company's name cannot be read, so the root department is called Root"
	switch {
	case refused != nil:
		finding.Level, finding.Detail, finding.Action = provider.Warn, costs+": "+refused.Said(), refused.Remedy()
	case name == "":
		finding.Level, finding.Detail, finding.Action = provider.Warn, costs+": no name was sent", grantScope
	}
	r.Findings = append(r.Findings, finding)
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
		if passedOver(r, "departments", err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		pass(r, "departments", fmt.Sprintf("read below %s: %d", called(root.ExternalID), len(page.Departments)))
		var raws []json.RawMessage
		for _, d := range page.Departments {
			raws = append(raws, d.Raw)
		}
		checkFields(r, raws, departmentFields)
		return page.Departments, nil
	}
	pass(r, "departments", "no department could be read")
	return nil, nil
}

// called names a department for people, to whom the root's id says nothing.
func called(id string) string {
	if id == rootID {
		return "the root department"
	}
	return "department " + id
}

const (
	// maxTries bounds how many departments are looked into for somebody to judge by.
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
		if passedOver(r, "members", err) {
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
		pass(r, "members", fmt.Sprintf("read directly in %s: %d", called(d.ExternalID), len(page.Members)))
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
	pass(r, "members",
		"the departments that were read have no direct members, so field permissions could not be checked")
	return nil
}

// field is a permission that shows only in which fields are sent (feishu.md §3.3).
type field struct {
	scope string
	keys  []string
	costs string
}

var departmentFields = []field{
	{"contact:department.base:readonly", []string{"name"}, "departments have no names"},
	{
		"contact:department.organize:readonly",
		[]string{"parent_department_id", "order"},
		"the tree has no parents, order and head counts",
	},
}

var memberFields = []field{
	{"contact:user.base:readonly", []string{"name"}, "people have no names and pictures"},
	{"contact:user.department:readonly", []string{"department_ids", "orders"}, "main departments are guessed"},
	{
		"contact:user.employee:readonly",
		[]string{"status", "job_title"},
		"frozen and resigned people stay active, and titles are missing",
	},
	{employeeID, []string{"user_id"}, "people are identified by open_id instead of user_id"},
	{"contact:user.email:readonly", []string{"email"}, "e-mail addresses are missing"},
	{"contact:user.phone:readonly", []string{"mobile"}, "phone numbers are missing"},
	{"contact:user.employee_number:read", []string{"employee_no"}, "employee numbers are missing"},
	{"contact:user.gender:readonly", []string{"gender"}, "genders are missing"},
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
		finding := provider.Finding{Level: provider.Pass, Check: "permission " + f.scope}
		if !slices.ContainsFunc(f.keys, func(key string) bool { return sent[key] }) {
			finding.Level, finding.Action = provider.Warn, grantScope
			finding.Detail = "no record contains " + strings.Join(f.keys, " or ") + ": " + f.costs
		}
		r.Findings = append(r.Findings, finding)
	}
}

// optionalKinds reads a page of user groups and one of administrators.
func (c *client) optionalKinds(ctx context.Context, r *provider.Report) error {
	groups, err := c.ListGroups(ctx, "")
	finding, err := provider.OptionalKind("user groups", len(groups.Groups), err)
	if err != nil {
		return err
	}
	r.Findings = append(r.Findings, finding)
	administrators, err := c.ListAdministrators(ctx, "")
	finding, err = provider.OptionalKind("administrators", len(administrators.Administrators), err)
	if err != nil {
		return err
	}
	r.Findings = append(r.Findings, finding)
	return nil
}
