// Package logins stores what sign-ins of people need between two steps: what a login brought,
// the applications that people sign in to, and sign-ins under way. It holds hashes of states
// and codes, and facts of people only sealed.
package logins

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/orgsync/orgsync/db/audit"
	"github.com/orgsync/orgsync/db/internal/dbsqlc"
	"github.com/orgsync/orgsync/db/internal/pg"
)

// ErrNotFound: no such member, application, state or code, or one that was used or has expired.
var ErrNotFound = pg.ErrNotFound

// Member is what a login needs to know of a stored member.
type Member = dbsqlc.FindLoginMemberRow

// App is an application that people sign in to in a browser.
type App struct {
	Name      string
	CreatedAt time.Time
	CreatedBy string
	// ReturnTo are the addresses that people may be sent back to.
	ReturnTo []string
}

// State is a sign-in under way in a browser.
type State struct {
	ProviderID string
	Flow       string
	// App is empty where the sign-in is to the console.
	App      string
	ReturnTo string
	// AppState is what the application wants back.
	AppState string
}

// Store gives access to logins. It is safe for concurrent use.
type Store struct {
	pool *pg.Pool
	q    *dbsqlc.Queries
}

// New returns a store on a pool.
func New(pool *pg.Pool) *Store { return &Store{pool: pool, q: dbsqlc.New()} }

// FindMember returns the member whom ids mean. It returns ErrNotFound.
func (s *Store) FindMember(ctx context.Context, providerID string, ignoreCase bool, externalID, unionID,
	openID string) (Member, error) {
	m, err := s.q.FindLoginMember(ctx, s.pool, dbsqlc.FindLoginMemberParams{
		ProviderID: &providerID, ExternalID: externalID, Unionid: &unionID, OpenID: &openID,
		IgnoreCase: ignoreCase,
	})
	return m, pg.Interpret("find member", err)
}

// AddMember has a member read by the provider's next run for logins, and keeps sealed facts for
// it; nil: there are none. It returns the id of the wish.
func (s *Store) AddMember(ctx context.Context, providerID, externalID string, facts []byte) (string, error) {
	id, err := s.q.AddLoginMember(ctx, s.pool, dbsqlc.AddLoginMemberParams{
		ProviderID: providerID, ExternalID: externalID, Facts: facts,
	})
	return id, pg.Interpret("keep a login", err)
}

// IsWaiting reports whether a wish has not been dealt with.
func (s *Store) IsWaiting(ctx context.Context, id string) (bool, error) {
	waiting, err := s.q.IsLoginMemberWaiting(ctx, s.pool, id)
	return waiting, pg.Interpret("find a login", err)
}

// ListMembers returns the wishes of a provider by id with the members' external ids.
func (s *Store) ListMembers(ctx context.Context, provider string, most int) (ids, members []string, err error) {
	rows, err := s.q.ListLoginMembers(ctx, s.pool, dbsqlc.ListLoginMembersParams{
		Provider: provider, MaxRows: int32(most),
	})
	for _, row := range rows {
		ids, members = append(ids, row.ID), append(members, row.ExternalID)
	}
	return ids, members, pg.Interpret("list logins", err)
}

// ListFacts returns what logins of a member brought, sealed, the latest last.
func (s *Store) ListFacts(ctx context.Context, providerID string, ignoreCase bool,
	externalID string) ([][]byte, error) {
	sealed, err := s.q.ListLoginFacts(ctx, s.pool, dbsqlc.ListLoginFactsParams{
		ProviderID: providerID, ExternalID: externalID, IgnoreCase: ignoreCase,
	})
	return sealed, pg.Interpret("read what logins brought", err)
}

// DropMembers deletes wishes that were dealt with.
func (s *Store) DropMembers(ctx context.Context, ids []string) error {
	return pg.Interpret("drop logins", s.q.DropLoginMembers(ctx, s.pool, ids))
}

// Record notes that a member signed in and reports whether it is the first time.
func (s *Store) Record(ctx context.Context, memberID string) (first bool, err error) {
	first, err = s.q.RecordLogin(ctx, s.pool, memberID)
	return first, pg.Interpret("record a login", err)
}

// IsLocalAdministrator reports whether this installation made a member an administrator.
func (s *Store) IsLocalAdministrator(ctx context.Context, memberID string) (bool, error) {
	is, err := s.q.IsLocalAdministrator(ctx, s.pool, memberID)
	return is, pg.Interpret("find administrator", err)
}

