package dingtalk

import (
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/orgsync/orgsync/devkit/simulator"
)

// Paths of Stream mode (dingtalk-more.md §A2).
const (
	streamEndpoint = "/v1.0/gateway/connections/open"
	streamPath     = "/connect"
)

const (
	ticketLife = 90 * time.Second
	// streamAnswerWithin is how long an answer may take, and cutAfter how long after its
	// announcement a connection is cut (dingtalk-more.md §A2).
	streamAnswerWithin = 3 * time.Second
	cutAfter           = 10 * time.Second
	// pingEvery is not published (choice).
	pingEvery = 30 * time.Second
)

// serveStream answers the two paths and reports whether the request was for one of them.
func (s *Server) serveStream(w http.ResponseWriter, r *http.Request) bool {
	switch r.URL.Path {
	case streamEndpoint:
		s.streamAddress(w, r)
	case streamPath:
		s.openStream(w, r)
	default:
		return false
	}
	return true
}

func (s *Server) streamAddress(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	cfg := s.cfg
	s.mu.Unlock()
	var asked struct {
		ClientID      string `json:"clientId"`
		ClientSecret  string `json:"clientSecret"`
		Subscriptions []struct{ Type, Topic string }
	}
	w.Header().Set("Content-Type", "application/json")
	if r.Method != http.MethodPost || json.NewDecoder(r.Body).Decode(&asked) != nil || len(asked.Subscriptions) == 0 {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte("<html>400 Bad Request</html>")) // so the gateway answers
		return
	}
	if asked.ClientID != cfg.AppKey || asked.ClientSecret != cfg.AppSecret {
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = w.Write([]byte(`{"requestid":"sim","code":"authFailed","message":"鉴权失败"}`))
		return
	}
	_ = json.NewEncoder(w).Encode(map[string]string{
		"endpoint": simulator.Address(r, streamEndpoint, streamPath), "ticket": s.Streams.NewTicket(ticketLife),
	})
}

// openStream takes a connection. What a refusal looks like is not published (choice).
func (s *Server) openStream(w http.ResponseWriter, r *http.Request) {
	if !s.Streams.UseTicket(r.URL.Query().Get("ticket")) {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	ended := make(chan struct{})
	defer close(ended)
	s.Streams.Serve(w, r, func(c *simulator.Connection) { go keepAlive(c, ended) }, takeAnswer)
}

// keepAlive asks for signs of life and cuts a connection that gives none.
func keepAlive(c *simulator.Connection, ended chan struct{}) {
	for {
		id := "m-" + hex.EncodeToString(random(8))
		data := `{"opaque":"` + id + `"}`
		answer := c.Ask(id, true, [][]byte{systemFrame("ping", id, data)}, cutAfter, false)
		var got struct {
			Code int
			Data string
		}
		if json.Unmarshal(answer, &got) != nil || got.Code != http.StatusOK || got.Data != data {
			c.Cut()
			return
		}
		select {
		case <-ended:
			return
		case <-time.After(pingEvery):
		}
	}
}

// takeAnswer takes what a client sends: answers, and nothing else.
func takeAnswer(c *simulator.Connection, text bool, message []byte) bool {
	var answer struct {
		Headers struct {
			MessageID string `json:"messageId"`
		}
	}
	if !text || json.Unmarshal(message, &answer) != nil || answer.Headers.MessageID == "" {
		return false
	}
	c.Answer(answer.Headers.MessageID, message)
	return true
}

func systemFrame(topic, id, data string) []byte {
	return streamFrame("SYSTEM", map[string]any{
		"topic": topic, "messageId": id, "contentType": "application/json",
		"time": strconv.FormatInt(time.Now().UnixMilli(), 10),
	}, data)
}

func streamFrame(kind string, headers map[string]any, data string) []byte {
	frame, err := json.Marshal(map[string]any{"specVersion": "1.0", "type": kind, "headers": headers, "data": data})
	if err != nil {
		panic(err) // of texts and numbers
	}
	return frame
}

// Disconnect announces the end of all connections and cuts them some seconds later.
func (s *Server) Disconnect() {
	for _, c := range s.Streams.Connections() {
		id := "m-" + hex.EncodeToString(random(8))
		_ = c.Send(true, systemFrame("disconnect", id, `{"reason":"connection is expired"}`))
		time.AfterFunc(cutAfter, c.Cut)
	}
}

// SubscribeStream tells of every change on the app's connections.
func (s *Server) SubscribeStream(how simulator.Stream) *simulator.Pusher {
	pusher := simulator.NewPusher(streamAnswerWithin, pauses, how.Delivery)
	pusher.Follow(s.company, func(happened []simulator.Happened) {
		for _, change := range s.changes(happened) {
			id := hex.EncodeToString(random(16))
			pusher.Deliver(func() bool { return s.push(pusher, how, change, id) })
		}
	})
	return pusher
}

// push sends an event to one connection and reports whether that took it.
func (s *Server) push(pusher *simulator.Pusher, how simulator.Stream, c change, eventID string) bool {
	to := s.Streams.Any()
	if to == nil {
		return false
	}
	if pusher.Chance(how.Odd) {
		for _, odd := range oddFrames() {
			_ = to.Send(true, odd)
		}
	}
	s.mu.Lock()
	corp := s.cfg.CorpID
	s.mu.Unlock()
	now := strconv.FormatInt(s.Now().UnixMilli(), 10)
	content := map[string]any{"timeStamp": now}
	for key, value := range c.fields {
		content[key] = value
	}
	data, err := json.Marshal(content)
	if err != nil {
		return false
	}
	id := "m-" + hex.EncodeToString(random(8)) // another one each time (choice)
	frame := streamFrame("EVENT", map[string]any{
		"topic": "*", "messageId": id, "contentType": "application/json", "time": now, "eventType": c.kind,
		"eventId": eventID, "eventCorpId": corp, "eventBornTime": now, "eventUnifiedAppId": "ua-1",
	}, string(data))
	answered := to.Ask(id, true, [][]byte{frame}, streamAnswerWithin, pusher.Chance(how.Cut))
	var answer struct {
		Code int
		Data string
	}
	var result struct{ Status string }
	return json.Unmarshal(answered, &answer) == nil && answer.Code == http.StatusOK &&
		json.Unmarshal([]byte(answer.Data), &result) == nil && result.Status == "SUCCESS"
}

// oddFrames are what a client must live with: another type, headers that are no texts, headers
// by another name, none, nothing that is JSON, and more than can be meant.
func oddFrames() [][]byte {
	return [][]byte{
		streamFrame("OTHER", map[string]any{"topic": "x", "messageId": "m-odd"}, "{}"),
		streamFrame("SYSTEM", map[string]any{"topic": "unheard", "messageId": "m-odd", "time": 1767225600000}, "{}"),
		[]byte(`{"specVersion":"1.0","type":"EVENT","header":{"topic":"dingTalk","messageId":"m-odd",` +
			`"eventType":"user_modify_org","eventId":"odd-1","time":1767225600000},"data":"{}"}`),
		[]byte(`{"type":"EVENT"}`), []byte("hello"), []byte("[]"),
		streamFrame("EVENT", map[string]any{"messageId": "m-odd"}, strings.Repeat("x", 3<<20)),
	}
}
