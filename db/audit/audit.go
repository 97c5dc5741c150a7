// Package audit stores what administrators changed, in the transaction of the change.
package audit

import (
	"context"
	"encoding/json"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/orgsync/orgsync/db/internal/dbsqlc"
	"github.com/orgsync/orgsync/db/internal/pg"
)

// By is who changes something.
type By struct {
	// Name is a login name with its host, or "token NAME".
	Name string
	// Address is where it was asked for from, empty where that is no network address.
	Address string
}

// Entry is one thing that was done.
type Entry struct {
	ID   int64
	Time time.Time
	By
	// Action is what was done, such as provider.update; Object what it was done to, such as
	// provider/acme.
	Action string
	Object string
	// TenantID and ProviderID say who may see the entry; empty: only who sees everything.
	TenantID   string
	ProviderID string
	// Before and After are JSON without secrets; nil where there was, or is, nothing.
	Before json.RawMessage
	After  json.RawMessage
}

// unknown is the actor where none is named.
const unknown = "unknown"

// Write adds an entry. It is for a transaction that makes the change which the entry is about.
func Write(ctx context.Context, tx pgx.Tx, e Entry) error {
	if e.Name == "" {
		e.Name = unknown
	}
	return dbsqlc.New().InsertAuditEntry(ctx, tx, dbsqlc.InsertAuditEntryParams{
		Actor: e.Name, Address: pg.NullIfEmpty(e.Address), Action: e.Action, Object: e.Object,
		TenantID: pg.NullIfEmpty(e.TenantID), ProviderID: pg.NullIfEmpty(e.ProviderID), Before: e.Before,
		After: e.After,
	})
}

// Store reads the log. It is safe for concurrent use.
type Store struct {
	pool *pg.Pool
	q    *dbsqlc.Queries
}

// New returns a store on a pool.
func New(pool *pg.Pool) *Store { return &Store{pool: pool, q: dbsqlc.New()} }

// During makes a change that is not the database's, such as one of Temporal's, and adds the
// entry to the log: neither stays without the other, unless the process ends between the two.
func (s *Store) During(ctx context.Context, e Entry, change func(context.Context) error) error {
	return pg.Interpret("write the audit log", s.pool.InTx(ctx, func(tx pgx.Tx) error {
		if err := Write(ctx, tx, e); err != nil {
			return err
		}
		return change(ctx)
	}))
}

// List returns entries before one (0: from the latest on), the latest first. Empty tenant and
// provider limit nothing.
func (s *Store) List(ctx context.Context, tenantID, providerID string, before int64, limit int) ([]Entry, error) {
	if before == 0 {
		before = 1<<63 - 1
	}
	rows, err := s.q.ListAuditEntries(ctx, s.pool, dbsqlc.ListAuditEntriesParams{
		TenantID: pg.NullIfEmpty(tenantID), ProviderID: pg.NullIfEmpty(providerID), BeforeID: before,
		MaxRows: int32(limit),
	})
	out := make([]Entry, len(rows))
	for i, r := range rows {
		out[i] = Entry{
			ID: r.ID, Time: r.Time, By: By{Name: r.Actor, Address: pg.OrZero(r.Address)}, Action: r.Action,
			Object:   r.Object,
			TenantID: pg.OrZero(r.TenantID), ProviderID: pg.OrZero(r.ProviderID), Before: r.Before, After: r.After,
		}
	}
	return out, pg.Interpret("read the audit log", err)
}
