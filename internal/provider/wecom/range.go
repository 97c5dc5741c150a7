package wecom

import (
	"context"
	"fmt"
	"net/url"
	"slices"
)

// grant is the app's visible range as the administrator set it.
type grant struct {
	departments, members []string // sorted
	tags                 int
	disabled             bool
	bad                  []string
}

// grants reads the range of the app that agent_id names.
func (c *client) grants(ctx context.Context) (grant, error) {
	body, err := c.call(ctx, c.app, agentGet, url.Values{"agentid": {c.agentID}}, nil)
	if err != nil {
		return grant{}, err
	}
	return decodeGrant(body)
}

func decodeGrant(body []byte) (grant, error) {
	var w wireAgent
	if err := decodeObject(body, &w); err != nil {
		return grant{}, malformed(agentGet, "the visible range is not of the documented form")
	}
	if w.AgentID == "" {
		return grant{}, malformed(agentGet, "the answer lacks agentid")
	}
	g := grant{tags: len(w.Tags.ID), disabled: w.Close.value != nil && *w.Close.value == 1}
	for i, record := range w.Users.User {
		user, ok := decodeUserID(record)
		if !ok {
			g.bad = append(g.bad, fmt.Sprintf("granted member %d: no usable userid", i+1))
			continue
		}
		g.members = append(g.members, user)
	}
	for _, d := range w.Departments.ID {
		if d != "" {
			g.departments = append(g.departments, string(d))
		}
	}
	slices.Sort(g.departments)
	slices.Sort(g.members)
	return g, nil
}
