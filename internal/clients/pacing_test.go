package clients_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/db/dbtest"
	"github.com/orgsync/orgsync/db/providers"
	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/devkit/simulator/dingtalk"
	"github.com/orgsync/orgsync/devkit/simulator/feishu"
	"github.com/orgsync/orgsync/devkit/simulator/wecom"
	"github.com/orgsync/orgsync/internal/clients"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/provider"
	dingtalkclient "github.com/orgsync/orgsync/internal/provider/dingtalk"
	feishuclient "github.com/orgsync/orgsync/internal/provider/feishu"
	wecomclient "github.com/orgsync/orgsync/internal/provider/wecom"
	"github.com/orgsync/orgsync/internal/secret"
)

// late is how far behind its slot a call may be made.
const late = 50 * time.Millisecond

// paced is a database that remembers every slot it gives, and whose endpoints were not
// called for a day.
type paced struct {
	t     *testing.T
	store *db.Store
	conn  *pgx.Conn
}

func newPaced(t *testing.T) *paced {
	t.Helper()
	url := dbtest.New(t)
	store, err := db.Open(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(store.Close)
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	// A slot that was past when it was asked for is used when it was asked for.
	_, err = conn.Exec(t.Context(), `
		CREATE TABLE slots_given (endpoint text, ends timestamptz, asked timestamptz);
		CREATE FUNCTION note_slot() RETURNS trigger LANGUAGE plpgsql AS $$
		BEGIN
			INSERT INTO slots_given VALUES (NEW.endpoint, NEW.next_at, statement_timestamp());
			RETURN NULL;
		END $$;
		CREATE TRIGGER note_slot AFTER UPDATE ON provider_call_slots FOR EACH ROW
			WHEN (NEW.granted AND NEW.next_at <> OLD.next_at) EXECUTE FUNCTION note_slot()`)
	require.NoError(t, err)
	return &paced{t, store, conn}
}

// add stores a provider whose endpoint was not called for a day.
func (p *paced) add(kind directory.ProviderType, config, endpoint string) providers.Provider {
	p.t.Helper()
	id, err := p.store.Providers.Add(p.t.Context(),
		providers.NewProvider{Name: string(kind), Type: kind, Config: json.RawMessage(config)},
		func(string) ([]providers.Sealed, error) { return nil, nil })
	require.NoError(p.t, err)
	_, err = p.conn.Exec(p.t.Context(), `INSERT INTO provider_call_slots (provider_id, endpoint, next_at)
		VALUES ($1, $2, now() - interval '1 day')`, id, endpoint)
	require.NoError(p.t, err)
	stored, err := p.store.Providers.FindByName(p.t.Context(), string(kind))
	require.NoError(p.t, err)
	return stored
}

// given are the times of an endpoint's slots, in order: as they were planned, and as they
// are used, which is not before they were asked for.
func (p *paced) given(endpoint string, spacing time.Duration) (planned, used []time.Time) {
	p.t.Helper()
	return p.times(`SELECT ends - $2::interval AS at FROM slots_given WHERE endpoint = $1 ORDER BY at`, endpoint,
			spacing),
		p.times(`SELECT greatest(ends - $2::interval, asked) AS at FROM slots_given WHERE endpoint = $1 ORDER BY at`,
			endpoint, spacing)
}

func (p *paced) times(query string, args ...any) []time.Time {
	p.t.Helper()
	rows, err := p.conn.Query(p.t.Context(), query, args...)
	require.NoError(p.t, err)
	times, err := pgx.CollectRows(rows, pgx.RowTo[time.Time])
	require.NoError(p.t, err)
	return times
}

// requireEven fails unless the slots are a spacing apart, to the microsecond that Postgres
// keeps.
func requireEven(t *testing.T, slots []time.Time, spacing time.Duration) {
	t.Helper()
	for i := range slots[1:] {
		require.GreaterOrEqual(t, slots[i+1].Sub(slots[i]), spacing-time.Microsecond, "slot %d", i+1)
	}
}

// most is how many of the calls fall into one window at most, each made at its slot or
// up to late after it.
func most(slots []time.Time, window time.Duration) int {
	found, first := 0, 0
	for i, slot := range slots {
		for slot.Sub(slots[first]) >= window+late {
			first++
		}
		found = max(found, i-first+1)
	}
	return found
}

// pace is a client's documented endpoint with its limits as the reference states them.
type pace struct {
	vendor   provider.Vendor
	settings provider.Settings
	// serve makes the simulated provider, whose time is clock.
	serve    func(*simulator.Company, simulator.Options) (http.Handler, *simulator.Service)
	endpoint string
	spacing  time.Duration
	burst    int
	limits   map[time.Duration]int
}

var paces = map[string]pace{
	"feishu": {
		vendor: feishuclient.Vendor, settings: provider.Settings{"app_id": "cli_sim", "app_secret": "sim-secret"},
		serve: func(c *simulator.Company, o simulator.Options) (http.Handler, *simulator.Service) {
			s := feishu.New(c, feishu.Config{Options: o})
			return s, s.Service
		},
		endpoint: "users/find_by_department", spacing: time.Minute / 950, burst: 30,
		limits: map[time.Duration]int{time.Minute: 1000, time.Second: 50}, // feishu.md §5.1
	},
	"dingtalk": {
		vendor: dingtalkclient.Vendor, settings: provider.Settings{"app_key": "dingsim", "app_secret": "sim-secret"},
		serve: func(c *simulator.Company, o simulator.Options) (http.Handler, *simulator.Service) {
			s := dingtalk.New(c, dingtalk.Config{Options: o})
			return s, s.Service
		},
		endpoint: "user/list", spacing: time.Second / 18,
		limits: map[time.Duration]int{time.Second: 19}, // dingtalk.md §6 allows 20
	},
	"wecom": {
		vendor: wecomclient.Vendor, settings: provider.Settings{"corp_id": "wwsim", "secret": "sim-app-secret",
			"agent_id": "1000002"},
		serve: func(c *simulator.Company, o simulator.Options) (http.Handler, *simulator.Service) {
			s := wecom.New(c, wecom.Config{Options: o})
			return s, s.Service
		},
		endpoint: "user/list", spacing: time.Minute / 9800, burst: 30,
		limits: map[time.Duration]int{time.Minute: 10_000}, // wecom.md §5.1
	},
}

// rates is a provider.Limiter that only remembers the limits it is told.
type rates struct {
	mu   sync.Mutex
	told map[string]provider.Rate
}

func (r *rates) Wait(_ context.Context, endpoint string, limit provider.Rate) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.told[endpoint] = limit
	return nil
}

