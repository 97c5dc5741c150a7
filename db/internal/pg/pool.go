// Package pg is what the packages of db share: the pool of connections, transactions on it, and
// errors that say what to do and quote no row.
package pg

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Pool is a pool of connections to one database. It is safe for concurrent use.
type Pool struct{ *pgxpool.Pool }

// InTx runs do in one transaction. do must use nothing but tx: a caller that holds a connection
// of the pool waits for no other.
func (p *Pool) InTx(ctx context.Context, do func(tx pgx.Tx) error) error {
	return pgx.BeginFunc(ctx, p.Pool, do)
}

// InTxApart runs do in one transaction on a connection of its own, outside the pool. It is for
// what runs while a connection of the pool is held: as many callers as there are connections
// would each wait for another one for ever. It is also for what waits long for another process.
func (p *Pool) InTxApart(ctx context.Context, do func(tx pgx.Tx) error) error {
	conn, err := pgx.ConnectConfig(ctx, p.Config().ConnConfig)
	if err != nil {
		return Interpret("connect", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	return pgx.BeginFunc(ctx, conn, do)
}
