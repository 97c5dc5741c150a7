package wecom

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/provider"
)

const (
	// departmentsTried is how many departments Check reads in search of a member
	// whose record shows which fields the app gets.
	departmentsTried = 10
	// troubleTolerated is how many of them may fail: one department that cannot be
	// read must not keep all others from being synced.
	troubleTolerated = 3
)

const rangePlace = "App Management (应用管理) > the app > Visible Range (可见范围)"

// Check implements provider.Client. A token proves little, since WeCom gives it
// to untrusted addresses too (wecom.md §1.2): each credential makes real calls.
func (c *client) Check(ctx context.Context) (*provider.Report, error) {
	r := &provider.Report{}
	var refused []error
	credentials := 0
	for _, step := range []struct {
		cred *credential
		run  func(context.Context, *provider.Report) error
	}{{c.app, c.checkApp}, {c.sync, c.checkSync}} {
		if step.cred == nil {
			continue
		}
		credentials++
		err := step.run(ctx, r)
		switch kind := provider.KindOf(err); {
		case err == nil:
		case kind == "" || kind.Retryable():
			return nil, err // this tells nothing about the settings
		default:
			refused = append(refused, err)
			r.Findings = append(r.Findings, failed(step.cred.label, provider.Fail, err))
		}
	}
	if len(refused) == credentials {
		return nil, errors.Join(refused...)
	}
	return r, c.optionalKinds(ctx, r)
}

// checkApp fails where the app's secret cannot even list departments.
func (c *client) checkApp(ctx context.Context, r *provider.Report) error {
	if err := c.checkSuite(ctx, r); err != nil {
		return err
	}
	if _, err := c.token(ctx, c.app); err != nil {
		return err
	}
	list, _, err := c.visibleDepartments(ctx)
	if err != nil {
		return err
	}
	pass(r, c.app.label+": departments", fmt.Sprintf("%d departments visible", len(list)))
	if slices.ContainsFunc(list, func(d directory.Department) bool { return d.Name == nil }) {
		warn(r, c.app.label+": department names", "departments came without a name", c.forNames())
	}
	if err := c.checkRange(ctx, r, list); err != nil {
		return err
	}
	return c.checkMembers(ctx, r, list)
}

// checkRange fills in what the app sees and says where that is not everything.
func (c *client) checkRange(ctx context.Context, r *provider.Report, visible []directory.Department) error {
	check := c.app.label + ": visible range"
	var granted grant
	if c.readsGrants() {
		var err error
		switch granted, err = c.grants(ctx); {
		case err == nil && c.suite != nil: // told by checkSuite
		case err == nil:
			pass(r, "app secret: agent_id", "the app's settings can be read")
		case provider.KindOf(err) == "" || provider.KindOf(err).Retryable():
			return err
		case hasRoot(visible) || c.sync != nil:
			r.Findings = append(r.Findings, failed("app secret: agent_id", provider.Warn, err))
		default:
			r.Findings = append(r.Findings, failed("app secret: agent_id", provider.Fail, err))
		}
	}
	if granted.disabled {
		warn(r, c.app.label+": app", "the app is disabled", "enable it under App Management (应用管理) > the app")
	}
	if at := slices.IndexFunc(visible, func(d directory.Department) bool { return d.ExternalID == rootID }); at >= 0 {
		if name := visible[at].Name; name != nil {
			r.Company = *name
		}
		r.Range = provider.VisibleRange{Full: true}
		pass(r, check, "the whole company")
		return nil
	}
	r.Range = provider.VisibleRange{Departments: union(granted.departments, tops(visible)), Members: granted.members}
	detail := fmt.Sprintf(
		"limited to %d departments and %d single members",
		len(r.Range.Departments),
		len(granted.members),
	)
	switch {
	case c.sync != nil:
		warn(r, check, detail+"; of all other people only the ids are read",
			"set it to the whole company under "+rangePlace)
	case len(visible)+len(granted.members)+len(granted.bad) == 0:
		none := nothingVisible()
		r.Findings = append(
			r.Findings,
			provider.Finding{Level: provider.Fail, Check: check, Detail: none.Problem, Action: none.Remedy()},
		)
	default:
		warn(r, check, detail, "if the whole company is meant, set it under "+rangePlace)
	}
	if !c.readsGrants() && c.sync == nil {
		warn(r, "app secret: agent_id", "without it people whom the range names one by one are not found",
			"set agent_id to AgentId from App Management (应用管理) > the app")
	}
	if granted.tags > 0 && c.sync == nil {
		warn(r, c.app.label+": tags", "people and departments granted by tag are not followed",
			"grant them as departments or members under "+rangePlace)
	}
	return nil
}

// tops returns the departments whose parent is not visible.
func tops(visible []directory.Department) []string {
	seen := make(map[string]bool, len(visible))
	for _, d := range visible {
		seen[d.ExternalID] = true
	}
	var top []string
	for _, d := range visible {
		if !seen[d.ParentID] {
			top = append(top, d.ExternalID)
		}
	}
	return top
}

func union(a, b []string) []string {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}

