package oracle

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/normalize"
)

// Group is a group with what belongs to it, by sorted external ids.
type Group struct {
	Name, Category string
	// Attributes is a JSON object, and so is Scopes: areas of management by member.
	Attributes, Scopes string
	// Members and Departments belong directly, People are all members who belong.
	Members, Departments, People []string
	// Count is how many of the people are active.
	Count int
}

// groups are what the directory must hold of a company's groups. A place in a group whose
// member or department is not in the directory is no place.
func (d Directory) groups(company simulator.Truth) map[string]Group {
	all := make(map[string]Group, len(company.Groups))
	known := func(id string) bool { _, is := d.Members[id]; return is }
	exists := func(id string) bool { _, is := d.Departments[id]; return is }
	for id, g := range company.Groups {
		one := Group{
			Name: normalize.Name(g.Name), Category: g.Category, Attributes: attributes(g.Attributes),
			Members: kept(g.Members, known), Departments: kept(g.Departments, exists),
		}
		scopes := map[string][]string{}
		for member, scope := range g.Scopes {
			if known(member) {
				scopes[member] = kept(scope, exists)
			}
		}
		one.Scopes = asJSON(scopes)
		belongs := map[string]bool{}
		for _, member := range one.Members {
			belongs[member] = true
		}
		for member, m := range d.Members {
			if len(one.Departments) > 0 &&
				slices.ContainsFunc(
					m.Departments,
					func(department string) bool { return d.isWithin(department, one.Departments) },
				) {
				belongs[member] = true
			}
		}
		one.People = slices.Sorted(maps.Keys(belongs))
		for _, member := range one.People {
			if d.Members[member].Status == "active" {
				one.Count++
			}
		}
		all[id] = one
	}
	return all
}

// isWithin reports whether a department is one of those given or below one.
func (d Directory) isWithin(department string, of []string) bool {
	for ; department != ""; department = d.Departments[department].Parent {
		if slices.Contains(of, department) {
			return true
		}
	}
	return false
}

func kept(ids []string, keep func(string) bool) []string {
	list := slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return !keep(id) })
	slices.Sort(list)
	return list
}

func asJSON(v any) string {
	body, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(body)
}

// administrators are whom the directory must name of a company's. WeCom lists them to some
// apps only (wecom-more.md §D): to others there are none.
func (d Directory) administrators(
	kind directory.ProviderType,
	company simulator.Truth,
	got Directory,
) map[string]string {
	all := map[string]string{}
	if kind == directory.WeCom && len(got.Administrators) == 0 {
		return all
	}
	for id, level := range company.Administrators {
		if _, known := d.Members[id]; known {
			all[id] = string(level)
		}
	}
	return all
}

func (g Group) equal(o Group) bool {
	return g.Name == o.Name && g.Category == o.Category && g.Attributes == o.Attributes &&
		g.Scopes == o.Scopes && g.Count == o.Count &&
		slices.Equal(g.Members, o.Members) &&
		slices.Equal(g.Departments, o.Departments) &&
		slices.Equal(g.People, o.People)
}

// lostGroups says which groups were removed though the company still has them, and who was
// taken out of one though they still belong to it.
func lostGroups(company simulator.Truth, before, after Directory) (list []string) {
	for _, id := range slices.Sorted(maps.Keys(before.Groups)) {
		is, exists := company.Groups[id]
		if !exists {
			continue
		}
		now, there := after.Groups[id]
		if !there {
			list = append(list, "group "+id+" still exists and was removed")
			continue
		}
		for _, member := range before.Groups[id].Members {
			if slices.Contains(is.Members, member) && !slices.Contains(now.Members, member) {
				list = append(list, "member "+member+" still belongs to group "+id+" and was taken out of it")
			}
		}
		for _, d := range before.Groups[id].Departments {
			if slices.Contains(is.Departments, d) && !slices.Contains(now.Departments, d) {
				list = append(list, "department "+d+" still belongs to group "+id+" and was taken out of it")
			}
		}
	}
	return list
}

// StoredGroups reads what the directory holds of a provider's groups and of its own
// administrators.
func StoredGroups(
	ctx context.Context,
	q Querier,
	provider string,
) (groups map[string]Group, administrators map[string]string, err error) {
	if groups, err = storedGroups(ctx, q, provider); err != nil {
		return nil, nil, fmt.Errorf("read groups: %w", err)
	}
	if administrators, err = storedAdministrators(ctx, q, provider); err != nil {
		return nil, nil, fmt.Errorf("read administrators: %w", err)
	}
	return groups, administrators, nil
}

func storedGroups(ctx context.Context, q Querier, provider string) (map[string]Group, error) {
	rows, err := q.Query(ctx, `
		SELECT
			g.external_id, g.name, coalesce(g.category, ''), g.attributes, g.member_count,
			ARRAY(
				SELECT m.external_id FROM org_group_members gm JOIN org_members m ON m.id = gm.member_id
				WHERE gm.group_id = g.id ORDER BY m.external_id COLLATE "C"),
			ARRAY(
				SELECT d.external_id FROM org_group_departments gd JOIN org_departments d ON d.id = gd.department_id
				WHERE gd.group_id = g.id ORDER BY d.external_id COLLATE "C"),
			ARRAY(
				SELECT m.external_id FROM org_group_people gp JOIN org_members m ON m.id = gp.member_id
				WHERE gp.group_id = g.id ORDER BY m.external_id COLLATE "C"),
			coalesce((
				SELECT jsonb_object_agg(m.external_id, to_jsonb(ARRAY(
					SELECT d.external_id FROM org_departments d WHERE d.id = ANY (gm.scope)
					ORDER BY d.external_id COLLATE "C")))
				FROM org_group_members gm JOIN org_members m ON m.id = gm.member_id
				WHERE gm.group_id = g.id AND gm.scope IS NOT NULL), '{}')
		FROM org_groups g JOIN identity_providers p ON p.id = g.provider_id
		WHERE p.name = $1 AND g.status = 'active'`, provider)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	got := map[string]Group{}
	for rows.Next() {
		var id string
		var g Group
		var facts map[directory.Attribute]any
		var scopes map[string][]string
		err := rows.Scan(
			&id, &g.Name, &g.Category, &facts, &g.Count, &g.Members, &g.Departments, &g.People, &scopes)
		if err != nil {
			return nil, err
		}
		g.Attributes, g.Scopes = attributes(facts), asJSON(scopes)
		got[id] = g
	}
	return got, rows.Err()
}

func storedAdministrators(ctx context.Context, q Querier, provider string) (map[string]string, error) {
	rows, err := q.Query(ctx, `
		SELECT m.external_id, a.level
		FROM org_administrators a
		JOIN org_members m ON m.id = a.member_id
		JOIN identity_providers p ON p.id = a.provider_id
		WHERE p.name = $1 AND a.source = 'provider'`, provider)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	got := map[string]string{}
	for rows.Next() {
		var id, level string
		if err := rows.Scan(&id, &level); err != nil {
			return nil, err
		}
		got[id] = level
	}
	return got, rows.Err()
}
