package activities

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/provider"
)

// ofCall is an error as clients return it.
func ofCall(kind provider.Kind) error {
	return &provider.Error{Provider: directory.DingTalk, Kind: kind, Endpoint: "department/listsub",
		Problem: provider.Detail("it does not work")}
}

// pagedTree has its departments on three pages.
func pagedTree() *company {
	c := departments(0)
	c.children["0"] = [][]provider.FoundDepartment{{found("1", "0")}, {found("2", "0")}, {found("3", "0")}}
	return c
}

// A page that failed is asked again; those before it are not, in whatever process.
func TestReadingDepartmentsGoesOnAtThePage(t *testing.T) {
	t.Parallel()
	c := pagedTree()
	c.childPage = func(q provider.Query, nth int) (page provider.DepartmentPage, err error, ok bool) {
		return page, ofCall(provider.Unavailable), q.Cursor == "@1" && nth == 1
	}
	b := newBench(t, database(t), c, c)
	failed := b.fails(b.pull.ReadDepartments, b.ref())
	require.Equal(t, string(provider.Unavailable), failed.Type())
	require.False(t, failed.NonRetryable())

	require.Equal(t, 4, b.tree().Last)
	require.Equal(t, 1, c.count("children 0"))
	require.Equal(t, 2, c.count("children 0@1"))
	require.Equal(t, 1, c.count("children 0@2"))
	for id, entry := range b.completeness() {
		require.True(t, entry.ChildrenComplete, id)
	}
	run, err := b.store.Report.GetRun(t.Context(), b.runID)
	require.NoError(t, err)
	require.EqualValues(t, 2+1+2+1+3, run.Calls, "roots twice, the pages, the leaves")
}

// One department's trouble stops neither the walk nor, if it is for good, the run.
func TestDepartmentThatCannotBeAskedIsNoted(t *testing.T) {
	t.Parallel()
	store := database(t)
	for name, c := range map[string]struct {
		err   error
		retry bool
	}{
		"out of range":         {ofCall(provider.OutOfRange), false},
		"gone":                 {ofCall(provider.NotFound), false},
		"too large, no way on": {ofCall(provider.TooLarge), false},
		"unavailable":          {ofCall(provider.Unavailable), true},
		"malformed":            {ofCall(provider.Malformed), true},
		"throttled":            {ofCall(provider.RateLimited), true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := departments(3)
			d.childPage = func(q provider.Query, _ int) (page provider.DepartmentPage, err error, ok bool) {
				return page, c.err, q.Department == "2"
			}
			b := newBench(t, store, d, d)
			if c.retry {
				b.fails(b.pull.ReadDepartments, b.ref())
			} else {
				must[any](b, b.pull.ReadDepartments, b.ref())
			}
			require.Equal(t, 1, d.count("children 3"), "the others are asked all the same")
			sealed := must[FinishDepartmentsResult](b, b.pull.FinishDepartments,
				FinishDepartmentsInput{RunID: b.runID, Problem: "given up"})
			shape := shardingOf(directory.DingTalk, 4)
			require.Equal(t, FinishDepartmentsResult{Departments: 4, Failed: 1, Sharding: shape,
				Shards: [][2]string{{"0", "3"}}}, sealed)
			entry := b.completeness()["2"]
			require.False(t, entry.ChildrenComplete)
			if c.retry {
				require.Equal(t, "given up", entry.Error)
			} else {
				require.Contains(t, entry.Error, "it does not work")
			}
			require.True(t, b.completeness()["3"].ChildrenComplete)
		})
	}
}

func TestWhatEndsTheRunEndsTheWalk(t *testing.T) {
	t.Parallel()
	c := departments(3)
	c.childPage = func(provider.Query, int) (page provider.DepartmentPage, err error, ok bool) {
		return page, ofCall(provider.Forbidden), true
	}
	b := newBench(t, database(t), c, c)
	failed := b.fails(b.pull.ReadDepartments, b.ref())
	require.True(t, failed.NonRetryable())
	require.True(t, EndsRun(failed))
	require.Zero(t, c.count("children 1"))
}

func TestTreeIsGivenUpAfterSomeTries(t *testing.T) {
	t.Parallel()
	c := departments(1)
	c.childPage = func(provider.Query, int) (page provider.DepartmentPage, err error, ok bool) {
		return page, ofCall(provider.Unavailable), true
	}
	b := newBench(t, database(t), c, c)
	require.False(t, b.fails(b.pull.ReadDepartments, b.ref(), triesOfRun-2).NonRetryable())
	require.True(t, b.fails(b.pull.ReadDepartments, b.ref(), triesOfRun-1).NonRetryable())
}

