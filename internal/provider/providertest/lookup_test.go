package providertest

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/devkit/simulator/dingtalk"
	"github.com/orgsync/orgsync/devkit/simulator/feishu"
	"github.com/orgsync/orgsync/devkit/simulator/wecom"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/provider"
)

// withLookups are the setups that can look up single objects, seeing all or a range.
func withLookups(r *simulator.Range) map[string]func() *setup {
	return map[string]func() *setup{
		"feishu":   func() *setup { return onFeishu(feishu.Config{Options: quiet, Range: r}) },
		"dingtalk": func() *setup { return onDingTalk(dingtalk.Config{Options: quiet, Range: r}) },
		"wecom": func() *setup {
			return onWeCom(wecom.Config{Options: quiet, OldApp: true, Range: r},
				appOnly)
		},
		"wecom app+sync": func() *setup { return onWeCom(wecom.Config{Options: quiet, OldApp: true, Range: r}, both) },
	}
}

// ref is a person as the directory remembers them.
func (w *world) ref(p simulator.PersonID) (ref provider.MemberRef) {
	w.company.View(func(v *simulator.View) {
		who, _ := v.Person(p)
		ref = provider.MemberRef{ExternalID: w.company.UserID(w.kind, who), UnionID: w.company.UnionID(w.kind, p)}
	})
	if w.kind == directory.Feishu {
		ref.OpenID = w.openID(p)
	}
	return ref
}

func (w *world) memberFate(ref provider.MemberRef) provider.LookupResult {
	w.t.Helper()
	result, err := w.client.(provider.ObjectLookup).LookupMember(w.t.Context(), ref)
	require.NoError(w.t, err)
	return result
}

func (w *world) departmentFate(d simulator.Dept) provider.LookupResult {
	w.t.Helper()
	result, err := w.client.(provider.ObjectLookup).LookupDepartment(w.t.Context(), w.company.DepartmentID(w.kind, d))
	require.NoError(w.t, err)
	return result
}

func TestFatesOfPeople(t *testing.T) {
	t.Parallel()
	type results map[directory.ProviderType]provider.LookupResult
	always := func(result provider.LookupResult) results {
		return results{directory.Feishu: result, directory.DingTalk: result, directory.WeCom: result}
	}
	const asked, other simulator.PersonID = 7, 8
	for change, tt := range map[string]struct {
		happens func(*simulator.Company) error
		want    results
	}{
		"none": {func(*simulator.Company) error { return nil }, always(provider.LookupExists)},
		"moved": {func(c *simulator.Company) error { return c.SetDepartments(asked, 2) },
			always(provider.LookupExists)},
		"joined": {func(c *simulator.Company) error { return c.SetDepartments(asked, 3, 2, simulator.Root) },
			always(provider.LookupExists)},
		"frozen": {func(c *simulator.Company) error { return c.Freeze(asked, true) }, always(provider.LookupExists)},
		"not activated": {
			func(c *simulator.Company) error { return c.Activate(asked, false) }, always(provider.LookupExists),
		},
		"left": {func(c *simulator.Company) error { return c.Leave(asked) }, always(provider.LookupNotFound)},
		"left and came back": {func(c *simulator.Company) error {
			return errors.Join(c.Leave(asked), c.Rehire(asked, simulator.Root))
		}, always(provider.LookupExists)},
		// Whoever bears a leaver's id now hides that the leaver left, except where an id
		// that is nobody else's can be asked for (Feishu) or tells the two apart (DingTalk).
		"left, their id went to somebody else": {func(c *simulator.Company) error {
			return errors.Join(c.Leave(asked), c.RecycleUserID(asked, other))
		}, results{directory.Feishu: provider.LookupNotFound, directory.DingTalk: provider.LookupIDReused,
			directory.WeCom: provider.LookupExists}},
		// An id that nobody bears any more is all that two of them are asked by.
		"bears another id": {
			func(c *simulator.Company) error { return c.ChangeUserID(asked) },
			results{directory.Feishu: provider.LookupExists, directory.DingTalk: provider.LookupNotFound,
				directory.WeCom: provider.LookupNotFound},
		},
	} {
		for vendor, setup := range withLookups(nil) {
			t.Run(change+"/"+vendor, func(t *testing.T) {
				t.Parallel()
				w := open(t, simulator.Generate(simulator.TypicalSpec(3, 60)), setup())
				ref := w.ref(asked)
				require.NoError(t, tt.happens(w.company))
				require.Equal(t, tt.want[w.kind], w.memberFate(ref))
			})
		}
	}
}

