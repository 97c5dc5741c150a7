package dingtalk

import (
	"context"
	"errors"
	"fmt"

	"github.com/orgsync/orgsync/internal/provider"
	"github.com/orgsync/orgsync/internal/provider/wire"
)

const (
	// sampledDepartments bounds the search for a person by whom to judge the field
	// permissions.
	sampledDepartments = 10
	// toleratedTrouble is how many of them may fail: one department that cannot be
	// read must not keep all others from being synced.
	toleratedTrouble = 3
)

// Check implements provider.Client.
func (c *client) Check(ctx context.Context) (*provider.Report, error) {
	if _, err := c.token(ctx); err != nil {
		return nil, err
	}
	s, err := c.scopes(ctx)
	if err != nil {
		return nil, err
	}
	k := check{client: c, report: &provider.Report{Range: s.visible()}}
	k.add(provider.Pass, "credentials", "app_key and app_secret are accepted", "")
	k.visibleRange(s)
	if s.empty() {
		return k.report, nil
	}
	departments, err := k.departments(ctx, s)
	if err != nil {
		return nil, err
	}
	sample, err := k.members(ctx, departments)
	if err != nil {
		return nil, err
	}
	if sample == nil && len(s.people) > 0 && !s.full() {
		sample = &person{id: s.people[0]}
	}
	if err := k.details(ctx, departments, sample); err != nil {
		return nil, err
	}
	k.fields(sample)
	return k.report, c.optionalKinds(ctx, k.report)
}

// check is one run of Check.
type check struct {
	client *client
	report *provider.Report
}

// person is somebody met while checking, with the names of the fields that the
// records of that page had.
type person struct {
	id     string
	fields map[string]bool
}

func (k *check) add(level provider.Level, name, detail, action string) {
	k.report.Findings = append(k.report.Findings,
		provider.Finding{Level: level, Check: name, Detail: detail, Action: action})
}

func (k *check) visibleRange(s scopes) {
	const name = "visible range"
	switch {
	case s.full():
		k.add(provider.Pass, name, "the whole company", "")
	case s.empty():
		k.add(provider.Fail, name, "nothing: no department and no person", widenRange)
	default:
		k.add(
			provider.Warn,
			name,
			fmt.Sprintf(
				"limited to %d departments with everything below them and to %d people by name; no one else is read",
				len(s.departments), len(s.people)),
			"for the whole company, "+widenRange,
		)
	}
}

// departments reads the first top of the range and the level below it, and
// returns the ids among which to look for people.
func (k *check) departments(ctx context.Context, s scopes) ([]string, error) {
	top := rootID
	if !s.full() {
		if len(s.departments) == 0 {
			return nil, nil
		}
		top = s.departments[0]
	}
	d, err := k.client.department(ctx, top)
	var below provider.DepartmentPage
	if err == nil {
		below, err = k.client.ListDepartments(ctx, provider.Query{Department: top, Method: methodLevel})
	}
	if err != nil {
		return nil, k.refused("read departments", "qyapi_get_department_list", err)
	}
	if s.full() && d.Name != nil {
		// Renaming the company renames department 1 (dingtalk.md §7.3).
		k.report.Company = *d.Name
	}
	k.add(
		provider.Pass,
		"read departments",
		fmt.Sprintf("department %s has %d direct sub-departments", top, len(below.Departments)),
		"",
	)
	ids := []string{top}
	for _, d := range below.Departments {
		ids = append(ids, d.ExternalID)
	}
	return ids, nil
}

