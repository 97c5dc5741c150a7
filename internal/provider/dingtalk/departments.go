package dingtalk

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/message"
	"github.com/orgsync/orgsync/internal/provider"
	"github.com/orgsync/orgsync/internal/provider/wire"
)

// ListRoots implements provider.Client. No record of it can be unusable: each is asked for
// by its id.
func (c *client) ListRoots(ctx context.Context) ([]provider.FoundDepartment, []string, error) {
	s, err := c.scopes(ctx)
	if err != nil {
		return nil, nil, err
	}
	if s.full() {
		root, err := c.department(ctx, rootID)
		if err != nil {
			return nil, nil, err
		}
		return []provider.FoundDepartment{walked(root)}, nil, nil
	}
	if s.empty() {
		return nil, nil, newError(authScopes, provider.Forbidden, "fault.nothing_visible", widenRange)
	}
	roots, err := c.limitedRoots(ctx, s)
	return roots, nil, err
}

// limitedRoots puts a root of our own above the granted departments, whose
// parents may be out of range (dingtalk.md §5). One that is granted yet out of range
// stays in the walk by its id, so that reading it fails by itself and visibly, instead
// of looking like its removal.
func (c *client) limitedRoots(ctx context.Context, s scopes) ([]provider.FoundDepartment, error) {
	name := "Root"
	roots := []provider.FoundDepartment{{
		Department:    directory.Department{ExternalID: rootID, Name: &name, Raw: json.RawMessage(`{}`)},
		MembersMethod: methodGranted,
	}}
	for _, id := range s.departments {
		d, err := c.department(ctx, id)
		switch {
		case provider.KindOf(err) == provider.NotFound: // deleted since the range was read
		case provider.KindOf(err) == provider.OutOfRange:
			roots = append(roots, walked(directory.Department{ExternalID: id}))
		case err != nil:
			return nil, fmt.Errorf("granted department %s: %w", id, err)
		default:
			roots = append(roots, walked(d))
		}
	}
	return roots, nil
}

// walked is a department whose children and people are both read from it.
func walked(d directory.Department) provider.FoundDepartment {
	return provider.FoundDepartment{Department: d, ChildrenMethod: methodLevel, MembersMethod: methodDepartment}
}

// department reads one department.
func (c *client) department(ctx context.Context, id string) (directory.Department, error) {
	number, err := departmentNumber(departmentGet, id)
	if err != nil {
		return directory.Department{}, err
	}
	a, err := c.call(ctx, departmentGet, departmentRequest{DeptID: number})
	if err != nil {
		return directory.Department{}, err
	}
	r, err := a.result()
	if err != nil {
		return directory.Department{}, err
	}
	if got := r.Number("dept_id"); got == nil || *got != number {
		return directory.Department{}, a.malformed("the answer is about another department than was asked for")
	}
	return toDepartment(r, number, rootID), nil
}

// ListDepartments implements provider.Client. One level comes in one page, and never
// includes the department asked for (dingtalk.md §2).
func (c *client) ListDepartments(ctx context.Context, q provider.Query) (provider.DepartmentPage, error) {
	if q.Method != methodLevel {
		return provider.DepartmentPage{}, unknownMethod(departmentListSub, q.Method)
	}
	number, err := departmentNumber(departmentListSub, q.Department)
	if err != nil {
		return provider.DepartmentPage{}, err
	}
	a, err := c.call(ctx, departmentListSub, departmentRequest{DeptID: number})
	if err != nil {
		return provider.DepartmentPage{}, err
	}
	return departmentPage(a, q.Department)
}

func departmentPage(a answer, parent string) (provider.DepartmentPage, error) {
	page := provider.DepartmentPage{Request: a.requestID}
	if a.fields["result"] == nil {
		return page, a.malformed("the answer says success but has no result")
	}
	items, ok := a.fields.ListOrNone("result")
	if !ok {
		return page, a.malformed("the result is not a list")
	}
	for i, item := range items {
		r, _ := wire.Object(item)
		id := r.Number("dept_id")
		switch {
		case id == nil:
			page.Bad = append(page.Bad, unusable(wire.Nth(i), r, "no usable dept_id"))
		case *id < 1: // home-school departments (dingtalk.md §2)
		default:
			page.Departments = append(page.Departments, walked(toDepartment(r, *id, parent)))
		}
	}
	return page, nil
}

// departmentNumber turns an external id into the number the API wants.
func departmentNumber(ep provider.Endpoint, id string) (int64, error) {
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil || n < 1 || strconv.FormatInt(n, 10) != id {
		return 0, provider.Meaning{
			Kind: provider.Invalid, Problem: "fault.id_impossible", Action: "remedy.dingtalk_id_as_shown",
		}.AsError(directory.DingTalk, ep, message.Args{"ID": id})
	}
	return n, nil
}

func unknownMethod(ep provider.Endpoint, l provider.ListMethod) error {
	return provider.Meaning{Kind: provider.Invalid, Problem: "fault.listing_unknown", Action: reportIt}.
		AsError(directory.DingTalk, ep, message.Args{"Listing": string(l)})
}
