package providertest

import (
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/devkit/simulator/feishu"
	"github.com/orgsync/orgsync/devkit/simulator/wecom"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/provider"
)

// singly reads everybody whom a walk brought once more, one by one. What a person's
// record says of departments that the walk did not bring is left out, as the engine
// does; of their leaders the person's record alone speaks.
func (w *world) singly(r *reading, refs func(*person) provider.MemberRef) *reading {
	w.t.Helper()
	single := &reading{kind: w.kind, departments: map[string]provider.FoundDepartment{}, people: map[string]*person{},
		own: map[string]map[string]bool{}}
	for _, id := range slices.Sorted(maps.Keys(r.people)) {
		m, gone, err := w.client.(provider.MemberReader).ReadMember(w.t.Context(), refs(r.people[id]))
		require.NoError(w.t, err, id)
		require.False(w.t, gone, id)
		if !w.hidden["order"] || w.kind != directory.Feishu {
			require.NotNil(w.t, m.Memberships, id)
		}
		m.Memberships = slices.DeleteFunc(m.Memberships, func(place directory.Membership) bool {
			_, known := r.departments[place.DepartmentID]
			return !known
		})
		single.add(m)
	}
	return single
}

// byID asks by the external id alone, as for somebody unknown; byAll by all that the
// directory knows.
func byID(p *person) provider.MemberRef { return provider.MemberRef{ExternalID: p.ExternalID} }

func byAll(p *person) provider.MemberRef {
	return provider.MemberRef{ExternalID: p.ExternalID, UnionID: p.UnionID, OpenID: p.OpenID}
}

// requireSame fails unless the people read one by one are to the byte what listings
// brought.
func (w *world) requireSame(listed, single *reading) {
	w.t.Helper()
	require.Empty(w.t, single.conflicts)
	_, wantPeople := w.shown(listed)
	_, people := w.shown(single)
	if w.kind == directory.DingTalk { // only a look-up names the main department and the manager
		truth := w.company.Truth(w.kind)
		for id, p := range people {
			main := truth.Members[id].Main
			if _, seen := p.Places[main]; seen {
				require.Equal(w.t, main, p.Main, id)
			}
			p.Main = wantPeople[id].Main
			require.Equal(w.t, truth.Members[id].Manager, p.Manager, id)
			p.Manager = wantPeople[id].Manager
			people[id] = p
		}
	}
	require.Equal(w.t, wantPeople, people)
	for id, p := range listed.people {
		one := single.people[id]
		one.mergeRaw(p.Member, func(field string) { require.Fail(w.t, "contradiction", "%s: %s of Raw", id, field) })
		one.Raw, one.RawKeeps = p.Raw, p.RawKeeps
		if w.kind == directory.DingTalk { // and the manager
			require.NotNil(w.t, one.Manager)
			one.Manager = p.Manager
		}
		require.Equal(w.t, p.Member, one.Member, id)
	}
}

func TestEverybodySinglyIsWhatListingsBring(t *testing.T) {
	t.Parallel()
	vendors := everyVendor(quiet)
	delete(vendors, "wecom sync") // reads no records
	for name, spec := range companies() {
		// A call for each person: a few dozen show every kind of record.
		spec.Departments, spec.Members, spec.RootMembers = min(spec.Departments, 20), min(spec.Members,
			50), min(spec.RootMembers, 5)
		for vendor, setup := range vendors {
			for by, refs := range map[string]func(*person) provider.MemberRef{"by id": byID, "by all": byAll} {
				t.Run(name+"/"+vendor+"/"+by, func(t *testing.T) {
					t.Parallel()
					w := open(t, simulator.Generate(spec), setup())
					w.company.Drift(5, 0.2)
					r := walk(t.Context(), w.kind, w.client)
					w.requireTruth(r)
					w.requireSame(r, w.singly(r, refs))
				})
			}
		}
	}
}

