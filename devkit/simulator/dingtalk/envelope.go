package dingtalk

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/orgsync/orgsync/devkit/simulator"
)

// refusal is an error answer in one of the shapes of dingtalk.md §1.2.
type refusal struct {
	code int
	msg  string
	// gateway: shape A, the code stands in sub_code as a string.
	gateway bool
	// banned: shape E.
	banned bool
}

func gateway(code int, msg string) *refusal  { return &refusal{code: code, msg: msg, gateway: true} }
func business(code int, msg string) *refusal { return &refusal{code: code, msg: msg} }

var (
	errNoDepartment    = business(60003, "部门不存在")
	errDepartmentRange = business(50004, "请求的部门id不在授权范围内")
	errUserRange       = business(50002, "请求的员工userid不在授权范围内")
	errNoUser          = business(60121, "找不到该用户")
	// throttled is a choice: the real body of 90018 was not seen (dingtalk.md §6).
	throttled = gateway(90018, "您的服务器调用钉钉开放平台接口的请求过于频繁")
)

// gatewayCodes come in shape A.
var gatewayCodes = []int{40000, 40001, 40014, 42001, 43007, 60011, 60020, 90002, 90018, 90020}

func badParameter(name string) *refusal { return business(400002, "参数错误: "+name) }

func missingPoint(point string) *refusal {
	return gateway(60011, "应用尚未开通所需的权限：["+point+"], {requiredScopes=["+point+"]}")
}

// throttledByAll is the limit that all customers share, with the end in China
// time inside the text (dingtalk.md §6).
func throttledByAll(api string, now time.Time, wait time.Duration) *refusal {
	const form = "2006-01-02 15:04:05"
	now = now.In(time.FixedZone("China", 8*60*60))
	return gateway(
		90002,
		fmt.Sprintf("您的服务器调用钉钉开放平台所有接口的请求都被暂时禁用了, apiPath(dingtalk.oapi.%s), 从 %s 到 %s 请求总次数超过 1200 次, 限制将在 %s 结束.",
			strings.ReplaceAll(api, "/", "."), now.Format(form), now.Format(form), now.Add(wait).Format(form)),
	)
}

func (q *request) json(body map[string]any) simulator.Reply {
	raw, err := json.Marshal(body)
	if err != nil {
		return simulator.Reply{Status: http.StatusInternalServerError}
	}
	// The legacy host answers 200 whatever happened.
	return simulator.Reply{
		Status: http.StatusOK,
		Header: http.Header{"Content-Type": {"application/json;charset=UTF-8"}},
		Body:   raw,
	}
}

func (q *request) refuse(r *refusal) simulator.Reply {
	switch {
	case r.banned:
		return q.json(map[string]any{"status": 1111, "wait": 5, "source": "x5", "punish": "deny", "uuid": q.id})
	case r.gateway:
		return q.json(map[string]any{
			"errcode": 88, "sub_code": strconv.Itoa(r.code), "sub_msg": r.msg, "request_id": q.id,
			"errmsg": fmt.Sprintf("ding talk error[subcode=%d,submsg=%s]", r.code, r.msg),
		})
	default:
		return q.json(map[string]any{"errcode": r.code, "errmsg": r.msg, "request_id": q.id})
	}
}

func (q *request) succeed(answer map[string]any, shape simulator.Shape) simulator.Reply {
	body := map[string]any{"errcode": 0, "errmsg": "ok"}
	if q.endpoint != "auth/scopes" { // whose example carries none (dingtalk.md §5)
		body["request_id"] = q.id
	}
	maps.Copy(body, answer)
	reply := q.json(body)
	reply.Shape = shape
	return reply
}

// unknownPath is shape C on topapi paths, shape D on the new host's.
func (q *request) unknownPath() simulator.Reply {
	switch path := q.URL.Path; {
	case strings.HasPrefix(path, "/topapi/"):
		msg := "不合法ApiName，ApiName = dingtalk.oapi." +
			strings.ReplaceAll(strings.TrimPrefix(path, "/topapi/"), "/", ".")
		return q.json(
			map[string]any{"errcode": 22, "sub_msg": msg, "errmsg": "Invalid method[submsg=" + msg + "]",
				"request_id": q.id},
		)
	case strings.HasPrefix(path, "/v1.0/"):
		return q.newAPI(http.StatusNotFound, "InvalidAction.NotFound", "Specified api is not found")
	default:
		return q.json(map[string]any{"errcode": 404, "errmsg": "请求的URI地址不存在"})
	}
}

// newAPI is shape D.
func (q *request) newAPI(status int, code, msg string) simulator.Reply {
	reply := q.json(map[string]any{"code": code, "requestid": q.id, "message": msg})
	reply.Status = status
	return reply
}
