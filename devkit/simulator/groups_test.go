package simulator_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/internal/directory"
)

func TestCompaniesHaveGroupsOfEveryKind(t *testing.T) {
	t.Parallel()
	c := simulator.Generate(simulator.TypicalSpec(7, 6000))
	require.Equal(t, 150, c.Counts().Groups)
	truth := c.Truth(directory.Feishu)
	sizes := map[string]int{}
	for _, g := range truth.Groups {
		switch {
		case len(g.Members)+len(g.Departments) == 0:
			sizes["empty"]++
		case len(g.Members) > 1000:
			sizes["large"]++
		}
		if len(g.Departments) > 0 {
			sizes["departments"]++
		}
		if g.Attributes[directory.GroupType] == "dynamic" {
			sizes["dynamic"]++
		}
		require.True(t, slices.IsSorted(g.Members))
	}
	for _, kind := range []string{"empty", "large", "departments", "dynamic"} {
		require.Positive(t, sizes[kind], kind)
	}
	require.Len(t, truth.Administrators, 8)
	roles := c.Truth(directory.DingTalk).Groups
	require.Len(t, roles, 150+len(simulator.BuiltInRoles))
	scopes := 0
	for _, r := range roles {
		require.Empty(t, r.Departments)
		require.NotEmpty(t, r.Category)
		scopes += len(r.Scopes)
	}
	require.Positive(t, scopes)
	require.Empty(t,
		simulator.Generate(simulator.Spec{Groups: -1, Departments: 1, Members: 3}).Truth(directory.WeCom).Groups)
}

func TestGroupsChange(t *testing.T) {
	t.Parallel()
	c := small()
	g, err := c.AddGroup("Guards", "岗位")
	require.NoError(t, err)
	_, err = c.AddGroup("Guards", "")
	require.ErrorIs(t, err, simulator.ErrRefused)
	require.NoError(t, c.RenameGroup(g, "Wardens"))
	require.ErrorIs(t, c.RenameGroup(1, "Wardens"), simulator.ErrRefused)
	require.NoError(t, c.JoinGroup(g, 5))
	require.ErrorIs(t, c.JoinGroup(g, 5), simulator.ErrRefused)
	require.NoError(t, c.JoinGroup(g, 6))
	require.NoError(t, c.SetScope(g, 5, 2, 3))
	require.ErrorIs(t, c.SetScope(g, 7, 2), simulator.ErrRefused, "an area of management is a member's")
	require.NoError(t, c.SetGroupDepartments(g, 3, 4))
	require.ErrorIs(t, c.SetGroupDepartments(3, 4), simulator.ErrRefused, "a rule's group has none")
	is := func() simulator.TrueGroup {
		return c.Truth(directory.DingTalk).Groups[c.GroupID(directory.DingTalk, g)]
	}
	five := userID(c, 5)
	require.Equal(t, simulator.TrueGroup{
		Name: "Wardens", Category: "岗位", Members: sorted(five, userID(c, 6)),
		Scopes: map[string][]string{five: {"900000002", "900000003"}},
	}, is())
	require.NoError(t, c.DeleteDepartment(3))
	require.Equal(t, map[string][]string{five: {"900000002"}}, is().Scopes)
	require.Equal(t, []string{"4"}, c.Truth(directory.WeCom).Groups[c.GroupID(directory.WeCom, g)].Departments)
	require.NoError(t, c.Appoint(5, directory.SubAdministrator))
	require.Equal(t, directory.SubAdministrator, c.Truth(directory.DingTalk).Administrators[five])
	require.NoError(t, c.Leave(5))
	require.Equal(t, []string{userID(c, 6)}, is().Members, "who leaves is in no group")
	require.Empty(t, is().Scopes)
	require.NotContains(t, c.Truth(directory.DingTalk).Administrators, five)
	require.NoError(t, c.LeaveGroup(g, 6))
	require.ErrorIs(t, c.LeaveGroup(g, 6), simulator.ErrRefused)
	require.NoError(t, c.DeleteGroup(g))
	require.ErrorIs(t, c.DeleteGroup(g), simulator.ErrNoGroup)
	require.ErrorIs(t, c.Appoint(6, "king"), simulator.ErrRefused)
}

func sorted(ids ...string) []string { slices.Sort(ids); return ids }

func TestDriftChangesGroupsInEveryWay(t *testing.T) {
	t.Parallel()
	c := simulator.Generate(simulator.TypicalSpec(4, 6000))
	done := map[string]int{}
	for round := range 6 {
		for name, n := range c.Drift(uint64(round), 0.3) {
			done[name] += n
		}
	}
	for _, change := range []string{
		"group_joined", "group_left", "group_renamed", "group_added", "group_deleted", "group_departments_changed",
		"group_departments_cleared", "scope_changed", "administrator_appointed", "administrator_dismissed",
	} {
		require.Positive(t, done[change], change)
	}
	for _, vendor := range vendors {
		truth := c.Truth(vendor)
		works := func(id string) bool { _, ok := truth.Members[id]; return ok }
		exists := func(id string) bool { _, ok := truth.Departments[id]; return ok }
		for id, g := range truth.Groups {
			require.Equal(t, -1, slices.IndexFunc(g.Members, func(m string) bool { return !works(m) }), id)
			require.Equal(t, -1, slices.IndexFunc(g.Departments, func(d string) bool { return !exists(d) }), id)
			for member, scope := range g.Scopes {
				require.Contains(t, g.Members, member)
				require.Equal(t, -1, slices.IndexFunc(scope, func(d string) bool { return !exists(d) }), id)
			}
		}
		for id := range truth.Administrators {
			require.True(t, works(id))
		}
	}
}
