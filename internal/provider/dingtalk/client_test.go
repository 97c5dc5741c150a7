package dingtalk

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/provider"
)

const okDepartment = `{"errcode":0,"errmsg":"ok","result":{"dept_id":42,"name":"R&D","parent_id":1},"request_id":"16kx0a"}`

func TestCallSendsTokenBodyAndPrefix(t *testing.T) {
	t.Parallel()
	f := newFixture(t, map[string]func(call) reply{"/topapi/v2/department/get": always(okDepartment)})
	_, err := f.department(t.Context(), "42")
	require.NoError(t, err)
	require.Len(t, f.server.calls, 2)
	require.Equal(t, call{method: http.MethodPost, path: "/dingtalk/v1.0/oauth2/accessToken",
		contentType: "application/json", rawBody: `{"appKey":"dingsimapp0001","appSecret":"s3cret-of-the-app"}`},
		f.server.calls[0])
	require.Equal(t, call{method: http.MethodPost, path: "/dingtalk/topapi/v2/department/get", token: firstToken,
		contentType: "application/json", rawBody: `{"dept_id":42}`}, f.server.calls[1])
	require.Equal(t, testNow.Add(110*time.Minute), f.tokens.expiry, "ten minutes before the 7200 s are over")
}

func TestQueryIsEscapedOnce(t *testing.T) {
	t.Parallel()
	const secret = "a+b%20c&d=e/ü"
	var got string
	ts := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		got = r.URL.Query().Get("appsecret")
	}))
	t.Cleanup(ts.Close)
	f := newFixture(t, nil)
	f.baseURL, f.appSecret, f.tokenCall = ts.URL, secret, legacy
	_, err := f.token(t.Context())
	requireError(t, err, provider.Malformed)
	require.Equal(t, secret, got)
}

func TestRefusedTokenIsFetchedAnewOnce(t *testing.T) {
	t.Parallel()
	refusals := map[string]string{
		"gateway":  `{"errcode":88,"sub_code":"40014","sub_msg":"不合法的access_token","errmsg":"ding talk error","request_id":"16aa"}`,
		"expired":  `{"errcode":42001,"errmsg":"access_token超时"}`,
		"business": `{"errcode":40001,"errmsg":"x"}`,
		"new API":  `{"code":"InvalidAuthentication","requestid":"01A0","message":"不合法的access_token"}`,
	}
	for name, refusal := range refusals {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, map[string]func(call) reply{"/topapi/v2/department/get": func(c call) reply {
				if c.token == nextToken {
					return reply{body: okDepartment}
				}
				return reply{body: refusal}
			}})
			d, err := f.department(t.Context(), "42")
			require.NoError(t, err)
			require.Equal(t, "42", d.ExternalID)
			require.Equal(t, 2, f.server.count(tokenPath))
			require.Equal(t, 1, f.tokens.drops)
		})
		t.Run(name+" for good", func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, map[string]func(call) reply{"/topapi/v2/department/get": always(refusal)})
			_, err := f.department(t.Context(), "42")
			e := requireError(t, err, provider.TokenRefused)
			require.Contains(t, e.Error(), "another program may be invalidating it")
			require.Empty(t, f.tokens.tokens, "the next attempt fetches another one")
			require.Equal(t, 2, f.server.count(tokenPath))
			require.Equal(t, 2, f.server.count("/topapi/v2/department/get"))
		})
	}
}