// members reads the first page of departments until it finds somebody; nil if it
// does not.
func (k *check) members(ctx context.Context, departments []string) (*person, error) {
	const name = "read members"
	departments = departments[:min(len(departments), sampledDepartments)]
	var trouble []error
	for _, id := range departments {
		items, _, _, err := k.client.userPage(ctx, id, "")
		switch provider.KindOf(err) {
		case provider.NotFound:
			continue // deleted meanwhile
		case provider.Unavailable, provider.Malformed, provider.OutOfRange:
			if trouble = append(trouble, err); len(trouble) < toleratedTrouble {
				continue
			}
		}
		if err != nil {
			return nil, k.refused(name, "qyapi_get_department_member", err)
		}
		if found := firstPerson(items); found != nil {
			k.add(provider.Pass, name, fmt.Sprintf("department %s: %d people on its first page", id, len(items)), "")
			return found, nil
		}
	}
	if len(trouble) > 0 {
		return nil, k.refused(name, "qyapi_get_department_member", trouble[0])
	}
	if len(departments) > 0 {
		// Readable departments without anybody in them are how a missing
		// permission has shown itself elsewhere (dingtalk.md §11.4).
		k.add(provider.Warn, name, fmt.Sprintf("no person found in the first %d departments", len(departments)),
			"if there should be people in them, check that qyapi_get_department_member is granted: "+grantPermission)
	}
	return nil, nil
}

func firstPerson(items []any) *person {
	var found *person
	for _, item := range items {
		r, _ := wire.Object(item)
		id, _ := r.ID("userid")
		if id == "" {
			continue
		}
		if found == nil {
			found = &person{id: id}
		}
		found.note(r)
	}
	return found
}

func (p *person) note(r record) {
	if p.fields == nil {
		p.fields = make(map[string]bool)
	}
	for key := range r {
		p.fields[key] = true
	}
}

// details makes one call under qyapi_get_member, which confirms leavers and reads
// people granted by name.
func (k *check) details(ctx context.Context, departments []string, sample *person) error {
	const name = "look up single members"
	var err error
	switch {
	case sample != nil:
		var r record
		if r, err = k.client.user(ctx, sample.id); err == nil {
			sample.note(r)
		}
	case len(departments) > 0:
		_, err = k.client.CountMembers(ctx, departments[0])
	default:
		return nil
	}
	if err != nil {
		return k.refused(name, "qyapi_get_member", err)
	}
	k.add(provider.Pass, name, "", "")
	return nil
}

// fields warns of field permissions that seem to be missing: without one its
// fields are absent from every record, with it at least one of them is sent
// (dingtalk.md §1.3, §3.1, §11.9).
func (k *check) fields(sample *person) {
	if sample == nil || sample.fields == nil {
		k.add(provider.Warn, "field permissions", "no person could be read, so they could not be checked", "")
		return
	}
	k.field(sample, "phone numbers", "企业员工手机号信息 (employee mobile)", "mobile", "state_code")
	k.field(sample, "e-mail addresses", "邮箱等个人信息 (e-mail and personal fields)", personalFields...)
}

func (k *check) field(sample *person, name, point string, keys ...string) {
	for _, key := range keys {
		if sample.fields[key] {
			k.add(provider.Pass, name, "", "")
			return
		}
	}
	k.add(
		provider.Warn,
		name,
		"not sent; stored values are kept",
		"if you want them, grant the permission "+point+": "+grantPermission,
	)
}

// refused turns a refusal that concerns this one call into a finding. Anything
// else ends the check: nothing can be told then, or nothing can be read at all.
func (k *check) refused(name, point string, err error) error {
	var e *provider.Error
	if !errors.As(err, &e) {
		return err
	}
	switch {
	case e.Kind == provider.Forbidden && e.Action == grantPermission:
		k.add(provider.Fail, name, e.Said(), "the permission to grant is "+point+"; "+grantPermission)
	case e.Kind == provider.OutOfRange, e.Kind == provider.NotFound:
		k.add(provider.Fail, name, e.Said(), e.Remedy())
	default:
		return err
	}
	return nil
}

// optionalKinds reads a page of roles and one of administrators.
func (c *client) optionalKinds(ctx context.Context, r *provider.Report) error {
	groups, err := c.ListGroups(ctx, "")
	finding, err := provider.OptionalKind("roles", len(groups.Groups), err)
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
