package wecom

import (
	"context"
	"net/url"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/provider"
)

// lookupClient is a client that has an app's secret and can therefore look up
// single objects. The contact sync secret alone cannot (wecom.md §1.4), so a
// client without an app's secret does not offer these methods.
type lookupClient struct{ *client }

var (
	_ provider.MemberCounter = lookupClient{}
	_ provider.Confirmer     = lookupClient{}
)

// CountMembers implements provider.MemberCounter by the short listing.
func (c lookupClient) CountMembers(ctx context.Context, department string) (int, error) {
	records, err := c.simpleMembers(ctx, department)
	return len(records), err
}

// MemberGone implements provider.Confirmer. "Not found" also means "not visible"
// (wecom.md §3.3), so it counts only while the app sees the whole company.
func (c lookupClient) MemberGone(ctx context.Context, ref provider.MemberRef) (bool, error) {
	m, err := c.user(ctx, ref.ExternalID)
	if err == nil {
		status, _ := statusOf(m.wire.Status.value)
		return status != nil && *status == directory.Deleted, nil
	}
	if codeOf(err) == "60111" {
		wholeCompany, err := c.seesDepartment(ctx, rootID)
		return wholeCompany, unlessMissing(err)
	}
	return false, unlessMissing(err)
}

// DepartmentGone implements provider.Confirmer.
func (c lookupClient) DepartmentGone(ctx context.Context, department string) (bool, error) {
	_, err := c.seesDepartment(ctx, department)
	switch codeOf(err) {
	case "60003", "60123":
		return true, nil
	default:
		return false, unlessMissing(err)
	}
}

// seesDepartment reports whether the app can read a department.
func (c lookupClient) seesDepartment(ctx context.Context, department string) (bool, error) {
	body, err := c.call(ctx, c.app, departmentGet, url.Values{"id": {department}}, nil)
	if err != nil {
		return false, err
	}
	return decodeDepartment(body, department)
}

// decodeDepartment reports whether the answer carries the department asked for.
func decodeDepartment(body []byte, department string) (bool, error) {
	var answer struct {
		Department wireDepartment `json:"department"`
	}
	if err := decodeObject(body, &answer); err != nil {
		return false, malformed(departmentGet, "the answer is not of the documented form")
	}
	if string(answer.Department.ID) != department {
		return false, malformed(departmentGet, "the answer is not about department "+department)
	}
	return true, nil
}

// unlessMissing returns nil for errors that say only that the object is not to
// be seen, which leaves its fate open.
func unlessMissing(err error) error {
	switch provider.KindOf(err) {
	case provider.NotFound, provider.OutOfRange:
		return nil
	default:
		return err
	}
}
