package e2e

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/devkit/oracle"
	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/internal/directory"
)

// busy is each provider's code for "try again later".
var busy = map[directory.ProviderType]int{directory.Feishu: 40003, directory.DingTalk: -1, directory.WeCom: -1}

// pageSize is how many people each provider lists on a page; WeCom knows no pages.
var pageSize = map[directory.ProviderType]int{directory.Feishu: 50, directory.DingTalk: 100}

// blow is a fault that strikes one department's listing.
type blow struct {
	name   string
	action simulator.Action
	// says is part of the reason that the department's line in the ledger gives.
	says string
	// page is the page struck; from the second on the department has two.
	page int
	// inner departments have another below them, so that the provider's head count
	// is not that of the listing.
	inner bool
	// harmless: what the answer still says is the whole truth.
	harmless bool
	// final: asking again is not worth it, one blow fails the department.
	final bool
}

// transport are the blows that no provider's own words are in, and those that any
// listing can get.
func transport(kind directory.ProviderType) []blow {
	return []blow{
		{name: "html", action: simulator.Action{Kind: simulator.HTML}},
		{name: "truncated", action: simulator.Action{Kind: simulator.Truncate}},
		{name: "cut", action: simulator.Action{Kind: simulator.Cut}, says: "closed in the middle"},
		{name: "empty body", action: simulator.Action{Kind: simulator.EmptyBody}},
		{name: "reset", action: simulator.Action{Kind: simulator.Reset}, says: "reset"},
		{name: "hang", action: simulator.Action{Kind: simulator.Hang}, says: "within 3s"},
		{name: "status 500", action: simulator.Action{Kind: simulator.HTTPStatus,
			Status: http.StatusInternalServerError}, says: "500"},
		{name: "busy", action: simulator.Action{Kind: simulator.Code, Code: busy[kind]}},
		{name: "out of range", action: simulator.Action{Kind: simulator.OutOfRange}, final: true},
		{name: "no items", action: simulator.Action{Kind: simulator.NoItems}},
		{name: "duplicate", action: simulator.Action{Kind: simulator.Duplicate}, harmless: true},
		{name: "wrong type", action: simulator.Action{Kind: simulator.WrongType}, final: true},
	}
}

// blows are those on listings of people.
func blows(kind directory.ProviderType) []blow {
	// Feishu counts people with those below only: that some are missing shows when all
	// were read.
	uncounted := kind == directory.Feishu
	list := append(transport(kind),
		blow{name: "no items above others", action: simulator.Action{Kind: simulator.NoItems}, inner: true,
			final: uncounted},
		// Feishu's people have another id beside the one that is taken away.
		blow{name: "no id", action: simulator.Action{Kind: simulator.NoID}, final: true,
			harmless: kind == directory.Feishu},
	)
	if pageSize[kind] == 0 {
		return list
	}
	return append(list,
		blow{name: "empty page", action: simulator.Action{Kind: simulator.EmptyPage}, page: 1},
		blow{name: "same token", action: simulator.Action{Kind: simulator.SameToken}, page: 1},
		blow{name: "truncated second page", action: simulator.Action{Kind: simulator.Truncate}, page: 2},
		blow{name: "cycling token", action: simulator.Action{Kind: simulator.CycleToken}, page: 2},
		blow{name: "no items on the second page", action: simulator.Action{Kind: simulator.NoItems}, page: 2},
		blow{name: "no items on the second page above others", action: simulator.Action{Kind: simulator.NoItems},
			page: 2, inner: true, final: uncounted},
	)
}

// victim is a department with a blow of its own.
type victim struct {
	blow
	id     simulator.Dept
	people []simulator.PersonID
	// children are the departments below, where there are some.
	children []simulator.Dept
}

// arena is a company with one department for every blow on listings of people, and
// one for none.
type arena struct {
	*lab
	*source
	victims []victim
	healthy victim
	later   afterPreflight
}