func TestTokenCallNeverLoops(t *testing.T) {
	t.Parallel()
	type answer struct {
		reply reply
		want  provider.Kind
	}
	in := func(body string, want provider.Kind) answer { return answer{reply{body: body}, want} }
	refused := func(status int, code string, want provider.Kind) answer {
		return answer{reply{status: status, body: `{"code":"` + code + `","requestid":"01A0-7","message":"` +
			personalText + `"}`}, want}
	}
	for name, tests := range map[tokenCall]map[string]answer{
		oauth2: { // dingtalk.md §1.1, §1.2 shapes D and E
			"wrong pair":      refused(400, "invalidClientIdOrSecret", provider.Unauthenticated),
			"refused":         refused(400, "InvalidAuthentication", provider.Unauthenticated),
			"no body arrived": refused(400, "Missingbody", provider.Invalid),
			"throttled": refused(403, "Forbidden.AccessDenied.QpsLimitForAppkeyAndApi",
				provider.RateLimited),
			"throttled by all":          refused(403, "Forbidden.AccessDenied.QpsLimitForApi", provider.RateLimited),
			"address not trusted":       refused(403, "Forbidden.AccessDenied.IpNotInWhiteList", provider.Forbidden),
			"fails":                     refused(500, "unknownError", provider.Unavailable),
			"not known":                 refused(400, "somethingNew", provider.Unavailable),
			"an error called a success": refused(200, "invalidClientIdOrSecret", provider.Unauthenticated),
			"blocked": in(`{"status":1111,"wait":5,"source":"x5","punish":"deny","uuid":"u"}`,
				provider.RateLimited),
			"the legacy host's wrong way": in(`{"errcode":404,"errmsg":"请求的URI地址不存在"}`, provider.Invalid),
			"web page":                    in(`<html>`, provider.Malformed),
			"failure without words":       {reply{status: 502, body: `{}`}, provider.Unavailable},
			"refusal without words":       {reply{status: 400, body: `{}`}, provider.Malformed},
			"no token":                    in(`{"expireIn":7200}`, provider.Malformed),
			"token a number":              in(`{"accessToken":1,"expireIn":7200}`, provider.Malformed),
			"the old call's words": in(`{"access_token":"`+firstToken+`","expires_in":7200}`,
				provider.Malformed),
			"no life":         in(`{"accessToken":"`+firstToken+`"}`, provider.Malformed),
			"life of nothing": in(`{"accessToken":"`+firstToken+`","expireIn":0}`, provider.Malformed),
			"endless life": in(`{"accessToken":"`+firstToken+`","expireIn":9223372036854775807}`,
				provider.Malformed),
		},
		legacy: {
			"wrong pair":        in(`{"errcode":40096,"errmsg":"不合法的appKey或appSecret"}`, provider.Unauthenticated),
			"refused":           in(`{"errcode":40014,"errmsg":"x"}`, provider.Unauthenticated),
			"missing parameter": in(`{"errcode":40035,"errmsg":"缺少参数 corpid or appkey"}`, provider.Invalid),
			"no code":           in(`{"access_token":"`+firstToken+`","expires_in":7200}`, provider.Malformed),
			"no token":          in(`{"errcode":0,"errmsg":"ok","expires_in":7200}`, provider.Malformed),
			"token a number":    in(`{"errcode":0,"access_token":1,"expires_in":7200}`, provider.Malformed),
			"no life":           in(`{"errcode":0,"access_token":"`+firstToken+`"}`, provider.Malformed),
			"life of nothing":   in(`{"errcode":0,"access_token":"`+firstToken+`","expires_in":0}`, provider.Malformed),
			"endless life": in(`{"errcode":0,"access_token":"`+firstToken+`","expires_in":9223372036854775807}`,
				provider.Malformed),
		},
	} {
		for test, tt := range tests {
			t.Run(string(name)+"/"+test, func(t *testing.T) {
				t.Parallel()
				answers := func(call) reply { return tt.reply }
				f := newFixture(t, map[string]func(call) reply{tokenPath: answers, "/gettoken": answers})
				f.tokenCall = name
				_, _, err := f.ListRoots(t.Context())
				e := requireError(t, err, tt.want)
				require.Equal(t, f.tokenEndpoint().Name, e.Endpoint)
				require.Len(t, f.server.calls, 1)
				require.Empty(t, f.tokens.tokens)
			})
		}
	}
}

// The old call is made only where a setting says so, and to the old host.
func TestTokenCallIsChosenByASetting(t *testing.T) {
	t.Parallel()
	for setting, want := range map[string]struct{ host, path, token string }{
		"":         {"api", tokenPath, firstToken},
		"oauth2":   {"api", tokenPath, firstToken},
		"gettoken": {"legacy", "/gettoken", nextToken},
	} {
		t.Run("setting "+setting, func(t *testing.T) {
			t.Parallel()
			hosts := map[string]*server{
				"api": newServer(t, nil),
				"legacy": newServer(t,
					map[string]func(call) reply{
						"/gettoken": always(`{"errcode":0,"access_token":"` + nextToken +
							`","errmsg":"ok","expires_in":7200}`)}),
			}
			hosts["legacy"].handlers["/topapi/v2/department/get"] = always(okDepartment)
			f := newFixture(t, nil)
			opened, err := Vendor.Open(provider.Settings{"app_key": testKey, "app_secret": testSecret,
				"token_call": setting,
				"base_url":   hosts["legacy"].url, "api_base_url": hosts["api"].url}, f.env)
			require.NoError(t, err)
			_, err = opened.(*client).department(t.Context(), "42")
			require.NoError(t, err)
			require.Equal(t, 1, hosts[want.host].count(want.path))
			calls := hosts["legacy"].calls
			require.Equal(t, want.token, calls[len(calls)-1].token, "good for the legacy host")
			for name, host := range hosts {
				if name != want.host {
					require.Zero(t, host.count(tokenPath)+host.count("/gettoken"))
				}
			}
		})
	}
}

