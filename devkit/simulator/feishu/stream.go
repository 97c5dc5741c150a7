package feishu

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/orgsync/orgsync/devkit/simulator"
)

// Paths of the long connection (feishu-more.md §A2).
const (
	streamEndpoint = "/callback/ws/endpoint"
	streamPath     = "/ws/v2"
)

// Its figures.
const (
	mostStreams = 50
	ticketLife  = time.Minute
	serviceID   = 33554678
)

// ping is how often clients are to ask for a sign of life.
func (c Config) ping() int {
	if c.PingSeconds > 0 {
		return c.PingSeconds
	}
	return 120
}

func (c Config) clientConfig() map[string]int {
	return map[string]int{
		"ReconnectCount": -1, "ReconnectInterval": 120, "ReconnectNonce": 30, "PingInterval": c.ping(),
	}
}

// serveStream answers the two paths and reports whether the request was for one of them.
func (s *Server) serveStream(w http.ResponseWriter, r *http.Request) bool {
	s.mu.Lock()
	cfg := s.cfg
	s.mu.Unlock()
	switch r.URL.Path {
	case streamEndpoint:
		s.streamAddress(w, r, cfg)
	case streamPath:
		s.openStream(w, r)
	default:
		return false
	}
	return true
}

func (s *Server) streamAddress(w http.ResponseWriter, r *http.Request, cfg Config) {
	var asked struct{ AppID, AppSecret string }
	answer := map[string]any{"code": 0, "msg": ""}
	switch {
	case r.Method != http.MethodPost || json.NewDecoder(r.Body).Decode(&asked) != nil || asked.AppID == "":
		answer = map[string]any{"code": 1000040344, "msg": "no credential"}
	case asked.AppID != cfg.AppID || asked.AppSecret != cfg.AppSecret:
		answer = map[string]any{"code": 514, "msg": "auth failed"}
	default:
		ticket := s.Streams.NewTicket(ticketLife)
		answer["data"] = map[string]any{
			"URL": simulator.Address(r, streamEndpoint, streamPath) + "?device_id=7300000000000000001&service_id=" +
				strconv.Itoa(serviceID) + "&access_key=opaque&ticket=" + ticket,
			"ClientConfig": cfg.clientConfig(),
		}
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_ = json.NewEncoder(w).Encode(answer)
}

// openStream takes a connection. A refusal stands in headers (feishu-more.md §A2).
func (s *Server) openStream(w http.ResponseWriter, r *http.Request) {
	refuse := func(status, code string) {
		w.Header().Set("Handshake-Status", status)
		w.Header().Set("Handshake-Msg", "refused")
		w.Header().Set("Handshake-Autherrcode", code)
		w.WriteHeader(http.StatusForbidden)
	}
	switch {
	case !s.Streams.UseTicket(r.URL.Query().Get("ticket")):
		refuse("514", "1000040346")
	case len(s.Streams.Connections()) >= mostStreams:
		refuse("514", "1000040350")
	default:
		s.Streams.Serve(w, r, func(*simulator.Connection) {}, s.takeFrame)
	}
}

// takeFrame takes what a client sends: pings, which are answered, and answers.
func (s *Server) takeFrame(c *simulator.Connection, text bool, message []byte) bool {
	f, err := readFrame(message)
	if text || err != nil || f.service != serviceID {
		return false
	}
	if f.method == 0 {
		s.mu.Lock()
		config := s.cfg.clientConfig()
		s.mu.Unlock()
		payload, err := json.Marshal(config)
		if err != nil || f.headers["type"] != "ping" || f.payload != nil {
			return false
		}
		pong := wireFrame{service: serviceID, headers: map[string]string{"type": "pong"}, payload: payload}
		return c.Send(false, pong.write()) == nil
	}
	if _, said := f.headers["biz_rt"]; f.method != 1 || !said {
		return false
	}
	c.Answer(f.headers["message_id"], message)
	return true
}

// SubscribeStream tells of every change on the app's long connections. The console saves that
// only while one is open (feishu-more.md §A2).
func (s *Server) SubscribeStream(how simulator.Stream) (*simulator.Pusher, error) {
	if s.Streams.Any() == nil {
		return nil, errors.New("应用未建立长连接")
	}
	pusher := simulator.NewPusher(answerWithin, pauses, how.Delivery)
	pusher.Follow(s.company, func(happened []simulator.Happened) {
		for _, h := range happened {
			if h.Leads || h.OfGroups() {
				continue
			}
			if body, err := s.event(h, "vt-sim-01"); err == nil {
				pusher.Deliver(func() bool { return s.push(pusher, how, body) })
			}
		}
	})
	return pusher, nil
}

// push sends an event to one connection and reports whether that took it.
func (s *Server) push(pusher *simulator.Pusher, how simulator.Stream, body []byte) bool {
	c := s.Streams.Any()
	if c == nil {
		return false
	}
	if pusher.Chance(how.Odd) {
		for _, odd := range s.oddFrames() {
			_ = c.Send(odd.text, odd.message)
		}
	}
	id := hex.EncodeToString(random(12))
	parts := [][]byte{body}
	if pusher.Chance(how.Split) {
		parts = [][]byte{body[len(body)/2:], body[:len(body)/2]} // in no order
	}
	frames := make([][]byte, len(parts))
	for i, part := range parts {
		f := wireFrame{seq: 7, log: 8, service: serviceID, method: 1, payload: part, headers: map[string]string{
			"type": "event", "message_id": id, "sum": strconv.Itoa(len(parts)),
			"seq": strconv.Itoa((len(parts) - 1) - i), "trace_id": "t-" + id,
			"timestamp": strconv.FormatInt(time.Now().UnixMilli(), 10),
		}}
		frames[i] = f.write()
	}
	answered := c.Ask(id, false, frames, answerWithin, pusher.Chance(how.Cut))
	if answered == nil {
		return false
	}
	f, err := readFrame(answered)
	var result struct{ Code int }
	return err == nil && f.seq == 7 && f.log == 8 && f.headers["trace_id"] == "t-"+id &&
		json.Unmarshal(f.payload, &result) == nil && result.Code == http.StatusOK
}

type oddFrame struct {
	text    bool
	message []byte
}

// oddFrames are what a client must live with.
func (s *Server) oddFrames() []oddFrame {
	card := wireFrame{service: serviceID, method: 1, headers: map[string]string{"type": "card", "message_id": "c"},
		payload: []byte("{}")}
	part := wireFrame{service: serviceID, method: 1, headers: map[string]string{
		"type": "event", "message_id": "lost", "sum": "2", "seq": "0"}, payload: []byte("{")}
	unknown := wireFrame{service: serviceID, method: 9, headers: map[string]string{"type": "other"}}
	zero := wireFrame{service: serviceID, headers: map[string]string{"type": "pong"},
		payload: []byte(`{"PingInterval":0}`)}
	broken := wireFrame{service: serviceID, method: 1, headers: map[string]string{"type": "event"},
		payload: []byte("not json")}
	large := wireFrame{service: serviceID, method: 1, headers: map[string]string{"type": "event"},
		payload: []byte(strings.Repeat("x", 3<<20))}
	return []oddFrame{
		{true, []byte("hello")}, {false, []byte{0xff, 0xff, 0xff}}, {false, card.write()}, {false, part.write()},
		{false, unknown.write()}, {false, zero.write()}, {false, broken.write()}, {false, large.write()},
	}
}

// wireFrame is a frame of the long connection, written by hand (feishu-more.md §A2).
type wireFrame struct {
	seq, log        uint64
	service, method int64
	headers         map[string]string
	payload         []byte
}

func (f wireFrame) write() []byte {
	var out []byte
	for field, number := range []uint64{f.seq, f.log, uint64(f.service), uint64(f.method)} {
		out = binary.AppendUvarint(append(out, byte((field+1)<<3)), number)
	}
	for _, key := range []string{"type", "message_id", "sum", "seq", "trace_id", "timestamp"} {
		value, said := f.headers[key]
		if !said {
			continue
		}
		header := lengthAnd(lengthAnd(nil, 1, key), 2, value)
		out = lengthAnd(out, 5, string(header))
	}
	out = lengthAnd(lengthAnd(out, 6, ""), 7, "")
	if f.payload != nil {
		out = lengthAnd(out, 8, string(f.payload))
	}
	return lengthAnd(out, 9, "")
}

// lengthAnd appends a field of bytes.
func lengthAnd(out []byte, field byte, text string) []byte {
	return append(binary.AppendUvarint(append(out, field<<3|2), uint64(len(text))), text...)
}

var errNoFrame = errors.New("no frame, or a required field is missing")

func readFrame(message []byte) (f wireFrame, err error) {
	f.headers = map[string]string{}
	var seen byte
	err = fields(message, func(field uint64, number uint64, text []byte) {
		switch field {
		case 1:
			f.seq = number
		case 2:
			f.log = number
		case 3:
			f.service = int64(number)
		case 4:
			f.method = int64(number)
		case 5:
			var key, value string
			if fields(text, func(field uint64, _ uint64, text []byte) {
				if field == 1 {
					key = string(text)
				} else {
					value = string(text)
				}
			}) == nil {
				f.headers[key] = value
			}
		case 8:
			f.payload = text
		}
		if field <= 4 {
			seen |= 1 << (field - 1)
		}
	})
	if seen != 15 {
		err = errNoFrame
	}
	return f, err
}

// fields reads numbers and bytes; a frame has nothing else.
func fields(message []byte, do func(field, number uint64, text []byte)) error {
	for len(message) > 0 {
		tag, n := binary.Uvarint(message)
		if n <= 0 || tag>>3 == 0 {
			return errNoFrame
		}
		message = message[n:]
		number, n := binary.Uvarint(message)
		if n <= 0 {
			return errNoFrame
		}
		message = message[n:]
		var text []byte
		switch tag & 7 {
		case 0:
		case 2:
			if number > uint64(len(message)) {
				return errNoFrame
			}
			text, message = message[:number], message[number:]
		default:
			return errNoFrame
		}
		do(tag>>3, number, text)
	}
	return nil
}
