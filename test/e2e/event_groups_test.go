package e2e

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/devkit/oracle"
	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/internal/directory"
)

// Who joins or leaves a group is there seconds later, by the lists that the event is about: DingTalk
// tells of roles and of administrators, WeCom of what tags contain (dingtalk-more.md §A3,
// wecom-more.md §A4).
func TestEventsOfGroupsReachTheDirectory(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	intake := w.intake()
	for _, kind := range []directory.ProviderType{directory.DingTalk, directory.WeCom} {
		l := newLab(t, 9)
		d, people := l.below(simulator.Root, "Works", 8)
		first, err := l.AddGroup("Drivers", "Duties")
		l.must(err)
		second, err := l.AddGroup("Cooks", "Duties")
		l.must(err, l.JoinGroup(first, people[0]), l.JoinGroup(first, people[1]), l.JoinGroup(second, people[1]),
			l.SetGroupDepartments(second, d), l.Appoint(people[2], directory.SubAdministrator))
		s := w.simulate(kind, l.Company)
		w.succeed(s)
		full := w.count("SELECT count(*) FROM full_runs")
		pusher := w.follow(s, intake, simulator.Delivery{Duplicate: 0.5})
		l.must(l.LeaveGroup(first, people[0]), l.JoinGroup(first, people[3]), l.SetGroupDepartments(second))
		pusher.Wait()
		w.groupsSettled(s)
		third, err := l.AddGroup("Smiths", "Duties")
		l.must(err, l.JoinGroup(third, people[4]))
		if kind == directory.DingTalk {
			l.must(l.RenameGroup(first, "Pilots"), l.DeleteGroup(second), l.Appoint(people[2], ""),
				l.Appoint(people[5], directory.SubAdministrator))
		}
		pusher.Wait()
		w.groupsSettled(s)
		require.Equal(t, full, w.count("SELECT count(*) FROM full_runs"), "no full run")
		l.must(l.Leave(people[4]))
		pusher.Wait()
		w.groupsSettled(s)
	}
}

// groupsSettled waits until no event of a source waits, and requires its groups and administrators
// to be the company's.
func (w *world) groupsSettled(s *source) {
	w.t.Helper()
	w.followed(s)
	got := w.standing(s)
	truth := oracle.Of(s.kind, s.company.Truth(s.kind), got)
	want := got
	want.Groups, want.Administrators = truth.Groups, truth.Administrators
	for id, g := range want.Groups {
		if g.Category == "默认" { // whether its roles of administrators have events is in no page
			got.Groups[id] = g
		}
	}
	require.Empty(w.t, oracle.Differences(want, got), s.kind)
	require.Zero(w.t, w.count(`SELECT count(*) FROM sync_run_errors x JOIN sync_runs r ON r.id = x.run_id
		JOIN identity_providers p ON p.id = r.provider_id WHERE p.name = $1`, s.name))
}
