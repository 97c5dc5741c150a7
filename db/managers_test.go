package db_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/directory"
)

// Managers are found whatever is read first, and in whatever department they work.
func TestManagersAreResolved(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	for _, c := range []struct {
		name          string
		kind          directory.ProviderType
		before, after string
		want          string // the managers of a and of b, afterwards
	}{
		{"in another department", directory.Feishu, "", "a mgr=b in=2; b in=1", "b -"},
		{"by open id", directory.Feishu, "", "a mgr=ob in=2; b o=ob in=1", "b -"},
		{"the external id before the open id", directory.Feishu, "", "a mgr=b in=2; b in=1; c o=b in=1", "b -"},
		{"of each other", directory.Feishu, "", "a mgr=b in=2; b mgr=a in=1", "b a"},
		{"nobody is their own", directory.Feishu, "", "a mgr=a in=2; b in=1", "- -"},
		{"somebody who is not there", directory.Feishu, "", "a mgr=x in=2; b in=1", "- -"},
		{"not sent stays", directory.Feishu, "a mgr=b in=2; b in=1", "a in=2; b in=1", "b -"},
		{"sent empty is cleared", directory.Feishu, "a mgr=b in=2; b in=1", "a mgr= in=2; b in=1", "- -"},
		{"the manager goes", directory.Feishu, "a mgr=b in=2; b in=1; c in=1", "a mgr=b in=2; c in=1", "- -"},
		{"the manager comes", directory.Feishu, "a mgr=b in=2; c in=1", "a mgr=b in=2; b in=1; c in=1", "b -"},
		{"whatever the case", directory.WeCom, "", "a mgr=B in=2; b in=1", "b -"},
		{"only as it is written", directory.Feishu, "", "a mgr=B in=2; b in=1", "- -"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			co := d.company(t, c.kind)
			if c.before != "" {
				co.sync(snapshot{departments: "1; 2<1", members: c.before})
			}
			co.sync(snapshot{departments: "1; 2<1", members: c.after})
			require.Equal(t, c.want, co.text(t,
				`SELECT concat_ws(' ', (SELECT coalesce(x.external_id, '-') FROM org_members m
				LEFT JOIN org_members x ON x.id = m.manager_id WHERE m.provider_id = $1 AND m.external_id = 'a'),
				coalesce((SELECT x.external_id FROM org_members m JOIN org_members x ON x.id = m.manager_id
					WHERE m.provider_id = $1 AND m.external_id = 'b'), '-'))`, co.provider.ID))
		})
	}
}

// A new member is written once if the manager is stored already or comes in the same batch.
func TestNewMembersAreWrittenWithTheirManagers(t *testing.T) {
	t.Parallel()
	c := newDatabase(t).company(t, directory.WeCom)
	c.sync(snapshot{departments: "1; 2<1; 3<1", members: "boss in=1"})
	r := c.begin("apply")
	r.read(snapshot{
		departments: "1; 2<1; 3<1",
		members:     "boss in=1; head mgr=BOSS in=2; ann mgr=Head in=2; bob mgr=bob in=2; eve mgr=late in=2; late in=3",
	})
	r.apply(false)
	managers := `SELECT m.external_id || ' ' || coalesce(x.external_id, '-') FROM org_members m
		LEFT JOIN org_members x ON x.id = m.manager_id WHERE m.provider_id = $1 AND m.external_id <> 'late' ORDER BY 1`
	require.Equal(t, []string{"ann head", "bob -", "boss -", "eve -", "head boss"}, c.texts(t, managers, c.provider.ID))
	applied := c.text(t, "SELECT max(synced_at)::text FROM org_members")
	r.recompute()
	require.Equal(t, []string{"ann head", "bob -", "boss -", "eve late", "head boss"},
		c.texts(t, managers, c.provider.ID))
	require.Equal(t, []string{"eve"}, c.texts(t,
		"SELECT external_id FROM org_members WHERE synced_at > $1::text::timestamptz", applied),
		"the others were written once")
}
