package feishu

import (
	"encoding/json"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/orgsync/orgsync/devkit/simulator"
)

// refusal is an error answer: an HTTP status (400 unless set) with a code
// (feishu.md §1.3, §5.2).
type refusal struct {
	status int
	code   int
	msg    string
	header http.Header
	detail map[string]any
}

var (
	errDepartmentRange  = &refusal{status: http.StatusForbidden, code: 40004, msg: "no dept authority error"}
	errUserRange        = &refusal{code: 41050, msg: "no user authority error"}
	errPageSize         = &refusal{code: 40011, msg: "page size is invalid"}
	errPageToken        = &refusal{code: 40012, msg: "page token is invalid"}
	errNoDepartment     = &refusal{code: 40015, msg: "department not exist"}
	errDepartmentNull   = &refusal{code: 40008, msg: "department info is null"}
	errOpenDepartmentID = &refusal{code: 99992357, msg: "Invalid id: open_department_id not exist"}
	errDepartmentID     = &refusal{code: 99992380, msg: "Invalid id: department_id not exist"}
	errTooLarge         = &refusal{code: 43010, msg: "big dept forbid recursion"}
)

// statusOf is the HTTP status that a code comes with (feishu.md §5.2).
func statusOf(code int) int {
	switch code {
	case 40004, 40014, 42009:
		return http.StatusForbidden
	case 42008:
		return http.StatusUnauthorized
	case 99991400:
		return http.StatusTooManyRequests
	default:
		return http.StatusBadRequest
	}
}

func invalidField(field string) *refusal {
	return &refusal{code: 99992402, msg: "field validation failed", detail: map[string]any{
		"field_violations": []map[string]string{{"field": field, "description": "invalid value"}},
	}}
}

// missingScope has the shape of feishu.md §1.3.
func missingScope(app string, scopes []string) *refusal {
	violations := make([]map[string]string, 0, len(scopes))
	for _, scope := range scopes {
		violations = append(violations, map[string]string{"type": "action_scope_required", "subject": scope})
	}
	list := strings.Join(scopes, ", ")
	return &refusal{code: 99991672,
		msg: "Access denied. One of the following scopes is required: [" + list + "]",
		detail: map[string]any{
			"message": "Refer to the documentation to fix the error", "permission_violations": violations,
			"helps": []map[string]string{
				{
					"url":         "https://open.feishu.cn/app/" + app + "/auth?q=" + strings.Join(scopes, ","),
					"description": "apply for a scope",
				},
			},
		}}
}

func (q *request) throttled(wait time.Duration) *refusal {
	status := http.StatusTooManyRequests
	if q.cfg.ThrottleWith400 {
		status = http.StatusBadRequest
	}
	return &refusal{status: status, code: 99991400, msg: "request trigger frequency limit", header: http.Header{
		"X-Ogw-Ratelimit-Limit": {"1000"},
		"X-Ogw-Ratelimit-Reset": {strconv.Itoa(int(math.Ceil(wait.Seconds())))},
	}}
}

func (q *request) header() http.Header {
	return http.Header{"Content-Type": {"application/json; charset=utf-8"}, "X-Tt-Logid": {q.logID}}
}

func (q *request) refuse(r *refusal) simulator.Reply {
	body := map[string]any{"code": r.code, "msg": r.msg}
	if r.code != 99991661 { // seen with "data":{} and nothing else (feishu.md §5.2)
		detail := map[string]any{"log_id": q.logID}
		for k, v := range r.detail {
			detail[k] = v
		}
		body["error"] = detail
	} else {
		body["data"] = map[string]any{}
	}
	reply := q.flat(body)
	reply.Status = r.status
	if r.status == 0 {
		reply.Status = http.StatusBadRequest
	}
	for k, v := range r.header {
		reply.Header[k] = v
	}
	return reply
}

func (q *request) succeed(data any, shape simulator.Shape) simulator.Reply {
	reply := q.flat(map[string]any{"code": 0, "msg": "success", "data": data})
	reply.Shape = shape
	return reply
}

// flat answers without the data wrapper, as the token endpoints do.
func (q *request) flat(body map[string]any) simulator.Reply {
	raw, err := json.Marshal(body)
	if err != nil {
		return simulator.Reply{Status: http.StatusInternalServerError}
	}
	return simulator.Reply{Status: http.StatusOK, Header: q.header(), Body: raw}
}
