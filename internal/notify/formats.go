package notify

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"time"
)

// format is one way to write and to read the answer: target is where the body goes.
type format struct {
	build func(h Hook, m Message, now time.Time) (target string, body []byte, err error)
	// interpret reads the answer to a request that HTTP calls successful; nil: that is all.
	interpret func(answer []byte) *Error
}

var formats = map[string]format{
	"json":     {build: buildJSON},
	"feishu":   {build: buildFeishu, interpret: interpretFeishu},
	"dingtalk": {build: buildDingTalk, interpret: interpretDingTalk},
	"wecom":    {build: buildWeCom, interpret: interpretWeCom},
}

// How long a robot's text may be, in bytes. Feishu and DingTalk take bodies of 20,000,
// which no chat needs; WeCom takes texts of 2,048.
const (
	longText  = 4000
	wecomText = 2048
)

func buildJSON(h Hook, m Message, _ time.Time) (string, []byte, error) {
	body, err := marshal(struct {
		Message
		Text string `json:"text"`
	}{m, m.text(longText)})
	return h.URL, body, err
}

// text is the text message of all three robots; Feishu names its type differently.
type text struct {
	Content string `json:"content"`
}

func buildFeishu(h Hook, m Message, now time.Time) (string, []byte, error) {
	var sent struct {
		Timestamp string `json:"timestamp,omitempty"`
		Sign      string `json:"sign,omitempty"`
		Type      string `json:"msg_type"`
		Content   struct {
			Text string `json:"text"`
		} `json:"content"`
	}
	sent.Type, sent.Content.Text = "text", m.text(longText)
	if h.Secret != "" {
		sent.Timestamp = strconv.FormatInt(now.Unix(), 10)
		// Timestamp and secret are the key; what is signed is empty.
		sent.Sign = sign(sent.Timestamp+"\n"+h.Secret, "")
	}
	body, err := marshal(sent)
	return h.URL, body, err
}

func buildDingTalk(h Hook, m Message, now time.Time) (string, []byte, error) {
	target := h.URL
	if h.Secret != "" {
		u, err := url.Parse(h.URL)
		if err != nil {
			return "", nil, err
		}
		timestamp := strconv.FormatInt(now.UnixMilli(), 10)
		query := u.Query()
		query.Set("timestamp", timestamp)
		query.Set("sign", sign(h.Secret, timestamp+"\n"+h.Secret))
		u.RawQuery = query.Encode()
		target = u.String()
	}
	return textTo(target, m.text(longText))
}

func buildWeCom(h Hook, m Message, _ time.Time) (string, []byte, error) {
	return textTo(h.URL, m.text(wecomText))
}

func textTo(target, content string) (string, []byte, error) {
	body, err := marshal(struct {
		Type string `json:"msgtype"`
		Text text   `json:"text"`
	}{"text", text{content}})
	return target, body, err
}

func sign(key, message string) string {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(message))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// refusal is what a robot's code means.
type refusal struct {
	problem string
	// wait is set where the same message may be taken later.
	wait time.Duration
}

var (
	busy    = refusal{"the service is busy", 10 * time.Second}
	tooMany = refusal{"it takes no more messages at the moment", pause}
)

// Robots answer with HTTP status 200 and say by a code of their own that they refuse.
// Codes that are not here are final.
var (
	feishuCodes = map[int]refusal{
		9499:  tooMany,
		11232: tooMany,
		19001: {problem: "Feishu knows no robot with that address; copy it again from the group's settings"},
		19021: {problem: "the signature does not fit: check the secret after # and this machine's clock"},
		19022: {problem: "the robot does not trust this machine's address; add it in the robot's security settings"},
		19024: {problem: "the robot only takes messages with its keywords; make orgsync one of them"},
	}
	dingtalkCodes = map[int]refusal{
		-1: busy,
		// More than 20 messages a minute: nothing is taken for ten minutes.
		130101: {tooMany.problem, 10 * time.Minute},
		410100: {tooMany.problem, 10 * time.Minute},
		300001: {problem: "DingTalk knows no robot with that address; copy it again from the group's settings"},
		310000: {
			problem: "the robot's security settings refuse it: check the secret after # and this machine's clock, " +
				"make orgsync a keyword, or add this machine's address"},
		400013: {problem: "the group was dissolved"},
		400101: {problem: "DingTalk knows no robot with that address; copy it again from the group's settings"},
		400102: {problem: "the robot is switched off"},
		400106: {problem: "the robot was removed from the group"},
	}
	wecomCodes = map[int]refusal{
		-1: busy,
		// 20 messages a minute.
		45009: tooMany,
		93000: {problem: "WeCom knows no robot with that address: it was removed, or the address is not complete"},
	}
)

func interpretFeishu(answer []byte) *Error {
	var verdict struct {
		Code   *int `json:"code"`
		Status *int `json:"StatusCode"` // of older robots
	}
	err := json.Unmarshal(answer, &verdict)
	if verdict.Code == nil {
		verdict.Code = verdict.Status
	}
	return interpret(err, verdict.Code, feishuCodes)
}

func interpretDingTalk(answer []byte) *Error { return interpretByErrcode(answer, dingtalkCodes) }

func interpretWeCom(answer []byte) *Error { return interpretByErrcode(answer, wecomCodes) }

func interpretByErrcode(answer []byte, codes map[int]refusal) *Error {
	var verdict struct {
		Code *int `json:"errcode"`
	}
	err := json.Unmarshal(answer, &verdict)
	return interpret(err, verdict.Code, codes)
}

func interpret(err error, code *int, codes map[int]refusal) *Error {
	switch {
	case err != nil || code == nil:
		return &Error{Problem: "the answer is not a robot's; another server may be in between"}
	case *code == 0:
		return nil
	}
	known, ok := codes[*code]
	if !ok {
		known.problem = "the robot refuses the message"
	}
	return &Error{Problem: fmt.Sprintf("code %d: %s", *code, known.problem), Final: known.wait == 0,
		RetryAfter: known.wait}
}