// checkMembers reads departments until one has a member, and judges by that
// member's record which fields the app is not given (wecom.md §1.5).
func (c *client) checkMembers(ctx context.Context, r *provider.Report, visible []directory.Department) error {
	check := c.app.label + ": members"
	var trouble []error
	for _, d := range visible[:min(departmentsTried, len(visible))] {
		body, err := c.call(ctx, c.app, userList, url.Values{"department_id": {d.ExternalID}}, nil)
		if codeOf(err) == "45029" {
			continue // too large for one answer; a sync reads it one by one
		}
		var records []json.RawMessage
		if err == nil {
			records, err = decodeList(userList, body, "userlist")
		}
		switch kind := provider.KindOf(err); {
		case err == nil && len(records) > 0:
			pass(r, check, "members can be read")
			c.checkFields(r, records[0])
			return nil
		case err == nil:
			continue
		case kind == "" || kind == provider.RateLimited:
			return err
		case kind.EndsRun():
			r.Findings = append(r.Findings, failed(check, provider.Fail, err))
			return nil
		}
		if trouble = append(trouble, err); len(trouble) == troubleTolerated {
			break
		}
	}
	for _, err := range trouble {
		if provider.KindOf(err).Retryable() {
			return err
		}
		r.Findings = append(r.Findings, failed(check, provider.Warn, err))
	}
	warn(r, check, "no member was found in the departments that were read, so it is unknown which fields can be read",
		"")
	return nil
}

// checkFields warns of fields whose keys are absent: a field that is merely
// empty is sent empty.
func (c *client) checkFields(r *provider.Report, record json.RawMessage) {
	var sent map[string]json.RawMessage
	if err := json.Unmarshal(record, &sent); err != nil {
		warn(r, c.app.label+": fields", "a member's record is not a JSON object", "")
		return
	}
	has := func(key string) bool { return sent[key] != nil && string(sent[key]) != "null" }
	if c.namesHidden() && string(sent["name"]) == string(sent["userid"]) {
		delete(sent, "name") // the userid in its place is none (wecom.md §1.3)
	}
	if !has("mobile") && string(sent["gender"]) == `"0"` {
		delete(sent, "gender") // an app from which fields are hidden gets no other answer (wecom.md §1.5)
	}
	for _, field := range []struct {
		name string
		keys []string
	}{
		{"name", []string{"name"}},
		{"mobile", []string{"mobile"}},
		{"email", []string{"email", "biz_mail"}},
		{"avatar", []string{"avatar"}},
		{"gender", []string{"gender"}},
		{"main_department", []string{"main_department"}},
		{"status", []string{"status"}},
	} {
		if slices.ContainsFunc(field.keys, has) {
			pass(r, c.app.label+": field "+field.name, "is sent")
			continue
		}
		action := c.forNames()
		if hidden[field.name] && c.suite == nil {
			action = "WeCom gives it only to apps created before 2022-06-20 20:00: use such an app's secret, or have " +
				"members fill it in when they sign in"
		}
		warn(r, c.app.label+": field "+field.name, "is not sent; stored values are kept", action)
	}
}

// forNames says where names are to be had.
func (c *client) forNames() string {
	if c.namesHidden() {
		return "WeCom never gives it to a third-party suite: use an app of the company's own or a 代开发 app"
	}
	return "use the secret of an app of the company's own"
}

// hidden are the fields that newer apps never get (wecom.md §1.5).
var hidden = map[string]bool{"mobile": true, "email": true, "avatar": true, "gender": true}

// checkSync fails where the contact sync secret cannot read ids.
func (c *client) checkSync(ctx context.Context, r *provider.Report) error {
	if _, err := c.token(ctx, c.sync); err != nil {
		return err
	}
	list, _, err := c.allDepartments(ctx)
	if err != nil {
		return err
	}
	pass(r, "contact sync secret: departments", fmt.Sprintf("the ids of all %d departments can be read", len(list)))
	body, err := c.call(ctx, c.sync, userListID, nil, idRequest{Limit: 1})
	if err != nil {
		return err
	}
	if _, err := decodeIDs(body, "", false); err != nil {
		return err
	}
	pass(r, "contact sync secret: members", "the ids of all members can be read")
	// The ids prove who is there, whatever part of them the app may see.
	r.Range = provider.VisibleRange{Full: true}
	if c.app == nil {
		warn(r, "contact sync secret: names", "it reads only ids: names, e-mail, titles and leaders stay unknown",
			"set secret to an app's secret (App Management (应用管理) > the app > Secret)")
	}
	return nil
}

func pass(r *provider.Report, check, detail string) {
	r.Findings = append(r.Findings, provider.Finding{Level: provider.Pass, Check: check, Detail: detail})
}

func warn(r *provider.Report, check, detail, action string) {
	r.Findings = append(r.Findings, provider.Finding{Level: provider.Warn, Check: check, Detail: detail,
		Action: action})
}

// failed turns a call's failure into a finding.
func failed(check string, level provider.Level, err error) provider.Finding {
	f := provider.Finding{Level: level, Check: check, Detail: err.Error()}
	var e *provider.Error
	if errors.As(err, &e) {
		f.Detail, f.Action = e.Said(), e.Remedy()
	}
	return f
}

// optionalKinds reads the tags and the administrators. That an app of the company's own may
// not list administrators is how it is meant.
func (c *client) optionalKinds(ctx context.Context, r *provider.Report) error {
	groups, err := c.ListGroups(ctx, "")
	finding, err := provider.OptionalKind("tags", len(groups.Groups), err)
	if err != nil {
		return err
	}
	r.Findings = append(r.Findings, finding)
	if c.app == nil {
		return nil
	}
	administrators, err := lookupClient{c}.ListAdministrators(ctx, "")
	if codeOf(err) == "48002" {
		pass(r, "administrators", notForOwnApps)
		return nil
	}
	finding, err = provider.OptionalKind("administrators", len(administrators.Administrators), err)
	if err != nil {
		return err
	}
	r.Findings = append(r.Findings, finding)
	return nil
}
