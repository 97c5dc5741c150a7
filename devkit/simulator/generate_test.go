package simulator_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/internal/directory"
)

var vendors = []directory.ProviderType{directory.Feishu, directory.DingTalk, directory.WeCom}

func TestGenerateIsDeterministic(t *testing.T) {
	t.Parallel()
	spec := simulator.TypicalSpec(7, 2000)
	a, b := simulator.Generate(spec), simulator.Generate(spec)
	other := spec
	other.Seed = 8
	for _, vendor := range vendors {
		require.Equal(t, a.Truth(vendor), b.Truth(vendor))
		require.NotEqual(t, a.Truth(vendor), simulator.Generate(other).Truth(vendor))
	}
	require.Equal(t, a.Drift(3, 0.1), b.Drift(3, 0.1))
	require.Equal(t, a.Truth(directory.Feishu), b.Truth(directory.Feishu))
}

func TestGenerateKeepsToTheSpec(t *testing.T) {
	t.Parallel()
	spec := simulator.Spec{
		Seed: 1, Departments: 300, Members: 5000, MaxDepth: 4, RootMembers: 17, Largest: 1000,
		SeveralDepartments: 0.3, Inactive: 0.1, NotActivated: 0.2, Namesakes: 0.2,
	}
	c := simulator.Generate(spec)
	counts := c.Counts()
	require.Equal(t, 300, counts.Departments)
	require.Equal(t, 5000, counts.People)
	require.InDelta(t, 500, counts.Frozen, 100)
	require.Greater(t, counts.Memberships, 5000+1000)
	c.View(func(v *simulator.View) {
		require.Len(t, v.Members(simulator.Root), 17)
		require.GreaterOrEqual(t, len(v.Members(simulator.Root+1)), 1000)
		for d := range v.Departments() {
			require.LessOrEqual(t, len(v.Ancestors(d.ID)), 4)
			names := map[string]bool{}
			for _, child := range v.Children(d.ID) {
				dept, ok := v.Department(child)
				require.True(t, ok)
				require.False(t, names[dept.Name], "two siblings are named %s", dept.Name)
				names[dept.Name] = true
			}
		}
		require.Len(t, v.Below(simulator.Root), 299)
		require.Equal(t, 5000, v.Count(simulator.Root))
	})
}

func TestMoreDepartmentsThanTheDepthHasRoomFor(t *testing.T) {
	t.Parallel()
	c := simulator.Generate(simulator.Spec{Departments: 900, MaxDepth: 1})
	require.Equal(t, 501, c.Counts().Departments)
}

func TestIdsLeadBack(t *testing.T) {
	t.Parallel()
	c := simulator.Generate(simulator.TypicalSpec(5, 3000))
	for _, vendor := range vendors {
		seen := map[string]bool{}
		c.View(func(v *simulator.View) {
			for d := range v.Departments() {
				id := c.DepartmentID(vendor, d.ID)
				require.False(t, seen[id])
				seen[id] = true
				back, ok := c.ParseDepartmentID(vendor, id)
				require.True(t, ok)
				require.Equal(t, d.ID, back)
			}
			clear(seen)
			for p := range v.People() {
				id := c.UserID(vendor, p)
				require.False(t, seen[id])
				seen[id] = true
				back, ok := v.PersonByUserID(vendor, id)
				require.True(t, ok, id)
				require.Equal(t, p.ID, back.ID)
				if union := c.UnionID(vendor, p.ID); union != "" {
					who, ok := c.ParseUnionID(vendor, union)
					require.True(t, ok)
					require.Equal(t, p.ID, who)
				}
			}
		})
	}
}

func FuzzParseIDs(f *testing.F) {
	c := simulator.Generate(simulator.TypicalSpec(5, 100))
	for _, seed := range []string{"0", "1", "", "-7", "900000002", "od-00", "deadbeef", "0001000001", "manager5",
		"Ada-2", "00000000000000000001"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, id string) {
		for _, vendor := range vendors {
			if d, ok := c.ParseDepartmentID(vendor, id); ok {
				require.Equal(t, id, c.DepartmentID(vendor, d))
			}
			c.ParseUnionID(vendor, id)
			c.View(func(v *simulator.View) {
				if p, ok := v.PersonByUserID(vendor, id); ok {
					require.NotZero(t, p.ID)
				}
			})
		}
	})
}

func TestTruthAgreesWithItself(t *testing.T) {
	t.Parallel()
	c := simulator.Generate(simulator.TypicalSpec(9, 400))
	for round := range 5 {
		c.Drift(uint64(round), 0.1)
	}
	for _, vendor := range vendors {
		truth := c.Truth(vendor)
		people := map[string]map[string]bool{}
		for id, m := range truth.Members {
			require.Contains(t, m.Departments, m.Main)
			require.True(t, slices.IsSorted(m.Departments))
			for _, d := range m.Departments {
				for up := d; up != ""; up = truth.Departments[up].ParentID {
					require.Contains(t, truth.Departments, up)
					if people[up] == nil {
						people[up] = map[string]bool{}
					}
					people[up][id] = true
				}
			}
		}
		for id, d := range truth.Departments {
			require.Len(t, people[id], d.People)
			for _, leader := range d.Leaders {
				require.Contains(t, truth.Members[leader].Departments, id)
			}
		}
	}
}

func BenchmarkGenerateMillion(b *testing.B) {
	for b.Loop() {
		c := simulator.Generate(simulator.TypicalSpec(1, 1_000_000))
		require.Equal(b, 1_000_000, c.Counts().People)
	}
}
