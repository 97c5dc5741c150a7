package inbound_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/orgsync/orgsync/db/dbtest"
	"github.com/orgsync/orgsync/db/providers"
	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/devkit/simulator/dingtalk"
	"github.com/orgsync/orgsync/devkit/simulator/feishu"
	"github.com/orgsync/orgsync/devkit/simulator/wecom"
	"github.com/orgsync/orgsync/internal/app"
	"github.com/orgsync/orgsync/internal/clients"
	"github.com/orgsync/orgsync/internal/config"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/provider"
	"github.com/orgsync/orgsync/internal/secret"
	"github.com/orgsync/orgsync/internal/service"
	"github.com/orgsync/orgsync/server/inbound"
)

// The keys of the callback addresses.
const (
	encryptKey    = "sim-Encrypt-Key-01"
	verification  = "vt-sim-01"
	callbackToken = "simToken01"
	callbackAES   = "k3yForTestsOnly0123456789abcdefghijABCDEFGH"
)

var kinds = []directory.ProviderType{directory.Feishu, directory.DingTalk, directory.WeCom}

// settings are those of a provider for an app with these keys.
func settings(kind directory.ProviderType, app, keys string) string {
	switch kind {
	case directory.Feishu:
		return fmt.Sprintf(`{"app_id":%q,"app_secret":"s","encrypt_secret":%q,"verification_secret":%q}`, app,
			encryptKey+keys, verification)
	case directory.DingTalk:
		return fmt.Sprintf(`{"app_key":%q,"app_secret":"s","callback_token_secret":%q,"callback_aes_secret":%q}`, app,
			callbackToken+keys, callbackAES)
	default:
		return fmt.Sprintf(`{"corp_id":%q,"secret":"s","callback_token_secret":%q,"callback_aes_secret":%q}`, app,
			callbackToken+keys, callbackAES)
	}
}

// apps are whom the simulated messages are for.
var apps = map[directory.ProviderType]string{
	directory.Feishu: "cli_sim", directory.DingTalk: "dingsim", directory.WeCom: "wwsim",
}

// receiver is a callback address on a database of its own, without Temporal. For each type it has a
// provider that is called like the type, one with other keys (-keys) and one of another app (-app).
type receiver struct {
	t       *testing.T
	pool    *pgxpool.Pool
	service *service.Service
	url     string
	log     bytes.Buffer
	// stop ends what counts and stores what was counted.
	stop func()

	mu      sync.Mutex
	refused map[string]int
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{t: t, refused: map[string]int{}}
	location := dbtest.New(t)
	var err error
	r.pool, err = pgxpool.New(t.Context(), location)
	require.NoError(t, err)
	t.Cleanup(r.pool.Close)
	keys, err := secret.Generate()
	require.NoError(t, err)
	operator := dbtest.As(t, "orgsync_operator", location)
	r.service = service.New(service.Connections{
		DatabaseURL: func() (string, error) { return operator, nil },
		Keys:        func() (*secret.Box, error) { return secret.Load(string(keys)) },
		NewOpener: func(store *providers.Store, box *secret.Box) (*clients.Opener, error) {
			return app.NewOpener(store, box, config.Config{FetchConcurrency: 1, CallTimeout: time.Second},
				slog.New(slog.DiscardHandler)), nil
		},
		DialTemporal: func(context.Context) (client.Client, error) { return nil, errors.New("connection refused") },
		TaskQueue:    "none", Vendors: app.Vendors(),
	})
	t.Cleanup(r.service.Close)
	for _, kind := range kinds {
		r.add(string(kind), kind, apps[kind], "")
		r.add(string(kind)+"-keys", kind, apps[kind], "other")
		r.add(string(kind)+"-app", kind, "another", "")
	}
	intake := r.service.NewIntake()
	intake.Refused = func(name string, reason provider.Refusal) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.refused[name+" "+string(reason)]++
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		intake.Run(ctx)
	}()
	r.stop = func() {
		cancel()
		<-ended
	}
	t.Cleanup(r.stop)
	mux := http.NewServeMux()
	inbound.New(intake, slog.New(slog.NewTextHandler(&r.log, nil))).Register(mux)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	r.url = server.URL
	return r
}

func (r *receiver) add(name string, kind directory.ProviderType, app, keys string) {
	r.t.Helper()
	_, err := r.service.AddProvider(r.t.Context(), service.AddProviderInput{
		Name: name, Type: string(kind), Config: []byte(settings(kind, app, keys)),
	})
	require.NoError(r.t, err)
	_, err = r.service.EnableEvents(r.t.Context(), name, service.EventsByCallback, service.By{Name: "test"})
	require.NoError(r.t, err)
}

// request is one to the callback address.
type request struct {
	method, to string
	query      url.Values
	header     http.Header
	body       string
}

