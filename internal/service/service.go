// Package service holds the use cases of orgsync: what an operator or a program can ask
// of an installation. It is the one caller of Temporal and of the database from any edge,
// be that the command line or a server. Methods take plain inputs and return typed
// results; what goes wrong in a way that a caller can act on is an *Error with a stable
// code, whose text is in internal/message. The package prints and asks nothing and reads no
// environment.
package service

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/db/providers"
	"github.com/orgsync/orgsync/internal/clients"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/message"
	"github.com/orgsync/orgsync/internal/provider"
	"github.com/orgsync/orgsync/internal/secret"
	"github.com/orgsync/orgsync/internal/webhook"
	"github.com/orgsync/orgsync/workflows"
)

// Connections say how a Service reaches what it works with. Each function is called when
// a use case first needs it, so that a program needs only the settings that it uses.
type Connections struct {
	// DatabaseURL returns where the database is.
	DatabaseURL func() (string, error)
	// Keys returns the key set.
	Keys func() (*secret.Box, error)
	// NewOpener makes the way to clients of stored providers.
	NewOpener func(*providers.Store, *secret.Box) (*clients.Opener, error)
	// NewSender makes the way to webhooks.
	NewSender func() (*webhook.Sender, error)
	// DialTemporal connects to Temporal, PrepareNamespace makes sure that its namespace has
	// what workflows need.
	DialTemporal     func(context.Context) (client.Client, error)
	PrepareNamespace func(context.Context, client.Client) error
	// PublicURL returns where browsers and providers reach the server, empty if that is not set.
	PublicURL func() string
	// OwnAddressesOnly tells whether a caller bound to a tenant or a provider may give a provider no other
	// address than the vendor's own. Not set: any address.
	OwnAddressesOnly func() (bool, error)
	// Namespace is the name of Temporal's namespace.
	Namespace func() string
	// Language is that of what Temporal's Web UI shows of what the Service starts.
	Language message.Language
	// MostConnections is how many connections to the database may be open, 0: a few.
	MostConnections int
	// TaskQueue is that of the workflows; empty: workflows.TaskQueue.
	TaskQueue string
	// Vendors are the provider types of this build.
	Vendors map[directory.ProviderType]provider.Vendor
}

// connectTimeout is how long a caller waits for Postgres.
const connectTimeout = 10 * time.Second

// Service carries out use cases. It is safe for concurrent use.
type Service struct {
	connect Connections

	mu     sync.Mutex
	store  *db.Store
	opener *clients.Opener

	// temporalMu is another one: while Temporal is away the database is there all the same.
	temporalMu sync.Mutex
	temporal   client.Client

	// changes wakes those who wait for changes.
	changes *changeWatch
}

// New returns a Service, which connects when it needs to. Close ends what it has opened.
func New(c Connections) *Service { return &Service{connect: c, changes: newChangeWatch()} }

// EndWaits ends the waiting for changes, so that nothing keeps a server from stopping.
func (s *Service) EndWaits() { s.changes.stop() }

// Close ends all connections.
func (s *Service) Close() {
	s.changes.stop()
	s.temporalMu.Lock()
	defer s.temporalMu.Unlock()
	if s.temporal != nil {
		s.temporal.Close()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.store != nil {
		s.store.Close()
	}
}

// taskQueue is where workflows start.
func (s *Service) taskQueue() string { return cmp.Or(s.connect.TaskQueue, workflows.TaskQueue) }

// openStore returns the database.
func (s *Service) openStore(ctx context.Context) (*db.Store, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.openStoreLocked(ctx)
}

func (s *Service) openStoreLocked(ctx context.Context) (*db.Store, error) {
	if s.store != nil {
		return s.store, nil
	}
	url, err := s.connect.DatabaseURL()
	if err != nil {
		return nil, settingsError(err)
	}
	options := []db.Option{db.ConnectWithin(connectTimeout)}
	if s.connect.MostConnections > 0 {
		options = append(options, db.Connections(s.connect.MostConnections))
	}
	store, err := db.Open(ctx, url, options...)
	if errors.Is(err, db.ErrBadURL) {
		return nil, &Error{Code: SettingsWrong, Err: err}
	}
	if err != nil {
		return nil, err
	}
	s.store = store
	return store, nil
}

// openVault returns the database with the key set, which seals secrets and opens them.
func (s *Service) openVault(ctx context.Context) (*clients.Opener, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.opener != nil {
		return s.opener, nil
	}
	keys, err := s.connect.Keys()
	if err != nil {
		return nil, settingsError(err)
	}
	store, err := s.openStoreLocked(ctx)
	if err != nil {
		return nil, err
	}
	opener, err := s.connect.NewOpener(store.Providers, keys)
	if err != nil {
		return nil, settingsError(err)
	}
	s.opener = opener
	return opener, nil
}

// openTemporal returns the connection to Temporal.
func (s *Service) openTemporal(ctx context.Context) (client.Client, error) {
	s.temporalMu.Lock()
	defer s.temporalMu.Unlock()
	if s.temporal != nil {
		return s.temporal, nil
	}
	temporal, err := s.connect.DialTemporal(ctx)
	if err != nil {
		var classified *Error
		if errors.As(err, &classified) {
			return nil, err
		}
		return nil, &Error{Code: TemporalUnreachable, Err: err}
	}
	s.temporal = temporal
	return temporal, nil
}

func settingsError(err error) error { return &Error{Code: SettingsWrong, Err: err} }

// Ping returns nil if the database answers.
func (s *Service) Ping(ctx context.Context) error {
	store, err := s.openStore(ctx)
	if err != nil {
		return err
	}
	return store.Ping(ctx)
}

// CheckSchema returns nil if the database has every migration that this build needs.
func (s *Service) CheckSchema(ctx context.Context) error {
	store, err := s.openStore(ctx)
	if err != nil {
		return err
	}
	err = store.CheckSchema(ctx)
	if errors.Is(err, db.ErrSchemaBehind) {
		return &Error{Code: SchemaBehind, Err: err}
	}
	return err
}
