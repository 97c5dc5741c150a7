package providertest

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/devkit/simulator/dingtalk"
	"github.com/orgsync/orgsync/devkit/simulator/feishu"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/provider"
)

// heard is a listener that remembers.
type heard struct {
	mu        sync.Mutex
	connected int
	ids       map[string]int
	events    int
	refused   []provider.Refusal
	// failing is how many events are not kept.
	failing int
	leaving chan struct{}
	once    sync.Once
}

func newHeard(failing int) *heard {
	return &heard{ids: map[string]int{}, leaving: make(chan struct{}), failing: failing}
}

func (h *heard) Connected() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.connected++
}

func (h *heard) Leaving() { h.once.Do(func() { close(h.leaving) }) }

func (h *heard) Keep(_ context.Context, events []provider.Event) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.failing > 0 {
		h.failing--
		return errors.New("the database is away")
	}
	for _, e := range events {
		h.events++
		for _, id := range e.IDs {
			h.ids[id]++
		}
	}
	return nil
}

func (h *heard) Refused(reason provider.Refusal) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.refused = append(h.refused, reason)
}

func (h *heard) has(ids ...string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return !slices.ContainsFunc(ids, func(id string) bool { return h.ids[id] == 0 })
}

// streaming is a company at a service with streams and the client that listens there.
type streaming struct {
	*world
	// disconnect announces the end of the connections.
	disconnect func()
	subscribe  func(simulator.Stream) *simulator.Pusher
	streams    *simulator.Streams
}

func streamingCompanies(t *testing.T) []streaming {
	t.Helper()
	var fs *feishu.Server
	atFeishu := onFeishu(feishu.Config{})
	atFeishu.start = func(c *simulator.Company) (http.Handler, *simulator.Service) {
		fs = feishu.New(c, feishu.Config{PingSeconds: 1})
		return fs, fs.Service
	}
	var dt *dingtalk.Server
	atDingTalk := onDingTalk(dingtalk.Config{})
	atDingTalk.start = func(c *simulator.Company) (http.Handler, *simulator.Service) {
		dt = dingtalk.New(c, dingtalk.Config{})
		return dt, dt.Service
	}
	spec := simulator.TypicalSpec(3, 40)
	worlds := []*world{open(t, simulator.Generate(spec), atFeishu), open(t, simulator.Generate(spec), atDingTalk)}
	return []streaming{
		{worlds[0], nil, func(how simulator.Stream) *simulator.Pusher {
			pusher, err := fs.SubscribeStream(how)
			require.NoError(t, err)
			return pusher
		}, &fs.Streams},
		{worlds[1], dt.Disconnect, dt.SubscribeStream, &dt.Streams},
	}
}

// listen keeps connecting until the test ends, as a worker does, and waits for the first.
func (s streaming) listen(h *heard) {
	s.t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for ctx.Err() == nil {
			_ = s.client.(provider.EventStreamer).Listen(ctx, h)
			time.Sleep(5 * time.Millisecond)
		}
	}()
	s.t.Cleanup(func() {
		stop()
		<-ended
	})
	require.Eventually(s.t, func() bool { return len(s.streams.Connections()) > 0 }, 5*time.Second, time.Millisecond)
}

// hire makes so many changes and returns whom they are about.
func (s streaming) hire(n int) (ids []string) {
	s.t.Helper()
	for range n {
		p, err := s.company.Hire("Ann", simulator.Root)
		require.NoError(s.t, err)
		s.company.View(func(v *simulator.View) {
			person, _ := v.Person(p)
			ids = append(ids, s.company.UserID(s.kind, person))
		})
	}
	return ids
}

// Whatever else comes, in whatever order and however often, each change is heard of, and
// acknowledged once it is kept.
func TestStreamsTellOfEveryChange(t *testing.T) {
	t.Parallel()
	for _, s := range streamingCompanies(t) {
		h := newHeard(10)
		s.listen(h)
		pusher := s.subscribe(simulator.Stream{
			Delivery: simulator.Delivery{Duplicate: 0.3, Late: 0.5, LateBy: 100 * time.Millisecond, Pace: 1e4},
			Odd:      0.2, Split: 0.5,
		})
		ids := s.hire(60)
		pusher.Wait()
		require.True(t, h.has(ids...), s.kind)
		require.Zero(t, pusher.Lost.Load(), s.kind)
		require.EqualValues(t, 60, pusher.Acknowledged.Load())
		require.Greater(t, pusher.Sent.Load(), int64(70), "those that were not kept came again")
		require.Contains(t, h.refused, provider.RefusedTooLarge)
		require.Contains(t, h.refused, provider.RefusedMalformed)
		require.Equal(t, 1, s.streams.Opened(), "odd frames do not end the connection")
	}
}

