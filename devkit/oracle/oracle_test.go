package oracle_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/devkit/oracle"
	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/internal/directory"
)

// made is a company and the directory that is equal to it.
func made() (simulator.Truth, oracle.Directory) {
	company := simulator.Truth{
		Departments: map[string]simulator.TrueDepartment{
			"top": {Name: "Acme"}, "a": {ParentID: "top", Name: " A "}, "b": {ParentID: "a", Name: "B"},
		},
		Members: map[string]simulator.TrueMember{
			"ann": {Name: "Ann", Active: true, Departments: []string{"a", "b"}, Main: "b"},
			"bob": {Name: "Bob", Departments: []string{"b"}, Main: "b"},
			"cid": {Name: "Cid", Active: true, Departments: []string{"top"}, Main: "top"},
		},
	}
	return company, oracle.Of(directory.Feishu, company, oracle.Directory{})
}

func TestWhatACompanyMustBe(t *testing.T) {
	t.Parallel()
	_, want := made()
	require.Equal(t, map[string]oracle.Department{
		"top": {Name: "Acme", Path: "Acme", People: 2, Direct: 1},
		"a":   {Parent: "top", Name: "A", Path: "Acme/A", People: 1, Direct: 1},
		"b":   {Parent: "a", Name: "B", Path: "Acme/A/B", People: 1, Direct: 1},
	}, want.Departments)
	require.Equal(t, "inactive", want.Members["bob"].Status)
}

// DingTalk's lists name no main department: it is the deepest, unless a look-up said
// which it is.
func TestTheMainDepartmentByRule(t *testing.T) {
	t.Parallel()
	company, _ := made()
	company.Members["ann"] = simulator.TrueMember{Name: "Ann", Active: true, Departments: []string{"a", "b", "top"},
		Main: "a"}
	of := func(stored oracle.Member) string {
		return oracle.Of(directory.DingTalk, company,
			oracle.Directory{Members: map[string]oracle.Member{"ann": stored}}).Members["ann"].Primary
	}
	for _, stored := range []string{"", "top", "b", "a"} {
		require.Equal(t, "b", of(oracle.Member{Primary: stored}), "stored: %s", stored)
	}
	for stored, want := range map[string]string{"": "a", "top": "top", "b": "b", "a": "a", "elsewhere": "a"} {
		require.Equal(t, want, of(oracle.Member{Primary: stored, Said: true}), "said: %s", stored)
	}
	company.Departments["c"] = simulator.TrueDepartment{ParentID: "a", Name: "C"}
	company.Members["ann"] = simulator.TrueMember{Departments: []string{"c", "b", "top"}, Main: "top"}
	require.Equal(t, "b", oracle.Of(directory.DingTalk, company, oracle.Directory{}).Members["ann"].Primary)
}

func TestDifferencesAndLosses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change            func(oracle.Directory)
		differences, lost []string
	}{
		"none": {change: func(oracle.Directory) {}},
		"member gone": {
			change:      func(d oracle.Directory) { delete(d.Members, "ann") },
			differences: []string{"member ann is missing"},
			lost:        []string{"member ann still works there and was removed"},
		},
		"place gone": {
			change: func(d oracle.Directory) {
				ann := d.Members["ann"]
				ann.Departments = slices.Delete(slices.Clone(ann.Departments), 0, 1)
				d.Members["ann"] = ann
			},
			differences: []string{"member ann is {"},
			lost:        []string{"member ann still works in department a and was taken out of it"},
		},
		"another title": {
			change: func(d oracle.Directory) {
				bob := d.Members["bob"]
				bob.Title = "Chief"
				d.Members["bob"] = bob
			},
			differences: []string{"member bob is {"},
		},
		"department gone": {
			change:      func(d oracle.Directory) { delete(d.Departments, "b") },
			differences: []string{"department b is missing"},
			lost:        []string{"department b still exists and was removed"},
		},
		"miscounted": {
			change: func(d oracle.Directory) {
				b := d.Departments["b"]
				b.People++
				d.Departments["b"] = b
			},
			differences: []string{"department b is {"},
		},
		"one too many": {
			change:      func(d oracle.Directory) { d.Members["eve"] = oracle.Member{} },
			differences: []string{"member eve should not be there"}, lost: []string{"member eve never was"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			company, want := made()
			_, got := made()
			c.change(got)
			found := oracle.Differences(want, got)
			require.Len(t, found, len(c.differences))
			for i, begins := range c.differences {
				require.True(t, strings.HasPrefix(found[i], begins), found[i])
			}
			require.Equal(t, c.lost, oracle.Lost(company, want, got))
		})
	}
}

// Employee numbers, managers and all other facts are compared; whom a person reports to is
// not told by DingTalk's lists.
func TestFactsAreCompared(t *testing.T) {
	t.Parallel()
	company, _ := made()
	ann := company.Members["ann"]
	ann.EmployeeNo, ann.Manager = "E1", "bob"
	ann.Attributes = map[directory.Attribute]any{directory.City: "Berlin",
		directory.Custom: map[string]any{"Badge": "7"}}
	company.Members["ann"] = ann
	want := oracle.Of(directory.Feishu, company, oracle.Directory{})
	require.Equal(t, `{"city":"Berlin","custom":{"Badge":"7"}}`, want.Members["ann"].Attributes)
	require.Equal(t, `{}`, want.Members["bob"].Attributes)
	for _, spoil := range []func(*oracle.Member){
		func(m *oracle.Member) { m.EmployeeNo = "" }, func(m *oracle.Member) { m.Manager = "cid" },
		func(m *oracle.Member) { m.Attributes = "{}" },
	} {
		got := oracle.Of(directory.Feishu, company, oracle.Directory{})
		m := got.Members["ann"]
		spoil(&m)
		got.Members["ann"] = m
		require.Len(t, oracle.Differences(want, got), 1)
	}
	stored := oracle.Directory{Members: map[string]oracle.Member{"ann": {Manager: "cid"}}}
	require.Equal(t, "cid", oracle.Of(directory.DingTalk, company, stored).Members["ann"].Manager)
}
