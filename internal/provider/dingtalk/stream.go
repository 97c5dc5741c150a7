package dingtalk

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/provider"
	"github.com/orgsync/orgsync/internal/provider/wire"
)

var _ provider.EventStreamer = (*client)(nil)

const (
	// pingEvery is how often the connection is asked for a sign of life.
	pingEvery = time.Minute
	// silence is how long nothing but signs of life may come: a company may be quiet.
	silence = 24 * time.Hour
	// leavingFor is how long a connection is read on that DingTalk said it would end: it does
	// so 10 seconds later (dingtalk-more.md §A2).
	leavingFor = 20 * time.Second
)

// Listen implements provider.EventStreamer by Stream mode (dingtalk-more.md §A2).
func (c *client) Listen(ctx context.Context, l provider.Listener) error {
	address, err := c.streamAddress(ctx)
	if err != nil {
		return err
	}
	open, err := c.env.OpenStream(ctx, directory.DingTalk, stream, c.apiBaseURL, address, interpretHandshake)
	if err != nil {
		return err
	}
	defer open.Close()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	s := &session{client: c, stream: open, listener: l, leave: func() { time.AfterFunc(leavingFor, stop) }}
	l.Connected()
	go func() {
		defer stop()
		_ = provider.Every(ctx, func(ctx context.Context) (time.Duration, error) { return pingEvery, open.Ping(ctx) })
	}()
	return s.read(ctx)
}

// streamRequest is the body of the call for a ticket.
type streamRequest struct {
	ClientID      string         `json:"clientId"`
	ClientSecret  string         `json:"clientSecret"`
	Subscriptions []subscription `json:"subscriptions"`
	UserAgent     string         `json:"ua"`
}

type subscription struct {
	Type  string `json:"type"`
	Topic string `json:"topic"`
}

// streamAddress asks where to connect. The ticket is good once, for 90 seconds.
func (c *client) streamAddress(ctx context.Context) (string, error) {
	a, err := c.exchange(ctx, streamTicket, nil, streamRequest{
		ClientID: c.appKey, ClientSecret: c.appSecret, UserAgent: "orgsync",
		Subscriptions: []subscription{{Type: "EVENT", Topic: "*"}},
	})
	if err != nil {
		return "", err
	}
	endpoint, ticket := a.fields.String("endpoint"), a.fields.String("ticket")
	target, err := url.Parse(endpoint)
	if err != nil || endpoint == "" || ticket == "" {
		return "", a.malformed("the answer has no usable endpoint and ticket")
	}
	query := target.Query()
	query.Set("ticket", ticket)
	target.RawQuery = query.Encode()
	return target.String(), nil
}

// interpretHandshake reads a refusal to connect. What it looks like is not published.
func interpretHandshake(answer *http.Response) *provider.Error {
	if answer.StatusCode == http.StatusUnauthorized {
		return newError(stream, provider.Unavailable, "fault.stream_ticket_refused", "")
	}
	return provider.StreamRefused(directory.DingTalk, stream, answer)
}

// session is one connection.
type session struct {
	client   *client
	stream   *provider.Stream
	listener provider.Listener
	// leave ends the connection after a while.
	leave func()
}

// read takes frames until the connection ends.
func (s *session) read(ctx context.Context) error {
	for {
		_, message, err := s.stream.Read(ctx, silence)
		switch {
		case errors.Is(err, provider.ErrMessageTooLarge):
			s.listener.Refused(provider.RefusedTooLarge)
		case err != nil:
			return err
		default:
			s.take(ctx, message)
		}
	}
}

// take does what one frame asks for. Kinds that are not known are left alone, unanswered.
func (s *session) take(ctx context.Context, message []byte) {
	f, err := decodeFrame(message)
	if err != nil {
		s.listener.Refused(provider.RefusedMalformed)
		return
	}
	switch {
	case f.kind == "SYSTEM" && f.header("topic") == "ping":
		s.answer(ctx, f, http.StatusOK, f.data)
	case f.kind == "SYSTEM" && f.header("topic") == "disconnect":
		s.listener.Leaving()
		s.leave()
	case f.kind == "EVENT":
		s.takeEvent(ctx, f)
	}
}

// takeEvent keeps what an event is about and then answers it. One that cannot be read is
// answered as taken, since it would be the same the next time. The topic of events differs
// between the pages and is not looked at.
func (s *session) takeEvent(ctx context.Context, f frame) {
	events, err := f.events()
	var refused *provider.RefusedError
	if errors.As(err, &refused) {
		s.listener.Refused(refused.Reason)
		s.answer(ctx, f, http.StatusOK, taken)
		return
	}
	s.stream.Keep(ctx, s.listener, events, func(err error) {
		result := taken
		if err != nil {
			result = later
		}
		s.answer(context.WithoutCancel(ctx), f, http.StatusOK, result)
	})
}

// What becomes of an event; after later it comes again.
const (
	taken = `{"status":"SUCCESS","message":"success"}`
	later = `{"status":"LATER","message":"not stored"}`
)

// frame is one message.
type frame struct {
	kind    string
	headers fields
	data    string
}

// decodeFrame reads a message. Header values may be texts or numbers, and one sample calls the
// headers "header" (dingtalk-more.md §A2).
func decodeFrame(message []byte) (frame, error) {
	r, ok := wire.Parse(message)
	if !ok {
		return frame{}, provider.Refuse(provider.RefusedMalformed)
	}
	headers := r.Object("headers")
	if headers == nil {
		headers = r.Object("header")
	}
	return frame{kind: r.String("type"), headers: fieldsOf(headers), data: r.String("data")}, nil
}

func (f frame) header(key string) string { return f.headers.text(strings.ToLower(key)) }

// events reads an event's frame.
func (f frame) events() ([]provider.Event, error) {
	data, ok := wire.Parse([]byte(cmp.Or(f.data, "{}")))
	if !ok {
		return nil, provider.Refuse(provider.RefusedMalformed)
	}
	content := fieldsOf(data)
	at := eventTime(cmp.Or(f.header("eventBornTime"), content.text("timestamp")))
	return eventsOf(f.header("eventType"), cmp.Or(f.header("eventId"), content.text("eventid")), at, content)
}

// answer answers a frame, if that says what it is called. If that fails the message comes again.
func (s *session) answer(ctx context.Context, f frame, code int, data string) {
	if f.header("messageId") == "" {
		return
	}
	message, err := json.Marshal(map[string]any{
		"code": code, "message": "OK", "data": data,
		"headers": map[string]string{"contentType": "application/json", "messageId": f.header("messageId")},
	})
	if err == nil {
		_ = s.stream.Write(ctx, true, message)
	}
}