// What was sent on a connection that was cut comes again on the next.
func TestStreamsThatAreCut(t *testing.T) {
	t.Parallel()
	for _, s := range streamingCompanies(t) {
		h := newHeard(0)
		s.listen(h)
		pace := map[directory.ProviderType]float64{directory.Feishu: 3000, directory.DingTalk: 50}[s.kind]
		pusher := s.subscribe(simulator.Stream{Delivery: simulator.Delivery{Pace: pace}, Cut: 0.2})
		ids := s.hire(10)
		pusher.Wait()
		require.Greater(t, s.streams.Opened(), 1)
		require.EqualValues(t, 10, pusher.Acknowledged.Load()+pusher.Lost.Load())
		if pusher.Lost.Load() == 0 {
			require.True(t, h.has(ids...), s.kind)
		}
	}
}

// Feishu's own client hangs where nothing comes any more; ours notices.
func TestStreamEndsWithoutSignsOfLife(t *testing.T) {
	t.Parallel()
	silent := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/callback/ws/endpoint" {
			_, _ = io.WriteString(w, `{"code":0,"data":{"URL":"ws://`+r.Host+
				`/ws/v2?service_id=1","ClientConfig":{"PingInterval":1}}}`)
			return
		}
		conn, err := websocket.Accept(w, r, nil)
		if err == nil {
			for err == nil {
				_, _, err = conn.Read(r.Context()) // and no pong
			}
		}
	}))
	defer silent.Close()
	s := onFeishu(feishu.Config{})
	w := open(t, simulator.Generate(simulator.TypicalSpec(3, 5)), s)
	client, err := w.vendor.Open(provider.Settings{
		"app_id": "cli_sim", "app_secret": appSecret, "base_url": silent.URL,
	}, &provider.Env{HTTP: silent.Client(), Log: slog.New(slog.DiscardHandler), Tokens: w.tokens, Limits: w.limits,
		Now: time.Now, CallTimeout: time.Second, SlowCall: time.Second})
	require.NoError(t, err)
	began := time.Now()
	require.Error(t, client.(provider.EventStreamer).Listen(t.Context(), newHeard(0)))
	require.Less(t, time.Since(began), 20*time.Second)
}

// An announced end lets the next connection be opened before.
func TestStreamSaysThatItEnds(t *testing.T) {
	t.Parallel()
	s := streamingCompanies(t)[1]
	h := newHeard(0)
	s.listen(h)
	s.disconnect()
	<-h.leaving
	require.Len(t, s.streams.Connections(), 1, "what was sent on it can still be answered")
}

func TestStreamsWithWrongCredentials(t *testing.T) {
	t.Parallel()
	for _, s := range streamingCompanies(t) {
		settings := provider.Settings{"base_url": s.url, "api_base_url": s.url, "app_id": "cli_sim",
			"app_key": "dingsim", "app_secret": "wrong"}
		client, err := s.vendor.Open(settings, &provider.Env{HTTP: http.DefaultClient, Tokens: s.tokens,
			Limits: s.limits, Log: slog.New(slog.DiscardHandler), Now: time.Now, CallTimeout: 5 * time.Second,
			SlowCall: time.Second})
		require.NoError(t, err)
		err = client.(provider.EventStreamer).Listen(t.Context(), newHeard(0))
		require.Equal(t, provider.Unauthenticated, provider.KindOf(err), "%v", err)
		require.NotContains(t, err.Error(), "wrong")
	}
}

// No more than 50 connections of an app at Feishu, and a ticket opens one.
func TestStreamsAreRefused(t *testing.T) {
	t.Parallel()
	s := streamingCompanies(t)[0]
	for range 50 {
		s.listen(newHeard(0))
	}
	require.Eventually(t, func() bool { return len(s.streams.Connections()) == 50 }, 10*time.Second, time.Millisecond)
	err := s.client.(provider.EventStreamer).Listen(t.Context(), newHeard(0))
	require.ErrorContains(t, err, "50 long connections")
	require.NotContains(t, err.Error(), "ticket")
}
