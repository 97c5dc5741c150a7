package db_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/internal/directory"
)

// groups is what a provider says of groups and administrators, and how reading it ends. A
// group is "g1=a,b+10": a and b belong to it, and department 10; "a^10" has 10 as their scope;
// "g1!" is one whose listing failed.
type groups struct {
	list           string
	administrators string
	// failed are lists that were not read to their end: groups, administrators; off are those
	// that are not read at all.
	failed, off string
}

const (
	groupTree = "1; 10<1; 11<10; 20<1"
	groupers  = "a in=1; b in=10; c in=11; d in=20; e status=inactive in=10"
)

// readGroups stages groups and administrators.
func (r *run) readGroups(g groups) {
	r.t.Helper()
	ctx, store := r.t.Context(), r.c.store
	end := func(kind directory.Kind, id string, fails bool, page db.ListingPage) {
		page.ExternalID = id
		if fails {
			r.stageListing(kind, page)
			require.NoError(r.t, store.FailListing(ctx, r.id, kind, id, "no answer", false))
			return
		}
		if !r.stageListing(kind, page, id) {
			require.NoError(r.t, store.RestartListing(ctx, r.id, kind, id, true))
			require.True(r.t, r.stageListing(kind, page, id))
		}
	}
	require.NoError(r.t, store.BeginListing(ctx, r.id, directory.KindGroup))
	if g.off == "" {
		require.NoError(r.t, store.BeginListing(ctx, r.id, directory.KindAdministrator))
	}
	list := db.ListingPage{}
	contents := map[string]string{}
	for _, line := range lines(g.list) {
		name, content, _ := strings.Cut(line, "=")
		id, _, _ := strings.Cut(name, "!")
		contents[name] = content
		list.Groups = append(list.Groups, directory.Group{ExternalID: id, Kind: directory.Role, Name: new("G" + id)})
		list.Methods = append(list.Methods, "members")
	}
	end(directory.KindGroup, "", strings.Contains(g.failed, "groups"), list)
	for _, name := range slices.Sorted(maps.Keys(contents)) {
		id, fails := strings.CutSuffix(name, "!")
		members, departments, _ := strings.Cut(contents[name], "+")
		page := db.ListingPage{Departments: strings.FieldsFunc(departments, comma)}
		for _, m := range strings.FieldsFunc(members, comma) {
			member, scope, scoped := strings.Cut(m, "^")
			place := directory.GroupMember{Member: member}
			if scoped {
				place.Scope = []string{scope}
			}
			page.Members = append(page.Members, place)
		}
		end(directory.KindGroupMembership, id, fails, page)
	}
	if g.off != "" {
		return
	}
	page := db.ListingPage{}
	for _, id := range strings.FieldsFunc(g.administrators, comma) {
		id, level, _ := strings.Cut(id, ":")
		page.Administrators = append(page.Administrators,
			directory.Administrator{Member: id, Level: directory.AdministratorLevel(level)})
	}
	end(directory.KindAdministrator, "", strings.Contains(g.failed, "administrators"), page)
}

// stageListing stages a page, and reports whether the listings named have ended with it.
func (r *run) stageListing(kind directory.Kind, page db.ListingPage, ended ...string) bool {
	r.t.Helper()
	again, err := r.c.store.StageListings(r.t.Context(), r.id, kind, []db.ListingPage{page}, ended)
	require.NoError(r.t, err)
	return len(again) == 0
}

func comma(r rune) bool { return r == ',' }

// syncGroups carries out a run that reads groups, too.
func (c *company) syncGroups(s snapshot, g groups) *run {
	c.t.Helper()
	r := c.beginGroups("apply", s, g)
	r.planRemovals()
	r.remove()
	r.recompute()
	r.finish()
	return r
}

func (c *company) beginGroups(mode string, s snapshot, g groups) *run {
	c.t.Helper()
	r := c.begin(mode)
	r.read(s)
	r.apply(s.limited)
	r.readGroups(g)
	return r
}

