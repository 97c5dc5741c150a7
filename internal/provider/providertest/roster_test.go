package providertest

import (
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/devkit/simulator/wecom"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/provider"
)

// roster reads the roster to its end: whom each page names, what was put aside, and
// what ended it.
func (w *world) roster() (pages [][]string, r *reading) {
	w.t.Helper()
	r = &reading{kind: w.kind}
	r.pages(pending{department: "everybody"}, func(cursor string) (string, error) {
		page, err := w.client.(provider.MemberLister).ListMembers(w.t.Context(), cursor)
		var named []string
		for _, m := range page.Members {
			named = append(named, m.ExternalID)
		}
		pages, r.bad = append(pages, named), append(r.bad, page.Bad...)
		return page.Next, err
	})
	return pages, r
}

// names are the ids of all who work in the company, sorted.
func (w *world) names() []string {
	return slices.Sorted(maps.Keys(w.company.Truth(w.kind).Members))
}

// sorted are the people of all pages, each once.
func sorted(pages [][]string) []string {
	people := slices.Concat(pages...)
	slices.Sort(people)
	return slices.Compact(people)
}

func TestTheRosterNamesEverybodyWhoWorksThere(t *testing.T) {
	t.Parallel()
	// Fewer people than the rows of the largest page (wecom.md §3.2), but more rows,
	// one for each of their departments.
	spec := simulator.Spec{Seed: 3, Departments: 30, Members: 9_500, RootMembers: 50, SeveralDepartments: 0.2,
		Inactive: 0.02, NotActivated: 0.05}
	for name, c := range map[string]struct {
		cfg  wecom.Config
		keys mode
	}{
		"last page without a cursor":  {wecom.Config{Options: quiet}, syncOnly},
		"last page with an empty one": {wecom.Config{Options: quiet, EmptyLastCursor: true}, syncOnly},
		"address known of old":        {wecom.Config{Options: quiet, OldSyncIP: true}, syncOnly},
		// The range is the app's, not contact sync's (wecom.md §1.4).
		"an app that sees a part": {
			wecom.Config{Options: quiet, Range: &simulator.Range{Departments: []simulator.Dept{2}}}, syncOnly},
		"an app that sees a part, with key": {
			wecom.Config{Options: quiet, Range: &simulator.Range{Departments: []simulator.Dept{2}}}, both},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := open(t, simulator.Generate(spec), onWeCom(c.cfg, c.keys))
			leaver := w.ref(1).ExternalID
			require.NoError(t, w.company.Leave(1))
			require.NoError(t, w.company.Freeze(2, true))
			require.NoError(t, w.company.Activate(3, false))
			require.NoError(t, w.company.SetDepartments(4, 5, 6, simulator.Root))
			pages, r := w.roster()
			require.Empty(t, r.errs)
			require.Empty(t, r.bad)
			require.Len(t, pages, 2)
			require.NotContains(t, sorted(pages), leaver)
			require.Equal(t, w.names(), sorted(pages))
		})
	}
}

func TestUnderEveryFaultTheRosterNamesEverybodyOrSaysThatItDidNot(t *testing.T) {
	t.Parallel()
	setup := func() *setup { return onWeCom(wecom.Config{Options: quiet}, syncOnly) }
	fair := open(t, troubled(directory.WeCom), setup())
	fair.roster()
	for _, endpoint := range slices.Sorted(maps.Keys(fair.service.Calls.All())) {
		for fault, action := range faultsOf(directory.WeCom) {
			struck(t, endpoint+"/"+fault, func(t *testing.T) {
				w := open(t, troubled(directory.WeCom), setup())
				w.service.Faults.Add(simulator.Fault{Endpoint: endpoint, Times: simulator.Forever, Action: action})
				pages, r := w.roster()
				for _, err := range r.errs {
					w.fit(err)
				}
				w.requireDiscreet(r.bad...)
				if len(r.errs)+len(r.bad) == 0 {
					require.Equal(t, w.names(), sorted(pages))
				}
			})
		}
	}
}
