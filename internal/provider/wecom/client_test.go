package wecom

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/provider"
)

const twoDepartments = `{"errcode":0,"errmsg":"ok","department":[{"id":7,"name":"Platform","parentid":1,"order":1},{"id":1,"name":"Acme","parentid":0,"order":2}]}`

func TestEnvelopeDecides(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		answer answer
		kind   provider.Kind // "" means success
		words  string
	}{
		"success":                 {answer{body: twoDepartments}, "", ""},
		"success without errcode": {answer{body: `{"department":[{"id":1,"name":"Acme","parentid":0}]}`}, "", ""},
		"error in a 200": {answer{body: `{"errcode":60020,"errmsg":"private words","department":[]}`},
			provider.Forbidden, "trusted IP"},
		"error in a 500": {answer{status: 500, body: `{"errcode":60020,"errmsg":"x"}`},
			provider.Forbidden, "trusted IP"},
		"error without errmsg":   {answer{body: `{"errcode":-1}`}, provider.Unavailable, "busy"},
		"errmsg of another type": {answer{body: `{"errcode":-1,"errmsg":{"a":1}}`}, provider.Unavailable, "busy"},
		"HTML in a 200":          {answer{body: `<html>private words</html>`}, provider.Malformed, "web page"},
		"HTML in a 502": {answer{status: 502, body: `<html>private words</html>`}, provider.Unavailable,
			"HTTP 502"},
		"success code in a 503": {answer{status: 503, body: twoDepartments}, provider.Unavailable, "HTTP 503"},
		"success code in a 403": {answer{status: 403, body: twoDepartments}, provider.Malformed, "HTTP 403"},
		"empty 404":             {answer{status: 404}, provider.Invalid, "base_url"},
		"HTML in a 404":         {answer{status: 404, body: `<html>`}, provider.Malformed, "HTTP 404"},
		"redirect": {answer{status: 302, header: map[string]string{"Location": "/elsewhere"},
			body: `{"errcode":0}`}, provider.Invalid, "base_url"},
		"empty 200": {answer{}, provider.Malformed, "the answer is empty"},
		"truncated": {answer{body: twoDepartments[:60]}, provider.Malformed, "not one of the API's"},
		"null":      {answer{body: `null`}, provider.Malformed, "not one of the API's"},
		"a list":    {answer{body: `[]`}, provider.Malformed, "not one of the API's"},
		"errcode as text": {answer{body: `{"errcode":"0","department":[]}`}, provider.Malformed,
			"not one of the API's"},
		"errcode as fraction": {answer{body: `{"errcode":0.5,"department":[]}`}, provider.Malformed,
			"not one of the API's"},
		"success without the list": {answer{body: `{"errcode":0,"errmsg":"ok"}`}, provider.Malformed,
			"lacks the list"},
		"success with list null": {answer{body: `{"errcode":0,"department":null}`}, provider.Malformed,
			"lacks the list"},
		"success with list an object": {answer{body: `{"errcode":0,"department":{}}`}, provider.Malformed,
			"lacks the list"},
		"empty object": {answer{body: `{}`}, provider.Malformed, "lacks the list"},
		"unknown request error": {answer{body: `{"errcode":40999,"errmsg":"private words"}`}, provider.Unavailable,
			"does not know the code"},
		"unknown other error": {answer{body: `{"errcode":99999,"errmsg":"private words"}`}, provider.Unavailable,
			"does not know the code"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			api := newAPI(t, nil)
			api.handlers["department/list"] = func(request) answer { return test.answer }
			_, _, err := api.open(t, appOnly).ListRoots(t.Context())
			if test.kind == "" {
				require.NoError(t, err)
				return
			}
			e := requireError(t, err, test.kind)
			require.Contains(t, e.Error(), test.words)
			require.Equal(t, "department/list", e.Endpoint)
		})
	}
}

func TestBrokenConnectionIsUnavailable(t *testing.T) {
	t.Parallel()
	api := newAPI(t, map[string]string{"department/list": twoDepartments})
	client := api.open(t, appOnly)
	api.server.Close()
	_, _, err := client.ListRoots(t.Context())
	requireError(t, err, provider.Unavailable)
}

func TestCanceledCallIsNotTheProvidersFault(t *testing.T) {
	t.Parallel()
	api := newAPI(t, map[string]string{"department/list": twoDepartments})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, err := api.open(t, appOnly).ListRoots(ctx)
	require.ErrorIs(t, err, context.Canceled)
}

func TestRefusedTokenIsFetchedOnceMore(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"40014", "42001", "40001"} {
		refusal := `{"errcode":` + code + `,"errmsg":"private words tok-made-up-1"}`
		t.Run(code+" once", func(t *testing.T) {
			t.Parallel()
			api := newAPI(t, nil)
			api.handlers["department/list"] = inTurn(refusal, twoDepartments)
			roots, _, err := api.open(t, appOnly).ListRoots(t.Context())
			require.NoError(t, err)
			require.Len(t, roots, 2)
			require.Equal(t, 2, api.calls("gettoken"))
			require.Equal(t, 2, api.calls("department/list"))
		})
		t.Run(code+" for good", func(t *testing.T) {
			t.Parallel()
			api := newAPI(t, map[string]string{"department/list": refusal})
			_, _, err := api.open(t, appOnly).ListRoots(t.Context())
			e := requireError(t, err, provider.TokenRefused)
			require.Equal(t, code, e.Code)
			require.Contains(t, e.Error(), "another program may be invalidating it")
			require.Equal(t, 2, api.calls("gettoken"))
			require.Equal(t, 2, api.calls("department/list"))
			require.Empty(t, api.store.tokens, "the next attempt fetches another one")
		})
	}
}