// Whoever cannot reach the newer API is told of its setting and of the other call.
func TestUnreachableTokenCallNamesItsSettings(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	f.apiBaseURL = "http://127.0.0.1:1/dingtalk"
	_, err := f.token(t.Context())
	e := requireError(t, err, provider.Unavailable)
	require.Contains(t, e.Action.String(), "check api_base_url")
	require.Contains(t, e.Action.String(), "set token_call to gettoken")

	f.apiBaseURL, f.server.handlers[tokenPath] = f.server.url, always("<html>")
	_, err = f.token(t.Context())
	require.Contains(t, requireError(t, err, provider.Malformed).Action.String(),
		"check api_base_url: the newer API is https://api.dingtalk.com")
}

func TestEnvelopeDecides(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		reply     reply
		kind      provider.Kind
		code      string
		requestID string
	}{
		"gateway": {reply{body: `{"errcode":88,"sub_code":"60011","sub_msg":"` + personalText + `","errmsg":"` +
			personalText + `","request_id":"16aa"}`},
			provider.Forbidden, "60011", "16aa"},
		"gateway, sub code a number": {reply{body: `{"errcode":88,"sub_code":60011}`}, provider.Forbidden, "60011", ""},
		"gateway without sub code": {reply{body: `{"errcode":88,"errmsg":"` + personalText + `"}`},
			provider.Unavailable, "88", ""},
		"business": {reply{body: `{"errcode":60003,"errmsg":"` + personalText + `","request_id":"16bb"}`},
			provider.NotFound, "60003", "16bb"},
		"business on HTTP 500": {reply{status: 500, body: `{"errcode":60003,"errmsg":"x"}`}, provider.NotFound,
			"60003", ""},
		"code quoted": {reply{body: `{"errcode":"60003","errmsg":"x"}`}, provider.NotFound, "60003", ""},
		"wrong path": {
			reply{body: `{"errcode":22,"sub_msg":"不合法ApiName","errmsg":"Invalid method","request_id":"16cc"}`},
			provider.Invalid, "22", "16cc"},
		"new API": {
			reply{status: 403,
				body: `{"code":"Forbidden.AccessDenied.AccessTokenPermissionDenied","requestid":"6E32","message":"` +
					personalText + `"}`},
			provider.Forbidden, "Forbidden.AccessDenied.AccessTokenPermissionDenied", "6E32"},
		"rate guard": {reply{body: `{"status":1111,"wait":5,"source":"x5","punish":"deny","uuid":"u"}`},
			provider.RateLimited, "1111", ""},
		"web page":             {reply{body: "<html>" + personalText + "</html>"}, provider.Malformed, "", ""},
		"web page on HTTP 502": {reply{status: 502, body: "<html></html>"}, provider.Unavailable, "", ""},
		"empty":                {reply{}, provider.Malformed, "", ""},
		"empty on HTTP 503":    {reply{status: 503}, provider.Unavailable, "", ""},
		"empty on HTTP 404":    {reply{status: 404}, provider.Invalid, "", ""},
		"truncated":            {reply{body: `{"errcode":0,"result":{"dept_id":4`}, provider.Malformed, "", ""},
		"an array":             {reply{body: `[]`}, provider.Malformed, "", ""},
		"null":                 {reply{body: `null`}, provider.Malformed, "", ""},
		"no code":              {reply{body: `{"result":{"dept_id":42}}`}, provider.Malformed, "", ""},
		"no code on HTTP 500":  {reply{status: 500, body: `{"error":"x"}`}, provider.Unavailable, "", ""},
		"code null":            {reply{body: `{"errcode":null,"result":{"dept_id":42}}`}, provider.Malformed, "", ""},
		"code not a number":    {reply{body: `{"errcode":"` + personalText + `"}`}, provider.Malformed, "", ""},
		"success without result": {reply{body: `{"errcode":0,"errmsg":"ok","request_id":"16dd"}`}, provider.Malformed,
			"", "16dd"},
		"success, result null": {reply{body: `{"errcode":0,"result":null}`}, provider.Malformed, "", ""},
		"another department":   {reply{body: `{"errcode":0,"result":{"dept_id":43}}`}, provider.Malformed, "", ""},
		"redirect": {reply{status: 302, header: http.Header{"Location": {"/dingtalk" + tokenPath}}},
			provider.Invalid, "", ""},
		"redirect keeping POST": {reply{status: 307, header: http.Header{"Location": {"/dingtalk" + tokenPath}}},
			provider.Invalid, "", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t,
				map[string]func(call) reply{"/topapi/v2/department/get": func(call) reply { return tt.reply }})
			_, err := f.department(t.Context(), "42")
			e := requireError(t, err, tt.kind)
			require.Equal(t, tt.code, e.Code)
			require.Equal(t, tt.requestID, e.RequestID)
			require.Equal(t, "department/get", e.Endpoint)
			require.Equal(t, 1, f.server.count(tokenPath), "a redirect is not followed")
		})
	}
}