// with returns the request with a change.
func (q request) with(change func(*request)) request {
	q.header = q.header.Clone()
	query := url.Values{}
	for key, values := range q.query {
		query[key] = slices.Clone(values)
	}
	q.query = query
	change(&q)
	return q
}

// send sends a request and returns the answer's status and body.
func (r *receiver) send(q request) (int, string) {
	r.t.Helper()
	sent, err := http.NewRequestWithContext(r.t.Context(), q.method, r.url+"/events/"+q.to+"?"+q.query.Encode(),
		strings.NewReader(q.body))
	require.NoError(r.t, err)
	sent.Header = q.header
	answer, err := http.DefaultClient.Do(sent)
	require.NoError(r.t, err)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	require.NoError(r.t, err)
	return answer.StatusCode, string(body)
}

// message returns what a vendor sends about a change, without delivering it.
func (r *receiver) message(kind directory.ProviderType) request {
	r.t.Helper()
	company := simulator.Generate(simulator.Spec{Seed: 5, Departments: 1, Members: 3, RootMembers: 3})
	var checked atomic.Bool
	taken := make(chan request, 1)
	vendor := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, in *http.Request) {
		body, err := io.ReadAll(in.Body)
		q := request{in.Method, string(kind), in.URL.Query(), in.Header, string(body)}
		if err != nil || checked.Load() {
			taken <- q
			return
		}
		status, text := r.send(q) // the check of the address
		w.WriteHeader(status)
		_, _ = io.WriteString(w, text)
	}))
	defer vendor.Close()
	var err error
	switch kind {
	case directory.Feishu:
		_, err = feishu.New(company, feishu.Config{}).Subscribe(feishu.Callback{URL: vendor.URL,
			EncryptKey: encryptKey, VerificationToken: verification})
	case directory.DingTalk:
		_, err = dingtalk.New(company, dingtalk.Config{}).Subscribe(dingtalk.Callback{URL: vendor.URL,
			Token: callbackToken, AESKey: callbackAES})
	default:
		_, err = wecom.New(company, wecom.Config{}).Subscribe(wecom.Callback{URL: vendor.URL,
			Token: callbackToken, AESKey: callbackAES, Full: true})
	}
	require.NoError(r.t, err)
	checked.Store(true)
	require.NoError(r.t, company.SetTitle(1, "Chief"))
	return <-taken
}

// count returns what a query counts.
func (r *receiver) count(query string) (n int) {
	r.t.Helper()
	require.NoError(r.t, r.pool.QueryRow(r.t.Context(), query).Scan(&n))
	return n
}

// signedLate is a Feishu message that was signed so long ago.
func signedLate(q request, ago time.Duration) request {
	return q.with(func(q *request) {
		timestamp := strconv.FormatInt(time.Now().Add(-ago).Unix(), 10)
		q.header.Set("X-Lark-Request-Timestamp", timestamp)
		sum := sha256.Sum256([]byte(timestamp + q.header.Get("X-Lark-Request-Nonce") + encryptKey + q.body))
		q.header.Set("X-Lark-Signature", hex.EncodeToString(sum[:]))
	})
}