func newArena(w *world, kind directory.ProviderType) *arena {
	w.t.Helper()
	a := &arena{lab: newLab(w.t, 31)}
	for _, b := range blows(kind) {
		people := 4
		if b.page > 0 {
			people = pageSize[kind] + 4
		}
		v := victim{blow: b}
		v.id, v.people = a.below(simulator.Root, b.name, people)
		if b.inner {
			a.below(v.id, "below", 2)
		}
		a.victims = append(a.victims, v)
	}
	a.healthy.id, a.healthy.people = a.below(simulator.Root, "healthy", 6)
	a.source = w.simulateWith(kind, a.Company, a.later.in(kind))
	return a
}

// change lets people leave, join and move everywhere: out of every department into
// the next. Only some leave, so that the removal guard has no say.
func (a *arena) change() {
	a.t.Helper()
	for i := range a.victims {
		v := &a.victims[i]
		if i%2 == 0 {
			a.must(a.Leave(v.people[0]))
			v.people = v.people[1:]
		}
		next := &a.victims[(i+1)%len(a.victims)]
		mover := v.people[0]
		v.people = v.people[1:]
		a.must(a.Move(mover, v.id, next.id))
		next.people = append(next.people, mover)
		v.people = append(v.people, a.hire(v.id))
	}
}

// strike lets the coming run meet faults. The preflight is spared: it gives up where
// most departments that it tries cannot be read.
func (a *arena) strike(times int, struck func(blow) bool) {
	a.later.set(a.source, func() {
		for _, v := range a.victims {
			if struck(v.blow) {
				a.faults.Add(simulator.Fault{
					Endpoint: readers[a.kind].members, Department: a.department(v.id), Page: v.page, Times: times,
					Action: v.action,
				})
			}
		}
	}, nil)
}

func TestFaultsOfMemberListings(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var arenas []*arena
	var sources []*source
	for _, kind := range kinds {
		a := newArena(w, kind)
		arenas, sources = append(arenas, a), append(sources, a.source)
	}
	w.succeed(sources...)

	// Every fault for good, each in its department, in one run.
	var before []oracle.Directory
	for _, a := range arenas {
		before = append(before, w.standing(a.source))
		a.change()
		// Whoever left a department that can be read is looked up and goes; whoever
		// moved into one that cannot is looked up and stays.
		a.must(a.Leave(a.healthy.people[0]), a.Move(a.healthy.people[1], a.healthy.id, a.victims[0].id))
		a.strike(simulator.Forever, func(blow) bool { return true })
	}
	for i, result := range w.syncAll(sources...) {
		a, failed := arenas[i], w.failedDepartments(result.RunID)
		require.Equal(t, directory.RunPartial, result.Status, "%s: %v", a.name, result.Errors)
		if a.kind == directory.DingTalk { // calls by POST, which Go's client does not repeat on its own
			require.Equal(t, int64(a.calls.Total()), result.Calls, "calls that failed are calls too")
		}
		w.requireNothingLost(a.source, before[i])
		told := strings.Join(result.Errors, "\n")
		for _, v := range a.victims {
			id := a.department(v.id)
			if v.harmless {
				require.NotContains(t, failed, id, "%s: %s", a.name, v.name)
				continue
			}
			require.Contains(t, failed, id, "%s: %s", a.name, v.name)
			require.False(t, failed[id].MembersComplete, "%s: %s", a.name, v.name)
			require.Contains(t, failed[id].Error, v.says, "%s: %s", a.name, v.name)
			require.Contains(t, told, "department "+id+": ", "%s: %s", a.name, v.name)
		}
		require.NotContains(t, failed, a.department(a.healthy.id))
		require.NotContains(t, w.members(a.name), a.member(a.healthy.people[0]))
	}
	for _, a := range arenas {
		a.faults.Clear()
	}
	w.succeed(sources...)

	// Every fault that passes, once.
	for _, a := range arenas {
		a.change()
		a.strike(1, func(b blow) bool { return !b.final })
		a.faults.Add(simulator.Fault{Endpoint: readers[a.kind].members, Department: a.department(a.healthy.id),
			Action: simulator.Action{Kind: simulator.ExpireToken}})
	}
	w.succeed(sources...)
	for _, a := range arenas {
		require.Empty(t, a.faults.Pending(), "a fault that did not strike proves nothing")
	}
}
