package providertest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/normalize"
	"github.com/orgsync/orgsync/internal/provider"
)

// reading is what one walk brought, put together as the engine's staging does.
type reading struct {
	kind        directory.ProviderType
	departments map[string]provider.FoundDepartment
	people      map[string]*person
	// own are the people that a department's own listing showed, by department.
	own map[string]map[string]bool
	// bad are the records put aside, errs what ended listings, conflicts where two
	// listings disagree about the same thing.
	bad       []string
	errs      []error
	conflicts []string
}

type person struct {
	directory.Member
	places map[string]directory.Membership
}

// pending is a listing that is still to be read.
type pending struct {
	department string
	listing    provider.ListMethod
}

// maxPages is more than any company here has.
const maxPages = 200

// walk reads everything: the roots, then children until no listing is pending, then
// the people of every listing. What fails is noted and the rest goes on. It never
// tries again, except as the errors ask.
func walk(ctx context.Context, kind directory.ProviderType, client provider.Client) *reading {
	r := &reading{
		kind: kind, departments: map[string]provider.FoundDepartment{}, people: map[string]*person{},
		own: map[string]map[string]bool{},
	}
	tops, bad, err := client.ListRoots(ctx)
	r.bad = append(r.bad, bad...)
	if err == nil && len(tops) == 0 {
		err = errors.New("no root and no error")
	}
	if err != nil {
		r.errs = append(r.errs, err)
		return r
	}
	var queue []pending
	for _, top := range tops {
		queue = append(queue, r.found(top)...)
	}
	for len(queue) > 0 {
		next := queue[0]
		queue = append(queue[1:], r.children(ctx, client, next)...)
	}
	ids := make([]string, 0, len(r.departments))
	for id := range r.departments {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		if listing := r.departments[id].MembersMethod; listing != "" {
			r.members(ctx, client, pending{id, listing})
		}
	}
	return r
}

// found keeps what was found first and says what to read next.
func (r *reading) found(d provider.FoundDepartment) []pending {
	if _, known := r.departments[d.ExternalID]; known {
		return nil
	}
	r.departments[d.ExternalID] = d
	if d.ChildrenMethod == "" {
		return nil
	}
	return []pending{{d.ExternalID, d.ChildrenMethod}}
}

// pages reads a listing to its end; read returns the next page's cursor. A cursor
// that expired starts the listing again, once.
func (r *reading) pages(what pending, read func(cursor string) (string, error)) {
	restarted := false
	cursor, seen := "", map[string]bool{}
	for n := 0; ; n++ {
		if n > maxPages {
			r.errs = append(r.errs, &provider.Error{Provider: r.kind, Kind: provider.Malformed,
				Problem: provider.Detail("the listing of " + what.department + " does not end")})
			return
		}
		next, err := read(cursor)
		if cursor != "" && !restarted && provider.KindOf(err) == provider.CursorExpired {
			restarted, cursor, seen = true, "", map[string]bool{}
			continue
		}
		if err != nil {
			r.errs = append(r.errs, err)
			return
		}
		seen[cursor] = true
		if next == "" {
			return
		}
		if seen[next] {
			r.errs = append(r.errs, &provider.Error{Provider: r.kind, Kind: provider.Malformed,
				Problem: provider.Detail("the listing of " + what.department + " repeats a cursor")})
			return
		}
		cursor = next
	}
}

func (r *reading) children(ctx context.Context, client provider.Client, what pending) []pending {
	var queue []pending
	r.pages(what, func(cursor string) (string, error) {
		page, err := client.ListDepartments(ctx,
			provider.Query{Department: what.department, Method: what.listing, Cursor: cursor})
		var e *provider.Error
		if errors.As(err, &e) && e.Kind == provider.TooLarge && e.Instead != "" && e.Instead != what.listing {
			queue = append(queue, pending{what.department, e.Instead})
			return "", nil
		}
		for _, d := range page.Departments {
			queue = append(queue, r.found(d)...)
		}
		r.bad = append(r.bad, page.Bad...)
		return page.Next, err
	})
	return queue
}

func (r *reading) members(ctx context.Context, client provider.Client, what pending) {
	r.own[what.department] = map[string]bool{}
	r.pages(what, func(cursor string) (string, error) {
		page, err := client.ListDepartmentMembers(ctx,
			provider.Query{Department: what.department, Method: what.listing, Cursor: cursor})
		for _, m := range page.Members {
			r.own[what.department][r.key(m.ExternalID)] = true
			r.add(m)
		}
		r.bad = append(r.bad, page.Bad...)
		return page.Next, err
	})
}

// key is how the provider compares people's ids (wecom.md §3.3).
func (r *reading) key(id string) string {
	if r.kind == directory.WeCom {
		return strings.ToLower(id)
	}
	return id
}

// add merges a person with what other listings said.
func (r *reading) add(m directory.Member) {
	p := r.people[r.key(m.ExternalID)]
	if p == nil {
		p = &person{places: map[string]directory.Membership{}}
		r.people[r.key(m.ExternalID)] = p
	}
	for _, place := range m.Memberships {
		known := p.places[place.DepartmentID]
		r.merge(m.ExternalID+" in "+place.DepartmentID, &known, place)
		p.places[place.DepartmentID] = known
	}
	m.Memberships = nil
	p.mergeRaw(m, func(field string) {
		r.conflicts = append(r.conflicts, m.ExternalID+": two listings disagree about "+field+" of Raw")
	})
	m.Raw, m.RawKeeps = nil, nil
	r.merge(m.ExternalID, &p.Member, m)
}

// mergeRaw adds what another record says of a person. It is a contradiction, too, where
// only one of them has a field, unless the other one's call never sends it.
func (p *person) mergeRaw(m directory.Member, contradiction func(field string)) {
	said, known := fieldsOf(m.Raw), fieldsOf(p.Raw)
	switch {
	case m.Raw == nil:
	case p.Raw == nil:
		p.Raw, p.RawKeeps = m.Raw, m.RawKeeps
	default:
		for field, value := range said {
			if have, ok := known[field]; ok && !reflect.DeepEqual(have, value) || !ok &&
				!slices.Contains(p.RawKeeps, field) {
				contradiction(field)
			}
			known[field] = value
		}
		for field := range known {
			if _, ok := said[field]; !ok && !slices.Contains(m.RawKeeps, field) {
				contradiction(field)
			}
		}
		// Of what both leave out the union says nothing.
		p.RawKeeps = slices.DeleteFunc(slices.Clone(p.RawKeeps),
			func(field string) bool { return !slices.Contains(m.RawKeeps, field) })
		p.Raw = normalize.JSON(known)
	}
}

func fieldsOf(raw json.RawMessage) map[string]any {
	v, _ := normalize.Decode(raw)
	fields, _ := v.(map[string]any)
	return fields
}

// merge fills what is not known yet, field by field, and notes contradictions.
func (r *reading) merge(of string, known, said any) {
	into, from := reflect.ValueOf(known).Elem(), reflect.ValueOf(said)
	for i := range from.NumField() {
		switch field := from.Field(i); {
		case field.IsZero():
		case field.Kind() == reflect.Struct:
			r.merge(of, into.Field(i).Addr().Interface(), field.Interface())
		case into.Field(i).IsZero():
			into.Field(i).Set(field)
		case !reflect.DeepEqual(into.Field(i).Interface(), field.Interface()):
			r.conflicts = append(r.conflicts,
				fmt.Sprintf("%s: two listings disagree about %s", of, from.Type().Field(i).Name))
		}
	}
}