// grouped is what the directory holds: "g1 3: a,b+10" with the head count.
func (c *company) grouped() []string {
	c.t.Helper()
	return c.texts(c.t, `
		SELECT g.external_id || ' ' || g.member_count || ': '
			|| coalesce((SELECT string_agg(m.external_id || coalesce('^' || (SELECT string_agg(d.external_id, ' ')
			FROM org_departments d WHERE d.id = ANY (gm.scope)), ''), ',' ORDER BY m.external_id)
				FROM org_group_members gm JOIN org_members m ON m.id = gm.member_id WHERE gm.group_id = g.id), '')
			|| coalesce('+' || (SELECT string_agg(d.external_id, ',' ORDER BY d.external_id)
				FROM org_group_departments gd JOIN org_departments d ON d.id = gd.department_id
				WHERE gd.group_id = g.id), '')
		FROM org_groups g WHERE g.provider_id = $1 AND g.status = 'active'
		UNION ALL
		SELECT 'administrator ' || m.external_id || ' ' || a.source || ' ' || a.level
		FROM org_administrators a JOIN org_members m ON m.id = a.member_id WHERE a.provider_id = $1
		ORDER BY 1`, c.provider.ID)
}

func TestGroups(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	for name, test := range map[string]func(*testing.T, *company){
		"are stored and counted":                 groupsAreStoredAndCounted,
		"unchanged ones write no row":            unchangedGroupsWriteNothing,
		"go with what they hang on":              groupsGoWithWhatTheyHangOn,
		"many removals are held":                 manyRemovalsOfGroupsAreHeld,
		"are left alone by targeted runs":        targetedRunsLeaveGroupsAlone,
		"are explained":                          groupsAreExplained,
		"a plan says what apply does":            aPlanOfGroupsSaysWhatApplyDoes,
		"an empty answer is asked for once more": anEmptyAnswerIsAskedForOnceMore,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, d.company(t, directory.DingTalk))
		})
	}
}

func groupsAreStoredAndCounted(t *testing.T, c *company) {
	s := snapshot{departments: groupTree, members: groupers}
	first := c.syncGroups(s, groups{list: "g1=a,b^20; g2=a,d+10; g3=; g4=nobody,e", administrators: "a:main,d:sub"})
	require.Equal(t, []string{
		"administrator a provider main", "administrator d provider sub",
		"g1 2: a,b^20", "g2 4: a,d+10", "g3 0: ", "g4 0: e",
	}, c.grouped(), "c belongs to g2 through 11 below 10, and e is not active")
	require.Equal(t, directory.GroupCounts{Read: 4, Created: 4}, first.counts.Groups)
	require.Equal(t, directory.MembershipCounts{Created: 6}, first.counts.GroupMemberships)
	require.Equal(t, directory.AdministratorCounts{Read: 2, Created: 2}, first.counts.Administrators)
	require.Empty(t, first.problems())

	second := c.syncGroups(s, groups{list: "g1=b^10; g2=a,d+20; g4=e", administrators: "a:sub"})
	require.Equal(t, []string{"administrator a provider sub", "g1 1: b^10", "g2 2: a,d+20", "g4 0: e"}, c.grouped())
	require.Equal(t, []string{
		"administrator deleted d", "administrator updated a", "group deleted g3",
		"group_membership created 20", "group_membership deleted 10", "group_membership deleted a",
		"group_membership updated b",
	}, second.changes())

	moved := c.syncGroups(snapshot{departments: "1; 10<20; 11<10; 20<1", members: groupers},
		groups{list: "g1=b^10; g2=a,d+20; g4=e", administrators: "a:sub"})
	require.Equal(t, []string{"administrator a provider sub", "g1 1: b^10", "g2 4: a,d+20", "g4 0: e"}, c.grouped(),
		"10 is below 20 now")
	require.Equal(t, []string{"department moved 10"}, moved.changes())
}

func unchangedGroupsWriteNothing(t *testing.T, c *company) {
	s, g := snapshot{departments: groupTree, members: groupers}, groups{list: "g1=a,b^20; g2=a,d+10; g3=",
		administrators: "a:main"}
	c.syncGroups(s, g)
	before := c.versions()
	again := c.syncGroups(s, g)
	require.Equal(t, before, c.versions())
	require.Empty(t, again.changes())
	require.Equal(t, directory.GroupCounts{Read: 3, Unchanged: 3}, again.counts.Groups)
}

