package providertest

import (
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/provider"
	"github.com/orgsync/orgsync/internal/simulator"
	"github.com/orgsync/orgsync/internal/simulator/dingtalk"
	"github.com/orgsync/orgsync/internal/simulator/feishu"
	"github.com/orgsync/orgsync/internal/simulator/wecom"
)

// withLookups are the setups that can look up single objects, seeing all or a range.
func withLookups(r *simulator.Range) map[string]func() *setup {
	return map[string]func() *setup{
		"feishu":         func() *setup { return onFeishu(feishu.Config{Options: quiet, Range: r}) },
		"dingtalk":       func() *setup { return onDingTalk(dingtalk.Config{Options: quiet, Range: r}) },
		"wecom":          func() *setup { return onWeCom(wecom.Config{Options: quiet, OldApp: true, Range: r}, appOnly) },
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

func (w *world) memberGone(ref provider.MemberRef) bool {
	w.t.Helper()
	gone, err := w.client.(provider.Confirmer).MemberGone(w.t.Context(), ref)
	require.NoError(w.t, err)
	return gone
}

func (w *world) departmentGone(id string) bool {
	w.t.Helper()
	gone, err := w.client.(provider.Confirmer).DepartmentGone(w.t.Context(), id)
	require.NoError(w.t, err)
	return gone
}

func TestOnlyLeaversAreGone(t *testing.T) {
	t.Parallel()
	for vendor, setup := range withLookups(nil) {
		t.Run(vendor, func(t *testing.T) {
			t.Parallel()
			w := open(t, simulator.Generate(simulator.TypicalSpec(3, 60)), setup())
			refs := map[simulator.PersonID]provider.MemberRef{}
			for p := simulator.PersonID(1); p <= 9; p++ {
				refs[p] = w.ref(p)
			}
			require.NoError(t, w.company.Leave(2))
			require.NoError(t, w.company.Freeze(3, true))
			require.NoError(t, w.company.Activate(4, false))
			require.NoError(t, w.company.Leave(5))
			require.NoError(t, w.company.Rehire(5, 1))
			require.NoError(t, w.company.SetDepartments(6, 2))
			require.NoError(t, w.company.Leave(7))
			require.NoError(t, w.company.RecycleUserID(7, 8))
			for p, ref := range refs {
				// Whoever bears a leaver's id now hides that the leaver left, except
				// where an id that is nobody else's can be asked for.
				left := p == 2 || p == 7 && w.kind == directory.Feishu
				require.Equal(t, left || p == 8 && w.kind != directory.Feishu, w.memberGone(ref), "person %d", p)
			}
		})
	}
}

func TestOnlyDeletedDepartmentsAreGone(t *testing.T) {
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
			for d := simulator.Root; d <= 12; d++ {
				require.Equal(t, d == deleted, w.departmentGone(w.company.DepartmentID(w.kind, d)), "department %d", d)
			}
		})
	}
}

func TestWhatIsOutOfSightIsNotGone(t *testing.T) {
	t.Parallel()
	spec := simulator.TypicalSpec(3, 60)
	spec.Departments, spec.MaxDepth = 8, 1
	for vendor, setup := range withLookups(&simulator.Range{Departments: []simulator.Dept{2}}) {
		t.Run(vendor, func(t *testing.T) {
			t.Parallel()
			w := open(t, simulator.Generate(spec), setup())
			for p := simulator.PersonID(1); p <= 60; p++ {
				require.False(t, w.memberGone(w.ref(p)), "person %d", p)
			}
			for d := simulator.Root; d <= 8; d++ {
				require.False(t, w.departmentGone(w.company.DepartmentID(w.kind, d)), "department %d", d)
			}
			leaver := w.ref(1)
			require.NoError(t, w.company.Leave(1))
			// WeCom tells nobody who is out of sight from somebody who left (wecom.md §3.3).
			require.Equal(t, w.kind != directory.WeCom, w.memberGone(leaver))
		})
	}
}

func TestContactSyncLooksUpNothing(t *testing.T) {
	t.Parallel()
	w := open(t, simulator.Generate(simulator.TypicalSpec(3, 60)), onWeCom(wecom.Config{Options: quiet}, syncOnly))
	_, confirms := w.client.(provider.Confirmer)
	require.False(t, confirms)
	_, counts := w.client.(provider.MemberCounter)
	require.False(t, counts)
}

func TestUnderEveryFaultNobodyWhoWorksThereIsGone(t *testing.T) {
	t.Parallel()
	for vendor, setup := range withLookups(nil) {
		kind := setup().vendor.Type
		fair := open(t, troubled(kind), setup())
		fair.memberGone(fair.ref(1))
		fair.memberGone(provider.MemberRef{ExternalID: fair.ref(1).ExternalID})
		fair.departmentGone(fair.company.DepartmentID(kind, 3))
		for _, endpoint := range slices.Sorted(maps.Keys(fair.service.Calls.All())) {
			for fault, action := range faultsOf(kind) {
				t.Run(vendor+"/"+endpoint+"/"+fault, func(t *testing.T) {
					t.Parallel()
					w := open(t, troubled(kind), setup())
					w.service.Faults.Add(simulator.Fault{Endpoint: endpoint, Times: simulator.Forever, Action: action})
					look := w.client.(provider.Confirmer)
					gone, err := look.MemberGone(t.Context(), w.ref(1))
					// To an app that sees the whole company this is WeCom's word for leavers (wecom.md §3.3).
					notFound := kind == directory.WeCom && endpoint == "user/get" && action.Kind == simulator.OutOfRange
					require.Equal(t, notFound, gone)
					if err != nil {
						w.fit(err)
					}
					gone, err = look.DepartmentGone(t.Context(), w.company.DepartmentID(kind, 3))
					require.False(t, gone)
					if err != nil {
						w.fit(err)
					}
				})
			}
		}
	}
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
				if children, ok := w.client.(provider.ChildCounter); ok && d.Children != "" {
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