// In a limited range too: what is out of sight is left out of both.
func TestEverybodySinglyInALimitedRange(t *testing.T) {
	t.Parallel()
	part := &simulator.Range{Departments: []simulator.Dept{2, 5}, People: []simulator.PersonID{1, 2, 3}}
	for vendor, setup := range withLookups(part) {
		t.Run(vendor, func(t *testing.T) {
			t.Parallel()
			w := open(t, simulator.Generate(simulator.TypicalSpec(3, 120)), setup())
			r := walk(t.Context(), w.kind, w.client)
			require.Empty(t, r.errs)
			for _, p := range r.people { // the record of somebody granted names all places
				maps.DeleteFunc(p.places, func(department string, _ directory.Membership) bool {
					_, known := r.departments[department]
					return !known
				})
			}
			if vendor == "wecom app+sync" {
				// Ids of the whole company are listed; only whom the app sees can be looked up.
				maps.DeleteFunc(r.people, func(_ string, p *person) bool { return p.Name == nil })
				for _, p := range r.people {
					maps.DeleteFunc(p.places, func(department string, _ directory.Membership) bool {
						sees, err := w.client.(provider.MemberReader).SeesDepartment(t.Context(), department)
						require.NoError(t, err)
						return !sees
					})
				}
			}
			if w.kind == directory.DingTalk {
				// A main department is only said of those granted by name.
				for _, p := range r.people {
					for id, place := range p.places {
						place.PrimaryRank = nil
						p.places[id] = place
					}
				}
			}
			w.requireSame(r, w.singly(r, byAll))
		})
	}
}

// Without the permission to see departments a record says nothing of them, which must
// not look like being in none.
func TestSinglyWithoutDepartmentsSaysNothingOfThem(t *testing.T) {
	t.Parallel()
	w := open(t, simulator.Generate(simulator.TypicalSpec(3, 30)), onFeishu(feishu.Config{
		Options: quiet, Scopes: withoutScope("contact:user.department:readonly"),
	}))
	m, gone, err := w.client.(provider.MemberReader).ReadMember(t.Context(), w.ref(1))
	require.NoError(t, err)
	require.False(t, gone)
	require.Nil(t, m.Memberships)
}

func TestDepartmentsThatRecordsWouldName(t *testing.T) {
	t.Parallel()
	spec := simulator.TypicalSpec(3, 60)
	spec.Departments, spec.MaxDepth = 8, 1
	for vendor, setup := range withLookups(&simulator.Range{Departments: []simulator.Dept{2, 8}}) {
		t.Run(vendor, func(t *testing.T) {
			t.Parallel()
			w := open(t, simulator.Generate(spec), setup())
			require.NoError(t, w.company.DeleteDepartment(8))
			for d, want := range map[simulator.Dept]bool{2: true, 3: false, 8: true, simulator.Root: false} {
				sees, err := w.client.(provider.MemberReader).SeesDepartment(t.Context(),
					w.company.DepartmentID(w.kind, d))
				require.NoError(t, err)
				require.Equal(t, want, sees, "department %d", d)
			}
		})
	}
}

func TestSinglyOutOfSightIsAnError(t *testing.T) {
	t.Parallel()
	spec := simulator.TypicalSpec(3, 60)
	spec.Departments, spec.MaxDepth = 8, 1
	for vendor, setup := range withLookups(&simulator.Range{Departments: []simulator.Dept{2}}) {
		t.Run(vendor, func(t *testing.T) {
			t.Parallel()
			w := open(t, simulator.Generate(spec), setup())
			hidden := 0
			for p := simulator.PersonID(1); p <= 60; p++ {
				_, gone, err := w.client.(provider.MemberReader).ReadMember(t.Context(), w.ref(p))
				require.False(t, gone, "person %d", p)
				if err != nil {
					hidden++
					require.Contains(t, []provider.Kind{provider.OutOfRange, provider.NotFound}, provider.KindOf(err))
					w.fit(err)
				}
			}
			require.Positive(t, hidden)
			require.Less(t, hidden, 60)
		})
	}
}

func TestContactSyncReadsNobodySingly(t *testing.T) {
	t.Parallel()
	w := open(t, simulator.Generate(simulator.TypicalSpec(3, 60)), onWeCom(wecom.Config{Options: quiet}, syncOnly))
	_, reads := w.client.(provider.MemberReader)
	require.False(t, reads)
}
