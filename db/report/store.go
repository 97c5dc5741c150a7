// Package report reads what people and monitoring ask about the directory and its runs. It writes
// nothing.
package report

import (
	"github.com/orgsync/orgsync/db/internal/dbsqlc"
	"github.com/orgsync/orgsync/db/internal/pg"
)

// ErrNotFound: no such run or member.
var ErrNotFound = pg.ErrNotFound

// Store answers questions. It is safe for concurrent use.
type Store struct {
	pool *pg.Pool
	q    *dbsqlc.Queries
}

// New returns a store on a pool.
func New(pool *pg.Pool) *Store { return &Store{pool: pool, q: dbsqlc.New()} }