func TestEverybodyWhoWorksThereIsThere(t *testing.T) {
	t.Parallel()
	for vendor, setup := range withLookups(nil) {
		t.Run(vendor, func(t *testing.T) {
			t.Parallel()
			w := open(t, simulator.Generate(simulator.TypicalSpec(3, 60)), setup())
			w.company.Drift(5, 0.3)
			people := w.company.Truth(w.kind).Members
			require.NotEmpty(t, people)
			for id, who := range people {
				require.Equal(t, provider.LookupExists, w.memberFate(w.ref(who.Person)), id)
			}
		})
	}
}

func TestFatesOfDepartments(t *testing.T) {
	t.Parallel()
	for vendor, setup := range withLookups(nil) {
		t.Run(vendor, func(t *testing.T) {
			t.Parallel()
			spec := simulator.TypicalSpec(3, 60)
			spec.Departments = 12
			w := open(t, simulator.Generate(spec), setup())
			deleted := simulator.Dept(12)
			require.NoError(t, w.company.DeleteDepartment(deleted))
			require.NoError(t, w.company.RenameDepartment(3, "New"))
			require.NoError(t, w.company.MoveDepartment(4, 2))
			for d := simulator.Root; d < deleted; d++ {
				require.Equal(t, provider.LookupExists, w.departmentFate(d), "department %d", d)
			}
			require.Equal(t, provider.LookupNotFound, w.departmentFate(deleted))
		})
	}
}

func TestWhatIsOutOfSightIsUnseen(t *testing.T) {
	t.Parallel()
	spec := simulator.TypicalSpec(3, 60)
	spec.Departments, spec.MaxDepth = 8, 1
	visible := &simulator.Range{Departments: []simulator.Dept{2}}
	for vendor, setup := range withLookups(visible) {
		t.Run(vendor, func(t *testing.T) {
			t.Parallel()
			w := open(t, simulator.Generate(spec), setup())
			into, out := w.ref(1), w.ref(2)
			require.NoError(t, w.company.SetDepartments(1, 3, 2))
			require.NoError(t, w.company.SetDepartments(2, 3))
			require.Equal(t, provider.LookupExists, w.memberFate(into))
			require.Equal(t, provider.LookupNotVisible, w.memberFate(out))
			seen := map[simulator.PersonID]bool{}
			w.company.View(func(v *simulator.View) {
				for p := range v.People() {
					seen[p.ID] = v.CoversPerson(visible, p)
				}
			})
			for p, sees := range seen {
				want := provider.LookupNotVisible
				if sees {
					want = provider.LookupExists
				}
				require.Equal(t, want, w.memberFate(w.ref(p)), "person %d", p)
			}
			for d := simulator.Root; d <= 8; d++ {
				want := provider.LookupNotVisible
				// Feishu's root is virtual (feishu.md §2.1)
				if d == 2 || d == simulator.Root && w.kind == directory.Feishu {
					want = provider.LookupExists
				}
				require.Equal(t, want, w.departmentFate(d), "department %d", d)
			}
		})
	}
}

func TestWhatIsGoneFromALimitedRange(t *testing.T) {
	t.Parallel()
	spec := simulator.TypicalSpec(3, 60)
	spec.Departments, spec.MaxDepth = 8, 1
	for vendor, setup := range withLookups(&simulator.Range{Departments: []simulator.Dept{2}}) {
		t.Run(vendor, func(t *testing.T) {
			t.Parallel()
			w := open(t, simulator.Generate(spec), setup())
			require.NoError(t, w.company.SetDepartments(1, 2))
			require.NoError(t, w.company.SetDepartments(2, 3))
			want := provider.LookupNotFound
			if w.kind == directory.WeCom { // tells nobody out of sight from somebody who left (wecom.md §3.3)
				want = provider.LookupNotVisible
			}
			for _, p := range []simulator.PersonID{1, 2} { // one was in sight, one was not
				leaver := w.ref(p)
				require.NoError(t, w.company.Leave(p))
				require.Equal(t, want, w.memberFate(leaver), "person %d", p)
			}
			for _, d := range []simulator.Dept{2, 3} {
				require.NoError(t, w.company.DeleteDepartment(d))
				require.Equal(t, provider.LookupNotFound, w.departmentFate(d), "department %d", d)
			}
		})
	}
}