func TestTransportTroubleShowsNoSecret(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	f.baseURL, f.apiBaseURL = "http://127.0.0.1:1/dingtalk", "http://127.0.0.1:1/dingtalk"
	_, err := f.token(t.Context())
	requireError(t, err, provider.Unavailable)

	f.tokens.tokens[f.tokenName] = firstToken
	_, err = f.ListDepartments(t.Context(), provider.Query{Department: "42", Method: methodLevel})
	requireError(t, err, provider.Unavailable)

	f.baseURL = "http://bad host/"
	_, err = f.department(t.Context(), "42")
	requireError(t, err, provider.Invalid)
}

func TestCanceledCallerGetsItsOwnError(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, err := f.ListRoots(ctx)
	require.ErrorIs(t, err, context.Canceled)
}

func TestThrottlingPausesTheEndpoint(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		body string
		want time.Duration
	}{
		"by the app": {`{"errcode":88,"sub_code":"90018","sub_msg":"x"}`, time.Second},
		"by all, end named": {
			`{"errcode":88,"sub_code":"90002","sub_msg":"请求总次数超过 1200 次, 限制将在 2026-01-06 00:00:03 结束."}`,
			3 * time.Second},
		"by all, end in errmsg":      {`{"errcode":90002,"errmsg":"限制将在 2026-01-06 00:00:02 结束."}`, 2 * time.Second},
		"by all, end past":           {`{"errcode":90002,"errmsg":"限制将在 2025-01-06 00:00:02 结束."}`, time.Second},
		"by all, clocks apart":       {`{"errcode":90002,"errmsg":"限制将在 2026-01-06 09:00:02 结束."}`, time.Minute},
		"by all, impossible end":     {`{"errcode":90002,"errmsg":"限制将在 2026-13-46 00:00:02 结束."}`, time.Second},
		"by all, no end":             {`{"errcode":90002,"errmsg":"x"}`, time.Second},
		"end named by another code":  {`{"errcode":90018,"errmsg":"限制将在 2026-01-06 00:00:30 结束."}`, time.Second},
		"per server":                 {`{"errcode":90005,"errmsg":"x"}`, time.Second},
		"new API, calls per minute":  {`{"code":"Forbidden.AccessDenied.QpmLimitForAppkeyAndApi"}`, time.Minute},
		"new API, HTTP 429, unknown": {`{"code":"TooMany"}`, time.Second},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, map[string]func(call) reply{"/topapi/v2/user/list": func(call) reply {
				return reply{status: http.StatusTooManyRequests, body: tt.body}
			}})
			_, err := f.ListDepartmentMembers(t.Context(), provider.Query{Department: "42", Method: methodDepartment})
			e := requireError(t, err, provider.RateLimited)
			require.Equal(t, tt.want, e.RetryAfter)
			require.Equal(t, map[string]time.Duration{"user/list": tt.want}, f.limits.pauses)
		})
	}
}

func TestBlockedAddressPausesEveryEndpoint(t *testing.T) {
	t.Parallel()
	f := newFixture(t, map[string]func(call) reply{"/auth/scopes": always(`{"status":1111,"wait":5,"source":"x5"}`)})
	_, _, err := f.ListRoots(t.Context())
	require.Equal(t, 5*time.Minute, requireError(t, err, provider.RateLimited).RetryAfter)
	require.Len(t, f.limits.pauses, len(endpoints))
	require.Equal(t, 5*time.Minute, f.limits.pauses["user/list"])
}

func TestBodiesAreDocumentedTypes(t *testing.T) {
	t.Parallel()
	b, err := json.Marshal(userListRequest{DeptID: 901000101, Cursor: 100, Size: pageSize})
	require.NoError(t, err)
	require.Equal(t, `{"dept_id":901000101,"cursor":100,"size":100,"contain_access_limit":false}`, string(b))
}
