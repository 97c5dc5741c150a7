package service

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/provider"
)

// DumpRecord is one record that a provider shows: one of its fields is set.
type DumpRecord struct {
	Department *directory.Department
	// Member is a member as one listing shows them: those in several departments come once
	// for each.
	Member        *directory.Member
	Group         *directory.Group
	Place         *GroupPlace
	Administrator *directory.Administrator
	Unread        *Unread
}

// GroupPlace is a member's place in a group, or a department's as a whole.
type GroupPlace struct {
	Group      string
	Member     *directory.GroupMember
	Department string
}

// Unread is a listing that could not be read to its end, or a record of one that could not
// be used.
type Unread struct {
	// Listing says what it lists, in words and the provider's ids.
	Listing string
	// Problem is the provider's failure; Bad describes the record instead.
	Problem *provider.Error
	Bad     string
	// Forbidden says that a kind that a sync can do without lacks its permission.
	Forbidden bool
}

// DumpProvider reads what a provider shows right now, page by page within the call budget,
// and stores nothing. It calls emit, once at a time, with each record as it comes, and with
// each listing that cannot be read; the others are read all the same. An error of emit ends
// it, and so does a failure that every further call would share.
func (s *Service) DumpProvider(ctx context.Context, name string, emit func(DumpRecord) error) error {
	vault, err := s.openVault(ctx)
	if err != nil {
		return err
	}
	p, err := findProvider(ctx, vault.Store, name)
	if err != nil {
		return err
	}
	client, err := vault.Open(ctx, p, nil)
	if err != nil {
		return &Error{Code: ProviderConfigInvalid, Err: err}
	}
	d := dump{client: client, write: emit, parallel: p.Type.Traits().ParallelReads, seen: map[string]bool{}}
	for _, part := range []func(context.Context) error{d.tree, d.groups, d.administrators} {
		if err := part(ctx); err != nil {
			return fmt.Errorf("dump provider %s: %w", p.Name, err)
		}
	}
	return nil
}

// dump is one reading of everything. It holds the ids of departments and groups, and of
// members only the pages that are being read.
type dump struct {
	client   provider.Client
	parallel int

	mu    sync.Mutex
	write func(DumpRecord) error
	seen  map[string]bool // departments
}

func (d *dump) emit(r DumpRecord) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.write(r)
}

// each calls read for every item, several at a time, and gathers what they return.
func each[In, Out any](ctx context.Context, parallel int, items []In,
	read func(context.Context, In) ([]Out, error)) ([]Out, error) {
	var mu sync.Mutex
	var all []Out
	tasks, ctx := errgroup.WithContext(ctx)
	tasks.SetLimit(parallel)
	for _, item := range items {
		tasks.Go(func() error {
			found, err := read(ctx, item)
			mu.Lock()
			defer mu.Unlock()
			all = append(all, found...)
			return err
		})
	}
	return all, tasks.Wait()
}

// tree reads the departments level by level, then the members of all of them.
func (d *dump) tree(ctx context.Context) error {
	var roots []provider.FoundDepartment
	var bad []string
	err := retry(ctx, func() (err error) {
		roots, bad, err = d.client.ListRoots(ctx)
		return err
	})
	if err != nil {
		return err
	}
	if err := d.bad("departments", bad); err != nil {
		return err
	}
	level, err := d.found(roots)
	if err != nil {
		return err
	}
	var all []provider.FoundDepartment
	for len(level) > 0 {
		all = append(all, level...)
		if level, err = each(ctx, d.parallel, level, d.children); err != nil {
			return err
		}
	}
	_, err = each(ctx, d.parallel, all, d.members)
	return err
}

// found writes departments that are new and returns how to go on from them, without what
// only writing needs.
func (d *dump) found(departments []provider.FoundDepartment) (rest []provider.FoundDepartment, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, f := range departments {
		if d.seen[f.ExternalID] {
			continue
		}
		d.seen[f.ExternalID] = true
		if err := d.write(DumpRecord{Department: &f.Department}); err != nil {
			return nil, err
		}
		f.Department = directory.Department{ExternalID: f.ExternalID}
		rest = append(rest, f)
	}
	return rest, nil
}

func (d *dump) children(ctx context.Context, f provider.FoundDepartment) (below []provider.FoundDepartment, err error) {
	if f.ChildrenMethod == "" {
		return nil, nil
	}
	method := f.ChildrenMethod
	listing := "departments below " + f.ExternalID
	err = d.pages(ctx, listing, false, func(cursor string) (page, error) {
		got, err := d.client.ListDepartments(ctx,
			provider.Query{Department: f.ExternalID, Method: method, Cursor: cursor})
		if other := instead(err, method); other != "" {
			method = other
			got, err = d.client.ListDepartments(ctx,
				provider.Query{Department: f.ExternalID, Method: method, Cursor: cursor})
		}
		if err != nil {
			return page{}, err
		}
		found, err := d.found(got.Departments)
		below = append(below, found...)
		return page{got.Next, len(got.Departments), got.Bad}, err
	})
	return below, err
}

// instead is the way in which a listing is to be read that is too large for the one tried.
func instead(err error, tried provider.ListMethod) provider.ListMethod {
	if e := providerError(err); e != nil && e.Kind == provider.TooLarge && e.Instead != tried {
		return e.Instead
	}
	return ""
}

