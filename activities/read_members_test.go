package activities

import (
	"context"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/provider"
)

// strike answers members calls with an error where it should.
func strike(err error, where func(q provider.Query, nth int) bool) func(provider.Query,
	int) (provider.MemberPage, error, bool) {
	return func(q provider.Query, nth int) (page provider.MemberPage, _ error, ok bool) {
		return page, err, where(q, nth)
	}
}

func in(departments ...string) func(provider.Query, int) bool {
	return func(q provider.Query, _ int) bool {
		for _, d := range departments {
			if q.Department == d {
				return true
			}
		}
		return false
	}
}

// A worker that dies between two pages costs at most the page it was at.
func TestReadingPeopleGoesOnAtThePage(t *testing.T) {
	t.Parallel()
	c := departments(2)
	c.memberPage = strike(context.Canceled, func(q provider.Query, nth int) bool {
		return q.Department == "1" && q.Cursor == "@1" && nth == 1
	})
	b := newBench(t, database(t), c, c)
	all := b.tree()
	_, err := b.attempt(b.pull.ReadMembers, all)
	require.Error(t, err)
	require.Zero(t, c.count("members 2"))

	require.Equal(t, ReadMembersResult{Read: 2, People: 4}, must[ReadMembersResult](b, b.pull.ReadMembers, all),
		"the root was read before")
	require.Equal(t, 1, c.count("members 0"))
	require.Equal(t, 1, c.count("members 1"))
	require.Equal(t, 2, c.count("members 1@1"))
	require.Equal(t, 1, c.count("members 2"))
	require.Equal(t, ReadMembersResult{People: 4}, must[ReadMembersResult](b, b.pull.ReadMembers, all),
		"nothing is left")
	records := b.completeness()
	for _, id := range []string{"1", "2"} {
		require.True(t, records[id].MembersComplete)
		require.Equal(t, 2, records[id].MembersRead)
	}
}

// A department that fails leaves its batch: noted, and reported if it may be tried alone.
func TestDepartmentLeavesItsBatch(t *testing.T) {
	t.Parallel()
	store := database(t)
	for name, c := range map[string]struct {
		kind  provider.Kind
		retry bool
	}{
		"out of range": {provider.OutOfRange, false}, "gone": {provider.NotFound, false},
		"invalid":     {provider.Invalid, false},
		"unavailable": {provider.Unavailable, true}, "malformed": {provider.Malformed, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := departments(3)
			d.memberPage = strike(ofCall(c.kind), in("2"))
			b := newBench(t, store, d, d)
			want := ReadMembersResult{Read: 3, People: 4}
			if c.retry {
				want.Failed = []int{3}
			}
			require.Equal(t, want, must[ReadMembersResult](b, b.pull.ReadMembers, b.tree()))
			records := b.completeness()
			require.False(t, records["2"].MembersComplete)
			require.Contains(t, records["2"].Error, "it does not work")
			require.True(t, records["3"].MembersComplete)
		})
	}
}

// What concerns the run as a whole fails the batch at once, and what was read stays.
func TestWhatConcernsTheRunFailsTheBatch(t *testing.T) {
	t.Parallel()
	store := database(t)
	for _, kind := range []provider.Kind{provider.Forbidden, provider.Unauthenticated, provider.QuotaExhausted,
		provider.RateLimited, provider.TokenRefused} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			c := departments(3)
			c.memberPage = strike(ofCall(kind),
				func(q provider.Query, nth int) bool { return q.Department == "2" && q.Cursor == "" && nth == 1 })
			b := newBench(t, store, c, c)
			all := b.tree()
			failed := b.fails(b.pull.ReadMembers, all)
			require.Equal(t, string(kind), failed.Type())
			require.Equal(t, !kind.Retryable(), failed.NonRetryable())
			require.Zero(t, c.count("members 3"))
			require.Empty(t, b.completeness()["2"].Error, "not the department's fault")
			must[ReadMembersResult](b, b.pull.ReadMembers, all)
			require.Equal(t, 1, c.count("members 1"))
		})
	}
}

