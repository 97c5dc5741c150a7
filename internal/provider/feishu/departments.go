package feishu

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strconv"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/message"
	"github.com/orgsync/orgsync/internal/provider"
	"github.com/orgsync/orgsync/internal/provider/wire"
)

// rootID is the virtual top department, with either id type (feishu.md §2.1).
const rootID = "0"

// The listings this client hands out.
const (
	methodTree       provider.ListMethod = "tree"       // everything below a department
	methodLevel      provider.ListMethod = "level"      // its direct children only
	methodDepartment provider.ListMethod = "department" // the people directly in a department
	methodGranted    provider.ListMethod = "granted"    // the people granted to the app one by one
)

// ListRoots returns the root alone or, in a limited range, a root of our own and the
// granted departments, each read with everything below it.
func (c *client) ListRoots(ctx context.Context) (found []provider.FoundDepartment, bad []string, err error) {
	v, err := c.visible(ctx)
	if err != nil {
		return nil, nil, err
	}
	if v.empty() {
		// It must not look like a company that all members have left.
		if v.silent {
			return nil, nil, newError(listScopes, provider.Forbidden, noDepartment, grantScope)
		}
		return nil, nil, newError(listScopes, provider.Forbidden, nothingVisible, widenRange)
	}
	return c.rootsOf(ctx, v)
}

func (c *client) rootsOf(ctx context.Context, v visible) (found []provider.FoundDepartment, bad []string, err error) {
	root, err := c.rootOf(ctx, v)
	if err != nil {
		return nil, nil, err
	}
	found = []provider.FoundDepartment{root}
	for ids := range slices.Chunk(v.departments, pageSize) {
		tops, unusable, err := c.grantedDepartments(ctx, ids)
		if err != nil {
			return nil, nil, err
		}
		found, bad = append(found, tops...), append(bad, unusable...)
	}
	return found, bad, nil
}

func (c *client) rootOf(ctx context.Context, v visible) (provider.FoundDepartment, error) {
	if v.root == nil {
		name, err := c.rootName(ctx, nil)
		return provider.FoundDepartment{
			Department:    directory.Department{ExternalID: rootID, Name: &name, Raw: json.RawMessage("{}")},
			MembersMethod: methodGranted,
		}, err
	}
	// Its id and that it has no parent are known, whatever was sent.
	d := departmentBy(rootID, "", v.root)
	name, err := c.rootName(ctx, d.Name)
	d.Name = &name
	return provider.FoundDepartment{Department: d, ChildrenMethod: methodTree, MembersMethod: methodDepartment}, err
}

// rootName: the root's own name is empty in practice (feishu.md §2.3).
func (c *client) rootName(ctx context.Context, own *string) (string, error) {
	if own != nil && *own != "" {
		return *own, nil
	}
	name, _, err := c.tenantName(ctx)
	if err != nil || name != "" {
		return name, err
	}
	return "Root", nil
}

// tenantName asks for the company's name, which needs a permission that a sync can do
// without: whatever the call is refused for, there is no name then. Trouble that passes
// is an error, lest the root be renamed to and fro.
func (c *client) tenantName(ctx context.Context) (name string, refused *provider.Error, err error) {
	a, err := c.call(ctx, queryTenant, nil)
	if errors.As(err, &refused) && (!refused.Kind.Retryable() || (refused.Code != "" && !documented(refused))) {
		return "", refused, nil
	}
	if err != nil {
		return "", nil, err
	}
	name, _ = a.data.Object("tenant")["name"].(string)
	return name, nil, nil
}

// grantedDepartments reads at most a batch of granted departments. The batch
// leaves out what it does not know without a word (feishu.md §2.3), so each one
// missing is asked for by itself.
func (c *client) grantedDepartments(
	ctx context.Context,
	ids []string,
) (found []provider.FoundDepartment, bad []string, err error) {
	query := idTypes()
	query["department_ids"] = ids
	a, err := c.call(ctx, batchDepartments, query)
	if err != nil {
		return nil, nil, err
	}
	items, err := itemsOf(a, "items")
	if err != nil {
		return nil, nil, err
	}
	records := make(map[string]record, len(items))
	for _, r := range items {
		if id, _ := r.ID("open_department_id"); id != "" {
			records[id] = r
		}
	}
	for _, id := range ids {
		top, problem, err := c.grantedDepartment(ctx, id, records[id])
		if err != nil {
			return nil, nil, err
		}
		if problem != noProblem {
			bad = append(bad, "granted department "+strconv.Quote(id)+": "+problem)
		}
		if top != nil {
			found = append(found, *top)
		}
	}
	return found, bad, nil
}

