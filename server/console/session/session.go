// Package session keeps who is signed in to the console. A browser has a cookie with chance in
// it; Postgres has its hash and whom it stands for, so any server knows them.
package session

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/alexedwards/scs/v2"

	"github.com/orgsync/orgsync/internal/access"
	"github.com/orgsync/orgsync/internal/service"
	"github.com/orgsync/orgsync/server/remote"
)

const (
	// idle is how long a browser may be silent, absolute how long a session lasts in any case.
	idle     = 2 * time.Hour
	absolute = 12 * time.Hour
)

// Sessions are the console's. They are safe for concurrent use.
type Sessions struct {
	manager *scs.SessionManager
	service *service.Service
	// Addresses are the e-mail addresses of those whom an OpenID provider signs in, in lower case.
	Addresses []string
	log       *slog.Logger
}

// Basis is what a session rests on beside its caller. Once that is gone it ends.
type Basis struct {
	// MemberID is a local administrator.
	MemberID string
	// Address is one of Sessions.Addresses.
	Address string
}

// New returns sessions whose cookies are sent over TLS alone if publicURL says https.
func New(s *service.Service, publicURL string, log *slog.Logger) *Sessions {
	m := scs.New()
	m.Store = store{s}
	m.HashTokenInStore = true
	m.IdleTimeout, m.Lifetime = idle, absolute
	m.Cookie.Name = "orgsync_session"
	m.Cookie.HttpOnly = true
	m.Cookie.SameSite = http.SameSiteLaxMode
	if strings.HasPrefix(publicURL, "https://") {
		m.Cookie.Secure = true
		m.Cookie.Name = "__Host-orgsync_session" // no other host can set it
	}
	m.ErrorFunc = func(w http.ResponseWriter, r *http.Request, err error) {
		log.ErrorContext(r.Context(), "session failed", "error", err)
		http.Error(w, http.StatusText(http.StatusServiceUnavailable), http.StatusServiceUnavailable)
	}
	return &Sessions{manager: m, service: s, log: log}
}

// Wrap loads the session of each request, and keeps what became of it. What Caller, SignIn and
// SignOut are asked must come through it.
func (s *Sessions) Wrap(next http.Handler) http.Handler {
	load := s.manager.LoadAndSave(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		load.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), foundKey{}, new(string))))
	})
}

// SignIn begins a session for a caller, under a new cookie. It belongs after whatever proves who
// they are.
func (s *Sessions) SignIn(ctx context.Context, c access.Caller, on Basis) error {
	_ = s.service.DropExpiredSessions(ctx) // the next one does
	if err := s.manager.RenewToken(ctx); err != nil {
		return err
	}
	for key, value := range map[string]string{
		"name": c.Name, "role": string(c.Role),
		"tenant": c.Reach.TenantID, "provider": c.Reach.ProviderID,
		"member": on.MemberID, "address": on.Address,
	} {
		s.manager.Put(ctx, key, value)
	}
	return nil
}

// SignOut ends the session.
func (s *Sessions) SignOut(ctx context.Context) error { return s.manager.Destroy(ctx) }

// SignOutEverywhere ends the session and all others of the same person.
func (s *Sessions) SignOutEverywhere(ctx context.Context, c access.Caller) error {
	if c.Name != "" {
		if _, err := s.service.EndSessions(ctx, c.Name, service.By{Name: c.Name, Address: c.Address}); err != nil {
			return err
		}
	}
	return s.SignOut(ctx)
}

// holds reports whether what the session rests on is still there.
func (s *Sessions) holds(ctx context.Context) bool {
	if address := s.manager.GetString(ctx, "address"); address != "" && !slices.Contains(s.Addresses, address) {
		return false
	}
	member := s.manager.GetString(ctx, "member")
	if member == "" {
		return true
	}
	is, err := s.service.IsAdministrator(ctx, member)
	if err != nil {
		s.log.ErrorContext(ctx, "session not checked", "error", err)
	}
	return is
}

// Caller returns who is signed in, and false where nobody is, or may be any longer.
func (s *Sessions) Caller(r *http.Request) (access.Caller, bool) {
	ctx := r.Context()
	if !s.holds(ctx) {
		return access.Caller{Address: remote.Address(r)}, false
	}
	role := access.Role(s.manager.GetString(ctx, "role"))
	reach := access.Reach{
		TenantID: s.manager.GetString(ctx, "tenant"), ProviderID: s.manager.GetString(ctx, "provider"),
	}
	return access.Caller{
		Name: s.manager.GetString(ctx, "name"), Address: remote.Address(r), Role: role, Reach: reach,
	}, access.Known(role)
}

// Put keeps a text in the session, under a key that begins with the name of what keeps it; Take
// returns and forgets it.
func (s *Sessions) Put(ctx context.Context, key, value string) { s.manager.Put(ctx, key, value) }

// Take returns what Put kept, once; empty: nothing.
func (s *Sessions) Take(ctx context.Context, key string) string { return s.manager.PopString(ctx, key) }

// foundKey is that of the id of the session with which a request came, in its context. A session
// that was found is never added again: it may have been ended while the request was answered.
type foundKey struct{}

func found(ctx context.Context) *string {
	id, _ := ctx.Value(foundKey{}).(*string)
	return id
}

// store is scs.CtxStore in Postgres. The ids that it is given are hashes.
type store struct{ *service.Service }

// FindCtx implements scs.CtxStore.
func (s store) FindCtx(ctx context.Context, id string) ([]byte, bool, error) {
	data, is, err := s.FindSession(ctx, id)
	if is {
		*found(ctx) = id
	}
	return data, is, err
}

// CommitCtx implements scs.CtxStore.
func (s store) CommitCtx(ctx context.Context, id string, data []byte, expires time.Time) error {
	_, values, err := scs.GobCodec{}.Decode(data)
	if err != nil {
		return err
	}
	name, _ := values["name"].(string)
	if *found(ctx) == id {
		return s.SaveSession(ctx, id, name, data, expires)
	}
	return s.AddSession(ctx, id, name, data, expires)
}

// DeleteCtx implements scs.CtxStore.
func (s store) DeleteCtx(ctx context.Context, id string) error { return s.DropSession(ctx, id) }

// Those without a context are not used: sessions are loaded and kept by requests.

// Find implements scs.Store.
func (store) Find(string) ([]byte, bool, error) { return nil, false, errNoRequest }

// Commit implements scs.Store.
func (store) Commit(string, []byte, time.Time) error { return errNoRequest }

// Delete implements scs.Store.
func (store) Delete(string) error { return errNoRequest }

var errNoRequest = errors.New("sessions belong to requests")