// Whatever is wrong with a message costs a counter: nothing is stored of it and nothing is logged.
func TestHostileRequestsCostACounter(t *testing.T) {
	t.Parallel()
	r := newReceiver(t)
	type hostile struct {
		name    string
		request request
		status  int
		// counted is where and why it is counted, empty if it is not.
		counted string
	}
	var all []hostile
	var genuine []request
	for _, kind := range kinds {
		q, name := r.message(kind), string(kind)
		genuine = append(genuine, q)
		forged := q.with(func(q *request) {
			for _, values := range []map[string][]string{q.query, q.header} {
				for _, key := range []string{"X-Lark-Signature", "msg_signature", "signature"} {
					if values[key] != nil {
						values[key] = []string{strings.Repeat("0", 40)}
					}
				}
			}
		})
		all = append(all,
			hostile{"forged", forged, http.StatusForbidden, name + " signature"},
			hostile{"tampered with", q.with(func(q *request) {
				middle := len(q.body) / 2
				other := map[bool]string{true: "A", false: "B"}[q.body[middle] != 'A']
				q.body = q.body[:middle] + other + q.body[middle+1:]
			}), http.StatusForbidden, name + " signature"},
			hostile{"another nonce", q.with(func(q *request) {
				q.query.Set("nonce", "1")
				q.header.Set("X-Lark-Request-Nonce", "1")
			}), http.StatusForbidden, name + " signature"},
			hostile{"other keys", q.with(func(q *request) { q.to = name + "-keys" }), http.StatusForbidden,
				name + "-keys signature"},
			hostile{"for another app", q.with(func(q *request) { q.to = name + "-app" }), http.StatusForbidden,
				name + "-app receiver"},
			hostile{"for nobody", q.with(func(q *request) { q.to = "nobody" }), http.StatusNotFound, ""},
			hostile{"not sealed", q.with(func(q *request) { q.body = `{"type":"url_verification"}` }),
				http.StatusBadRequest, name + " malformed"},
			hostile{"empty", q.with(func(q *request) { q.body = "" }), http.StatusBadRequest, name + " malformed"},
			hostile{"a form", q.with(func(q *request) {
				q.header.Set("Content-Type", "application/x-www-form-urlencoded")
				q.body = "encrypt=1"
			}), http.StatusBadRequest, name + " malformed"},
			hostile{"nested", q.with(func(q *request) { q.body = strings.Repeat(`{"encrypt":`, 1<<15) }),
				http.StatusBadRequest, name + " malformed"},
			hostile{"too large", q.with(func(q *request) { q.body = strings.Repeat(" ", provider.MaxMessage+1) }),
				http.StatusRequestEntityTooLarge, name + " too_large"},
			hostile{"another method", q.with(func(q *request) { q.method = http.MethodPut }),
				http.StatusMethodNotAllowed, ""},
		)
		got := hostile{"read instead of sent", q.with(func(q *request) { q.method = http.MethodGet }),
			http.StatusBadRequest, name + " malformed"}
		if kind == directory.WeCom { // which checks addresses so
			got.status, got.counted = http.StatusForbidden, name+" signature"
		}
		all = append(all, got)
		if kind == directory.Feishu {
			all = append(all, hostile{"sent again much later", signedLate(q, 11*time.Minute), http.StatusForbidden,
				name + " stale"})
		}
	}
	counted := map[string]int{}
	for _, one := range all {
		status, body := r.send(one.request)
		require.Equal(t, one.status, status, "%s to %s", one.name, one.request.to)
		if one.counted != "" {
			require.Empty(t, body, "%s to %s", one.name, one.request.to)
			counted[one.counted]++
		}
	}
	require.Equal(t, counted, r.refused)
	require.Empty(t, r.log.String())
	require.Zero(t, r.count("SELECT count(*) FROM provider_events"))

	// The genuine message is still taken, and once however often it comes.
	for _, q := range genuine {
		for range 3 {
			status, _ := r.send(q)
			require.Equal(t, http.StatusOK, status, q.to)
		}
	}
	require.Equal(t, len(genuine), r.count("SELECT count(*) FROM provider_events"))

	r.stop()
	rows, err := r.pool.Query(t.Context(), `SELECT p.name || ' ' || x.reason, x.refused FROM provider_event_refusals x
		JOIN identity_providers p ON p.id = x.provider_id`)
	require.NoError(t, err)
	stored := map[string]int{}
	var key string
	var refused int
	_, err = pgx.ForEachRow(rows, []any{&key, &refused}, func() error {
		stored[key] = refused
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, counted, stored)
}

// Senders who take their time, more of them than are answered at once, keep nobody else waiting:
// they are cut off a second later.
func TestSlowRequestsKeepNobodyWaiting(t *testing.T) {
	t.Parallel()
	r := newReceiver(t)
	q := r.message(directory.DingTalk)
	const slow = 200
	began := time.Now()
	connections := make([]net.Conn, slow)
	for i := range connections {
		var err error
		connections[i], err = net.Dial("tcp", strings.TrimPrefix(r.url, "http://")) //nolint:noctx // on this machine
		require.NoError(t, err)
		defer connections[i].Close()
		_, err = io.WriteString(connections[i],
			"POST /events/wecom HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n<xml>")
		require.NoError(t, err)
	}
	status, _ := r.send(q)
	require.Equal(t, http.StatusOK, status)
	for _, c := range connections {
		answer, err := http.ReadResponse(bufio.NewReader(c), nil)
		require.NoError(t, err)
		require.Equal(t, http.StatusRequestTimeout, answer.StatusCode)
		require.NoError(t, answer.Body.Close())
	}
	require.Less(t, time.Since(began), 20*time.Second)
	require.Equal(t, map[string]int{"wecom slow": slow}, r.refused)
	require.Empty(t, r.log.String())
}

// Who got hold of a sealed message cannot have it opened by the check of the address, which answers
// with what it was sent.
func TestTheCheckOfAnAddressOpensNoMessages(t *testing.T) {
	t.Parallel()
	r := newReceiver(t)
	q := r.message(directory.WeCom)
	_, rest, _ := strings.Cut(q.body, "<Encrypt><![CDATA[")
	sealed, _, _ := strings.Cut(rest, "]]>")
	status, body := r.send(q.with(func(q *request) {
		q.method, q.body = http.MethodGet, ""
		q.query.Set("echostr", sealed)
	}))
	require.Empty(t, body)
	require.Equal(t, http.StatusBadRequest, status)
	require.Equal(t, map[string]int{"wecom malformed": 1}, r.refused)
}
