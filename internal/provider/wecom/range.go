package wecom

import (
	"context"
	"fmt"
	"net/url"
	"slices"

	"github.com/orgsync/orgsync/internal/provider/wire"
)

// grant is the app's visible range as the administrator set it.
type grant struct {
	departments, members []string // sorted
	tags                 int
	disabled             bool
	// byMembers says that members authorise a suite one by one (wecom-more.md §E2).
	byMembers bool
	bad       []string
}

// readsGrants reports whether the range can be read: that of a suite, or of the app that
// agent_id names.
func (c *client) readsGrants() bool { return c.agentID != "" || c.suite != nil }

// grants reads the visible range as the administrator set it.
func (c *client) grants(ctx context.Context) (grant, error) {
	if c.suite != nil {
		return c.suiteGrants(ctx)
	}
	body, err := c.call(ctx, c.app, agentGet, url.Values{"agentid": {c.agentID}}, nil)
	if err != nil {
		return grant{}, err
	}
	return decodeGrant(body)
}

// decodeGrant reads the range, whose parts may be absent (wecom.md §2, "Discover range").
func decodeGrant(body []byte) (grant, error) {
	answer, _ := wire.Parse(body)
	if numberOf(answer["agentid"]) == "" {
		return grant{}, malformed(agentGet, "the answer lacks agentid")
	}
	parts := map[string][]any{}
	inners := map[string]string{"allow_userinfos": "user", "allow_partys": "partyid", "allow_tags": "tagid"}
	for key, inner := range inners {
		list, ok := answer.Object(key).ListOrNone(inner)
		if !ok || answer[key] != nil && answer.Object(key) == nil {
			return grant{}, malformed(agentGet, "the visible range is not of the documented form")
		}
		parts[key] = list
	}
	closed := answer.Integer("close")
	g := grant{tags: len(parts["allow_tags"]), disabled: closed != nil && *closed == 1}
	for i, item := range parts["allow_userinfos"] {
		r, _ := wire.Object(item)
		user, _ := r.ID("userid")
		if user == "" {
			g.bad = append(g.bad, fmt.Sprintf("granted member %d: no usable userid", i+1))
			continue
		}
		g.members = append(g.members, user)
	}
	for _, item := range parts["allow_partys"] {
		if department := numberOf(item); department != "" {
			g.departments = append(g.departments, department)
		}
	}
	slices.Sort(g.departments)
	slices.Sort(g.members)
	return g, nil
}