// A listing that goes round in circles ends with an error, not never.
func TestDepartmentsInCircles(t *testing.T) {
	t.Parallel()
	store := database(t)
	for name, next := range map[string]func(cursor string) string{
		"same token": func(string) string { return "@1" },
		"two by turn": func(cursor string) string {
			return map[string]string{"": "@1", "@1": "@2", "@2": "@1"}[cursor]
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := departments(1)
			c.childPage = func(q provider.Query, _ int) (provider.DepartmentPage, error, bool) {
				return provider.DepartmentPage{Next: next(q.Cursor)}, nil, q.Department == "0"
			}
			b := newBench(t, store, c, c)
			failed := b.fails(b.pull.ReadDepartments, b.ref())
			require.Equal(t, string(provider.Malformed), failed.Type())
			require.Contains(t, failed.Message(), "below 0 repeats a page token")
		})
	}
}

// An expired page token starts the listing anew; what was staged does no harm.
func TestExpiredTokenStartsTheTreeAnew(t *testing.T) {
	t.Parallel()
	c := pagedTree()
	c.childPage = func(q provider.Query, _ int) (page provider.DepartmentPage, err error, ok bool) {
		return page, ofCall(provider.CursorExpired), q.Cursor == "@2" && c.count("children 0") == 1
	}
	b := newBench(t, database(t), c, c)
	require.False(t, b.fails(b.pull.ReadDepartments, b.ref()).NonRetryable())
	require.Equal(t, 4, b.tree().Last)
	require.Equal(t, 2, c.count("children 0"), "from the first page")
	require.True(t, b.completeness()["0"].ChildrenComplete)
}

// What is too large is asked for in the pieces that the client names.
func TestTooLargeIsAskedForInPieces(t *testing.T) {
	t.Parallel()
	c := departments(2)
	c.childPage = func(q provider.Query, _ int) (page provider.DepartmentPage, err error, ok bool) {
		return page, &provider.Error{
				Provider: directory.Feishu,
				Kind:     provider.TooLarge,
				Problem:  provider.Detail("too many"),
				Instead:  "direct",
			},
			q.Department == "0" &&
				q.Method == "children"
	}
	b := newBench(t, database(t), c, c)
	require.Equal(t, 3, b.tree().Last)
	require.Equal(t, 2, c.count("children 0"))
	require.True(t, b.completeness()["0"].ChildrenComplete)
}

func TestEmptyTreeIsMalformed(t *testing.T) {
	t.Parallel()
	c := departments(0)
	c.roots = nil
	b := newBench(t, database(t), c, c)
	failed := b.fails(b.pull.ReadDepartments, b.ref())
	require.Equal(t, string(provider.Malformed), failed.Type())
	require.Contains(t, failed.Message(), "not even the root")
}

// A record that should have been a department is named, and costs the listing it was in:
// not that of the people beside it.
func TestUnusableDepartmentRecords(t *testing.T) {
	t.Parallel()
	store := database(t)
	c := departments(3)
	c.people["0"] = [][]directory.Member{{member("0", "a")}}
	b := newBench(t, store, c, c)
	b.load()
	const bad = "record 3: no usable dept_id"
	c.childPage = func(q provider.Query, _ int) (provider.DepartmentPage, error, bool) {
		return provider.DepartmentPage{Departments: []provider.FoundDepartment{found("1", "0"), found("2", "0")},
			Bad: []string{bad}}, nil, q.Department == "0"
	}
	all := b.tree()
	must[ReadMembersResult](b, b.pull.ReadMembers, all)
	root := b.completeness()["0"]
	require.False(t, root.ChildrenComplete)
	require.True(t, root.MembersComplete, "the people of the department above were read")
	require.Equal(t, "records of departments below it that could not be used were left out: 1", root.Error)
	problems, err := b.store.ListProblems(t.Context(), b.runID, 10)
	require.NoError(t, err)
	require.Equal(t, []string{"department 0: " + root.Error, "department below 0: " + bad}, problems)

	// Who leaves that department goes: its people are known to the last.
	c.people["0"] = [][]directory.Member{{member("0", "b")}}
	report := must[RunReport](b, b.runs.FinishRun, FinishRunInput{RunID: b.runID})
	require.Equal(t, 1, report.Departments.Failed, "one record counts once")
	b.begin()
	b.read()
	plan := must[PlanRemovalsResult](b, b.reconcile.PlanRemovals, PlanRemovalsInput{RunID: b.runID})
	require.Equal(t, 1, plan.Memberships, "%+v", plan)
}

