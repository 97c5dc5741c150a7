package wecom

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // WeCom's signature
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/internal/directory"
)

// Callback is the callback address of the contact sync with its keys.
type Callback struct {
	URL, Token, AESKey string
	// Full sends the full form of events, as to an address saved before 2022-08-15; else the
	// reduced one (wecom.md §6.2).
	Full bool
	simulator.Delivery
}

// pauses are those after an attempt that failed: three, whose length nobody published
// (wecom-more.md §A2).
var pauses = []time.Duration{5 * time.Second, 5 * time.Second, 5 * time.Second}

// answerWithin is how long an answer may take (wecom.md §6.1).
const answerWithin = 5 * time.Second

// Subscribe checks the callback address as the console does and then tells it of every change
// that has an event.
func (s *Server) Subscribe(c Callback) (*simulator.Pusher, error) {
	s.mu.Lock()
	corp := s.cfg.CorpID
	s.mu.Unlock()
	if err := c.check(corp); err != nil {
		return nil, err
	}
	pusher := simulator.NewPusher(answerWithin, pauses, c.Delivery)
	pusher.Follow(s.company, func(happened []simulator.Happened) {
		for _, h := range happened {
			message := s.event(h, corp, c.Full)
			if message == "" {
				continue
			}
			pusher.Push(func() (*http.Request, error) { return c.request(message, corp) },
				func(status int, body []byte) bool {
					return status == http.StatusOK && (len(body) == 0 || string(body) == "success")
				})
		}
	})
	return pusher, nil
}

// check sends the check of the address: the answer must be the bare text, within a second
// (wecom.md §6.1). Base64's plus signs go out as they are.
func (c Callback) check(corp string) error {
	text := strconv.FormatInt(time.Now().UnixNano(), 10)
	encrypted := c.seal(text, corp)
	timestamp, nonce := strconv.FormatInt(time.Now().Unix(), 10), hex.EncodeToString(random(4))
	client := http.Client{Timeout: time.Second}
	query := "?msg_signature=" + c.sign(timestamp, nonce, encrypted) + "&timestamp=" + timestamp +
		"&nonce=" + nonce + "&echostr=" + encrypted
	answer, err := client.Get(c.URL + query) //nolint:noctx // as above
	if err != nil {
		return errors.New("openapi回调地址请求不通过")
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK || string(body) != text {
		return fmt.Errorf("openapi回调地址请求不通过: status %d", answer.StatusCode)
	}
	return nil
}

// request encrypts and signs a message.
func (c Callback) request(message, corp string) (*http.Request, error) {
	encrypted := c.seal(message, corp)
	timestamp, nonce := strconv.FormatInt(time.Now().Unix(), 10), hex.EncodeToString(random(4))
	query := url.Values{"msg_signature": {c.sign(timestamp, nonce, encrypted)},
		"timestamp": {timestamp}, "nonce": {nonce}}
	body := "<xml><ToUserName><![CDATA[" + corp + "]]></ToUserName><Encrypt><![CDATA[" + encrypted +
		"]]></Encrypt><AgentID><![CDATA[]]></AgentID></xml>"
	r, err := http.NewRequest(http.MethodPost, c.URL+"?"+query.Encode(), //nolint:noctx // the client's limit holds
		strings.NewReader(body))
	if err == nil {
		r.Header.Set("Content-Type", "text/xml")
	}
	return r, err
}

func (c Callback) seal(message, corp string) string {
	key, err := base64.StdEncoding.DecodeString(c.AESKey + "=")
	if err != nil {
		panic("the simulated callback's aes key is none: " + err.Error())
	}
	data := binary.BigEndian.AppendUint32(random(16), uint32(len(message)))
	data = append(append(data, message...), corp...)
	pad := 32 - len(data)%32
	data = append(data, bytes.Repeat([]byte{byte(pad)}, pad)...)
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

// event makes the event of one object, "" where there is none.
func (s *Server) event(h simulator.Happened, corp string, full bool) (message string) {
	change, fields := s.tagChange(h)
	if !h.OfGroups() {
		change, fields = s.change(h, full, func(userid string) string { return userid })
	}
	if change == "" {
		return ""
	}
	return "<xml>" + element("ToUserName", corp) + element("FromUserName", "sys") + "<CreateTime>" +
		strconv.FormatInt(s.Now().Unix(), 10) + "</CreateTime>" + element("MsgType", "event") +
		element("Event", "change_contact") +
		"<ChangeType>" + change + "</ChangeType>" + fields + "</xml>"
}

// change says what happened to an object in the words of an event, "" where there is none: in
// the reduced form changes that move nobody and nothing (wecom.md §6.2). shown is how a userid
// is shown.
func (s *Server) change(h simulator.Happened, full bool, shown func(userid string) string) (change, fields string) {
	s.company.View(func(v *simulator.View) {
		former := s.company.FormerUserID(directory.WeCom, h)
		if h.What == simulator.Updated && !full && !h.Moved && former == "" {
			return
		}
		words := map[string]string{
			simulator.Created: "create_", simulator.Updated: "update_", simulator.Deleted: "delete_",
		}
		if h.Department != 0 {
			d, _ := v.Department(h.Department)
			change, fields = words[h.What]+"party", element("Id", s.company.DepartmentID(directory.WeCom, h.Department))
			if h.What != simulator.Deleted {
				fields += element("ParentId", s.company.DepartmentID(directory.WeCom, d.Parent))
			}
			return
		}
		p, _ := v.Person(h.Person)
		id := s.company.UserID(directory.WeCom, p)
		change = words[h.What] + "user"
		if former != "" {
			fields = element("UserID", shown(former)) + element("NewUserID", shown(id))
		} else {
			fields = element("UserID", shown(id))
		}
		if h.What != simulator.Deleted {
			fields += element("Department", s.departmentIDs(p.Departments))
		}
	})
	return change, fields
}

// tagChange says what joined or left a tag, "" where none did: nothing is sent of its name, nor of
// a new or deleted one (wecom-more.md §A4).
func (s *Server) tagChange(h simulator.Happened) (change, fields string) {
	if h.Group == 0 || !h.Members.Any() && !h.Departments.Any() {
		return "", ""
	}
	s.company.View(func(v *simulator.View) {
		users := func(list []simulator.PersonID) string {
			ids := make([]string, len(list))
			for i, one := range list {
				p, _ := v.Person(one)
				ids[i] = s.company.UserID(directory.WeCom, p)
			}
			return strings.Join(ids, ",")
		}
		fields = "<TagId>" + s.company.GroupID(directory.WeCom, h.Group) + "</TagId>" +
			element("AddUserItems", users(h.Members.Joined)) + element("DelUserItems", users(h.Members.Left)) +
			element("AddPartyItems", s.departmentIDs(h.Departments.Joined)) +
			element("DelPartyItems", s.departmentIDs(h.Departments.Left))
	})
	return "update_tag", fields
}

// departmentIDs lists departments as messages do, with commas.
func (s *Server) departmentIDs(list []simulator.Dept) string {
	ids := make([]string, len(list))
	for i, one := range list {
		ids[i] = s.company.DepartmentID(directory.WeCom, one)
	}
	return strings.Join(ids, ",")
}

func element(name, value string) string {
	return "<" + name + "><![CDATA[" + value + "]]></" + name + ">"
}
