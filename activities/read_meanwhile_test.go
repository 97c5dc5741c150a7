package activities

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/provider"
)

// slowTree ends the listing of one department only once the members of another were asked
// for, or after seconds: then they are not read meanwhile.
func slowTree(slow, awaited string) (c *company, isRead func() bool) {
	c = departments(3)
	asked := make(chan struct{})
	ask := sync.OnceFunc(func() { close(asked) })
	c.memberPage = func(q provider.Query, _ int) (page provider.MemberPage, err error, ok bool) {
		if q.Department == awaited && q.Cursor != "" {
			ask()
		}
		return page, nil, false
	}
	c.childPage = func(q provider.Query, _ int) (page provider.DepartmentPage, err error, ok bool) {
		if q.Department == slow {
			select {
			case <-asked:
			case <-time.After(5 * time.Second):
			}
		}
		return page, nil, false
	}
	return c, func() bool { return c.count("members "+awaited) > 0 }
}

func TestMembersAreReadWhileTheTreeIs(t *testing.T) {
	t.Parallel()
	store := database(t)
	for name, c := range map[string]struct {
		as   directory.ProviderType
		of   db.NewRun
		want bool
	}{
		"a call for each department": {as: directory.DingTalk, want: true},
		"a tree in few calls":        {as: directory.Feishu},
		"a targeted run":             {as: directory.DingTalk, of: db.NewRun{Departments: []string{"3"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			slow := "3"
			if !c.want {
				slow = ""
			}
			d, isRead := slowTree(slow, "1")
			b := newBenchAs(t, store, c.as, d, d)
			require.NoError(t, store.FinishRun(t.Context(), b.runID, directory.RunFailed, "", directory.Counts{},
				false))
			c.of.Mode = "apply"
			b.beginLimited(c.of)
			must[any](b, b.pull.ReadDepartments, b.ref())
			require.Equal(t, c.want, isRead())
			all := b.seal()
			if c.of.Departments != nil {
				all.Last = 1
			}
			must[ReadMembersResult](b, b.pull.ReadMembers, all)
			require.Equal(t, c.of.Departments == nil, d.count("members 1") == 1, "a department is asked once")
			for id, entry := range b.completeness() {
				require.Equal(t, entry.State == "wanted", entry.MembersComplete, id)
			}
		})
	}
}

// A department that fails meanwhile is left to those who read members, with their attempts
// and their way of saying so.
func TestWhatFailsMeanwhileIsReadAgain(t *testing.T) {
	t.Parallel()
	for _, kind := range []provider.Kind{provider.Malformed, provider.Unavailable, provider.RateLimited,
		provider.Forbidden} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			d, isRead := slowTree("3", "1")
			memberPage := d.memberPage
			d.memberPage = func(q provider.Query, nth int) (page provider.MemberPage, err error, ok bool) {
				page, err, ok = memberPage(q, nth) // the tree ends once this was asked for
				if q.Department == "1" && nth == 1 && q.Cursor == "@1" {
					return page, ofCall(kind), true
				}
				return page, err, ok
			}
			b := newBenchAs(t, database(t), directory.DingTalk, d, d)
			all := b.tree()
			require.True(t, isRead())
			require.Empty(t, b.completeness()["1"].Error)
			out := must[ReadMembersResult](b, b.pull.ReadMembers, all)
			require.Empty(t, out.Failed)
			require.Equal(t, 6, out.People)
			require.Equal(t, 1, d.count("members 1"), "reading goes on after the page that was read")
			require.LessOrEqual(t, d.count("members 1@1"), 2)
		})
	}
}

// What was read meanwhile and is unchanged has no position: nothing is left to be done.
func TestUnchangedDepartmentsNeedNothingMore(t *testing.T) {
	t.Parallel()
	d, _ := slowTree("", "")
	b := newBenchAs(t, database(t), directory.DingTalk, d, d)
	b.load()
	d.people["2"][1] = nil
	d.childPage = func(q provider.Query, _ int) (page provider.DepartmentPage, err error, ok bool) {
		if q.Department == "3" {
			require.Eventually(t, func() bool { return d.count("members 1@1") == 2 && d.count("members 2@1") == 2 },
				5*time.Second, time.Millisecond)
		}
		return page, nil, false
	}
	must[any](b, b.pull.ReadDepartments, b.ref())
	out := must[FinishDepartmentsResult](b, b.pull.FinishDepartments, FinishDepartmentsInput{RunID: b.runID})
	require.Equal(t, 4, out.Departments)
	require.Subset(t, []int{1, 2, 3}, []int{out.Unchanged})
	require.Equal(t, 0, out.UnchangedMembers%2)
	ids := must[DepartmentIDsResult](b, b.pull.DepartmentIDs,
		BatchInput{RunID: b.runID, First: 1, Last: 4 - out.Unchanged}).IDs
	require.Contains(t, ids, "2")
	require.NotContains(t, ids, "1")
}