// Several departments in a row without a connection: it is not they.
func TestTroubleInARowFailsTheBatch(t *testing.T) {
	t.Parallel()
	store := database(t)
	c := departments(7)
	c.memberPage = strike(ofCall(provider.Unavailable), in("1", "2", "3", "4", "5", "6", "7"))
	b := newBench(t, store, c, c)
	all := b.tree()
	require.False(t, b.fails(b.pull.ReadMembers, all).NonRetryable())
	require.Equal(t, 1, c.count("members 5"))
	require.Zero(t, c.count("members 6"))
	require.True(t, b.fails(b.pull.ReadMembers, all, triesOfBatch-1).NonRetryable())

	must[any](b, b.pull.FailMembers, FailMembersInput{BatchInput: all, Problem: "the provider was down"})
	records := b.completeness()
	require.Equal(t, "the provider was down", records["6"].Error)
	require.Empty(t, records["0"].Error, "the root was read")

	c = departments(9)
	c.memberPage = strike(ofCall(provider.Unavailable), in("1", "2", "3", "4", "6", "7", "8", "9"))
	b = newBench(t, store, c, c)
	require.Equal(t, []int{2, 3, 4, 5, 7, 8, 9, 10}, must[ReadMembersResult](b, b.pull.ReadMembers, b.tree()).Failed,
		"5 was read: it is they")

	c = departments(7)
	unknown := &provider.Error{Provider: directory.WeCom, Kind: provider.Unavailable, Code: "424242", Unknown: true,
		Problem: provider.Detail("it does not work")}
	c.memberPage = strike(unknown, in("1", "2", "3", "4", "5", "6"))
	b = newBench(t, store, c, c)
	require.Equal(t, []int{2, 3, 4, 5, 6, 7}, must[ReadMembersResult](b, b.pull.ReadMembers, b.tree()).Failed,
		"an unknown code says nothing of the others")
	require.Equal(t, 1, c.count("members 7"))

	c = departments(6)
	c.memberPage = strike(ofCall(provider.Malformed), in("1", "2", "3", "4", "5", "6"))
	b = newBench(t, store, c, c)
	require.Len(t, must[ReadMembersResult](b, b.pull.ReadMembers, b.tree()).Failed, 6, "a connection there was")
}

func TestDepartmentAlone(t *testing.T) {
	t.Parallel()
	c := departments(2)
	broken := true
	c.memberPage = func(q provider.Query, _ int) (page provider.MemberPage, err error, ok bool) {
		return page, ofCall(provider.Unavailable), broken && q.Department == "2" && q.Cursor == "@1"
	}
	b := newBench(t, database(t), c, c)
	require.Equal(t, []int{3}, must[ReadMembersResult](b, b.pull.ReadMembers, b.tree()).Failed)
	alone := DepartmentInput{RunID: b.runID, Position: 3}
	require.False(t, b.fails(b.pull.ReadDepartmentMembers, alone, triesOfDepartment-2).NonRetryable())
	require.True(t, b.fails(b.pull.ReadDepartmentMembers, alone, triesOfDepartment-1).NonRetryable())
	require.Contains(t, b.completeness()["2"].Error, "it does not work")

	broken = false
	require.Equal(t, ReadDepartmentMembersResult{People: 2},
		must[ReadDepartmentMembersResult](b, b.pull.ReadDepartmentMembers, alone))
	require.Equal(t, 1, c.count("members 2"), "its first page is not read again")
	require.True(t, b.completeness()["2"].MembersComplete)
	require.Empty(t, b.completeness()["2"].Error)
	must[any](b, b.pull.ReadDepartmentMembers, alone)
	require.Equal(t, 4, c.count("members 2@1"), "what is complete is not asked again")
}

func TestPeopleInCircles(t *testing.T) {
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
			c := departments(2)
			c.memberPage = func(q provider.Query, _ int) (provider.MemberPage, error, bool) {
				return provider.MemberPage{Next: next(q.Cursor)}, nil, q.Department == "1"
			}
			b := newBench(t, store, c, c)
			require.Equal(t, ReadMembersResult{Read: 2, Failed: []int{2}, People: 2},
				must[ReadMembersResult](b, b.pull.ReadMembers, b.tree()))
			require.Contains(t, b.completeness()["1"].Error, "repeats a page token")
		})
	}
}

// An expired page token starts the listing anew, once, and nobody is counted twice.
func TestExpiredTokenStartsTheListingAnew(t *testing.T) {
	t.Parallel()
	store := database(t)
	c := departments(1)
	c.memberPage = strike(ofCall(provider.CursorExpired),
		func(q provider.Query, nth int) bool { return q.Cursor == "@1" && nth == 1 })
	b := newBench(t, store, c, c)
	require.Empty(t, must[ReadMembersResult](b, b.pull.ReadMembers, b.tree()).Failed)
	require.Equal(t, 2, c.count("members 1"))
	require.Equal(t, 2, b.completeness()["1"].MembersRead)

	c = departments(1)
	c.memberPage = strike(ofCall(provider.CursorExpired),
		func(q provider.Query, _ int) bool { return q.Cursor == "@1" })
	b = newBench(t, store, c, c)
	require.Equal(t, []int{2}, must[ReadMembersResult](b, b.pull.ReadMembers, b.tree()).Failed)
	require.Equal(t, 2, c.count("members 1"))
}