func groupsGoWithWhatTheyHangOn(t *testing.T, c *company) {
	g := groups{list: "g1=a,d+20; g2=d", administrators: "a:main,d:sub"}
	c.syncGroups(snapshot{departments: groupTree, members: groupers}, g)
	r := c.syncGroups(snapshot{departments: "1; 10<1; 11<10",
		members: "a in=1; b in=10; c in=11; e status=inactive in=10"}, g)
	require.Equal(t, []string{"administrator a provider main", "g1 1: a", "g2 0: "}, c.grouped())
	require.Equal(t, []string{"administrator d", "department 20", "group_membership 20", "group_membership d",
		"group_membership d", "member d", "membership d"}, r.removals())
	require.Zero(t, r.plan.Independent.GroupMemberships, "what goes with a member counts as that member")
}

// Each listing that was not read keeps what it stands for, and nothing else.
func TestAnUnreadListingOfGroupsKeepsThem(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	stored := []string{"administrator a provider main", "administrator d provider sub", "g1 2: a,b", "g2 2: d+10"}
	for name, c := range map[string]struct {
		departments, members string
		groups               groups
		want                 []string
		failed               int
	}{
		"nothing failed": {groupTree, groupers, groups{list: "g1=a"}, []string{"g1 1: a"}, 0},
		"the list of groups": {groupTree, groupers,
			groups{list: "g1=a", failed: "groups", administrators: "a:main"},
			[]string{"administrator a provider main", "g1 1: a", "g2 3: d+10"}, 1},
		"the list, empty": {groupTree, groupers, groups{failed: "groups administrators"}, stored, 1},
		"one group": {groupTree, groupers, groups{list: "g1!=; g2=d", administrators: "a:main,d:sub"},
			[]string{"administrator a provider main", "administrator d provider sub", "g1 2: a,b", "g2 1: d"}, 1},
		"administrators": {groupTree, groupers, groups{list: "g1=a,b; g2=d+10", failed: "administrators"}, nil,
			0},
		"members": {"1; 10<1 members=fail; 11<10; 20<1", "a in=1; c in=11; d in=20",
			groups{list: "g1=a,b; g2=d+10", administrators: "a:main,d:sub"}, nil, 0},
		"members, an id is new": {"1; 10<1 members=fail; 11<10; 20<1", "a in=1; c in=11; d in=20",
			groups{list: "g1=a,b2; g2=d", administrators: "a:main,d:sub"},
			[]string{"administrator a provider main", "administrator d provider sub", "g1 2: a,b", "g2 3: d+10"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			co := d.company(t, directory.DingTalk)
			co.syncGroups(snapshot{departments: groupTree, members: groupers},
				groups{list: "g1=a,b; g2=d+10", administrators: "a:main,d:sub"})
			if c.want == nil {
				c.want = co.grouped()
			}
			people := len(co.places())
			r := co.syncGroups(snapshot{departments: c.departments, members: c.members}, c.groups)
			if name == "the list, empty" {
				c.want = slices.Clone(stored)
				c.want[3] = "g2 3: d+10"
			}
			require.Equal(t, c.want, co.grouped())
			require.Equal(t, c.failed, r.counts.Groups.Failed)
			require.Len(t, co.places(), people, "members are not concerned")
			require.Zero(t, r.counts.Members.Failed)
		})
	}
}