func (r *rates) Pause(context.Context, string, time.Duration) error { return nil }

// freshTokens is a provider.Tokens that keeps none.
type freshTokens struct{}

func (freshTokens) Token(ctx context.Context, _ string,
	fetch func(context.Context) (string, time.Time, error)) (string, error) {
	token, _, err := fetch(ctx)
	return token, err
}

func (freshTokens) Drop(context.Context, string, string) error { return nil }

// rate is the limit that the client states for the endpoint when it checks a company.
func (p pace) rate(t *testing.T) provider.Rate {
	t.Helper()
	handler, _ := p.serve(simulator.Generate(simulator.TypicalSpec(1, 60)), simulator.Options{NoQuotas: true})
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	seen := &rates{told: map[string]provider.Rate{}}
	settings := provider.Settings{"base_url": server.URL, "api_base_url": server.URL}
	for key, value := range p.settings {
		settings[key] = value
	}
	client, err := p.vendor.Open(settings, &provider.Env{
		HTTP: server.Client(), Log: slog.New(slog.DiscardHandler), Tokens: freshTokens{}, Limits: seen,
		Now: time.Now, CallTimeout: time.Minute, SlowCall: time.Minute,
	})
	require.NoError(t, err)
	_, err = client.Check(t.Context())
	require.NoError(t, err)
	require.Contains(t, seen.told, p.endpoint)
	return seen.told[p.endpoint]
}

