// Package signin stores who is signed in to the console, and the links that sign in once. It
// holds hashes, never what a browser or a person has.
package signin

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/orgsync/orgsync/db/audit"
	"github.com/orgsync/orgsync/db/internal/dbsqlc"
	"github.com/orgsync/orgsync/db/internal/pg"
)

// ErrNotFound: no such link, or one that was used or has expired.
var ErrNotFound = pg.ErrNotFound

// Link is whom a link signs in.
type Link struct {
	Name string
	Role string
	// TenantID and ProviderID are what they are bound to, empty for nothing.
	TenantID   string
	ProviderID string
	ExpiresAt  time.Time
}

// Store gives access to links and sessions. It is safe for concurrent use.
type Store struct {
	pool *pg.Pool
	q    *dbsqlc.Queries
}

// New returns a store on a pool.
func New(pool *pg.Pool) *Store { return &Store{pool: pool, q: dbsqlc.New()} }

// AddLink stores a link by its hash.
func (s *Store) AddLink(ctx context.Context, l Link, hash []byte, by audit.By) error {
	return pg.Interpret("add sign-in link", s.pool.InTx(ctx, func(tx pgx.Tx) error {
		if err := s.q.DropExpiredSignInLinks(ctx, tx); err != nil {
			return err
		}
		err := s.q.InsertSignInLink(ctx, tx, dbsqlc.InsertSignInLinkParams{
			Hash: hash, Name: l.Name, Role: l.Role, TenantID: pg.NullIfEmpty(l.TenantID),
			ProviderID: pg.NullIfEmpty(l.ProviderID), ExpiresAt: l.ExpiresAt,
		})
		if err != nil {
			return err
		}
		return WriteAudit(ctx, tx, "link.create", "link", l, by)
	}))
}

// TakeLink returns whom the link with a hash signs in, which cannot be used again. It returns
// ErrNotFound. address is where it is used from.
func (s *Store) TakeLink(ctx context.Context, hash []byte, address string) (l Link, err error) {
	err = s.pool.InTx(ctx, func(tx pgx.Tx) error {
		r, err := s.q.TakeSignInLink(ctx, tx, hash)
		if err != nil {
			return err
		}
		l = Link{Name: r.Name, Role: r.Role, TenantID: pg.OrZero(r.TenantID), ProviderID: pg.OrZero(r.ProviderID)}
		return WriteAudit(ctx, tx, "session.create", "link", l, audit.By{Name: l.Name, Address: address})
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return Link{}, ErrNotFound
	}
	return l, pg.Interpret("use sign-in link", err)
}

// WriteAudit adds to the audit log that a way to sign in was made or used.
func WriteAudit(ctx context.Context, tx pgx.Tx, action, way string, l Link, by audit.By) error {
	text, err := json.Marshal(struct {
		Way        string `json:"way"`
		Role       string `json:"role"`
		TenantID   string `json:"tenant_id,omitempty"`
		ProviderID string `json:"provider_id,omitempty"`
	}{way, l.Role, l.TenantID, l.ProviderID})
	if err != nil {
		return err
	}
	return audit.Write(ctx, tx, audit.Entry{
		By: by, Action: action, Object: "console/" + l.Name, TenantID: l.TenantID, ProviderID: l.ProviderID,
		After: text,
	})
}

// RecordSignIn writes to the audit log that a person signed in by another way than a link.
func (s *Store) RecordSignIn(ctx context.Context, way string, l Link, address string) error {
	return pg.Interpret("record a sign-in", s.pool.InTx(ctx, func(tx pgx.Tx) error {
		return WriteAudit(ctx, tx, "session.create", way, l, audit.By{Name: l.Name, Address: address})
	}))
}

// FindSession returns what a session holds, and false of one that is not there.
func (s *Store) FindSession(ctx context.Context, id string) (data []byte, found bool, err error) {
	data, err = s.q.FindBrowserSession(ctx, s.pool, id)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, false, nil
	}
	return data, err == nil, pg.Interpret("find session", err)
}

// AddSession keeps a new session until it expires. name is who is signed in, if anybody.
func (s *Store) AddSession(ctx context.Context, id, name string, data []byte, expires time.Time) error {
	return pg.Interpret("add session", s.q.AddBrowserSession(ctx, s.pool, dbsqlc.AddBrowserSessionParams{
		ID: id, Name: pg.NullIfEmpty(name), Data: data, ExpiresAt: expires,
	}))
}

// SaveSession keeps what became of a session, unless it was ended meanwhile.
func (s *Store) SaveSession(ctx context.Context, id, name string, data []byte, expires time.Time) error {
	return pg.Interpret("save session", s.q.SaveBrowserSession(ctx, s.pool, dbsqlc.SaveBrowserSessionParams{
		ID: id, Name: pg.NullIfEmpty(name), Data: data, ExpiresAt: expires,
	}))
}

// EndSessions ends all sessions of a person by their name, or (empty) of all people, with all links
// that are not used, and returns how many sessions that were.
func (s *Store) EndSessions(ctx context.Context, name string, by audit.By) (ended int64, err error) {
	return ended, pg.Interpret("end sessions", s.pool.InTx(ctx, func(tx pgx.Tx) error {
		if name == "" {
			if err := s.q.DropSignInLinks(ctx, tx); err != nil {
				return err
			}
		}
		if ended, err = s.q.DropBrowserSessions(ctx, tx, pg.NullIfEmpty(name)); err != nil {
			return err
		}
		return audit.Write(ctx, tx, audit.Entry{
			By: by, Action: "session.end", Object: "console/" + cmp.Or(name, "everybody"),
			After: fmt.Appendf(nil, `{"sessions":%d}`, ended),
		})
	}))
}

// DropSession ends a session.
func (s *Store) DropSession(ctx context.Context, id string) error {
	return pg.Interpret("end session", s.q.DropBrowserSession(ctx, s.pool, id))
}

// DropExpiredSessions deletes what has expired.
func (s *Store) DropExpiredSessions(ctx context.Context) error {
	return pg.Interpret("delete expired sessions", s.q.DropExpiredBrowserSessions(ctx, s.pool))
}
