package dingtalk

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // DingTalk's signature
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/internal/directory"
)

// Callback is a callback address with its keys.
type Callback struct {
	URL, Token, AESKey string
	simulator.Delivery
}

// pauses are those after an attempt that failed (dingtalk.md §7.1).
var pauses = []time.Duration{10 * time.Second, 30 * time.Second}

// answerWithin is how long an answer may take (dingtalk.md §7.1).
const answerWithin = 2500 * time.Millisecond

// Subscribe checks the callback address as the console does and then tells it of every change.
func (s *Server) Subscribe(c Callback) (*simulator.Pusher, error) {
	s.mu.Lock()
	owner := s.cfg.AppKey
	s.mu.Unlock()
	pusher := simulator.NewPusher(answerWithin, pauses, c.Delivery)
	request, err := c.request([]byte(`{"EventType":"check_url"}`), owner)
	if err != nil {
		return nil, err
	}
	client := http.Client{Timeout: answerWithin}
	answer, err := client.Do(request)
	if err != nil {
		return nil, errors.New("系统繁忙")
	}
	defer answer.Body.Close()
	var body bytes.Buffer
	if _, err := body.ReadFrom(answer.Body); err != nil || !c.accepts(answer.StatusCode, body.Bytes(), owner) {
		return nil, fmt.Errorf("返回加解密后的success失败: status %d", answer.StatusCode)
	}
	pusher.Follow(s.company, func(happened []simulator.Happened) {
		for _, message := range s.messages(happened) {
			pusher.Push(func() (*http.Request, error) { return c.request(message, owner) },
				func(status int, body []byte) bool { return c.accepts(status, body, owner) })
		}
	})
	return pusher, nil
}

// request encrypts and signs a message. It names the signature in both ways (dingtalk.md §7.1).
func (c Callback) request(message []byte, owner string) (*http.Request, error) {
	encrypted := c.seal(message, owner)
	timestamp, nonce := strconv.FormatInt(time.Now().UnixMilli(), 10), hex.EncodeToString(random(4))
	signature := c.sign(timestamp, nonce, encrypted)
	query := url.Values{"signature": {signature},
		"msg_signature": {signature}, "timestamp": {timestamp}, "nonce": {nonce}}
	body, err := json.Marshal(map[string]string{"encrypt": encrypted})
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequest(http.MethodPost, c.URL+"?"+query.Encode(), //nolint:noctx // the client's limit holds
		bytes.NewReader(body))
	if err == nil {
		r.Header.Set("Content-Type", "application/json")
	}
	return r, err
}

// accepts opens the answer, which must be "success" sealed for the owner.
func (c Callback) accepts(status int, body []byte, owner string) bool {
	var answer struct {
		Signature string `json:"msg_signature"`
		Time      string `json:"timeStamp"`
		Nonce     string `json:"nonce"`
		Encrypt   string `json:"encrypt"`
	}
	if status != http.StatusOK || json.Unmarshal(body, &answer) != nil ||
		answer.Signature != c.sign(answer.Time, answer.Nonce, answer.Encrypt) {
		return false
	}
	data, err := base64.StdEncoding.DecodeString(answer.Encrypt)
	if err != nil || len(data) == 0 || len(data)%32 != 0 {
		return false
	}
	key := c.key()
	block, err := aes.NewCipher(key)
	if err != nil {
		return false
	}
	cipher.NewCBCDecrypter(block, key[:16]).CryptBlocks(data, data)
	pad := int(data[len(data)-1])
	if pad < 1 || pad > 32 {
		return false
	}
	return string(data[16:len(data)-pad]) == "\x00\x00\x00\x07success"+owner
}

func (c Callback) key() []byte {
	key, err := base64.StdEncoding.DecodeString(c.AESKey + "=")
	if err != nil {
		panic("the simulated callback's aes key is none: " + err.Error())
	}
	return key
}

func (c Callback) seal(message []byte, owner string) string {
	data := binary.BigEndian.AppendUint32(random(16), uint32(len(message)))
	data = append(append(data, message...), owner...)
	pad := 32 - len(data)%32
	data = append(data, bytes.Repeat([]byte{byte(pad)}, pad)...)
	key := c.key()
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err) // its length is right
	}
	cipher.NewCBCEncrypter(block, key[:16]).CryptBlocks(data, data)
	return base64.StdEncoding.EncodeToString(data)
}

