package wecom

import (
	"encoding/json"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/provider"
)

var _ provider.MembershipReader = (*client)(nil)

// MembershipsOf implements provider.MembershipReader.
func (*client) MembershipsOf(raw json.RawMessage) []directory.Membership {
	m, problem := toMember(raw)
	if problem != "" || m.wire.Departments == nil {
		return nil
	}
	in := []directory.Membership{}
	for _, d := range m.wire.Departments {
		if d != "" && d != "0" {
			in = append(in, m.membership(string(d)))
		}
	}
	return in
}
