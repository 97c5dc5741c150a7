package db_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/directory"
)

// A run that began with nobody stored asks less of who somebody may be. It must decide
// as any other run would: about people listed in several departments, under ids that
// others have or had, with and without unionids, beside rows that somebody else writes
// in the meantime.
func TestAFirstLoadDecidesAsAnyRunDoes(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	for seed := range uint64(40) {
		kind := []directory.ProviderType{directory.Feishu, directory.WeCom}[seed%2]
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			first := d.company(t, kind).loadOddly(rand.New(rand.NewPCG(seed, 1)), true)
			require.Equal(t, d.company(t, kind).loadOddly(rand.New(rand.NewPCG(seed, 1)), false), first)
		})
	}
}

// loadOddly loads a random company of people who are hard to tell apart, and says what
// became of it.
func (c *company) loadOddly(random *rand.Rand, beganEmpty bool) []string {
	one := func(of ...string) string { return of[random.IntN(len(of))] }
	unionids := []string{" u=U1", " u=U2", " u=U3", " u=U4", " u=U5"}
	if random.IntN(4) > 0 { // not everybody has one
		unionids = append(unionids, "", "", "", "", "")
	}
	var people []string
	for range 4 + random.IntN(10) {
		in := []string{one("1", "10", "11", "12"), one("10", "11", "12", "13")}
		people = append(people, one("a", "b", "c", "d", "e", "f", "A", "B")+one(unionids...)+
			one("", " o=a", " o=O1", " o=O2", " o=O3")+one("", "", "", " fallback")+one("", " title=x", " status=inactive")+
			" in="+strings.Join(in[:1+random.IntN(2)], ","))
	}
	r := c.begin("apply")
	c.exec(c.t, "UPDATE sync_runs SET began_empty = $2 WHERE id = $1", r.id, beganEmpty)
	r.read(snapshot{departments: "1; 10<1; 11<1; 12<10; 13<10", members: strings.Join(people, ";")})
	require.NoError(c.t, c.store.ApplyDepartments(c.t.Context(), r.id, false))
	var said []string
	for n := 1; n <= r.size; n++ {
		if err := c.store.ApplyMembers(c.t.Context(), r.id, n, n); err != nil {
			said = append(said, fmt.Sprintf("batch %d was refused", n))
		}
		switch random.IntN(5) {
		case 0:
			c.exec(c.t, `INSERT INTO org_members (provider_id, external_id, unionid, open_id) VALUES ($1, $2, nullif($3, ''), nullif($4, '')) ON CONFLICT DO NOTHING`,
				c.provider.ID, one("a", "c", "e", "g"), one("", "", "U3", "U7"), one("", "O1", "O3"))
		case 1:
			c.exec(c.t, "UPDATE org_members SET status = 'deleted' WHERE provider_id = $1 AND external_id = $2", c.provider.ID, one("a", "b", "c"))
		}
	}
	r.settle()
	said = append(append(append(said, c.people()...), c.places()...), r.problems()...)
	return append(said, c.texts(c.t, `SELECT concat_ws(' ', c.kind, c.object_type, c.external_id, d.external_id, c.before ->> 'unionid', c.after ->> 'unionid')
		FROM org_changes c LEFT JOIN org_departments d ON d.id = c.department_id WHERE c.run_id = $1 ORDER BY 1`, r.id)...)
}
