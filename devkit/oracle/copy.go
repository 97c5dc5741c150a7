package oracle

import (
	"context"
	"fmt"
	"reflect"
	"strings"

	"github.com/jackc/pgx/v5"
)

// Copy is the directory as an application keeps it by the events of the change feed alone: objects by
// kind and id.
type Copy map[string]map[string]any

// Take takes an event in.
func (c Copy) Take(eventType string, object map[string]any) {
	kind, what, _ := strings.Cut(eventType, ".")
	key := fmt.Sprint(kind, " ", object["id"])
	if what == "deleted" && (strings.HasSuffix(kind, "membership") || kind == "administrator") {
		delete(c, key)
		return
	}
	c[key] = object
}

// Differences says in a line each where the copy is not what the tables are, in every column that is
// not derived.
func (c Copy) Differences(ctx context.Context, q Querier) ([]string, error) {
	rows, err := q.Query(ctx, storedRows)
	if err != nil {
		return nil, err
	}
	stored, err := pgx.CollectRows(rows, pgx.RowToStructByPos[struct {
		Key string
		Row map[string]any
	}])
	if err != nil {
		return nil, err
	}
	var wrong []string
	for _, one := range stored {
		if have, want := visible(c[one.Key]), visible(one.Row); !reflect.DeepEqual(have, want) {
			wrong = append(wrong, fmt.Sprintf("%s is %v in the copy, %v in the tables", one.Key, have, want))
		}
	}
	if len(stored) != len(c) {
		wrong = append(wrong, fmt.Sprintf("the copy has %d rows of %d", len(c), len(stored)))
	}
	return wrong, nil
}

// visible is a row without the columns that are derived or private.
func visible(row map[string]any) map[string]any {
	out := map[string]any{}
	for column, value := range row {
		out[column] = value
	}
	for _, column := range []string{"id", "provider_id", "raw_data", "synced_at", "path", "depth", "member_count",
		"direct_member_count", "department_id", "department_path", "is_primary", "primary_rank", "content_hash",
		"manager_external_id", "offline_at", "offline_status"} {
		delete(out, column)
	}
	return out
}

// storedRows are all rows of the directory, under the keys that a copy has them by.
const storedRows = `
	SELECT 'department ' || d.id, to_jsonb(d) FROM org_departments d
	UNION ALL SELECT 'member ' || m.id, to_jsonb(m) FROM org_members m
	UNION ALL SELECT 'membership ' || md.member_id || ':' || md.department_id, to_jsonb(md) FROM org_member_departments md
	UNION ALL SELECT 'group ' || g.id, to_jsonb(g) FROM org_groups g
	UNION ALL SELECT 'group_membership ' || gm.member_id || ':' || gm.group_id, to_jsonb(gm) FROM org_group_members gm
	UNION ALL SELECT 'group_membership ' || gd.department_id || ':' || gd.group_id, to_jsonb(gd)
		FROM org_group_departments gd
	UNION ALL SELECT 'administrator ' || a.member_id || ':' || a.source, to_jsonb(a) FROM org_administrators a`
