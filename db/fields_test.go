package db_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/directory"
)

// TestFieldsOfACompany covers what is written, and what is not.
func TestFieldsOfACompany(t *testing.T) {
	each(t, map[string]func(*testing.T, *company){
		"the log tells before and after":      theLogTellsBeforeAndAfter,
		"an unchanged company is not written": anUnchangedCompanyIsNotWritten,
	})
}

// Every case stores before, then syncs after, and compares one column of member a.
func TestAFieldOfAMember(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	for _, c := range []struct{ name, before, after, column, want string }{
		{"email not sent stays", "email=a@x", "", "email", "a@x"},
		{"email sent empty is cleared", "email=a@x", "email=", "email", "null"},
		{"phone not sent stays", "phone=+861", "", "phone", "+861"},
		{"phone sent empty is cleared", "phone=+861", "phone=", "phone", "null"},
		{"title not sent stays", "title=CTO", "", "title", "CTO"},
		{"title sent empty is cleared", "title=CTO", "title=", "title", "null"},
		{"avatar not sent stays", "avatar=u", "", "avatar_url", "u"},
		{"avatar sent empty is cleared", "avatar=u", "avatar=", "avatar_url", "null"},
		{"employee number not sent stays", "no=E7", "", "employee_no", "E7"},
		{"employee number sent empty is cleared", "no=E7", "no=", "employee_no", "null"},
		{"attribute not sent stays", "city=Berlin", "", "attributes ->> 'city'", "Berlin"},
		{"attribute replaced", "city=Berlin", "city=Bonn", "attributes ->> 'city'", "Bonn"},
		{"attribute sent empty is cleared", "city=Berlin", "city=", "attributes", "{}"},
		{"what was never sent is null", "", "", "email", "null"},
		{"name replaced", "name=Ann", "name=Bea", "name", "Bea"},
		{"name replaced with its transliteration", "name=Ann", "name=Bea",
			"name_translit_full || name_translit_initial", "beab"},
		{"a placeholder never overwrites a name", "name=Ann", "noname",
			"name || name_translit_full || name_translit_initial", "Annanna"},
		{"a placeholder is replaced", "noname", "name=Ann", "name", "Ann"},
		{"a placeholder is the external id", "noname", "noname", "name", "a"},
		{"an empty name becomes the external id", "name=Ann", "name=", "name", "a"},
		{"a new empty name becomes the external id", "name=", "name=", "name", "a"},
		{"status not sent stays", "status=inactive", "", "status", "inactive"},
		{"status never sent is active", "", "", "status", "active"},
		{"activated not sent stays", "activated=false", "", "activated", "false"},
		{"activated never sent is true", "", "", "activated", "true"},
		{"activated changes, status does not", "activated=false status=active", "activated=true status=active",
			"activated || ' ' || status", "true active"},
		{"raw replaced", `raw={"x":1}`, `raw={"y":2}`, "raw_data", `{"y": 2}`},
		{"raw of which other calls say more", `raw={"x":1,"more":[9007199254740993]}`, `raw={"y":2} keeps=more,most`,
			"raw_data", `{"y": 2, "more": [9007199254740993]}`},
		{"raw that says it itself this time", `raw={"x":1,"more":1}`, `raw={"y":2,"more":2} keeps=more`, "raw_data",
			`{"y": 2, "more": 2}`},
		{"raw of the call that says all", `raw={"x":1,"more":1}`, `raw={"y":2}`, "raw_data", `{"y": 2}`},
		{"raw of somebody new", `raw={"x":1} keeps=more`, `raw={"x":1} keeps=more`, "raw_data", `{"x": 1}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			co := d.company(t, directory.Feishu)
			co.sync(snapshot{departments: "1", members: "a in=1 " + c.before})
			co.sync(snapshot{departments: "1", members: "a in=1 " + c.after})
			require.Equal(t, c.want, co.member(c.column, "a"))
		})
	}
}

// Every case stores before, then syncs after, and compares what the log says of
// member a, and the counts with it.
func TestTheKindOfAMembersChange(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	for _, c := range []struct{ name, before, after, kind string }{
		{"created", "", "a in=1", "created"},
		{"created inactive", "", "a status=inactive in=1", "created"},
		{"created in several departments", "", "a in=1,2,3", "created"},
		{"unchanged", "a in=1", "a in=1", ""},
		{"updated", "a in=1", "a title=CTO in=1", "updated"},
		{"only the raw record", `a raw={"x":1} in=1`, `a raw={"x":2} in=1`, "updated"},
		{"moved", "a in=1", "a in=2", "moved"},
		{"moved by another primary department", "a in=1^1,2", "a in=1^1,2^2", "moved"},
		{"moved out of all departments", "a in=1", "a", "moved"},
		{"moved and updated", "a in=1", "a title=CTO in=2", "moved"},
		{"a secondary department is no move", "a in=1^1", "a in=1^1,2", ""},
		{"deactivated", "a in=1", "a status=inactive in=1", "deactivated"},
		{"deactivated and moved", "a in=1", "a status=inactive in=2", "moved"},
		{"deactivated and updated", "a in=1", "a status=inactive title=CTO in=1", "deactivated"},
		{"reactivated", "a status=inactive in=1", "a status=active in=1", "updated"},
		{"gone", "a in=1; z in=1", "z in=1", "deleted"},
		{"gone by the provider's own word", "a in=1", "a status=deleted in=1", "deleted"},
		{"never there by the provider's own word", "", "a status=deleted in=1", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			co := d.company(t, directory.Feishu)
			co.sync(snapshot{departments: "1;2<1;3<1", members: c.before})
			r := co.sync(snapshot{departments: "1;2<1;3<1", members: c.after})
			require.Equal(t, c.kind, co.kindOf(r, "member", "a"))
			m := r.counts.Members
			one := map[string]int{"created": m.Created, "updated": m.Updated, "moved": m.Moved,
				"deactivated": m.Deactivated, "deleted": m.Deleted, "restored": m.Restored}
			for kind, n := range one {
				if kind == c.kind {
					require.Equal(t, 1, n, kind)
				} else {
					require.Zero(t, n, kind)
				}
			}
			require.Equal(t, m.Read, m.Created+m.Updated+m.Moved+m.Deactivated+m.Restored+m.Unchanged+m.Failed)
		})
	}
}

// kindOf is what a run's log says of an object, "" if nothing.
func (c *company) kindOf(r *run, object, externalID string) string {
	c.t.Helper()
	return c.text(c.t, `SELECT coalesce((SELECT kind FROM org_changes WHERE run_id = $1 AND object_type = $2
		AND external_id = $3), '')`, r.id, object, externalID)
}

func TestAReturningMemberIsRestoredWhateverElseChanged(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	for _, back := range []string{"a in=1", "a in=2", "a title=CTO in=1", "a status=inactive in=1"} {
		t.Run(back, func(t *testing.T) {
			t.Parallel()
			c := d.company(t, directory.Feishu)
			c.sync(snapshot{departments: "1;2<1", members: "a in=1; z in=1"})
			c.sync(snapshot{departments: "1;2<1", members: "z in=1"})
			r := c.sync(snapshot{departments: "1;2<1", members: back + "; z in=1"})
			require.Equal(t, "restored", c.kindOf(r, "member", "a"))
			require.Equal(t, 1, r.counts.Members.Restored)
		})
	}
}

func theLogTellsBeforeAndAfter(t *testing.T, c *company) {
	c.sync(snapshot{departments: "1;2<1", members: "a title=CTO in=1"})
	r := c.sync(snapshot{departments: "1;2<1", members: "a title= status=inactive in=2"})
	require.Equal(t, "moved CTO active D1 -> null inactive D1/D2",
		c.text(t, `SELECT concat_ws(' ', kind, before->>'title', before->>'status', before->>'department_path',
		'->', coalesce(after->>'title', 'null'), after->>'status', after->>'department_path')
		FROM org_changes WHERE run_id = $1 AND object_type = 'member'`, r.id))
}

func anUnchangedCompanyIsNotWritten(t *testing.T, c *company) {
	full := snapshot{
		departments: `1 name=Root declared=4 leaders=a; 10<1 order=3 raw={"x":1}; 11<10 noname; 12<10 name=`,
		members: `a u=U o=O name=Ann email=a@x phone=+861 title=T avatar=v activated=false in=1!,10^5,11#3
			b status=inactive noname in=11; d name= email= in=10; e`,
	}
	c.sync(full)
	before := c.versions()
	for range 2 {
		r := c.sync(full)
		require.Empty(t, r.changes())
		require.Equal(t, 4, r.counts.Departments.Unchanged)
		require.Equal(t, 4, r.counts.Members.Unchanged)
		require.Equal(t, before, c.versions())
	}
	// Less than that, but nothing else: what is not sent is not written either.
	c.sync(snapshot{departments: `1 noname; 10<1 noname raw={"x":1}; 11<10 noname; 12<10 noname`,
		members: `a noname in=1,10,11; b noname in=11; d noname in=10; e noname`})
	require.Equal(t, before, c.versions())
}

func TestATenantChangeReachesEveryRow(t *testing.T) {
	t.Parallel()
	c := newDatabase(t).company(t, directory.Feishu)
	same := snapshot{departments: "1", members: "a in=1"}
	c.sync(same)
	c.exec(t, "UPDATE identity_providers SET tenant_id = gen_random_uuid() WHERE id = $1", c.provider.ID)
	c.sync(same)
	require.Equal(t, "2", c.text(t, `SELECT count(*)::text FROM identity_providers p
		JOIN (SELECT provider_id, tenant_id FROM org_members UNION ALL SELECT provider_id, tenant_id
		FROM org_departments) o ON o.provider_id = p.id AND o.tenant_id = p.tenant_id`))
}
