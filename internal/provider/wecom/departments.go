package wecom

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"slices"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/message"
	"github.com/orgsync/orgsync/internal/provider"
	"github.com/orgsync/orgsync/internal/provider/wire"
)

// ListRoots returns every department there is, root first: both listings are
// recursive (wecom.md §2), so there is nothing left to walk.
func (c *client) ListRoots(ctx context.Context) (found []provider.FoundDepartment, bad []string, err error) {
	if c.sync != nil {
		return c.completeTree(ctx)
	}
	return c.visibleTree(ctx)
}

// ListDepartments always fails: no department is found with a children's listing.
func (c *client) ListDepartments(_ context.Context, q provider.Query) (provider.DepartmentPage, error) {
	return provider.DepartmentPage{}, provider.Meaning{
		Kind: provider.Invalid, Problem: "fault.no_children_listing", Action: "remedy.new_run_all",
	}.AsError(directory.WeCom, departmentList, message.Args{"Department": q.Department})
}

// completeTree is the tree that the contact sync secret sees, with names and
// leaders where an app's secret is there to read them.
func (c *client) completeTree(ctx context.Context) (found []provider.FoundDepartment, bad []string, err error) {
	details := map[string]directory.Department{}
	if c.app != nil {
		// Read before the complete list: a department deleted in between must
		// not come back through its details.
		visible, unusable, err := c.visibleDepartments(ctx)
		if err != nil {
			return nil, nil, err
		}
		for _, d := range visible {
			details[d.ExternalID] = d
		}
		bad = unusable
	}
	all, unusable, err := c.allDepartments(ctx)
	if err != nil {
		return nil, nil, err
	}
	bad = append(bad, unusable...)
	found = make([]provider.FoundDepartment, len(all))
	for i, d := range all {
		f := provider.FoundDepartment{Department: d}
		if detail, ok := details[d.ExternalID]; ok {
			detail.ParentID, detail.SortOrder = d.ParentID, d.SortOrder
			f = provider.FoundDepartment{Department: detail, MembersMethod: methodDepartment}
		}
		if d.ExternalID == rootID && f.MembersMethod == "" {
			f.MembersMethod = methodCompany
		} else if d.ExternalID == rootID {
			f.MembersMethod = methodCompanyAndDepartment
		}
		found[i] = f
	}
	return rootFirst(found), bad, nil
}

// visibleTree is what an app's secret sees. In a limited range, people granted
// one by one stand below a root of our own.
func (c *client) visibleTree(ctx context.Context) (found []provider.FoundDepartment, bad []string, err error) {
	if c.suite != nil {
		switch granted, err := c.suiteGrants(ctx); {
		case err != nil:
			return nil, nil, err
		case granted.byMembers:
			return []provider.FoundDepartment{syntheticRoot(methodAuthorised)}, nil, nil
		}
	}
	visible, bad, err := c.visibleDepartments(ctx)
	if err != nil {
		return nil, nil, err
	}
	found = make([]provider.FoundDepartment, 0, len(visible)+1)
	if !hasRoot(visible) && c.readsGrants() {
		granted, err := c.grants(ctx)
		if err != nil {
			return nil, nil, err
		}
		if len(visible) == 0 && len(granted.departments) > 0 {
			return nil, nil, malformed(
				departmentList,
				"the list of departments is empty, though the app's visible range names some",
			)
		}
		if len(granted.members)+len(granted.bad) > 0 {
			found = append(found, syntheticRoot(methodGranted))
		}
	}
	for _, d := range visible {
		found = append(found, provider.FoundDepartment{Department: d, MembersMethod: methodDepartment})
	}
	if len(found) == 0 {
		// A range of persons or tags alone gives an empty list and no error
		// (wecom.md §2). It must not look like a company without departments.
		return nil, nil, nothingVisible()
	}
	return rootFirst(found), bad, nil
}

func nothingVisible() *provider.Error {
	return newError(departmentList, provider.Forbidden, "fault.no_department_visible", "remedy.wecom_add_departments")
}

func syntheticRoot(method provider.ListMethod) provider.FoundDepartment {
	name := "Root"
	return provider.FoundDepartment{
		Department:    directory.Department{ExternalID: rootID, Name: &name, Raw: json.RawMessage(`{}`)},
		MembersMethod: method,
	}
}