func (c Callback) sign(timestamp, nonce, encrypted string) string {
	parts := []string{c.Token, timestamp, nonce, encrypted}
	sort.Strings(parts)
	sum := sha1.Sum([]byte(strings.Join(parts, ""))) //nolint:gosec // as above
	return hex.EncodeToString(sum[:])
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // it never fails
	return b
}

// change is one event: its kind and its own fields.
type change struct {
	kind   string
	fields map[string]any
}

// changes groups what happened as the pages say: several people or departments in one event
// (dingtalk.md §7.3).
func (s *Server) changes(happened []simulator.Happened) []change {
	kinds := map[string]string{
		"user" + simulator.Created: "user_add_org", "user" + simulator.Updated: "user_modify_org",
		"user" + simulator.Deleted: "user_leave_org", "dept" + simulator.Created: "org_dept_create",
		"dept" + simulator.Updated: "org_dept_modify", "dept" + simulator.Deleted: "org_dept_remove",
	}
	users, departments := map[string][]string{}, map[string][]int64{}
	var order []string
	var list []change
	s.company.View(func(v *simulator.View) {
		for _, h := range happened {
			if h.OfGroups() {
				list = append(list, s.roleChanges(v, h)...)
				continue
			}
			if h.Department != 0 {
				if h.Leads {
					continue
				}
				kind := kinds["dept"+h.What]
				order = append(order, kind)
				id, _ := strconv.ParseInt(s.company.DepartmentID(directory.DingTalk, h.Department), 10, 64)
				departments[kind] = append(departments[kind], id)
				continue
			}
			p, _ := v.Person(h.Person)
			kind := kinds["user"+h.What]
			if former := s.company.FormerUserID(directory.DingTalk, h); former != "" {
				order = append(order, "user_leave_org")
				users["user_leave_org"] = append(users["user_leave_org"], former)
			}
			order = append(order, kind)
			users[kind] = append(users[kind], s.company.UserID(directory.DingTalk, p))
		}
	})
	for _, kind := range order {
		if users[kind] != nil {
			list = append(list, change{kind, map[string]any{"userId": users[kind]}})
			users[kind] = nil
		}
		if departments[kind] != nil {
			list = append(list, change{kind, map[string]any{"deptId": departments[kind]}})
			departments[kind] = nil
		}
	}
	return list
}

// roleChanges are the events of a role or of an administrator (dingtalk-more.md §A3).
func (s *Server) roleChanges(v *simulator.View, h simulator.Happened) (list []change) {
	users := func(people ...simulator.PersonID) []string {
		ids := make([]string, len(people))
		for i, one := range people {
			p, _ := v.Person(one)
			ids[i] = s.company.UserID(directory.DingTalk, p)
		}
		return ids
	}
	if h.Administrator {
		kind := "org_admin_add"
		if h.What == simulator.Deleted {
			kind = "org_admin_remove"
		}
		return []change{{kind, map[string]any{"userId": users(h.Person)}}}
	}
	id, _ := strconv.ParseInt(s.company.GroupID(directory.DingTalk, h.Group), 10, 64)
	role := []int64{id}
	if !h.Members.Any() {
		kinds := map[string]string{
			simulator.Created: "label_conf_add", simulator.Updated: "label_conf_modify",
			simulator.Deleted: "label_conf_del",
		}
		return []change{{kinds[h.What], map[string]any{"labelIdList": role}}}
	}
	changed := func(action string, people []simulator.PersonID) {
		if len(people) > 0 {
			list = append(list, change{"label_user_change", map[string]any{
				"action": action, "userIdList": users(people...), "labelIdList": role,
			}})
		}
	}
	changed("add", h.Members.Joined)
	changed("remove", h.Members.Left)
	return list
}

// messages are the events in the form of HTTP push, in the capitals that were captured
// (dingtalk.md §7.3).
func (s *Server) messages(happened []simulator.Happened) (list [][]byte) {
	s.mu.Lock()
	corp := s.cfg.CorpID
	s.mu.Unlock()
	for _, c := range s.changes(happened) {
		message := map[string]any{
			"EventType": c.kind, "TimeStamp": strconv.FormatInt(s.Now().UnixMilli(), 10), "CorpId": corp,
			"eventId": hex.EncodeToString(random(16)),
		}
		for key, value := range c.fields {
			message[strings.ToUpper(key[:1])+key[1:]] = value
		}
		if body, err := json.Marshal(message); err == nil {
			list = append(list, body)
		}
	}
	return list
}
