package oracle_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/devkit/oracle"
	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/internal/directory"
)

// grouped is a company of three: ann and bob in b, which is below a, and cid, who is
// suspended, in a.
func grouped() simulator.Truth {
	person := func(active bool, department string) simulator.TrueMember {
		return simulator.TrueMember{Active: active, Departments: []string{department}, Main: department}
	}
	return simulator.Truth{
		Departments: map[string]simulator.TrueDepartment{"1": {}, "a": {ParentID: "1"}, "b": {ParentID: "a"}},
		Members: map[string]simulator.TrueMember{"ann": person(true, "b"), "bob": person(true, "b"),
			"cid": person(false, "a")},
		Groups: map[string]simulator.TrueGroup{
			"g": {
				Name: " Guards ", Category: "c", Members: []string{"bob", "eve"}, Departments: []string{"a", "z"},
				Scopes:     map[string][]string{"bob": {"b", "z"}, "eve": {"a"}},
				Attributes: map[directory.Attribute]any{directory.Description: "d"},
			},
			"h": {Members: []string{"ann"}},
		},
		Administrators: map[string]directory.AdministratorLevel{"ann": "main", "eve": "sub"},
	}
}

// read is a directory of which groups were read.
func read(administrators map[string]string) oracle.Directory {
	return oracle.Directory{Groups: map[string]oracle.Group{}, Administrators: administrators}
}

func TestGroupsHoldWhoBelongsThroughDepartmentsToo(t *testing.T) {
	t.Parallel()
	want := oracle.Of(directory.DingTalk, grouped(), read(nil))
	require.Equal(t, map[string]oracle.Group{
		"g": {
			Name: "Guards", Category: "c", Attributes: `{"description":"d"}`, Scopes: `{"bob":["b"]}`,
			Members: []string{"bob"}, Departments: []string{"a"}, People: []string{"ann", "bob", "cid"}, Count: 2,
		},
		"h": {Attributes: "{}", Scopes: "{}", Members: []string{"ann"}, People: []string{"ann"}, Count: 1},
	}, want.Groups)
	require.Equal(t, map[string]string{"ann": "main"}, want.Administrators)
	require.Nil(t, oracle.Of(directory.DingTalk, grouped(), oracle.Directory{}).Groups,
		"nothing is said of what was not read")
}

func TestWeComListsAdministratorsToSomeAppsOnly(t *testing.T) {
	t.Parallel()
	require.Empty(t, oracle.Of(directory.WeCom, grouped(), read(nil)).Administrators)
	require.Len(t, oracle.Of(directory.WeCom, grouped(), read(map[string]string{"cid": "x"})).Administrators, 1)
}

func TestDifferencesOfGroups(t *testing.T) {
	t.Parallel()
	company := grouped()
	want := oracle.Of(directory.DingTalk, company, read(nil))
	for name, c := range map[string]struct {
		change func(*oracle.Group)
		lost   []string
	}{
		"name":       {func(g *oracle.Group) { g.Name = "x" }, nil},
		"category":   {func(g *oracle.Group) { g.Category = "x" }, nil},
		"attributes": {func(g *oracle.Group) { g.Attributes = "{}" }, nil},
		"scopes":     {func(g *oracle.Group) { g.Scopes = "{}" }, nil},
		"count":      {func(g *oracle.Group) { g.Count = 3 }, nil},
		"people":     {func(g *oracle.Group) { g.People = nil }, nil},
		"member": {func(g *oracle.Group) { g.Members = nil },
			[]string{"member bob still belongs to group g and was taken out of it"}},
		"department": {func(g *oracle.Group) { g.Departments = nil },
			[]string{"department a still belongs to group g and was taken out of it"}},
	} {
		got := oracle.Of(directory.DingTalk, company, read(nil))
		g := got.Groups["g"]
		c.change(&g)
		got.Groups["g"] = g
		require.Len(t, oracle.Differences(want, got), 1, name)
		require.Equal(t, c.lost, oracle.Lost(company, want, got), name)
	}
	got := oracle.Of(directory.DingTalk, company, read(nil))
	delete(got.Groups, "g")
	delete(got.Administrators, "ann")
	require.Equal(t, []string{"group g is missing", "administrator ann is missing"}, oracle.Differences(want, got))
	require.Equal(t, []string{
		"group g still exists and was removed", "member ann still is an administrator and was dismissed",
	}, oracle.Lost(company, want, got))
	delete(company.Groups, "g")
	delete(company.Administrators, "ann")
	require.Empty(t, oracle.Lost(company, want, got))
}