func TestWrongSecretIsTriedOnce(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"40001", "40013", "40014", "42001", "41004"} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			api := newAPI(t, map[string]string{
				"gettoken": `{"errcode":` + code +
					`,"errmsg":"private words, hint: [1700000000000000000000001], from ip: 192.0.2.10"}`,
				"department/list": twoDepartments,
			})
			_, _, err := api.open(t, appOnly).ListRoots(t.Context())
			e := requireError(t, err, provider.Unauthenticated)
			require.Equal(t, "gettoken", e.Endpoint)
			require.NotEmpty(t, e.Action.String())
			require.Equal(t, 1, api.calls("gettoken"))
			require.Zero(t, api.calls("department/list"))
		})
	}
}

func TestTokenAnswers(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		body string
		life time.Duration // 0 means Malformed
	}{
		"documented":       {`{"errcode":0,"access_token":"t","expires_in":7200}`, 115 * time.Minute},
		"without errcode":  {`{"access_token":"t","expires_in":7200}`, 115 * time.Minute},
		"short-lived":      {`{"access_token":"t","expires_in":60}`, 30 * time.Second},
		"absurd life":      {`{"access_token":"t","expires_in":9223372036854775807}`, 115 * time.Minute},
		"no life":          {`{"access_token":"t"}`, 0},
		"negative life":    {`{"access_token":"t","expires_in":-1}`, 0},
		"no token":         {`{"errcode":0,"errmsg":"ok","expires_in":7200}`, 0},
		"empty token":      {`{"access_token":"","expires_in":7200}`, 0},
		"token a number":   {`{"access_token":5,"expires_in":7200}`, 0},
		"life as text":     {`{"access_token":"t","expires_in":"7200"}`, 0},
		"not even JSON":    {`nope`, 0},
		"nothing but null": {`null`, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			token, life, err := decodeTokenOf(getToken, []byte(test.body), "access_token")
			if test.life == 0 {
				requireError(t, err, provider.Malformed)
				return
			}
			require.NoError(t, err)
			require.Equal(t, "t", token)
			require.Equal(t, test.life, life)
		})
	}
}

func TestEachCredentialUsesItsOwnToken(t *testing.T) {
	t.Parallel()
	api := newAPI(t, nil)
	secrets := map[string]string{}
	api.handlers["department/list"] = func(r request) answer {
		secrets[r.endpoint] = api.secretOf(r)
		return answer{body: twoDepartments}
	}
	api.handlers["department/simplelist"] = func(r request) answer {
		secrets[r.endpoint] = api.secretOf(r)
		return answer{body: `{"errcode":0,"department_id":[{"id":1,"parentid":0,"order":1}]}`}
	}
	client := api.open(t, bothKeys)
	for range 3 {
		_, _, err := client.ListRoots(t.Context())
		require.NoError(t, err)
	}
	require.Equal(t, map[string]string{"department/list": testAppSecret, "department/simplelist": testSyncSecret},
		secrets)
	require.Equal(t, 2, api.calls("gettoken"), "tokens are kept")

	// A changed secret must not use the old one's token.
	_, _, err := api.open(t, provider.Settings{"secret": "another-secret"}).ListRoots(t.Context())
	require.NoError(t, err)
	require.Equal(t, 3, api.calls("gettoken"))
	for name, expiry := range api.store.expiry {
		requireClean(t, name)
		require.Equal(t, testNow.Add(115*time.Minute), expiry)
	}
}

func TestThrottlingPausesTheEndpoint(t *testing.T) {
	t.Parallel()
	for code, wait := range map[string]time.Duration{"45009": time.Minute, "45033": 5 * time.Second} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			api := newAPI(t,
				map[string]string{"user/list": `{"errcode":` + code + `,"errmsg":"api freq out of limit"}`})
			_, err := api.open(t, appOnly).ListDepartmentMembers(t.Context(),
				provider.Query{Department: "7", Method: methodDepartment})
			e := requireError(t, err, provider.RateLimited)
			require.Equal(t, wait, e.RetryAfter)
			require.Equal(t, map[string]time.Duration{"user/list": wait}, api.limits.paused)
		})
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	api := newAPI(t, nil)
	api.handlers["gettoken"] = func(request) answer {
		return answer{status: http.StatusMovedPermanently,
			header: map[string]string{"Location": "/wecom/cgi-bin/elsewhere"}}
	}
	_, _, err := api.open(t, appOnly).ListRoots(t.Context())
	requireError(t, err, provider.Invalid)
	require.Zero(t, api.calls("elsewhere"))
}

func TestQueryIsEscapedOnce(t *testing.T) {
	t.Parallel()
	const odd = "a&b=c+d%20e/ü"
	api := newAPI(t, nil)
	var asked string
	api.handlers["user/get"] = func(r request) answer {
		asked = r.query["userid"]
		return answer{body: `{"errcode":0,"userid":"` + odd + `","status":1}`}
	}
	result, err := api.open(t, appOnly).(provider.ObjectLookup).LookupMember(t.Context(),
		provider.MemberRef{ExternalID: odd})
	require.NoError(t, err)
	require.Equal(t, provider.LookupExists, result)
	require.Equal(t, odd, asked)
}

func TestMissingCredentialIsAnError(t *testing.T) {
	t.Parallel()
	_, err := newAPI(t, nil).open(t, syncOnly).ListDepartmentMembers(t.Context(),
		provider.Query{Department: "7", Method: methodDepartment})
	requireError(t, err, provider.Invalid)
}
