package audit

import (
	"context"
	"errors"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/orgsync/orgsync/db/internal/dbsqlc"
	"github.com/orgsync/orgsync/db/internal/pg"
)

// AddRequest stores who asks for a run or decides one, and returns the id by which Temporal may
// refer to them. It returns "" where nothing is known of them.
func (s *Store) AddRequest(ctx context.Context, by By) (id string, err error) {
	if by.Name == "" {
		return "", nil
	}
	id, err = s.q.InsertRunRequest(ctx, s.pool, dbsqlc.InsertRunRequestParams{
		Actor: by.Name, Address: pg.NullIfEmpty(by.Address),
	})
	return id, pg.Interpret("store who asks", err)
}

// Requester returns who made a request. Where there is none, or it has been dropped since, that is
// otherwise.
func Requester(ctx context.Context, tx pgx.Tx, request, otherwise string) (By, error) {
	if _, err := uuid.Parse(request); err != nil {
		return By{Name: otherwise}, nil
	}
	row, err := dbsqlc.New().GetRunRequest(ctx, tx, request)
	if errors.Is(err, pgx.ErrNoRows) {
		return By{Name: otherwise}, nil
	}
	return By{Name: row.Actor, Address: pg.OrZero(row.Address)}, err
}