// A tree that comes in one answer is incomplete, anywhere, where one of its records cannot
// be used.
func TestUnusableRecordOfAWholeTree(t *testing.T) {
	t.Parallel()
	c := departments(0)
	for _, id := range []string{"1", "2"} {
		c.roots = append(c.roots, found(id, "0"))
	}
	for i := range c.roots {
		c.roots[i].ChildrenMethod = ""
	}
	b := newBench(t, database(t), c, c)
	b.load()
	whole := c.roots
	c.roots, c.badRoots = whole[:2], []string{`department/list: record 3 (id "2"): no usable id`}
	b.tree()
	for id, entry := range b.completeness() {
		require.False(t, entry.ChildrenComplete, id)
	}
	require.Equal(
		t,
		"records of departments below it that could not be used were left out: 1",
		b.completeness()["0"].Error,
	)
	require.Empty(t, b.completeness()["1"].Error)
	problems, err := b.store.ListProblems(t.Context(), b.runID, 10)
	require.NoError(t, err)
	require.Contains(t, problems, c.badRoots[0])
	report := must[RunReport](b, b.runs.FinishRun, FinishRunInput{RunID: b.runID})
	require.Equal(t, 1, report.Departments.Failed, report.Errors)

	b.begin()
	c.roots, c.badRoots = whole, nil
	b.tree()
	for id, entry := range b.completeness() {
		require.True(t, entry.ChildrenComplete, id)
	}
}

// What a top is named by alone keeps what is stored of it, its place in the tree too.
func TestTopOfWhichNothingIsKnown(t *testing.T) {
	t.Parallel()
	c := departments(0)
	top := found("2", "1")
	top.Raw, top.SortOrder = json.RawMessage(`{"order":7}`), new(int64(7))
	c.roots = append(c.roots, found("1", "0"), top)
	b := newBench(t, database(t), c, c)
	b.load()
	c.roots[2] = provider.FoundDepartment{Department: directory.Department{ExternalID: "2"},
		ChildrenMethod: "children", MembersMethod: ownMembers}
	b.read()
	report := must[RunReport](b, b.runs.FinishRun, FinishRunInput{RunID: b.runID})
	require.Equal(t, directory.RunSucceeded, report.Status, report.Errors)
	require.Equal(t, 3, report.Departments.Unchanged, "%+v", report.Departments)
}

// A listing goes on over empty pages as long as each names a new next one, but not for ever.
func TestEmptyPagesOfDepartments(t *testing.T) {
	t.Parallel()
	store := database(t)
	for name, empty := range map[string]int{"as many as may be": provider.MaxEmptyPages,
		"one more": provider.MaxEmptyPages + 1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := departments(0)
			c.children["0"] = append(make([][]provider.FoundDepartment, empty),
				[]provider.FoundDepartment{found("1", "0")})
			b := newBench(t, store, c, c)
			if empty <= provider.MaxEmptyPages {
				require.Equal(t, 2, b.tree().Last)
				require.True(t, b.completeness()["0"].ChildrenComplete)
				return
			}
			failed := b.fails(b.pull.ReadDepartments, b.ref())
			require.Equal(t, string(provider.Malformed), failed.Type())
			require.Contains(t, failed.Message(), "below 0 returns one empty page after another")
			require.Equal(t, 2, b.tree().Last, "the next attempt goes on from there")
		})
	}
}

// childCounting is a company that has a second opinion on how many departments are
// below one.
type childCounting struct {
	*company
	declared int
	err      error
}

func (c childCounting) CountChildren(context.Context, string) (int, error) {
	c.called("count")
	return c.declared, c.err
}

// Fewer departments than are stored are believed only if the second opinion agrees.
func TestSecondOpinionOnDepartments(t *testing.T) {
	t.Parallel()
	store := database(t)
	for name, c := range map[string]struct {
		declared int
		err      error
		complete bool
	}{
		"agrees":           {1, nil, true},
		"counts more":      {3, nil, false},
		"cannot be had":    {0, ofCall(provider.Unavailable), false},
		"is out of range":  {0, ofCall(provider.OutOfRange), false},
		"fewer than there": {0, nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := departments(3)
			b := newBench(t, store, d, childCounting{d, c.declared, c.err})
			b.load()
			require.Zero(t, d.count("count"), "nothing is missing in a first load")
			d.children["0"] = [][]provider.FoundDepartment{{found("1", "0")}}
			_, err := b.attempt(b.pull.ReadDepartments, b.ref())
			require.Equal(t, c.complete || provider.KindOf(c.err) == provider.OutOfRange, err == nil, "%v", err)
			b.seal()
			require.Equal(t, c.complete, b.completeness()["0"].ChildrenComplete)
			require.Positive(t, d.count("count"))
		})
	}
}