func manyRemovalsOfGroupsAreHeld(t *testing.T, c *company) {
	s := snapshot{departments: groupTree, members: groupers}
	c.syncGroups(s, groups{list: "g1=a; g2=a; g3=a; g4=a,b,c,d"})
	r := c.beginGroups("apply", s, groups{list: "g9=a"})
	plan := r.planRemovals()
	require.Equal(t, directory.PerKind{Groups: 4, GroupMemberships: 7}, plan.Planned)
	require.Equal(t, directory.PerKind{Groups: 4}, plan.Independent)
	require.Equal(t, 4, plan.Active.Groups, "g9 is new")
	require.Equal(t, 3, plan.Limit(directory.KindGroup))
	held, err := c.store.ListHeldRemovals(t.Context(), r.id)
	require.NoError(t, err)
	require.Equal(t, []string{"g1", "g2", "g3", "g4"}, held.Groups.IDs)
	require.Equal(t, "a in g1", held.GroupMemberships.IDs[0])
	leavers, err := c.store.ListPlannedRemovals(t.Context(), r.id, db.RemovalsLimit{})
	require.NoError(t, err)
	require.Len(t, leavers.Groups, 4)
	require.Equal(t, db.PlannedGroup{ExternalID: "g4", Name: "Gg4", Members: 4, Reason: "not_listed"},
		leavers.Groups[0])
	require.Empty(t, leavers.GroupPlaces, "they go with their groups")
	r = c.beginGroups("apply", s, groups{list: "g1=a; g2=a; g3=a; g4=a,c+20"})
	r.planRemovals()
	r.remove()
	r.recompute()
	r.finish()
	r = c.beginGroups("apply", s, groups{list: "g1=b; g2=a; g3=a; g4=a,c+10"})
	r.planRemovals()
	leavers, err = c.store.ListPlannedRemovals(t.Context(), r.id, db.RemovalsLimit{})
	require.NoError(t, err)
	require.Empty(t, leavers.Groups)
	require.Equal(t, []db.PlannedGroupMembership{
		{Kind: directory.KindMember, ExternalID: "a", Name: "Na", Group: "g1", GroupName: "Gg1", Reason: "not_listed"},
		{Kind: directory.KindDepartment, ExternalID: "20", Name: "D20", Group: "g4", GroupName: "Gg4",
			Reason: "not_listed"},
	}, leavers.GroupPlaces)
}

func targetedRunsLeaveGroupsAlone(t *testing.T, c *company) {
	c.syncGroups(snapshot{departments: groupTree, members: groupers}, groups{list: "g1=a,b", administrators: "a:main"})
	stored := c.grouped()
	r := c.beginLimited("apply", db.NewRun{Departments: []string{"20"}})
	groups, administrators, err := c.store.ReadsGroups(t.Context(), r.id)
	require.NoError(t, err)
	require.False(t, groups || administrators)
	r.read(snapshot{departments: groupTree, members: groupers})
	r.apply(false)
	r.planRemovals()
	r.remove()
	r.recompute()
	r.finish()
	require.Equal(t, stored, c.grouped())
}

func groupsAreExplained(t *testing.T, c *company) {
	s := snapshot{departments: groupTree, members: groupers}
	c.syncGroups(s, groups{list: "g1=a,b; g3=a"})
	removing := c.syncGroups(s, groups{list: "g1=b"})
	history := func(text string) db.ObjectHistory {
		found, err := c.store.FindObjects(t.Context(), c.provider.ID, text, 2)
		require.NoError(t, err)
		require.Len(t, found, 1)
		out, err := c.store.GetObjectHistory(t.Context(), found[0])
		require.NoError(t, err)
		return out
	}
	gone := history("g3").Runs[1]
	require.Equal(t, removing.id, gone.Run.ID)
	require.Equal(t, []string{"group", "deleted", "not_listed", "within_limits"},
		[]string{gone.Changes[0].ObjectType, gone.Changes[0].Kind, gone.Changes[0].Reason, gone.Changes[0].Decision})
	require.Equal(t, "groups", gone.Evidence.Listings[0].Of)
	require.True(t, gone.Evidence.Listings[0].Complete)

	member := history("a").Runs[1]
	reasons := map[string]string{}
	for _, change := range member.Changes {
		reasons[change.ObjectType+" in "+change.Department] = change.Reason
	}
	require.Equal(t, map[string]string{"group_membership in g1": "not_listed", "group_membership in g3": "with_group"},
		reasons)
	there := history("g1").Presence
	require.NotNil(t, there)
	require.Equal(t, removing.id, there.Run.ID)
}