// grantedDepartment reads r, or asks for the department if that is nil; it returns
// nil for one that does not exist. One that is granted yet out of range, or whose
// record cannot be used, stays in the walk by its id, so that reading it fails by
// itself and visibly, instead of looking like its removal.
func (c *client) grantedDepartment(
	ctx context.Context,
	id string,
	r record,
) (top *provider.FoundDepartment, problem string, err error) {
	byID := &provider.FoundDepartment{
		Department:     directory.Department{ExternalID: id},
		ChildrenMethod: methodTree,
		MembersMethod:  methodDepartment,
	}
	if r == nil {
		r, err = c.department(ctx, id)
		switch provider.KindOf(err) {
		case provider.NotFound:
			return nil, noProblem, nil
		case provider.OutOfRange:
			return byID, noProblem, nil
		}
		if err != nil {
			return nil, noProblem, err
		}
	}
	if deletedDepartment(r) {
		return nil, noProblem, nil
	}
	d, problem := toDepartment(r)
	if problem == noProblem && d.ExternalID != id {
		problem = "the answer is another department's"
	}
	if problem != noProblem {
		return byID, problem, nil
	}
	return &provider.FoundDepartment{
		Department:     d,
		ChildrenMethod: methodTree,
		MembersMethod:  methodDepartment,
	}, noProblem, nil
}

// department reads one department's record.
func (c *client) department(ctx context.Context, id string) (record, error) {
	ep, err := at(getDepartment, id)
	if err != nil {
		return nil, err
	}
	a, err := c.call(ctx, ep, idTypes())
	if err != nil {
		return nil, err
	}
	return objectOf(a, "department")
}

// ListDepartments returns one page below q.Department: everything (tree) or one
// level, to which a department too large for the former falls back.
func (c *client) ListDepartments(ctx context.Context, q provider.Query) (provider.DepartmentPage, error) {
	var none provider.DepartmentPage
	ep, err := at(listChildren, q.Department)
	if err != nil {
		return none, err
	}
	if q.Method != methodTree && q.Method != methodLevel {
		return none, unknownMethod(ep, q.Method)
	}
	query := pageOf(q.Cursor)
	query.Set("fetch_child", strconv.FormatBool(q.Method == methodTree))
	a, err := c.call(ctx, ep, query)
	if err != nil {
		return none, instead(err, q.Method)
	}
	items, next, err := pageOfItems(a, "items", q.Cursor)
	if err != nil {
		return none, err
	}
	page := provider.DepartmentPage{Next: next, Request: a.requestID}
	for i, r := range items {
		if r == nil {
			page.Bad = append(page.Bad, unusable(wire.Nth(i), nil, notAnObject))
			continue
		}
		if deletedDepartment(r) {
			continue
		}
		d, problem := toDepartment(r)
		if problem != noProblem {
			page.Bad = append(page.Bad, unusable(wire.Nth(i), r, problem))
			continue
		}
		page.Departments = append(page.Departments, foundBy(q, d))
	}
	if q.Method == methodTree && q.Cursor == "" && parentless(page.Departments) {
		e := newError(ep, provider.TooLarge, "fault.feishu_no_parents", "remedy.read_level_by_level")
		e.RequestID, e.Instead = a.requestID, methodLevel
		return none, e
	}
	return page, nil
}

// parentless reports that the permission to see parents is missing: they are then
// absent from all records (feishu.md §2.2, §3.3), and a tree without them is flat.
func parentless(found []provider.FoundDepartment) bool {
	return len(found) > 0 && !slices.ContainsFunc(found,
		func(d provider.FoundDepartment) bool { return d.ParentID != "" })
}

// foundBy says how to go on from a department that a listing showed. A level has
// one parent, so it stands in where the permission to see it is missing, and what
// is below is read by levels too.
func foundBy(q provider.Query, d directory.Department) provider.FoundDepartment {
	switch {
	case q.Method == methodTree:
		return provider.FoundDepartment{Department: d, MembersMethod: methodDepartment}
	case d.ParentID == "":
		d.ParentID = q.Department
		return provider.FoundDepartment{Department: d, ChildrenMethod: methodLevel, MembersMethod: methodDepartment}
	default:
		return provider.FoundDepartment{Department: d, ChildrenMethod: methodTree, MembersMethod: methodDepartment}
	}
}

// instead completes a TooLarge error; a single level cannot be divided further.
func instead(err error, asked provider.ListMethod) error {
	var e *provider.Error
	if errors.As(err, &e) && e.Kind == provider.TooLarge {
		if asked == methodTree {
			e.Instead = methodLevel
		} else {
			e.Kind, e.Action = provider.Invalid, message.Of(reportBug, nil)
		}
	}
	return err
}

func unknownMethod(ep provider.Endpoint, l provider.ListMethod) error {
	return &provider.Error{Provider: directory.Feishu, Kind: provider.Invalid, Endpoint: ep.Name,
		Problem: message.Of("fault.listing_unknown", message.Args{"Listing": string(l)})}
}

// unusable describes a record that cannot be used.
func unusable(label string, r record, problem string) string {
	return r.Unusable(
		label,
		problem,
		nil,
		[]string{"open_department_id", "department_id", "parent_department_id", "user_id", "open_id", "union_id"},
	)
}
