package main

import (
	"context"
	"errors"
	"slices"

	"github.com/jackc/pgx/v5"
)

// spread are the rounds of the largest company once more, with other workers: they may
// not take longer, and the directory must come out equal.
type spread struct {
	Workers int           `json:"workers"`
	Rounds  []spreadRound `json:"rounds"`
}

type spreadRound struct {
	round
	// Compared are the rows of the directory after it, Different how many of them the
	// usual workers left otherwise, or not at all.
	Compared  int `json:"rows_compared"`
	Different int `json:"rows_different"`
}

// spreads reports whether a company of so many members is measured once more.
func (b bench) spreads(members int) bool {
	return b.Comparison && b.Spread > 0 && members == slices.Max(b.Sizes)
}

// spread measures a company with other workers and lays what each round leaves beside
// what it left with the usual ones.
func (b bench) spread(ctx context.Context, members int, usual []contents) (sp *spread, err error) {
	b.Workers = b.Spread
	s, err := b.start(ctx, b.company(members))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Stop()) }()
	rounds, left, err := b.rounds(ctx, s, members)
	if err != nil {
		return nil, err
	}
	sp = &spread{Workers: b.Workers}
	for i, r := range rounds {
		sp.Rounds = append(sp.Rounds, spreadRound{r, left[i].rows(), usual[i].different(left[i])})
	}
	return sp, nil
}

// contents are the directory's rows as digests, with how often each is there.
type contents map[[16]byte]int

// readContents reads all that applications may read, whatever columns there are. Ids
// are drawn and time stamps taken anew each time: others' rows are named as the
// provider does.
func readContents(ctx context.Context, conn *pgx.Conn) (contents, error) {
	const query = `
		SELECT md5(each::text)::uuid FROM (
			SELECT 'department', to_jsonb(d) - '{id,provider_id,parent_id,synced_at}'::text[], u.external_id
			FROM org_departments d LEFT JOIN org_departments u ON u.id = d.parent_id
			UNION ALL
			SELECT 'member', to_jsonb(m) -
			'{id,provider_id,department_id,manager_id,user_id,content_hash,synced_at}'::text[],
				concat_ws(' ', d.external_id, x.external_id)
			FROM org_members m LEFT JOIN org_departments d ON d.id = m.department_id LEFT
			JOIN org_members x ON x.id = m.manager_id
			UNION ALL
			SELECT 'membership', to_jsonb(md) - '{member_id,department_id}'::text[], concat_ws(' ', d.external_id,
			m.external_id, m.unionid)
			FROM org_member_departments md JOIN org_members m ON m.id = md.member_id
			JOIN org_departments d ON d.id = md.department_id
		) AS each`
	got, err := conn.Query(ctx, query)
	if err != nil {
		return nil, err
	}
	c := contents{}
	var digest [16]byte
	_, err = pgx.ForEachRow(got, []any{&digest}, func() error { c[digest]++; return nil })
	return c, err
}

func (c contents) rows() (sum int) {
	for _, n := range c {
		sum += n
	}
	return sum
}

// different is how many rows are not the same in both: one that is otherwise counts
// once, and so does one that only one of them has.
func (c contents) different(other contents) int {
	return max(c.without(other), other.without(c))
}

// without counts the rows that the other has not.
func (c contents) without(other contents) (sum int) {
	for digest, n := range c {
		sum += max(0, n-other[digest])
	}
	return sum
}
