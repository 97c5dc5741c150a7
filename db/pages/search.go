package pages

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/orgsync/orgsync/db/internal/dbsqlc"
	"github.com/orgsync/orgsync/db/internal/pg"
)

// MembersOf says which members are wanted; what is empty limits nothing.
type MembersOf struct {
	Bounds
	// Text is the external id, the beginning of the name, its pinyin or initials, of the employee
	// number, e-mail address or phone, the end of the phone, the last character of the name, or
	// any two and more of it.
	Text         string
	DepartmentID string
	GroupID      string
	// Status is empty for all that are not deleted.
	Status       string
	UpdatedSince *time.Time
}

// way is one in which a text finds members: by the beginning of a key, which an index has.
type way struct {
	key string
	// begin returns what the key begins with, empty if the text cannot mean that.
	begin func(text string) string
	// whole says that the key is that and no more.
	whole bool
}

// ways are the ways to find members, the best first. The last one, from the middle of a name,
// is in no index's order and has no key.
var ways = []way{
	{key: `lower(m.external_id)`, begin: itself, whole: true},
	{key: `lower(m.name) COLLATE "C"`, begin: itself},
	{key: `m.name_translit_full COLLATE "C"`, begin: itself},
	{key: `m.name_translit_initial COLLATE "C"`, begin: itself},
	{key: `lower(m.employee_no) COLLATE "C"`, begin: itself},
	{key: `lower(m.email) COLLATE "C"`, begin: itself},
	{key: `m.phone COLLATE "C"`, begin: number},
	{key: `m.phone COLLATE "C"`, begin: chineseNumber},
	{key: `reverse(m.phone) COLLATE "C"`, begin: endOfNumber},
	{begin: itself},
}

// rounds are the ways that one statement searches in: first what most texts mean, last what costs most.
var rounds = [][]int{{0, 1}, {2, 3, 4, 5, 6, 7, 8}, {9}}

func itself(text string) string { return strings.TrimSpace(text) }

// pairs are those of org_bigrams that a name has which the text is in, or ends.
func pairs(text string) []string {
	runes := []rune(text)
	if len(runes) < 2 {
		return []string{text}
	}
	found := make([]string, len(runes)-1)
	for i := range found {
		found[i] = string(runes[i : i+2])
	}
	return found
}

// number is a text as phone numbers are stored, empty if it is none.
func number(text string) string {
	digits := strings.NewReplacer(" ", "", "-", "").Replace(text)
	if strings.Trim(digits, "+0123456789") != "" || strings.Trim(digits, "+") == "" {
		return ""
	}
	return digits
}

func chineseNumber(text string) string {
	if n := number(text); n != "" && n[0] != '+' {
		return "+86" + n
	}
	return ""
}

// shortestEnd is how many digits of the end of a number are looked for.
const shortestEnd = 4

func endOfNumber(text string) string {
	digits := []byte(number(text))
	if len(digits) < shortestEnd {
		return ""
	}
	for i, j := 0, len(digits)-1; i < j; i, j = i+1, j-1 {
		digits[i], digits[j] = digits[j], digits[i]
	}
	return string(digits)
}

// lastRune is behind everything with which a text can go on.
const lastRune = "\U0010FFFF"

// ListMembers returns members by id; where a text is searched for, by the way in which it finds
// them and then by what it finds there.
func (s *Store) ListMembers(ctx context.Context, of MembersOf, after Member, limit int) ([]Member, error) {
	text := strings.ToLower(of.Text)
	if text != "" && itself(text) == "" {
		return nil, nil
	}
	providers, err := s.q.ListProvidersWithin(ctx, s.pool, dbsqlc.ListProvidersWithinParams{
		TenantID: pg.NullIfEmpty(of.TenantID), ProviderID: pg.NullIfEmpty(of.ProviderID),
	})
	if err != nil {
		return nil, pg.Interpret("list members", err)
	}
	var out []Member
	for _, together := range rounds {
		var searches []memberSearch
		for _, n := range together {
			if n < after.Grade || text == "" && ways[n].key != "" || text != "" && ways[n].begin(text) == "" {
				continue
			}
			search := memberSearch{providers: providers, of: of, text: text, way: n}
			if n == after.Grade {
				search.after = after
			}
			searches = append(searches, search)
		}
		if len(searches) == 0 || len(out) >= limit {
			continue
		}
		found, err := s.findMembers(ctx, searches, limit-len(out))
		if err != nil {
			return nil, pg.Interpret("list members", err)
		}
		out = append(out, found...)
	}
	return s.fill(ctx, out)
}

// memberSearch is a search in one of the ways.
type memberSearch struct {
	providers []string
	of        MembersOf
	text      string
	way       int
	// after is the member behind which it goes on, zero: from the first on.
	after Member
}