// What no listing shows any more is looked up or searched for before it is removed.
func TestEveryClientLooksUpOrNamesEverybody(t *testing.T) {
	t.Parallel()
	for vendor, setup := range everyVendor(quiet) {
		w := open(t, simulator.Generate(simulator.TypicalSpec(3, 10)), setup())
		_, confirms := w.client.(provider.ObjectLookup)
		_, names := w.client.(provider.MemberLister)
		require.True(t, confirms || names, vendor)
	}
}

func TestContactSyncLooksUpNothing(t *testing.T) {
	t.Parallel()
	w := open(t, simulator.Generate(simulator.TypicalSpec(3, 60)), onWeCom(wecom.Config{Options: quiet}, syncOnly))
	_, confirms := w.client.(provider.ObjectLookup)
	require.False(t, confirms)
	_, counts := w.client.(provider.MemberCounter)
	require.False(t, counts)
}

func TestUnderEveryFaultNobodyWhoWorksThereIsGone(t *testing.T) {
	t.Parallel()
	for vendor, setup := range withLookups(nil) {
		kind := setup().vendor.Type
		fair := open(t, troubled(kind), setup())
		fair.memberFate(fair.ref(1))
		fair.memberFate(provider.MemberRef{ExternalID: fair.ref(1).ExternalID})
		fair.departmentFate(3)
		for _, endpoint := range slices.Sorted(maps.Keys(fair.service.Calls.All())) {
			for fault, action := range faultsOf(kind) {
				struck(t, vendor+"/"+endpoint+"/"+fault, func(t *testing.T) {
					w := open(t, troubled(kind), setup())
					w.service.Faults.Add(simulator.Fault{Endpoint: endpoint, Times: simulator.Forever, Action: action})
					person, department := provider.LookupExists, provider.LookupExists
					if action.Kind == simulator.OutOfRange {
						if !strings.HasPrefix(endpoint, "department") {
							person = provider.LookupNotVisible
						}
						if !strings.HasPrefix(endpoint, "user") {
							department = provider.LookupNotVisible
						}
						if kind == directory.WeCom && endpoint == "user/get" {
							// its word for leavers to an app that sees the whole company (wecom.md §3.3)
							person = provider.LookupNotFound
						}
					}
					look := w.client.(provider.ObjectLookup)
					result, err := look.LookupMember(t.Context(), w.ref(1))
					w.requireFate(person, result, err)
					result, err = look.LookupDepartment(t.Context(), w.company.DepartmentID(kind, 3))
					w.requireFate(department, result, err)
				})
			}
		}
	}
}

// requireFate fails unless a look-up said what it should or failed and said nothing.
func (w *world) requireFate(want, result provider.LookupResult, err error) {
	w.t.Helper()
	if err != nil {
		w.fit(err)
		want = ""
	}
	require.Equal(w.t, want, result)
}

func TestCountersCountWhatListingsShow(t *testing.T) {
	t.Parallel()
	part := &simulator.Range{Departments: []simulator.Dept{2}, People: []simulator.PersonID{1, 2, 3}}
	for name, setup := range map[string]*setup{
		"dingtalk":      onDingTalk(dingtalk.Config{Options: quiet, HomeSchool: true}),
		"dingtalk part": onDingTalk(dingtalk.Config{Options: quiet, Range: part}),
		"wecom":         onWeCom(wecom.Config{Options: quiet}, appOnly),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := open(t, simulator.Generate(simulator.TypicalSpec(3, 90)), setup)
			r := walk(t.Context(), w.kind, w.client)
			w.requireTruth(r)
			for id, d := range r.departments {
				n, err := w.client.(provider.MemberCounter).CountMembers(t.Context(), id)
				require.NoError(t, err)
				require.Equal(t, len(r.own[id]), n, "people in %s", id)
				if children, ok := w.client.(provider.ChildCounter); ok && d.ChildrenMethod != "" {
					n, err := children.CountChildren(t.Context(), id)
					require.NoError(t, err)
					below := 0
					for _, other := range r.departments {
						if other.ParentID == id {
							below++
						}
					}
					require.Equal(t, below, n, "departments below %s", id)
				}
			}
		})
	}
}
