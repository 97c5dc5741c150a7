package simulator_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/internal/directory"
)

// small is a company of ten departments and sixty people.
func small() *simulator.Company {
	return simulator.Generate(simulator.Spec{Seed: 3, Departments: 10, Members: 60, RootMembers: 4,
		SeveralDepartments: 0.2})
}

func person(c *simulator.Company, p simulator.PersonID) simulator.Person {
	var who simulator.Person
	c.View(func(v *simulator.View) { who, _ = v.Person(p) })
	return who
}

func userID(c *simulator.Company, p simulator.PersonID) string {
	return c.UserID(directory.DingTalk, person(c, p))
}

func TestPeopleComeMoveAndGo(t *testing.T) {
	t.Parallel()
	c := small()
	p, err := c.Hire("新人", 2, 3)
	require.NoError(t, err)
	require.Equal(t, []simulator.Dept{2, 3}, person(c, p).Departments)
	require.NoError(t, c.SetLeader(3, p, true))
	require.NoError(t, c.SetLeader(3, p, true))
	require.NoError(t, c.SetLeader(3, p, false))
	require.NoError(t, c.SetLeader(2, p, true))
	require.NoError(t, c.Move(p, 2, 4))
	require.Equal(t, []simulator.Dept{4, 3}, person(c, p).Departments)
	c.View(func(v *simulator.View) {
		require.NotContains(t, v.Members(2), p)
		require.False(t, v.Leads(p, 3))
		require.False(t, v.Leads(p, 2), "who leaves a department no longer leads it")
		require.Contains(t, v.Members(4), p)
	})
	require.NoError(t, c.Join(p, 5))
	require.NoError(t, c.LeaveDepartment(p, 3))
	require.Equal(t, []simulator.Dept{4, 5}, person(c, p).Departments)
	require.NoError(t, c.Freeze(p, true))
	require.NoError(t, c.SetTitle(p, ""))
	require.NoError(t, c.SetPhone(p, "+8615900000000"))
	require.NoError(t, c.SetEmail(p, "x@example.com"))
	require.NoError(t, c.Rename(p, "旧人"))
	require.NoError(t, c.Activate(p, false))
	who := person(c, p)
	require.Equal(t, []any{"旧人", "x@example.com", "+8615900000000", "", true, false},
		[]any{who.Name, who.Email, who.Phone, who.Title, who.Frozen, who.Activated})
	require.NoError(t, c.Unlist(p, true))
	require.NoError(t, c.Join(p, 3))
	c.View(func(v *simulator.View) {
		require.NotContains(t, v.Members(3), p)
		require.NotContains(t, v.Members(4), p)
		require.NotContains(t, v.Members(5), p)
	})
	require.Equal(t, []simulator.Dept{4, 5, 3}, person(c, p).Departments, "looked up alone they are shown as before")
	require.NoError(t, c.LeaveDepartment(p, 3))
	require.NoError(t, c.Unlist(p, false))
	c.View(func(v *simulator.View) { require.Contains(t, v.Members(5), p) })
	before := userID(c, p)
	require.NoError(t, c.Leave(p))
	require.ErrorIs(t, c.Leave(p), simulator.ErrNoPerson)
	require.NotContains(t, c.Truth(directory.DingTalk).Members, before)
	require.NoError(t, c.Rehire(p, 6))
	require.Equal(t, before, userID(c, p))
	require.Equal(t, []string{c.DepartmentID(directory.DingTalk, 6)},
		c.Truth(directory.DingTalk).Members[before].Departments)
}

func TestUserIDsChangeHands(t *testing.T) {
	t.Parallel()
	c := small()
	const leaver, heir = 10, 20
	first, union := userID(c, leaver), c.UnionID(directory.DingTalk, heir)
	require.ErrorIs(t, c.RecycleUserID(leaver, heir), simulator.ErrRefused) // still works there
	require.NoError(t, c.Leave(leaver))
	require.NoError(t, c.RecycleUserID(leaver, heir))
	require.Equal(t, first, userID(c, heir))
	require.Equal(t, union, c.UnionID(directory.DingTalk, heir))
	c.View(func(v *simulator.View) {
		found, ok := v.PersonByUserID(directory.DingTalk, first)
		require.True(t, ok)
		require.Equal(t, simulator.PersonID(heir), found.ID)
	})
	require.Empty(t, userID(c, leaver))
	require.NoError(t, c.Rehire(leaver, 2))
	require.NotEmpty(t, userID(c, leaver))
	require.NotEqual(t, first, userID(c, leaver))
	require.NoError(t, c.ChangeUserID(heir))
	require.NotEqual(t, first, userID(c, heir))
	require.Len(t, c.Truth(directory.DingTalk).Members, 60)
}