func (d *dump) members(ctx context.Context, f provider.FoundDepartment) ([]struct{}, error) {
	if f.MembersMethod == "" {
		return nil, nil
	}
	return nil, d.pages(ctx, "members of department "+f.ExternalID, false, func(cursor string) (page, error) {
		got, err := d.client.ListDepartmentMembers(ctx,
			provider.Query{Department: f.ExternalID, Method: f.MembersMethod, Cursor: cursor})
		if err != nil {
			return page{}, err
		}
		for i := range got.Members {
			if err := d.emit(DumpRecord{Member: &got.Members[i]}); err != nil {
				return page{}, err
			}
		}
		return page{got.Next, len(got.Members), got.Bad}, nil
	})
}

func (d *dump) groups(ctx context.Context) error {
	reader, ok := d.client.(provider.GroupReader)
	if !ok {
		return nil
	}
	var all []provider.FoundGroup
	err := d.pages(ctx, "groups", true, func(cursor string) (page, error) {
		got, err := reader.ListGroups(ctx, cursor)
		if err != nil {
			return page{}, err
		}
		for i := range got.Groups {
			if err := d.emit(DumpRecord{Group: &got.Groups[i].Group}); err != nil {
				return page{}, err
			}
			all = append(all, provider.FoundGroup{
				Group:         directory.Group{ExternalID: got.Groups[i].ExternalID},
				MembersMethod: got.Groups[i].MembersMethod,
			})
		}
		return page{got.Next, len(got.Groups), got.Bad}, nil
	})
	if err != nil {
		return err
	}
	_, err = each(ctx, d.parallel, all, func(ctx context.Context, g provider.FoundGroup) ([]struct{}, error) {
		return nil, d.groupMembers(ctx, reader, g)
	})
	return err
}

func (d *dump) groupMembers(ctx context.Context, reader provider.GroupReader, g provider.FoundGroup) error {
	return d.pages(ctx, "members of group "+g.ExternalID, true, func(cursor string) (page, error) {
		got, err := reader.ListGroupMembers(ctx,
			provider.GroupQuery{Group: g.ExternalID, Method: g.MembersMethod, Cursor: cursor})
		if err != nil {
			return page{}, err
		}
		var places []GroupPlace
		for i := range got.Members {
			places = append(places, GroupPlace{Group: g.ExternalID, Member: &got.Members[i]})
		}
		for _, department := range got.Departments {
			places = append(places, GroupPlace{Group: g.ExternalID, Department: department})
		}
		for i := range places {
			if err := d.emit(DumpRecord{Place: &places[i]}); err != nil {
				return page{}, err
			}
		}
		return page{got.Next, len(places), got.Bad}, nil
	})
}

func (d *dump) administrators(ctx context.Context) error {
	reader, ok := d.client.(provider.AdministratorReader)
	if !ok {
		return nil
	}
	return d.pages(ctx, "administrators", true, func(cursor string) (page, error) {
		got, err := reader.ListAdministrators(ctx, cursor)
		if err != nil {
			return page{}, err
		}
		for i := range got.Administrators {
			if err := d.emit(DumpRecord{Administrator: &got.Administrators[i]}); err != nil {
				return page{}, err
			}
		}
		if got.Truncated {
			got.Bad = append(got.Bad, "the provider lists only the newest; there may be more")
		}
		return page{got.Next, len(got.Administrators), got.Bad}, nil
	})
}

// page is what the paging of a listing has to know of one page.
type page struct {
	next    string
	records int
	bad     []string
}

// pages reads a listing to its end. What keeps it from that is emitted as unread, unless it
// ends everything. A listing that is optional ends nothing.
func (d *dump) pages(ctx context.Context, listing string, optional bool, read func(cursor string) (page, error)) error {
	cursor, seen, empty, restarted := "", map[string]bool{}, 0, false
	for {
		var got page
		err := retry(ctx, func() (err error) {
			got, err = read(cursor)
			return err
		})
		e := providerError(err)
		switch {
		case e != nil && e.Kind == provider.CursorExpired && !restarted:
			cursor, seen, restarted = "", map[string]bool{}, true
			continue
		case e != nil && (optional || !e.Kind.EndsRun()):
			return d.emit(
				DumpRecord{Unread: &Unread{Listing: listing, Problem: e,
					Forbidden: optional && e.Kind == provider.Forbidden}})
		case err != nil:
			return err
		}
		if err := d.bad(listing, got.bad); err != nil || got.next == "" {
			return err
		}
		if empty++; got.records > 0 {
			empty = 0
		}
		seen[cursor] = true
		if seen[got.next] || empty > provider.MaxEmptyPages {
			return d.emit(DumpRecord{Unread: &Unread{Listing: listing, Bad: "its pages do not end"}})
		}
		cursor = got.next
	}
}

func (d *dump) bad(listing string, records []string) error {
	for _, record := range records {
		if err := d.emit(DumpRecord{Unread: &Unread{Listing: listing, Bad: record}}); err != nil {
			return err
		}
	}
	return nil
}

// providerError is what the provider answered, nil if err is something else.
func providerError(err error) *provider.Error {
	var e *provider.Error
	if errors.As(err, &e) {
		return e
	}
	return nil
}

// firstPause is the first pause before a failed call is tried again; each further one is
// twice as long, and the last of attempts counts.
const (
	firstPause = time.Second
	attempts   = 4
)

// retry makes a call again that failed for a reason that passes. Throttling is waited for as
// long as the provider says, however often.
func retry(ctx context.Context, call func() error) error {
	pause := firstPause
	for failed := 0; ; {
		err := call()
		e := providerError(err)
		wait := pause
		switch {
		case e == nil || !e.Kind.Retryable() || e.Kind == provider.CursorExpired:
			return err
		case e.Kind == provider.RateLimited:
			wait = e.RetryAfter
		default:
			if failed++; failed == attempts {
				return err
			}
			pause *= 2
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		}
	}
}
