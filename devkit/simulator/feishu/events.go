package feishu

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/internal/directory"
)

// Callback is a callback address with its keys.
type Callback struct {
	URL, EncryptKey, VerificationToken string
	simulator.Delivery
}

// pauses are those after an attempt that failed (feishu-more.md §A1).
var pauses = []time.Duration{15 * time.Second, 5 * time.Minute, time.Hour, 6 * time.Hour}

// answerWithin is how long an answer may take (feishu-more.md §A1).
const answerWithin = 3 * time.Second

// Subscribe checks the callback address as the console does and then tells it of every change.
func (s *Server) Subscribe(c Callback) (*simulator.Pusher, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	pusher := simulator.NewPusher(answerWithin, pauses, c.Delivery)
	pusher.Follow(s.company, func(happened []simulator.Happened) {
		for _, h := range happened {
			if h.Leads || h.OfGroups() {
				continue // the department's event says so, and of groups there is none (feishu-more.md §A3)
			}
			body, err := s.event(h, c.VerificationToken)
			if err != nil {
				continue
			}
			pusher.Push(func() (*http.Request, error) { return c.request(body) },
				func(status int, _ []byte) bool { return status == http.StatusOK })
		}
	})
	return pusher, nil
}

// check sends the check of the address, which is not signed and must be answered within a
// second (feishu-more.md §A1).
func (c Callback) check() error {
	challenge := hex.EncodeToString(random(8))
	request, err := c.request([]byte(fmt.Sprintf(`{"challenge":%q,"token":%q,"type":"url_verification"}`, challenge,
		c.VerificationToken)))
	if err != nil {
		return err
	}
	request.Header.Del("X-Lark-Signature")
	client := http.Client{Timeout: time.Second}
	answer, err := client.Do(request)
	if err != nil {
		return errors.New("challenge code没有返回")
	}
	defer answer.Body.Close()
	var got struct{ Challenge string }
	if answer.StatusCode != http.StatusOK || json.NewDecoder(answer.Body).Decode(&got) != nil ||
		got.Challenge != challenge {
		return fmt.Errorf("challenge code没有返回: status %d", answer.StatusCode)
	}
	return nil
}

// request encrypts and signs a message (feishu-more.md §A1).
func (c Callback) request(body []byte) (*http.Request, error) {
	if c.EncryptKey != "" {
		body = []byte(`{"encrypt":"` + encrypt(c.EncryptKey, body) + `"}`)
	}
	r, err := http.NewRequest(http.MethodPost, c.URL, bytes.NewReader(body)) //nolint:noctx // the client's limit holds
	if err != nil {
		return nil, err
	}
	timestamp, nonce := strconv.FormatInt(time.Now().Unix(), 10), hex.EncodeToString(random(8))
	r.Header.Set("Content-Type", "application/json;charset=utf-8")
	r.Header.Set("X-Lark-Request-Timestamp", timestamp)
	r.Header.Set("X-Lark-Request-Nonce", nonce)
	if c.EncryptKey != "" {
		sum := sha256.Sum256(append([]byte(timestamp+nonce+c.EncryptKey), body...))
		r.Header.Set("X-Lark-Signature", hex.EncodeToString(sum[:]))
	}
	return r, nil
}

func encrypt(key string, text []byte) string {
	hashed := sha256.Sum256([]byte(key))
	block, err := aes.NewCipher(hashed[:])
	if err != nil {
		panic(err) // the key's length is right
	}
	pad := aes.BlockSize - len(text)%aes.BlockSize
	text = append(bytes.Clone(text), bytes.Repeat([]byte{byte(pad)}, pad)...)
	out := append(random(aes.BlockSize), text...)
	cipher.NewCBCEncrypter(block, out[:aes.BlockSize]).CryptBlocks(out[aes.BlockSize:], text)
	return base64.StdEncoding.EncodeToString(out)
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // it never fails
	return b
}

// envelope is an event of schema 2.0 (feishu.md §6.2).
type envelope struct {
	Schema string         `json:"schema"`
	Header map[string]any `json:"header"`
	Event  map[string]any `json:"event"`
}

// event makes the event of one object. Departments of people are left out, as documented
// (feishu.md §6.4).
func (s *Server) event(h simulator.Happened, token string) ([]byte, error) {
	e := envelope{Schema: "2.0", Event: map[string]any{}}
	kind := "contact.user."
	s.company.View(func(v *simulator.View) {
		if h.Department != 0 {
			kind = "contact.department."
			d, _ := v.Department(h.Department)
			e.Event["object"] = map[string]any{
				"open_department_id": s.openID(h.Department), "name": d.Name, "order": 1,
				"status": map[string]any{"is_deleted": false},
			}
			e.Event["old_object"] = map[string]any{"open_department_id": s.openID(h.Department)}
			return
		}
		p, _ := v.Person(h.Person)
		e.Event["object"] = map[string]any{
			"open_id": s.OpenID(h.Person), "union_id": s.company.UnionID(directory.Feishu, h.Person),
			"user_id": s.company.UserID(directory.Feishu, p), "name": p.Name,
			"status": map[string]any{"is_resigned": p.Left, "is_frozen": p.Frozen},
		}
	})
	s.mu.Lock()
	e.Header = map[string]any{
		"event_id": hex.EncodeToString(random(16)), "event_type": kind + h.What + "_v3",
		"create_time": strconv.FormatInt(s.Now().UnixMilli(), 10), "token": token, "app_id": s.cfg.AppID,
		"tenant_key": "tk_sim",
	}
	s.mu.Unlock()
	return json.Marshal(e)
}