// The slots that Postgres gives are evenly spaced after the burst, also after a rest, and calls made at
// them or a little late stay within the documented limits in any window of their length:
// a provider that enforces them strictly never throttles.
func TestSlotsStayWithinTheDocumentedLimits(t *testing.T) {
	t.Parallel()
	for name, pace := range paces {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPaced(t)
			stored := p.add(pace.vendor.Type, "{}", pace.endpoint)
			limit := pace.rate(t)
			spacing := time.Duration(float64(limit.Per) / float64(limit.Calls))
			require.Equal(t, pace.spacing, spacing)
			calls := 0
			for _, allowed := range pace.limits {
				calls = max(calls, allowed+allowed/10)
			}
			for range calls {
				_, granted, err := p.store.Providers.ReserveCall(t.Context(), stored.ID, pace.endpoint,
					providers.Pace{Spacing: spacing, Burst: time.Duration(limit.Burst) * spacing}, time.Hour)
				require.NoError(t, err)
				require.True(t, granted)
			}
			planned, slots := p.given(pace.endpoint, spacing)
			require.Len(t, slots, calls)
			require.Equal(t, pace.burst, limit.Burst)
			requireEven(t, planned, spacing)
			for window, allowed := range pace.limits {
				require.LessOrEqual(t, most(slots, window), allowed, "in %v", window)
			}

			var now time.Time
			_, service := pace.serve(simulator.Generate(simulator.Spec{Departments: 1}),
				simulator.Options{Clock: func() time.Time { return now }})
			lateness := rand.New(rand.NewPCG(1, 2))
			for i := range slots {
				slots[i] = slots[i].Add(time.Duration(lateness.Int64N(int64(late))))
			}
			slices.SortFunc(slots, time.Time.Compare)
			for _, now = range slots {
				require.Zero(t, service.OverQuota(pace.endpoint))
			}
		})
	}
}

// Two workers that read DingTalk at once share its 20 calls a second without one that is
// refused, and what they take are slots of 18 a second.
func TestTwoWorkersAreNotThrottled(t *testing.T) {
	t.Parallel()
	pace := paces["dingtalk"]
	handler, service := pace.serve(simulator.Generate(simulator.TypicalSpec(1, 60)), simulator.Options{})
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	p := newPaced(t)
	stored := p.add(directory.DingTalk,
		fmt.Sprintf(`{"app_key":"dingsim","app_secret":"sim-secret","base_url":%q,"api_base_url":%q}`, server.URL,
			server.URL), pace.endpoint)
	box, err := secret.Load(string(keys(t)))
	require.NoError(t, err)
	const workers, readers, each = 2, 4, 6
	group, ctx := errgroup.WithContext(t.Context())
	for range workers {
		client, err := (&clients.Opener{
			Store: p.store.Providers, Box: box, Log: slog.New(slog.DiscardHandler), HTTP: server.Client(),
			CallTimeout: time.Minute, SlowCall: time.Minute, CallRate: 1,
			Vendors: map[directory.ProviderType]provider.Vendor{directory.DingTalk: dingtalkclient.Vendor},
		}).Open(t.Context(), stored, nil)
		require.NoError(t, err)
		roots, _, err := client.ListRoots(t.Context())
		require.NoError(t, err)
		for range readers {
			group.Go(func() error {
				for range each {
					if _, err := client.ListDepartmentMembers(ctx,
						provider.Query{Department: roots[0].ExternalID, Method: roots[0].MembersMethod}); err != nil {
						return err
					}
				}
				return nil
			})
		}
	}
	require.NoError(t, group.Wait())
	require.Empty(t, service.Throttled.All())
	require.Equal(t, workers*readers*each, service.Calls.Count(pace.endpoint))
	planned, _ := p.given(pace.endpoint, pace.spacing)
	require.GreaterOrEqual(t, len(planned), workers*readers*each)
	requireEven(t, planned, pace.spacing)
}
