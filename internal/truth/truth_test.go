package truth_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/simulator"
	"github.com/orgsync/orgsync/internal/truth"
)

// made is a company and the directory that is equal to it.
func made() (simulator.Truth, truth.Directory) {
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
	return company, truth.Of(directory.Feishu, company, truth.Directory{})
}

func TestWhatACompanyMustBe(t *testing.T) {
	t.Parallel()
	_, want := made()
	require.Equal(t, map[string]truth.Department{
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
	company.Members["ann"] = simulator.TrueMember{Name: "Ann", Active: true, Departments: []string{"a", "b", "top"}, Main: "a"}
	of := func(stored truth.Member) string {
		return truth.Of(directory.DingTalk, company, truth.Directory{Members: map[string]truth.Member{"ann": stored}}).Members["ann"].Primary
	}
	for _, stored := range []string{"", "top", "b", "a"} {
		require.Equal(t, "b", of(truth.Member{Primary: stored}), "stored: %s", stored)
	}
	for stored, want := range map[string]string{"": "a", "top": "top", "b": "b", "a": "a", "elsewhere": "a"} {
		require.Equal(t, want, of(truth.Member{Primary: stored, Said: true}), "said: %s", stored)
	}
	company.Departments["c"] = simulator.TrueDepartment{ParentID: "a", Name: "C"}
	company.Members["ann"] = simulator.TrueMember{Departments: []string{"c", "b", "top"}, Main: "top"}
	require.Equal(t, "b", truth.Of(directory.DingTalk, company, truth.Directory{}).Members["ann"].Primary)
}

func TestDifferencesAndLosses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change            func(truth.Directory)
		differences, lost []string
	}{
		"none": {change: func(truth.Directory) {}},
		"member gone": {
			change:      func(d truth.Directory) { delete(d.Members, "ann") },
			differences: []string{"member ann is missing"}, lost: []string{"member ann still works there and was removed"},
		},
		"place gone": {
			change: func(d truth.Directory) {
				ann := d.Members["ann"]
				ann.Departments = slices.Delete(slices.Clone(ann.Departments), 0, 1)
				d.Members["ann"] = ann
			},
			differences: []string{"member ann is {"}, lost: []string{"member ann still works in department a and was taken out of it"},
		},
		"another title": {
			change: func(d truth.Directory) {
				bob := d.Members["bob"]
				bob.Title = "Chief"
				d.Members["bob"] = bob
			},
			differences: []string{"member bob is {"},
		},
		"department gone": {
			change:      func(d truth.Directory) { delete(d.Departments, "b") },
			differences: []string{"department b is missing"}, lost: []string{"department b still exists and was removed"},
		},
		"miscounted": {
			change: func(d truth.Directory) {
				b := d.Departments["b"]
				b.People++
				d.Departments["b"] = b
			},
			differences: []string{"department b is {"},
		},
		"one too many": {
			change:      func(d truth.Directory) { d.Members["eve"] = truth.Member{} },
			differences: []string{"member eve should not be there"}, lost: []string{"member eve never was"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			company, want := made()
			_, got := made()
			c.change(got)
			found := truth.Differences(want, got)
			require.Len(t, found, len(c.differences))
			for i, begins := range c.differences {
				require.True(t, strings.HasPrefix(found[i], begins), found[i])
			}
			require.Equal(t, c.lost, truth.Lost(company, want, got))
		})
	}
}
