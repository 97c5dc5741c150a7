package wecom

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"slices"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/message"
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
			refuse(r, provider.Fail, step.cred.label, err)
		}
	}
	if len(refused) == credentials {
		return nil, errors.Join(refused...)
	}
	return r, c.optionalKinds(ctx, r)
}

// checkApp fails where the app's secret cannot even list departments.
func (c *client) checkApp(ctx context.Context, r *provider.Report) error {
	byMembers, err := c.checkSuite(ctx, r)
	if err != nil {
		return err
	}
	if _, err := c.token(ctx, c.app); err != nil {
		return err
	}
	if byMembers {
		return c.checkAuthorised(ctx, r)
	}
	list, _, err := c.visibleDepartments(ctx)
	if err != nil {
		return err
	}
	r.Pass(c.app.tried("tried.departments"), message.Of("found.departments_visible", message.Args{"Number": len(list)}))
	if slices.ContainsFunc(list, func(d directory.Department) bool { return d.Name == nil }) {
		warn(r, c.app.tried("tried.department_names"), "found.departments_without_name", c.forNames())
	}
	if err := c.checkRange(ctx, r, list); err != nil {
		return err
	}
	return c.checkMembers(ctx, r, list)
}

// checkRange fills in what the app sees and says where that is not everything.
func (c *client) checkRange(ctx context.Context, r *provider.Report, visible []directory.Department) error {
	check, checkAgent := c.app.tried("tried.visible_range"), c.app.tried("tried.agent_id")
	var granted grant
	if c.readsGrants() {
		var err error
		switch granted, err = c.grants(ctx); {
		case err == nil && c.suite != nil: // told by checkSuite
		case err == nil:
			r.Pass(checkAgent, message.Of("found.agent_readable", nil))
		case provider.KindOf(err) == "" || provider.KindOf(err).Retryable():
			return err
		case hasRoot(visible) || c.sync != nil:
			refuse(r, provider.Warn, checkAgent, err)
		default:
			refuse(r, provider.Fail, checkAgent, err)
		}
	}
	if granted.disabled {
		warn(r, c.app.tried("tried.app"), "found.app_disabled", "remedy.wecom_enable_app")
	}
	if at := slices.IndexFunc(visible, func(d directory.Department) bool { return d.ExternalID == rootID }); at >= 0 {
		if name := visible[at].Name; name != nil {
			r.Company = *name
		}
		r.Range = provider.VisibleRange{Full: true}
		r.Pass(check, message.Of("found.whole_company", nil))
		return nil
	}
	r.Range = provider.VisibleRange{Departments: union(granted.departments, tops(visible)), Members: granted.members}
	limits := message.Args{"Departments": len(r.Range.Departments), "Members": len(granted.members)}
	switch {
	case c.sync != nil:
		r.Add(provider.Warn, check, message.Of("found.range_limited_ids", limits),
			message.Of("remedy.wecom_widen_to_company", nil))
	case len(visible)+len(granted.members)+len(granted.bad) == 0:
		none := nothingVisible()
		r.Add(provider.Fail, check, none.Problem, none.Remedy())
	default:
		r.Add(provider.Warn, check, message.Of("found.range_limited", limits),
			message.Of("remedy.wecom_if_whole_company", nil))
	}
	if !c.readsGrants() && c.sync == nil {
		warn(r, checkAgent, "found.agent_id_unset", "remedy.wecom_set_agent_id")
	}
	if granted.tags > 0 && c.sync == nil {
		warn(r, c.app.tried("tried.tags"), "found.tags_not_followed", "remedy.wecom_grant_without_tags")
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

// checkMembers reads departments until one has a member, and goes by that
// member's record which fields the app is not given (wecom.md §1.5).
func (c *client) checkMembers(ctx context.Context, r *provider.Report, visible []directory.Department) error {
	check := c.app.tried("tried.members")
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
			r.Pass(check, message.Of("found.members_readable", nil))
			c.checkFields(r, records[0])
			return nil
		case err == nil:
			continue
		case kind == "" || kind == provider.RateLimited:
			return err
		case kind.EndsRun():
			refuse(r, provider.Fail, check, err)
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
		refuse(r, provider.Warn, check, err)
	}
	warn(r, check, "found.fields_unknown", "")
	return nil
}

// checkFields warns of fields whose keys are absent: a field that is merely
// empty is sent empty.
func (c *client) checkFields(r *provider.Report, record json.RawMessage) {
	var sent map[string]json.RawMessage
	if err := json.Unmarshal(record, &sent); err != nil {
		warn(r, c.app.tried("tried.fields"), "found.record_unreadable", "")
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
		check := c.app.triedText(message.Of("tried.field", message.Args{"Name": field.name}))
		if slices.ContainsFunc(field.keys, has) {
			r.Pass(check, message.Of("found.sent", nil))
			continue
		}
		action := c.forNames()
		if hidden[field.name] && c.suite == nil {
			action = "remedy.wecom_old_app"
		}
		warn(r, check, "found.not_sent", action)
	}
}

// forNames says where names are to be had.
func (c *client) forNames() message.Code {
	if c.namesHidden() {
		return "remedy.wecom_no_suite"
	}
	return "remedy.wecom_own_app"
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
	r.Pass(c.sync.tried("tried.departments"),
		message.Of("found.all_department_ids", message.Args{"Number": len(list)}))
	body, err := c.call(ctx, c.sync, userListID, nil, idRequest{Limit: 1})
	if err != nil {
		return err
	}
	if _, err := decodeIDs(body, "", false); err != nil {
		return err
	}
	r.Pass(c.sync.tried("tried.members"), message.Of("found.all_member_ids", nil))
	// The ids prove who is there, whatever part of them the app may see.
	r.Range = provider.VisibleRange{Full: true}
	if c.app == nil {
		warn(r, c.sync.tried("tried.names"), "found.ids_only", "remedy.wecom_add_app_secret")
	}
	return nil
}

// tried is what was tried with a credential.
func (c *credential) tried(code message.Code) message.Text { return c.triedText(message.Of(code, nil)) }

func (c *credential) triedText(of message.Text) message.Text {
	return message.Of("tried.of_credential", message.Args{"Credential": c.label, "Of": of})
}

// warn adds a warning. Without a remedy there is nothing to do about it.
func warn(r *provider.Report, check message.Text, detail, remedy message.Code) {
	r.Add(provider.Warn, check, message.Of(detail, nil), message.Of(remedy, nil))
}

// refuse adds a finding of a call's failure.
func refuse(r *provider.Report, level provider.Level, check message.Text, err error) {
	var e *provider.Error
	if errors.As(err, &e) {
		r.Refuse(level, check, e)
	}
}

// optionalKinds reads the tags and the administrators. That an app of the company's own may
// not list administrators is how it is meant.
func (c *client) optionalKinds(ctx context.Context, r *provider.Report) error {
	groups, err := c.ListGroups(ctx, "")
	if err := r.OptionalKind(message.Of("tried.tags", nil), len(groups.Groups), err); err != nil {
		return err
	}
	if c.app == nil {
		return nil
	}
	check := message.Of("tried.administrators", nil)
	administrators, err := lookupClient{c}.ListAdministrators(ctx, "")
	if codeOf(err) == "48002" {
		r.Pass(check, message.Of("fault.own_app_lists_no_administrators", nil))
		return nil
	}
	return r.OptionalKind(check, len(administrators.Administrators), err)
}
