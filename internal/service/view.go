package service

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/db/pages"
	"github.com/orgsync/orgsync/internal/access"
)

// Page says which part of a list is wanted.
type Page struct {
	// After is where the page before said that the list goes on; empty: from the start.
	After string
	Limit int
}

// Rows is a page of a list.
type Rows[T any] struct {
	Items []T
	// Next is where the list goes on, empty at its end.
	Next string
}

// list reads one page. read is given the last row of the page before, or a zero one, and asked
// for one row more than is wanted. key leaves of a row what reading goes on from.
func list[T any](page Page, read func(after T, limit int) ([]T, error), key func(T) T) (Rows[T], error) {
	if err := checkLimit(page.Limit); err != nil {
		return Rows[T]{}, err
	}
	var after T
	if page.After != "" {
		text, err := base64.RawURLEncoding.DecodeString(page.After)
		if err == nil {
			err = json.Unmarshal(text, &after)
		}
		if err != nil {
			return Rows[T]{}, errCursor
		}
	}
	rows, err := read(after, page.Limit+1)
	if err != nil {
		return Rows[T]{}, err
	}
	if len(rows) <= page.Limit {
		return Rows[T]{Items: rows}, nil
	}
	next, err := cursorOf(key(rows[page.Limit-1]))
	return Rows[T]{Items: rows[:page.Limit], Next: next}, err
}

// cursorOf writes what is set in a row's key as text for an address.
func cursorOf(key any) (string, error) {
	fields, row := map[string]any{}, reflect.ValueOf(key)
	for _, f := range reflect.VisibleFields(row.Type()) {
		if value := row.FieldByIndex(f.Index); !f.Anonymous && !value.IsZero() {
			fields[f.Name] = value.Interface()
		}
	}
	text, err := json.Marshal(fields)
	return base64.RawURLEncoding.EncodeToString(text), err
}

var errCursor = &Error{Code: CursorInvalid, Args: Args{Field: "after"}}

// View is an installation as far as one caller reaches. What is beyond does not exist in it.
type View struct {
	s      *Service
	within access.Reach
	// raw says whether the caller may see providers' records.
	raw bool
}

// ViewFor returns what a caller may see.
func (s *Service) ViewFor(c access.Caller) View {
	return View{s: s, within: c.Reach, raw: c.Role == access.Admin}
}

// GetProvider returns a stored provider.
func (v View) GetProvider(ctx context.Context, name string) (Provider, error) {
	store, err := v.s.openStore(ctx)
	if err != nil {
		return Provider{}, err
	}
	p, err := findWithin(ctx, store, v.within, name)
	if err != nil {
		return Provider{}, err
	}
	return providerOf(ctx, store.Providers, p)
}

// ListProviders returns stored providers, by name.
func (v View) ListProviders(ctx context.Context, page Page) (Rows[Provider], error) {
	return list(page, func(after Provider, limit int) ([]Provider, error) {
		all, err := v.s.ListProviders(ctx)
		all = slices.DeleteFunc(all, func(p Provider) bool {
			return p.Name <= after.Name || !v.within.Covers(p.TenantID,
				p.ID)
		})
		slices.SortFunc(all, func(a, b Provider) int { return strings.Compare(a.Name, b.Name) })
		return all[:min(limit, len(all))], err
	}, func(p Provider) Provider { return Provider{Name: p.Name} })
}

// bounds are those of lists: of one provider where its name is given.
func (v View) bounds(ctx context.Context, provider string) (*db.Store, pages.Bounds, error) {
	store, err := v.s.openStore(ctx)
	bounds := pages.Bounds(v.within)
	if err != nil || provider == "" {
		return store, bounds, err
	}
	p, err := findWithin(ctx, store, v.within, provider)
	bounds.ProviderID = p.ID
	return store, bounds, err
}

// unlessForeign returns an error with code unless an object was found and is within reach.
func (v View) unlessForeign(err error, code Code, id string, tenantID *string, providerID string) error {
	if errors.Is(err, db.ErrNotFound) || err == nil && !v.within.Covers(tenantID, providerID) {
		return &Error{Code: code, Args: Args{Text: id}}
	}
	return err
}

// checkID refuses what is no id of ours, before Postgres does.
func checkID(code Code, id string) error {
	if _, err := uuid.Parse(id); err != nil || len(id) != len(uuid.Nil.String()) {
		return &Error{Code: code, Args: Args{Text: id}}
	}
	return nil
}
