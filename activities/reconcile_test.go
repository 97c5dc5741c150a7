package activities

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/message"
)

func TestHoldReason(t *testing.T) {
	t.Parallel()
	plan := func(change func(*db.RemovalPlan)) db.RemovalPlan {
		p := db.RemovalPlan{Active: directory.PerKind{Members: 1000, Departments: 60},
			Guard: directory.Guard{Members: directory.Limit{Count: 20, Percent: 5},
				Departments: directory.Limit{Count: 20, Percent: 5}}}
		change(&p)
		return p
	}
	for name, c := range map[string]struct {
		change func(*db.RemovalPlan)
		lost   []string
		want   string
	}{
		"nothing": {func(*db.RemovalPlan) {}, nil, ""},
		"at the limit": {func(p *db.RemovalPlan) { p.Independent.Members, p.Independent.Departments = 50, 20 }, nil,
			""},
		"members": {func(p *db.RemovalPlan) { p.Independent.Members = 51 }, nil,
			"it would remove 51 of 1000 members; the limit is 50"},
		"departments": {func(p *db.RemovalPlan) { p.Independent.Departments = 21 }, nil,
			"it would remove 21 of 60 departments; the limit is 20"},
		"people by the usual limit": {func(p *db.RemovalPlan) {
			p.Independent.Members, p.Active.Members, p.Guard = 250, 5000, directory.DefaultGuard
		}, nil,
			"it would remove 250 of 5000 members; the limit is 100"},
		"many memberships": {func(p *db.RemovalPlan) { p.Planned.Memberships = 900 }, nil, ""},
		"both": {func(p *db.RemovalPlan) { p.Independent.Members, p.Independent.Departments = 51, 21 }, nil,
			"it would remove 51 of 1000 members; the limit is 50; it would remove 21 of 60 departments; the limit " +
				"is 20"},
		"departments by their own limit": {func(p *db.RemovalPlan) {
			p.Independent.Members, p.Independent.Departments, p.Guard.Departments = 50, 4, directory.Limit{Percent: 5}
		}, nil,
			"it would remove 4 of 60 departments; the limit is 3"},
		"range shrank, nobody to remove": {func(*db.RemovalPlan) {}, []string{"department 7"}, ""},
		"range shrank": {func(p *db.RemovalPlan) { p.Planned.Memberships = 1 }, []string{"department 7", "member u1"},
			"the visible range has shrunk and no longer contains department 7, member u1, so people outside it look " +
				"as if they had left"},
	} {
		require.Equal(t, c.want, holdReason(message.English, plan(c.change), c.lost), name)
	}
	require.Equal(t, "将移除成员 51 个（共 1000 个），上限为 50",
		holdReason(message.Chinese, plan(func(p *db.RemovalPlan) { p.Independent.Members = 51 }), nil))
}

func TestAnyRemoval(t *testing.T) {
	t.Parallel()
	require.False(t, PlanRemovalsResult{Incomplete: true, HoldReason: "x"}.Any())
	for _, p := range []directory.PerKind{{Members: 1}, {Departments: 1}, {Memberships: 1}} {
		require.True(t, PlanRemovalsResult{PerKind: p}.Any())
	}
}
