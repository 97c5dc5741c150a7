// Package providers stores the connections to companies' directories: their settings and sealed
// secrets, the access tokens and call slots that all workers share, and which workers there are.
package providers

import (
	"errors"
	"sync"

	"github.com/orgsync/orgsync/db/internal/dbsqlc"
	"github.com/orgsync/orgsync/db/internal/pg"
)

// Failures that callers tell apart.
var (
	// ErrNotFound: no such provider.
	ErrNotFound = pg.ErrNotFound
	// ErrNameTaken: a provider of that name exists already.
	ErrNameTaken = errors.New("name is taken")
	// ErrChanged: the provider was changed meanwhile.
	ErrChanged = errors.New("the provider was changed meanwhile")
)

// Store gives access to what is stored of providers. It is safe for concurrent use.
type Store struct {
	pool *pg.Pool
	q    *dbsqlc.Queries
	// tokenQueues are the process's own queues before the tokens' locks, by token.
	tokenQueues sync.Map
}

// New returns a store on a pool.
func New(pool *pg.Pool) *Store { return &Store{pool: pool, q: dbsqlc.New()} }