// Records that could not be used leave the listing incomplete, and are on record.
func TestUnusableRecords(t *testing.T) {
	t.Parallel()
	store := database(t)
	c := departments(1)
	c.memberPage = func(q provider.Query, _ int) (provider.MemberPage, error, bool) {
		return provider.MemberPage{Members: []directory.Member{member("1", "a")},
			Bad: []string{"record 2 has no userid"}}, nil, q.Department == "1"
	}
	b := newBench(t, store, c, c)
	must[ReadMembersResult](b, b.pull.ReadMembers, b.tree())
	require.False(t, b.completeness()["1"].MembersComplete)
	require.Equal(t, "records of people in it that could not be used were left out: 1", b.completeness()["1"].Error)
	problems, err := b.store.ListProblems(t.Context(), b.runID, 10)
	require.NoError(t, err)
	require.Contains(t, problems, "member of department 1: record 2 has no userid")
}

// A listing goes on over empty pages as long as each names a new next one, but not for ever.
func TestEmptyPagesOfPeople(t *testing.T) {
	t.Parallel()
	store := database(t)
	for name, empty := range map[string]int{"as many as may be": provider.MaxEmptyPages,
		"one more": provider.MaxEmptyPages + 1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := departments(2)
			c.people["1"] = slices.Concat([][]directory.Member{{member("1", "a")}}, make([][]directory.Member, empty),
				[][]directory.Member{{member("1", "b")}})
			b := newBench(t, store, c, c)
			got := must[ReadMembersResult](b, b.pull.ReadMembers, b.tree())
			if empty <= provider.MaxEmptyPages {
				require.Empty(t, got.Failed)
				require.True(t, b.completeness()["1"].MembersComplete)
				require.Equal(t, 2, b.completeness()["1"].MembersRead)
				return
			}
			require.Equal(t, []int{2}, got.Failed)
			require.Contains(t, b.completeness()["1"].Error, "one empty page after another")
		})
	}
}

// counting is a company that has a second opinion on how many people are in a department.
type counting struct {
	*company
	declared int
	err      error
}

func (c counting) CountMembers(context.Context, string) (int, error) {
	c.called("count")
	return c.declared, c.err
}

// Fewer people than are stored are believed only if the second opinion agrees.
func TestSecondOpinionOnPeople(t *testing.T) {
	t.Parallel()
	store := database(t)
	for name, c := range map[string]struct {
		declared int
		err      error
		failed   []int
		complete bool
	}{
		"agrees":          {1, nil, nil, true},
		"counts more":     {2, nil, []int{1}, false},
		"cannot be had":   {0, ofCall(provider.Unavailable), []int{1}, false},
		"does not serve":  {0, ofCall(provider.NotFound), nil, true},
		"is out of range": {0, ofCall(provider.OutOfRange), nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := departments(2) // the root, empty, comes behind it
			b := newBench(t, store, d, counting{d, c.declared, c.err})
			b.load()
			require.Zero(t, d.count("count"), "nobody is missing in a first load")
			d.people["1"] = [][]directory.Member{{member("1", "a")}}
			require.Equal(t, c.failed, must[ReadMembersResult](b, b.pull.ReadMembers, b.tree()).Failed)
			require.Equal(t, 1, d.count("count"), "only where somebody is missing")
			require.Equal(t, c.complete, b.completeness()["1"].MembersComplete)
			if name == "counts more" {
				require.Contains(t, b.completeness()["1"].Error,
					"1 people were listed in department 1, but the provider counts 2")
				d.people["1"] = departments(1).people["1"]
				must[any](b, b.pull.ReadDepartmentMembers, DepartmentInput{RunID: b.runID, Position: 1})
				require.True(t, b.completeness()["1"].MembersComplete, "the next answer was whole")
			}
		})
	}
}

// A refused permission for the second opinion ends the run: it would stay refused.
func TestForbiddenSecondOpinionEndsTheRun(t *testing.T) {
	t.Parallel()
	c := departments(1)
	b := newBench(t, database(t), c, counting{c, 0, ofCall(provider.Forbidden)})
	b.load()
	c.people["1"] = nil
	failed := b.fails(b.pull.ReadMembers, b.tree())
	require.Equal(t, string(provider.Forbidden), failed.Type())
}

// A run that was overtaken reads nothing more.
func TestOvertakenRunStopsReading(t *testing.T) {
	t.Parallel()
	c := departments(1)
	b := newBench(t, database(t), c, c)
	all := b.tree()
	old := b.runID
	b.begin()
	require.NotEqual(t, old, b.runID)
	failed := b.fails(b.pull.ReadMembers, all)
	require.Contains(t, []string{TypeSuperseded, TypeNotFound}, failed.Type())
	require.True(t, failed.NonRetryable())
}
