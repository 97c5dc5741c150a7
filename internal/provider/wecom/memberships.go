package wecom

import (
	"encoding/json"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/provider"
	"github.com/orgsync/orgsync/internal/provider/wire"
)

var _ provider.MembershipReader = (*client)(nil)

// MembershipsOf implements provider.MembershipReader.
func (*client) MembershipsOf(raw json.RawMessage) []directory.Membership {
	r, _ := wire.Parse(raw)
	m, problem := toMember(r)
	if problem != "" || m.departments == nil {
		return nil
	}
	in := []directory.Membership{}
	for _, d := range m.departments {
		if d != "" {
			in = append(in, m.membership(d))
		}
	}
	return in
}