func aPlanOfGroupsSaysWhatApplyDoes(t *testing.T, c *company) {
	s := snapshot{departments: groupTree, members: groupers}
	c.syncGroups(s, groups{list: "g1=a,b^20; g2=a,d+10; g3=", administrators: "a:main,d:sub"})
	before := c.versions()
	s.departments, s.members = "1; 10<1; 11<10", "a in=1; b in=10; c in=11; n in=1"
	next := groups{list: "g1=b^10,n; g2=a; g4=+10", administrators: "b:main"}
	plan := c.beginGroups("plan", s, next)
	would := plan.dryRun(true)
	require.Equal(t, before, c.versions())
	planned := plan.changes()
	require.NoError(t, c.store.FinishRun(t.Context(), plan.id, directory.RunSucceeded, "", would.Counts, false))
	applied := c.syncGroups(s, next)
	require.Equal(t, planned, applied.changes())
	require.Equal(t, would.Counts, applied.counts)
}

func anEmptyAnswerIsAskedForOnceMore(t *testing.T, c *company) {
	s := snapshot{departments: groupTree, members: groupers}
	c.syncGroups(s, groups{list: "g1=a,b; g2="})
	r := c.begin("apply")
	r.read(s)
	r.apply(false)
	ctx := t.Context()
	require.NoError(t, c.store.BeginListing(ctx, r.id, directory.KindGroup))
	require.True(t, r.stageListing(directory.KindGroup, db.ListingPage{
		Groups:  []directory.Group{{ExternalID: "g1", Kind: directory.Role}, {ExternalID: "g2", Kind: directory.Role}},
		Methods: []string{"", ""}}, ""))
	again, err := c.store.StageListings(ctx, r.id, directory.KindGroupMembership,
		[]db.ListingPage{{ExternalID: "g1"}, {ExternalID: "g2"}}, []string{"g1", "g2"})
	require.NoError(t, err)
	require.Equal(t, []string{"g1"}, again)
	require.Zero(t, r.planRemovals().Total(), "it does not count yet")
	require.NoError(t, c.store.RestartListing(ctx, r.id, directory.KindGroupMembership, "g1", true))
	require.True(t, r.stageListing(directory.KindGroupMembership, db.ListingPage{ExternalID: "g1"}, "g1"))
	require.Equal(t, 2, r.planRemovals().Planned.GroupMemberships)
}

// Feishu marks main administrators on the member's own record, beside a list of others, which may
// not be read to its end. One whose record does not say stays what they are.
func TestAdministratorsByTheirOwnRecord(t *testing.T) {
	t.Parallel()
	c := newDatabase(t).company(t, directory.Feishu)
	sync := func(members, listed, failed string) []string {
		c.syncGroups(snapshot{departments: "1", members: members}, groups{administrators: listed, failed: failed})
		return c.grouped()
	}
	const none = `a in=1 raw={"is_tenant_manager":false}; b in=1 raw={"is_tenant_manager":false}; ` +
		`d in=1 raw={"is_tenant_manager":false}`
	const all = `a in=1 raw={"is_tenant_manager":true}; b in=1 raw={"is_tenant_manager":false}; ` +
		`d in=1 raw={"is_tenant_manager":true}`
	both := []string{"administrator a provider main", "administrator b provider app_admin",
		"administrator d provider main"}
	require.Equal(t, both, sync(all, "a:app_admin,b:app_admin", ""))
	require.Equal(t, both, sync(all, "a:app_admin,b:app_admin", ""))
	require.Equal(t, both, sync(`a in=1 raw={}; b in=1 raw={}; d in=1 raw={"is_tenant_manager":"yes"}`, "b:app_admin", ""),
		"the field is not sent any more")
	require.Equal(t, both, sync(`a in=1 raw={}; b in=1 raw={"is_tenant_manager":false}; `+
		`d in=1 raw={"is_tenant_manager":null}`, "b:app_admin", ""), "the field is not sent of one")
	require.Equal(t, []string{"administrator b provider main", "administrator d provider main"}, sync(
		`a in=1 raw={"is_tenant_manager":false}; b in=1 raw={"is_tenant_manager":true}; d in=1 raw={}`,
		"b:app_admin", "administrators"), "no permission for the list")
	left := []string{"administrator b provider app_admin"}
	require.Equal(t, left, sync(none, "b:app_admin", ""))
	c.syncGroups(snapshot{departments: "1", members: all}, groups{off: "administrators"})
	require.Equal(t, left, c.grouped(), "the kind is switched off")
}