// arguments number the arguments of a statement as they are added.
type arguments []any

func (a *arguments) add(value any) string {
	*a = append(*a, value)
	return fmt.Sprintf("$%d", len(*a))
}

// match is the condition that a text finds a member in a way, but for the last one.
func (a *arguments) match(w way, text string) string {
	begin := w.begin(text)
	if w.whole { // blanks around the text may be part of it
		return w.key + " = ANY (" + a.add([]string{begin, text}) + "::text[])"
	}
	return fmt.Sprintf("(%s >= %s AND %s < %s)", w.key, a.add(begin), w.key, a.add(begin+lastRune))
}

// statement returns the SQL of a search and adds its arguments.
func (m memberSearch) statement(a *arguments, limit int) string {
	w := ways[m.way]
	where, order := []string{m.within(a)}, "m.id"
	switch {
	case w.key != "":
		where, order = append(where, a.match(w, m.text)), w.key+", m.provider_id, m.id"
	case m.text != "":
		where = append(where, "org_bigrams(m.name) @> "+a.add(pairs(itself(m.text)))+"::text[]",
			"strpos(lower(m.name), "+a.add(itself(m.text))+") > 0")
	}
	if m.text != "" {
		for _, earlier := range ways[:m.way] { // found in that way already
			if earlier.begin(m.text) != "" {
				where = append(where, a.match(earlier, m.text)+" IS NOT TRUE")
			}
		}
	}
	switch {
	case m.after.ID == "":
	case w.key == "":
		where = append(where, "m.id > "+a.add(m.after.ID))
	default:
		where = append(where, fmt.Sprintf("(%s) > (%s, %s::uuid, %s::uuid)", order,
			a.add(m.after.Key), a.add(m.after.ProviderID), a.add(m.after.ID)))
	}
	where = append(where, m.filters(a)...)
	key := w.key
	if key == "" {
		key = "''"
	}
	return fmt.Sprintf("SELECT %d, m.id, m.provider_id, %s::text FROM org_members m WHERE %s ORDER BY %s LIMIT %s",
		m.way, key, strings.Join(where, " AND "), order, a.add(limit))
}

// within is the condition that a member is of one of the providers. Where an index is to give the
// order it may not be taken for a way to look up, but of a single provider; nor where a part of a
// name is looked up, of which there are few, while most people may be of one provider.
func (m memberSearch) within(a *arguments) string {
	w := ways[m.way]
	switch {
	case m.text != "" && w.key == "":
		return "(m.provider_id = ANY (" + a.add(m.providers) + "::uuid[])) IS TRUE"
	case len(m.providers) == 1:
		return "m.provider_id = " + a.add(m.providers[0])
	case w.key != "" && !w.whole:
		return "(m.provider_id = ANY (" + a.add(m.providers) + "::uuid[])) IS TRUE"
	}
	return "m.provider_id = ANY (" + a.add(m.providers) + "::uuid[])"
}

// filters are the conditions beside what is searched for.
func (m memberSearch) filters(a *arguments) []string {
	where := []string{"m.status <> 'deleted'"}
	if m.of.Status != "" {
		where[0] = "m.status = " + a.add(m.of.Status)
	}
	if m.of.UpdatedSince != nil {
		where = append(where, "m.synced_at >= "+a.add(*m.of.UpdatedSince))
	}
	if m.of.DepartmentID != "" {
		where = append(where, `EXISTS (SELECT 1 FROM org_member_departments md
			WHERE md.member_id = m.id AND md.department_id = `+a.add(m.of.DepartmentID)+")")
	}
	if m.of.GroupID != "" {
		where = append(where, `m.id IN (SELECT gp.member_id FROM org_group_people gp
			WHERE gp.group_id = `+a.add(m.of.GroupID)+")")
	}
	return where
}

// findMembers makes searches in one statement: those behind the one that fills the page are planned and
// not carried out. A search with a limit is in no parallel plan, so they follow each other.
func (s *Store) findMembers(ctx context.Context, searches []memberSearch, limit int) ([]Member, error) {
	var a arguments
	parts := make([]string, len(searches))
	for i, m := range searches {
		parts[i] = "(" + m.statement(&a, limit) + ")"
	}
	sql := parts[0]
	if len(parts) > 1 {
		sql = strings.Join(parts, " UNION ALL ") + " LIMIT " + a.add(limit)
	}
	// Planned each time for the very text: how many it finds decides which index is best.
	rows, err := s.pool.Query(ctx, sql, append([]any{pgx.QueryExecModeCacheDescribe}, a...)...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (found Member, err error) {
		err = row.Scan(&found.Grade, &found.ID, &found.ProviderID, &found.Key)
		return found, err
	})
}
