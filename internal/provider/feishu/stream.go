package feishu

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/provider"
	"github.com/orgsync/orgsync/internal/provider/wire"
)

var _ provider.EventStreamer = (*client)(nil)

// usualPing is how often the connection is asked for a sign of life unless the provider says
// otherwise, and slack how much later than two of these the answer may come at most
// (feishu-more.md §A2).
const (
	usualPing    = 2 * time.Minute
	longestPing  = 10 * time.Minute
	shortestPing = time.Second
	slack        = 10 * time.Second
)

// Listen implements provider.EventStreamer by a long connection (feishu-more.md §A2).
func (c *client) Listen(ctx context.Context, l provider.Listener) error {
	address, ping, err := c.streamAddress(ctx)
	if err != nil {
		return err
	}
	open, err := c.env.OpenStream(ctx, directory.Feishu, stream, c.base, address, interpretHandshake)
	if err != nil {
		return err
	}
	defer open.Close()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	s := &session{client: c, stream: open, listener: l, service: serviceOf(address), parts: parts{now: c.env.Now}}
	s.ping.Store(int64(ping))
	l.Connected()
	go func() {
		defer stop()
		_ = provider.Every(ctx, s.sendPing)
	}()
	return s.read(ctx)
}

// streamAddress asks where to connect, and how often to ping. The address is good once.
func (c *client) streamAddress(ctx context.Context) (address string, ping time.Duration, err error) {
	body, err := json.Marshal(map[string]string{"AppID": c.appID, "AppSecret": c.appSecret})
	if err != nil {
		return "", 0, err
	}
	a, err := c.exchange(ctx, streamAddress, nil, "", body)
	if err != nil {
		return "", 0, err
	}
	if address = a.data.String("URL"); address == "" {
		return "", 0, a.malformed("the answer has no URL")
	}
	return address, cmp.Or(pingOf(a.data.Object("ClientConfig")), usualPing), nil
}

// pingOf reads how often to ping, 0 if that is not said. Nought or less cannot be meant: the
// provider's own client sends pings without a pause then (feishu-more.md §A2).
func pingOf(config wire.Record) time.Duration {
	seconds := config.Integer("PingInterval")
	if seconds == nil || *seconds <= 0 {
		return 0
	}
	every := time.Duration(min(*seconds, int64(longestPing/time.Second))) * time.Second
	return max(every, shortestPing)
}

// serviceOf is the number that pings repeat.
func serviceOf(address string) int32 {
	u, err := url.Parse(address)
	if err != nil {
		return 0
	}
	n, err := strconv.ParseInt(u.Query().Get("service_id"), 10, 32)
	if err != nil {
		return 0
	}
	return int32(n)
}

// interpretHandshake reads a refusal to connect: why stands in headers, whatever the status.
func interpretHandshake(answer *http.Response) *provider.Error {
	e := provider.StreamRefused(directory.Feishu, stream, answer)
	for _, header := range []string{"Handshake-Autherrcode", "Handshake-Status"} {
		code, err := strconv.ParseInt(answer.Header.Get(header), 10, 64)
		if m, known := meanings[code]; err == nil && known {
			e = provider.Meaning(m).AsError(directory.Feishu, stream, nil)
			e.Code = strconv.FormatInt(code, 10)
			break
		}
	}
	return e
}

// session is one long connection.
type session struct {
	client   *client
	stream   *provider.Stream
	listener provider.Listener
	service  int32
	// ping is how often to ping, a time.Duration.
	ping  atomic.Int64
	parts parts
}

// sendPing sends a ping; the answer is a pong.
func (s *session) sendPing(ctx context.Context) (time.Duration, error) {
	f := frame{service: s.service, method: methodControl, headers: []frameHeader{{"type", "ping"}}}
	return time.Duration(s.ping.Load()), s.stream.Write(ctx, false, f.encode())
}

// read takes frames until the connection ends.
func (s *session) read(ctx context.Context) error {
	for {
		text, message, err := s.stream.Read(ctx, 2*time.Duration(s.ping.Load())+slack)
		if errors.Is(err, provider.ErrMessageTooLarge) {
			s.listener.Refused(provider.RefusedTooLarge)
			continue
		}
		if err != nil {
			return err
		}
		if text {
			continue // no such message is documented
		}
		f, err := decodeFrame(message)
		if err != nil {
			s.listener.Refused(provider.RefusedMalformed)
			continue
		}
		s.take(ctx, f)
	}
}

// take does what one frame asks for. What is not known is left alone, unanswered.
func (s *session) take(ctx context.Context, f *frame) {
	kind := f.header("type")
	switch {
	case f.method == methodControl && kind == "pong":
		if config, ok := wire.Parse(f.payload); ok {
			if every := pingOf(config); every > 0 {
				s.ping.Store(int64(every))
			}
		}
	case f.method == methodData && kind == "event":
		body, whole, err := s.parts.join(f)
		if err != nil {
			s.listener.Refused(provider.RefusedMalformed)
			return
		}
		if whole {
			s.takeEvent(ctx, f, body)
		}
	}
}

// takeEvent keeps what an event is about and then answers it. One that cannot be read is
// answered as taken, since it would be the same the next time.
func (s *session) takeEvent(ctx context.Context, f *frame, body []byte) {
	began := s.client.env.Now()
	event, err := decodeEvent(body)
	if err == nil && event.appID != "" && event.appID != s.client.appID {
		err = provider.Refuse(provider.RefusedReceiver)
	}
	var refused *provider.RefusedError
	if errors.As(err, &refused) {
		s.listener.Refused(refused.Reason)
		s.answer(ctx, f, began, http.StatusOK)
		return
	}
	s.stream.Keep(ctx, s.listener, event.reduced, func(err error) {
		code := http.StatusOK
		if err != nil {
			code = http.StatusInternalServerError
		}
		s.answer(context.WithoutCancel(ctx), f, began, code)
	})
}

// answer sends the frame back with what became of it. If that fails the event comes again.
func (s *session) answer(ctx context.Context, f *frame, began time.Time, code int) {
	took := strconv.FormatInt(max(0, s.client.env.Now().Sub(began).Milliseconds()), 10)
	back := *f
	back.headers = append(append([]frameHeader{}, f.headers...), frameHeader{"biz_rt", took})
	back.payload = []byte(`{"code":` + strconv.Itoa(code) + `,"headers":null,"data":null}`)
	_ = s.stream.Write(ctx, false, back.encode())
}
