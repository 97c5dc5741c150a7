package dingtalk

import (
	"encoding/json"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/normalize"
	"github.com/orgsync/orgsync/internal/provider"
	"github.com/orgsync/orgsync/internal/provider/wire"
)

var _ provider.MembershipReader = (*client)(nil)

// MembershipsOf implements provider.MembershipReader. Lists say of the asked department
// alone whether the member leads it (dingtalk.md §3.1), which is no part of the record.
func (*client) MembershipsOf(raw json.RawMessage) []directory.Membership {
	decoded, _ := normalize.Decode(raw)
	r, _ := wire.Object(decoded)
	if r["dept_id_list"] == nil {
		return nil
	}
	return append([]directory.Membership{}, allMemberships(r)...)
}
