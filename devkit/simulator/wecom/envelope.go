package wecom

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"

	"github.com/orgsync/orgsync/devkit/simulator"
)

// refusal is an error answer. They all come with HTTP 200 (wecom.md §1.1).
type refusal struct {
	code int
	text string
	// bare leaves the hint and the address out of the message.
	bare bool
}

// texts are how messages begin (wecom.md §5.2).
var texts = map[int]string{
	-1: "system busy", 6000: "data version conflict", 40068: "invalid tagid", 40058: "invalid parameter",
	45009: "api freq out of limit",
	45029: "response data too large", 45033: "api concurrent out of limit", 48002: "api forbidden",
	48009: "api forbidden for contact assistant", 60003: "department not found",
	60011: "no privilege to access/modify contact/party/agent ", 60111: "userid not found", 60123: "invalid party id",
	301002: "not allow operate another agent with this accesstoken.",
}

func known(code int) *refusal { return &refusal{code: code, text: texts[code]} }

// ok is embedded in every good answer.
type ok struct {
	ErrCode int    `json:"errcode"`
	ErrMsg  string `json:"errmsg"`
}

var success = ok{ErrMsg: "ok"}

func (q *request) json(answer any) simulator.Reply {
	raw, err := json.Marshal(answer)
	if err != nil {
		return simulator.Reply{Status: http.StatusInternalServerError}
	}
	return simulator.Reply{
		Status: http.StatusOK, Body: raw,
		Header: http.Header{"Content-Type": {"application/json; charset=UTF-8"}, "Server": {"nginx"}},
	}
}

func (q *request) refuse(r *refusal) simulator.Reply {
	msg := r.text
	if !r.bare {
		msg = fmt.Sprintf(
			"%s, hint: [%s], from ip: %s, more info at https://open.work.weixin.qq.com/devtool/query?e=%d",
			r.text,
			q.hint,
			q.ip,
			r.code,
		)
	}
	body := map[string]any{"errcode": r.code, "errmsg": msg}
	h, _ := handlerOf(q.endpoint)
	for _, key := range h.arrays {
		body[key] = []any{}
	}
	reply := q.json(body)
	reply.Header.Set("Error-Code", strconv.Itoa(r.code))
	reply.Header.Set("Error-Msg", msg)
	return reply
}