// visibleDepartments reads the departments that the app sees. Where a record cannot be
// used and the root is missing it may be the root's, without which the whole tree would
// fall apart: whether the app sees that is then asked.
func (c *client) visibleDepartments(ctx context.Context) (list []directory.Department, bad []string, err error) {
	list, bad, err = c.departments(ctx, c.app, departmentList)
	if err != nil || len(bad) == 0 || hasRoot(list) {
		return list, bad, err
	}
	switch _, err := c.call(ctx, c.app, departmentGet, url.Values{"id": {rootID}}, nil); {
	case err == nil:
		return append(list, directory.Department{ExternalID: rootID}), bad, nil
	case unlessMissing(err) != nil:
		return nil, nil, err
	default:
		return list, bad, nil
	}
}

// allDepartments reads the ids of all departments. There always is a root, so that
// only a record that cannot be used can be a reason for its missing.
func (c *client) allDepartments(ctx context.Context) (list []directory.Department, bad []string, err error) {
	list, bad, err = c.departments(ctx, c.sync, departmentSimpleList)
	switch {
	case err != nil || hasRoot(list):
		return list, bad, err
	case len(list) > 0 && len(bad) > 0:
		return append(list, directory.Department{ExternalID: rootID}), bad, nil
	default:
		return nil, nil, malformed(departmentSimpleList, "the list of all departments lacks department 1")
	}
}

// departments reads one of the two recursive lists. A record that cannot be placed is
// put aside: the list then has a gap, which must not look like a removed department.
func (c *client) departments(
	ctx context.Context,
	cred *credential,
	ep provider.Endpoint,
) (list []directory.Department, bad []string, err error) {
	body, err := c.call(ctx, cred, ep, nil, nil)
	if err != nil {
		return nil, nil, err
	}
	list, bad, err = decodeDepartments(ep, body)
	for i, d := range list {
		list[i] = c.shownDepartment(d)
	}
	return list, bad, err
}

func decodeDepartments(ep provider.Endpoint, body []byte) (list []directory.Department, bad []string, err error) {
	key := "department"
	if ep == departmentSimpleList {
		key = "department_id" // a list of objects all the same (wecom.md §2)
	}
	records, err := decodeList(ep, body, key)
	if err != nil {
		return nil, nil, err
	}
	list = make([]directory.Department, 0, len(records))
	for i, raw := range records {
		r, _ := wire.Parse(raw)
		d, problem := toDepartment(r)
		if problem != "" {
			bad = append(bad, ep.Name+": "+unusable(i, r, problem))
			continue
		}
		list = append(list, d)
	}
	if len(list) == 0 && len(bad) > 0 {
		return nil, nil, malformed(ep, "no department of the list can be used; the first: "+bad[0])
	}
	return list, bad, nil
}

// decodeList returns the list that the answer must carry under key. Its records are
// parts of body: the lists come whole and can be large, too large for copies.
func decodeList(ep provider.Endpoint, body []byte, key string) ([]json.RawMessage, error) {
	decoder := json.NewDecoder(bytes.NewReader(body))
	if token, err := decoder.Token(); err != nil || token != json.Delim('{') {
		return nil, malformed(ep, "the answer is not a JSON object")
	}
	var list []json.RawMessage
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return nil, malformed(ep, "the answer is not a JSON object")
		}
		if name == key {
			list, err = elements(decoder, body)
		} else {
			err = decoder.Decode(&passed{})
		}
		if err != nil {
			return nil, malformed(ep, "the answer lacks the list "+key)
		}
	}
	if list == nil {
		return nil, malformed(ep, "the answer lacks the list "+key)
	}
	return list, nil
}

// elements are those of the array that begins where a decoder of text is.
func elements(decoder *json.Decoder, text []byte) ([]json.RawMessage, error) {
	if token, err := decoder.Token(); err != nil || token != json.Delim('[') {
		return nil, errors.New("not an array")
	}
	list := []json.RawMessage{}
	for decoder.More() {
		start := decoder.InputOffset()
		if err := decoder.Decode(&passed{}); err != nil {
			return nil, err
		}
		list = append(list, bytes.TrimLeft(text[start:decoder.InputOffset()], ", \t\r\n"))
	}
	_, err := decoder.Token()
	return list, err
}

// passed is a value that is passed over.
type passed struct{}

func (*passed) UnmarshalJSON([]byte) error { return nil }

func hasRoot(list []directory.Department) bool {
	return slices.ContainsFunc(list, func(d directory.Department) bool { return d.ExternalID == rootID })
}

// rootFirst moves the root to the front: the order of the lists is not promised
// (wecom.md §2), and the first root's members' listing covers the whole company.
func rootFirst(list []provider.FoundDepartment) []provider.FoundDepartment {
	at := slices.IndexFunc(list, func(d provider.FoundDepartment) bool { return d.ExternalID == rootID })
	if at <= 0 {
		return list
	}
	root := list[at]
	return slices.Insert(slices.Delete(list, at, at+1), 0, root)
}