func TestDepartmentsChange(t *testing.T) {
	t.Parallel()
	c := small()
	d, err := c.AddDepartment(2, "新")
	require.NoError(t, err)
	_, err = c.AddDepartment(2, "新")
	require.ErrorIs(t, err, simulator.ErrRefused)
	inner, err := c.AddDepartment(d, "内")
	require.NoError(t, err)
	require.ErrorIs(t, c.MoveDepartment(d, inner), simulator.ErrRefused, "not below itself")
	require.ErrorIs(t, c.MoveDepartment(d, d), simulator.ErrRefused)
	require.ErrorIs(t, c.MoveDepartment(simulator.Root, 2), simulator.ErrRefused)
	require.NoError(t, c.ChangeDepartment(d, 3, "改"))
	require.NoError(t, c.RenameDepartment(simulator.Root, "New Acme"))
	p, err := c.Hire("a", inner)
	require.NoError(t, err)
	both, err := c.Hire("b", inner, 4)
	require.NoError(t, err)
	require.NoError(t, c.DeleteDepartment(d))
	require.Equal(t, []simulator.Dept{3}, person(c, p).Departments, "to the parent of what was deleted")
	require.Equal(t, []simulator.Dept{4}, person(c, both).Departments)
	truth := c.Truth(directory.WeCom)
	require.NotContains(t, truth.Departments, c.DepartmentID(directory.WeCom, inner))
	require.Equal(t, "New Acme", truth.Departments["1"].Name)
	require.ErrorIs(t, c.DeleteDepartment(simulator.Root), simulator.ErrNoDepartment)
	require.ErrorIs(t, c.DeleteDepartment(d), simulator.ErrNoDepartment)
}

func TestRefusedChangesChangeNothing(t *testing.T) {
	t.Parallel()
	c := small()
	version := c.Counts().Version
	before := c.Truth(directory.Feishu)
	for name, change := range map[string]func() error{
		"hire nowhere":          func() error { _, err := c.Hire("x"); return err },
		"hire in nothing":       func() error { _, err := c.Hire("x", 99); return err },
		"twice the same":        func() error { _, err := c.Hire("x", 2, 2); return err },
		"leave the last":        func() error { return c.LeaveDepartment(1, simulator.Root) },
		"move from elsewhere":   func() error { return c.Move(1, 2, 3) },
		"rehire who is here":    func() error { return c.Rehire(1, 2) },
		"rename nobody":         func() error { return c.Rename(0, "x") },
		"lead without being in": func() error { return c.SetLeader(2, 1, true) },
		"rename no department":  func() error { return c.RenameDepartment(99, "x") },
	} {
		require.Error(t, change(), name)
	}
	require.Equal(t, version, c.Counts().Version)
	require.Equal(t, before, c.Truth(directory.Feishu))
}

func TestDriftKeepsTheShare(t *testing.T) {
	t.Parallel()
	c := simulator.Generate(simulator.TypicalSpec(4, 2000))
	before := c.Truth(directory.Feishu)
	done := c.Drift(1, 0.05)
	total := 0
	for _, n := range done {
		total += n
	}
	require.InDelta(t, 100+4+3, total, 2)
	after := c.Truth(directory.Feishu)
	changed := 0
	for id, m := range after.Members {
		if was, ok := before.Members[id]; !ok || was.Name != m.Name || was.Phone != m.Phone || was.Main != m.Main {
			changed++
		}
	}
	require.Positive(t, changed)
	require.Less(t, changed, 110)
}

func TestSavedCompanyIsTheSame(t *testing.T) {
	t.Parallel()
	c := small()
	for round := range 3 {
		c.Drift(uint64(round), 0.1)
	}
	require.NoError(t, c.Leave(working(c)))
	require.NoError(t, c.ChangeUserID(working(c)))
	leaver := working(c)
	require.NoError(t, c.Leave(leaver))
	require.NoError(t, c.RecycleUserID(leaver, working(c)))
	require.NoError(t, c.Leave(30))
	require.NoError(t, c.RecycleUserID(30, 4)) // the heir is loaded before the leaver
	var file bytes.Buffer
	require.NoError(t, c.Save(json.NewEncoder(&file)))
	saved := file.String()
	back, err := simulator.Load(json.NewDecoder(&file))
	require.NoError(t, err)
	for _, vendor := range vendors {
		require.Equal(t, c.Truth(vendor), back.Truth(vendor))
	}
	require.Equal(t, c.Counts(), back.Counts())
	var again bytes.Buffer
	require.NoError(t, back.Save(json.NewEncoder(&again)))
	require.Equal(t, saved, again.String())
}

// working is the last person who has not left.
func working(c *simulator.Company) simulator.PersonID {
	var last simulator.PersonID
	c.View(func(v *simulator.View) {
		for p := range v.People() {
			last = p.ID
		}
	})
	return last
}

func FuzzLoad(f *testing.F) {
	var file bytes.Buffer
	c := simulator.Generate(simulator.Spec{Seed: 1, Departments: 3, Members: 4})
	if err := c.Save(json.NewEncoder(&file)); err != nil {
		f.Fatal(err)
	}
	f.Add(file.String())
	f.Add(strings.Replace(file.String(), `"parent":1`, `"parent":3`, 1))
	f.Add(`{"departments":1,"people":0}{"gone":true}`)
	f.Add(`{"departments":2}{}{"parent":1,"leaders":[0]}`)
	f.Add(`{"departments":1,"people":2}{}{"departments":[1],"bears":2}{"departments":[1],"bears":2}`)
	f.Fuzz(func(t *testing.T, text string) {
		c, err := simulator.Load(json.NewDecoder(strings.NewReader(text)))
		if err != nil {
			return
		}
		truth := c.Truth(directory.WeCom)
		require.Contains(t, truth.Departments, "1")
		c.Drift(1, 0.5)
	})
}
