package feishu

import (
	"encoding/json"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/normalize"
	"github.com/orgsync/orgsync/internal/provider"
)

var _ provider.MembershipReader = (*client)(nil)

// MembershipsOf implements provider.MembershipReader. Leaders stand on the department.
func (*client) MembershipsOf(raw json.RawMessage) []directory.Membership {
	decoded, _ := normalize.Decode(raw)
	fields, _ := decoded.(map[string]any)
	if _, sent := record(fields).List("department_ids"); !sent {
		return nil
	}
	return append([]directory.Membership{}, allMemberships(fields)...)
}