// AddApp stores an application, or adds addresses to one.
func (s *Store) AddApp(ctx context.Context, a App, by audit.By) error {
	return pg.Interpret("add application", s.pool.InTx(ctx, func(tx pgx.Tx) error {
		err := s.q.InsertLoginApp(ctx, tx, dbsqlc.InsertLoginAppParams{
			Name: a.Name, CreatedBy: pg.NullIfEmpty(by.Name),
		})
		for _, address := range a.ReturnTo {
			if err == nil {
				err = s.q.InsertLoginAppAddress(ctx, tx, dbsqlc.InsertLoginAppAddressParams{
					App: a.Name, ReturnTo: address,
				})
			}
		}
		if err != nil {
			return err
		}
		after, err := json.Marshal(map[string]any{"return_to": a.ReturnTo})
		if err != nil {
			return err
		}
		return audit.Write(ctx, tx, audit.Entry{By: by, Action: "app.add", Object: "app/" + a.Name, After: after})
	}))
}

// ListApps returns all applications, by name.
func (s *Store) ListApps(ctx context.Context) ([]App, error) {
	rows, err := s.q.ListLoginApps(ctx, s.pool)
	out := make([]App, len(rows))
	for i, r := range rows {
		out[i] = App{r.Name, r.CreatedAt, pg.OrZero(r.CreatedBy), r.ReturnTo}
	}
	return out, pg.Interpret("list applications", err)
}

// RemoveApp removes an application. It returns ErrNotFound.
func (s *Store) RemoveApp(ctx context.Context, name string, by audit.By) error {
	return pg.Interpret("remove application", s.pool.InTx(ctx, func(tx pgx.Tx) error {
		n, err := s.q.DeleteLoginApp(ctx, tx, name)
		if err == nil && n == 0 {
			return ErrNotFound
		}
		if err != nil {
			return err
		}
		return audit.Write(ctx, tx, audit.Entry{By: by, Action: "app.remove", Object: "app/" + name})
	}))
}

// IsReturnAddress reports whether an application may have people sent back to an address.
func (s *Store) IsReturnAddress(ctx context.Context, app, address string) (bool, error) {
	is, err := s.q.IsReturnAddress(ctx, s.pool, dbsqlc.IsReturnAddressParams{App: app, ReturnTo: address})
	return is, pg.Interpret("find return address", err)
}

// Begin keeps a sign-in by the hashes of its state and of what the browser has as a cookie.
func (s *Store) Begin(ctx context.Context, hash, browser []byte, in State, expires time.Time) error {
	if err := s.q.DropExpiredLoginStates(ctx, s.pool); err != nil {
		return pg.Interpret("drop expired sign-ins", err)
	}
	return pg.Interpret("begin a sign-in", s.q.InsertLoginState(ctx, s.pool, dbsqlc.InsertLoginStateParams{
		Hash: hash, Browser: browser, ProviderID: in.ProviderID, Flow: in.Flow, App: pg.NullIfEmpty(in.App),
		ReturnTo: in.ReturnTo, AppState: in.AppState, ExpiresAt: expires,
	}))
}

// Take returns a sign-in, once and only to the browser that began it. It returns ErrNotFound.
func (s *Store) Take(ctx context.Context, hash, browser []byte, providerID string) (State, error) {
	r, err := s.q.TakeLoginState(ctx, s.pool, dbsqlc.TakeLoginStateParams{
		Hash: hash, Browser: browser, ProviderID: providerID,
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return State{}, ErrNotFound
	}
	return State{providerID, r.Flow, pg.OrZero(r.App), r.ReturnTo, r.AppState}, pg.Interpret("find a sign-in", err)
}

// AddCode keeps a code, by its hash, that stands for a member until it expires.
func (s *Store) AddCode(ctx context.Context, hash []byte, memberID string, first bool, expires time.Time) error {
	if err := s.q.DropExpiredLoginCodes(ctx, s.pool); err != nil {
		return pg.Interpret("drop expired codes", err)
	}
	return pg.Interpret("keep a code", s.q.InsertLoginCode(ctx, s.pool, dbsqlc.InsertLoginCodeParams{
		Hash: hash, MemberID: memberID, FirstLogin: first, ExpiresAt: expires,
	}))
}

// TakeCode returns whom a code stands for, once. It returns ErrNotFound.
func (s *Store) TakeCode(ctx context.Context, hash []byte) (memberID string, first bool, err error) {
	r, err := s.q.TakeLoginCode(ctx, s.pool, hash)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", false, ErrNotFound
	}
	return r.MemberID, r.FirstLogin, pg.Interpret("find a code", err)
}

// ListProviders returns the names of providers whose local administrators may sign in by them.
func (s *Store) ListProviders(ctx context.Context) ([]string, error) {
	names, err := s.q.ListLoginProviders(ctx, s.pool)
	return names, pg.Interpret("list providers", err)
}
