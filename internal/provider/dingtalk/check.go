package dingtalk

import (
	"context"
	"errors"

	"github.com/orgsync/orgsync/internal/message"
	"github.com/orgsync/orgsync/internal/provider"
	"github.com/orgsync/orgsync/internal/provider/wire"
)

const (
	// sampledDepartments bounds the search for a person by whom to know the field
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
	k.report.Pass(message.Of("tried.credentials", nil), message.Of("found.dingtalk_credentials_accepted", nil))
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

func (k *check) visibleRange(s scopes) {
	check, widen := message.Of("tried.visible_range", nil), message.Of(widenRange, nil)
	switch {
	case s.full():
		k.report.Pass(check, message.Of("found.whole_company", nil))
	case s.empty():
		k.report.Add(provider.Fail, check, message.Of("fault.nothing_visible", nil), widen)
	default:
		limits := message.Args{"Departments": len(s.departments), "Members": len(s.people)}
		k.report.Add(provider.Warn, check, message.Of("found.range_limited", limits),
			message.Of("remedy.dingtalk_whole_company", message.Args{"Remedy": widen}))
	}
}

// departments reads the first top of the range and the level below it, and
// returns the ids among which to look for people.
func (k *check) departments(ctx context.Context, s scopes) ([]string, error) {
	check, top := message.Of("tried.read_departments", nil), rootID
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
		return nil, k.refused(check, "qyapi_get_department_list", err)
	}
	if s.full() && d.Name != nil {
		// Renaming the company renames department 1 (dingtalk.md §7.3).
		k.report.Company = *d.Name
	}
	k.report.Pass(check,
		message.Of("found.children", message.Args{"Department": top, "Number": len(below.Departments)}))
	ids := []string{top}
	for _, d := range below.Departments {
		ids = append(ids, d.ExternalID)
	}
	return ids, nil
}

// members reads the first page of departments until it finds somebody; nil if it
// does not.
func (k *check) members(ctx context.Context, departments []string) (*person, error) {
	check := message.Of("tried.read_members", nil)
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
			return nil, k.refused(check, "qyapi_get_department_member", err)
		}
		if found := firstPerson(items); found != nil {
			k.report.Pass(check,
				message.Of("found.people_on_page", message.Args{"Department": id, "Number": len(items)}))
			return found, nil
		}
	}
	if len(trouble) > 0 {
		return nil, k.refused(check, "qyapi_get_department_member", trouble[0])
	}
	if len(departments) > 0 {
		// Readable departments without anybody in them are how a missing
		// permission has shown itself elsewhere (dingtalk.md §11.4).
		k.report.Add(provider.Warn, check, message.Of("found.nobody", message.Args{"Departments": len(departments)}),
			message.Of("remedy.dingtalk_grant_members", message.Args{
				"Permission": "qyapi_get_department_member", "Remedy": message.Of(grantPermission, nil),
			}))
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
	check := message.Of("tried.look_up_members", nil)
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
		return k.refused(check, "qyapi_get_member", err)
	}
	k.report.Pass(check, message.Of("found.works", nil))
	return nil
}

// fields warns of field permissions that seem to be missing: without one its
// fields are absent from every record, with it at least one of them is sent
// (dingtalk.md §1.3, §3.1, §11.9).
func (k *check) fields(sample *person) {
	if sample == nil || sample.fields == nil {
		k.report.Add(provider.Warn, message.Of("tried.field_permissions", nil), message.Of("found.unchecked", nil),
			message.Text{})
		return
	}
	k.field(sample, "tried.phone_numbers", "remedy.dingtalk_grant_phones", "mobile", "state_code")
	k.field(sample, "tried.email_addresses", "remedy.dingtalk_grant_emails", personalFields...)
}

func (k *check) field(sample *person, check, remedy message.Code, keys ...string) {
	for _, key := range keys {
		if sample.fields[key] {
			k.report.Pass(message.Of(check, nil), message.Of("found.sent", nil))
			return
		}
	}
	k.report.Add(provider.Warn, message.Of(check, nil), message.Of("found.not_sent", nil),
		message.Of(remedy, message.Args{"Remedy": message.Of(grantPermission, nil)}))
}

// refused turns a refusal that concerns this one call into a finding. Anything
// else ends the check: nothing can be told then, or nothing can be read at all.
func (k *check) refused(check message.Text, point string, err error) error {
	var e *provider.Error
	if !errors.As(err, &e) {
		return err
	}
	switch {
	case e.Kind == provider.Forbidden && e.Action.Code == grantPermission:
		named := *e
		named.Action = message.Of("remedy.dingtalk_grant_named", message.Args{"Permission": point, "Remedy": e.Action})
		k.report.Refuse(provider.Fail, check, &named)
	case e.Kind == provider.OutOfRange, e.Kind == provider.NotFound:
		k.report.Refuse(provider.Fail, check, e)
	default:
		return err
	}
	return nil
}

// optionalKinds reads a page of roles and one of administrators.
func (c *client) optionalKinds(ctx context.Context, r *provider.Report) error {
	groups, err := c.ListGroups(ctx, "")
	if err := r.OptionalKind(message.Of("tried.roles", nil), len(groups.Groups), err); err != nil {
		return err
	}
	administrators, err := c.ListAdministrators(ctx, "")
	return r.OptionalKind(message.Of("tried.administrators", nil), len(administrators.Administrators), err)
}
