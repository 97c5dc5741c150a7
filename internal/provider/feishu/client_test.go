package feishu

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/message"
	"github.com/orgsync/orgsync/internal/provider"
)

var wholeTree = provider.Query{Department: rootID, Method: methodTree}

func TestEnvelopeDecidesWhateverTheStatus(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		answer http.HandlerFunc
		want   provider.Kind
	}{
		"known code with 200":            {refuses(200, 40004), provider.OutOfRange},
		"known code with 400":            {refuses(400, 40004), provider.OutOfRange},
		"known code with 500":            {refuses(500, 99991672), provider.Forbidden},
		"unknown code with 400":          {refuses(400, 55555), provider.Unavailable},
		"unknown code with 200":          {refuses(200, 55555), provider.Unavailable},
		"unknown code with 503":          {refuses(503, 55555), provider.Unavailable},
		"unknown code with 429":          {refuses(429, 55555), provider.RateLimited},
		"quota with 429":                 {refuses(429, 99991403), provider.QuotaExhausted},
		"429 without envelope":           {says(429, "slow down"), provider.RateLimited},
		"success code with 500":          {says(500, `{"code":0,"data":{"has_more":false}}`), provider.Unavailable},
		"success code with 400":          {says(400, `{"code":0,"data":{"has_more":false}}`), provider.Malformed},
		"html":                           {says(200, "<html>"+leak+"</html>"), provider.Malformed},
		"html with 502":                  {says(502, "<html>"), provider.Unavailable},
		"html with 403":                  {says(403, "<html>"), provider.Malformed},
		"empty":                          {says(200, ""), provider.Malformed},
		"empty 404":                      {says(404, ""), provider.Invalid},
		"truncated":                      {says(200, `{"code":0,"data":{"has_more":fa`), provider.Malformed},
		"array":                          {says(200, `[]`), provider.Malformed},
		"null":                           {says(200, `null`), provider.Malformed},
		"no code":                        {says(200, `{"data":{"has_more":false}}`), provider.Malformed},
		"code as text":                   {says(200, `{"code":"0","data":{"has_more":false}}`), provider.Malformed},
		"code as fraction":               {says(200, `{"code":0.5,"data":{"has_more":false}}`), provider.Malformed},
		"redirect":                       {redirects, provider.Invalid},
		"success without data":           {says(200, `{"code":0,"msg":"success"}`), provider.Malformed},
		"data null":                      {data(`null`), provider.Malformed},
		"data empty":                     {data(`{}`), provider.Malformed},
		"data a list":                    {data(`[]`), provider.Malformed},
		"has_more of a wrong type":       {data(`{"has_more":"false"}`), provider.Malformed},
		"items not a list":               {data(`{"has_more":false,"items":{}}`), provider.Malformed},
		"more without token":             {data(`{"has_more":true,"items":[{}]}`), provider.Malformed},
		"more with empty token":          {data(`{"has_more":true,"page_token":"","items":[{}]}`), provider.Malformed},
		"more with a token not text":     {data(`{"has_more":true,"page_token":7,"items":[{}]}`), provider.Malformed},
		"connection closed in mid-reply": {hangsUp, provider.Unavailable},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, _ := newFake(t, map[string]http.HandlerFunc{childrenPath: tt.answer, usersPath: tt.answer})
			_, err := c.ListDepartments(t.Context(), wholeTree)
			require.Equal(t, tt.want, failure(t, err).Kind, "%v", err)
			_, err = c.ListDepartmentMembers(t.Context(), provider.Query{Department: rootID, Method: methodDepartment})
			require.Equal(t, tt.want, failure(t, err).Kind, "%v", err)
		})
	}
}

func redirects(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Location", "http://"+r.Host+"/stolen")
	w.WriteHeader(http.StatusTemporaryRedirect)
}

func hangsUp(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", "1000")
	_, _ = w.Write([]byte(`{"code":0`))
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	c, s := newFake(t, map[string]http.HandlerFunc{tokenPath: redirects})
	_, _, err := c.ListRoots(t.Context())
	e := failure(t, err)
	require.Equal(t, provider.Invalid, e.Kind)
	require.Contains(t, e.Action.String(), "base_url")
	require.Empty(t, s.to("/stolen"))
}

func TestEveryCodeIsClassified(t *testing.T) {
	t.Parallel()
	for code, v := range meanings {
		t.Run(strconv.FormatInt(code, 10), func(t *testing.T) {
			t.Parallel()
			c, _ := newFake(t, map[string]http.HandlerFunc{childrenPath: refuses(400, int(code))})
			_, err := c.ListDepartments(t.Context(), wholeTree)
			e := failure(t, err)
			require.Equal(t, v.Kind, e.Kind)
			require.Equal(t, strconv.FormatInt(code, 10), e.Code)
			require.Equal(t, "LOG1", e.RequestID)
			require.Equal(t, "departments/children", e.Endpoint)
			require.Contains(t, e.Error(), "; "+e.Remedy().String())
			require.True(
				t,
				e.Action.String() != "" || e.Kind.Retryable(),
				"only waiting is a remedy that goes without saying",
			)
		})
	}
}

func TestRefusalNamesPermissionsAndFieldsOnly(t *testing.T) {
	t.Parallel()
	c, _ := newFake(t, map[string]http.HandlerFunc{childrenPath: inTurn(
		says(400, `{"code":99991672,"msg":"`+leak+`","error":{"log_id":"L","message":"`+leak+
			`","permission_violations":[
			{"type":"action_scope_required","subject":"contact:contact.base:readonly"},{"subject":"`+leak+
			`"},{"subject":5}]}}`),
		says(400, `{"code":99992402,"msg":"x","error":{"field_violations":[{"field":"page_size","value":"`+leak+
			`"},{"field":"`+leak+`"}]}}`),
	)})
	_, err := c.ListDepartments(t.Context(), wholeTree)
	e := failure(t, err)
	require.Equal(t, provider.Forbidden, e.Kind)
	require.Contains(t, e.Problem.String(), "contact:contact.base:readonly")
	require.Contains(t, e.Action.String(), "Permissions & Scopes")

	_, err = c.ListDepartments(t.Context(), wholeTree)
	require.Contains(t, failure(t, err).Problem.String(), "page_size")
}

func TestRequestIDComesFromTheFirstPlaceThatHasOne(t *testing.T) {
	t.Parallel()
	answer := func(header, value, detail string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			if header != "" {
				w.Header().Set(header, value)
			}
			w.WriteHeader(400)
			fmt.Fprintf(w, `{"code":40011,"msg":"x","error":%s}`, detail)
		}
	}
	tests := map[string]struct {
		answer http.HandlerFunc
		want   string
	}{
		"header":        {answer("X-Tt-Logid", "A1", `{"log_id":"B1"}`), "A1"},
		"other header":  {answer("X-Request-Id", "C1", `{"log_id":"B1"}`), "C1"},
		"body":          {answer("", "", `{"log_id":"B1"}`), "B1"},
		"body, old key": {answer("", "", `{"logid":"D1"}`), "D1"},
		"free text":     {answer("X-Tt-Logid", leak, `"none"`), ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, _ := newFake(t, map[string]http.HandlerFunc{childrenPath: tt.answer})
			_, err := c.ListDepartments(t.Context(), wholeTree)
			require.Equal(t, tt.want, failure(t, err).RequestID)
		})
	}
}

func TestThrottlingPausesTheEndpoint(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		reset string
		want  time.Duration
	}{
		"seconds":    {"12", 12 * time.Second},
		"fractional": {"0.3", time.Second},
		"zero":       {"0", time.Second},
		"absent":     {"", defaultPause},
		"no number":  {"soon", defaultPause},
		"NaN":        {"NaN", defaultPause},
		"negative":   {"-4", defaultPause},
		"absurd":     {"1e300", defaultPause},
	}
	for name, tt := range tests {
		for _, status := range []int{429, 400} {
			t.Run(fmt.Sprint(name, status), func(t *testing.T) {
				t.Parallel()
				c, s := newFake(t,
					map[string]http.HandlerFunc{childrenPath: func(w http.ResponseWriter, r *http.Request) {
						w.Header().Set("x-ogw-ratelimit-reset", tt.reset)
						refuses(status, 99991400)(w, r)
					}})
				_, err := c.ListDepartments(t.Context(), wholeTree)
				e := failure(t, err)
				require.Equal(t, provider.RateLimited, e.Kind)
				require.Equal(t, tt.want, e.RetryAfter)
				require.Equal(t, map[string]time.Duration{"departments/children": tt.want}, s.limits.pauses)
			})
		}
	}
}

func TestRefusedTokenIsFetchedOnceMore(t *testing.T) {
	t.Parallel()
	for _, code := range []int{99991663, 99991664, 99991665, 99991671} {
		t.Run(strconv.Itoa(code), func(t *testing.T) {
			t.Parallel()
			c, s := newFake(t, map[string]http.HandlerFunc{
				childrenPath: inTurn(refuses(400, code), data(`{"has_more":false}`)),
			})
			page, err := c.ListDepartments(t.Context(), wholeTree)
			require.NoError(t, err)
			require.Empty(t, page.Departments)
			calls := s.to(childrenPath)
			require.Len(t, calls, 2)
			require.Equal(t, tokenStart+"-1", calls[0].token)
			require.Equal(t, tokenStart+"-2", calls[1].token)
			require.Len(t, s.to(tokenPath), 2)
		})
	}
}

func TestTokenRefusedTwiceMayBeAnotherProgramsDoing(t *testing.T) {
	t.Parallel()
	c, s := newFake(t, map[string]http.HandlerFunc{childrenPath: refuses(200, 99991663)})
	_, err := c.ListDepartments(t.Context(), wholeTree)
	require.Equal(t, provider.TokenRefused, failure(t, err).Kind)
	require.Contains(t, err.Error(), "another program may be invalidating it")
	require.Empty(t, c.env.Tokens.(*memoryTokens).tokens, "the next attempt fetches another one")
	require.Len(t, s.to(childrenPath), 2)
	require.Len(t, s.to(tokenPath), 2)
}

func TestTokenIsKeptUntilShortlyBeforeItsEnd(t *testing.T) {
	t.Parallel()
	for expire, want := range map[int64]time.Duration{
		7200: 115 * time.Minute, 4567: 4567*time.Second - 5*time.Minute, 60: 30 * time.Second,
		9007199254740993: 115 * time.Minute,
	} {
		t.Run(strconv.FormatInt(expire, 10), func(t *testing.T) {
			t.Parallel()
			c, s := newFake(t, map[string]http.HandlerFunc{
				tokenPath: says(200, fmt.Sprintf(`{"code":0,"msg":"ok","tenant_access_token":"%s","expire":%d}`,
					tokenStart, expire)),
				childrenPath: data(`{"has_more":false}`),
			})
			now := time.Date(2026, 5, 24, 8, 0, 0, 0, time.UTC)
			c.env.Now = func() time.Time { return now }
			for range 3 {
				_, err := c.ListDepartments(t.Context(), wholeTree)
				require.NoError(t, err)
			}
			require.Len(t, s.to(tokenPath), 1)
			require.Equal(t, now.Add(want), c.env.Tokens.(*memoryTokens).expiry[c.tokenName])
		})
	}
}

func TestTokenAnswersThatAreNone(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		answer http.HandlerFunc
		want   provider.Kind
	}{
		"malformed id": {says(200, `{"code":10003,"data":{},"msg":"invalid param"}`), provider.Unauthenticated},
		"unknown id":   {refuses(200, 10014), provider.Unauthenticated},
		"wrong secret": {refuses(400, 10015), provider.Unauthenticated},
		"no token":     {says(200, `{"code":0,"expire":7200}`), provider.Malformed},
		"no expire":    {says(200, `{"code":0,"tenant_access_token":"`+tokenStart+`"}`), provider.Malformed},
		"expire text": {says(200, `{"code":0,"tenant_access_token":"`+tokenStart+`","expire":"7200"}`),
			provider.Malformed},
		"expire past": {says(200, `{"code":0,"tenant_access_token":"`+tokenStart+`","expire":-1}`),
			provider.Malformed},
		"token a number": {says(200, `{"code":0,"tenant_access_token":7,"expire":7200}`), provider.Malformed},
		"token unusable": {says(200, `{"code":0,"tenant_access_token":"`+tokenStart+`\n","expire":7200}`),
			provider.Malformed},
		"html":        {says(200, `<html>`), provider.Malformed},
		"throttled":   {refuses(429, 99991400), provider.RateLimited},
		"unavailable": {says(503, ``), provider.Unavailable},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, _ := newFake(t, map[string]http.HandlerFunc{tokenPath: tt.answer})
			_, err := c.ListDepartments(t.Context(), wholeTree)
			require.Equal(t, tt.want, failure(t, err).Kind)
			_, err = c.Check(t.Context())
			require.Equal(t, tt.want, failure(t, err).Kind)
		})
	}
}

func TestUnreachableHostIsUnavailableWithoutItsAddress(t *testing.T) {
	t.Parallel()
	c, s := newFake(t, nil)
	s.Close()
	_, _, err := c.ListRoots(t.Context())
	e := failure(t, err)
	require.Equal(t, provider.Unavailable, e.Kind)
	require.NotContains(t, e.Error(), "open-apis")
}

func TestCallerGivingUpIsNotTheProvidersFailure(t *testing.T) {
	t.Parallel()
	c, _ := newFake(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, err := c.ListRoots(ctx)
	require.ErrorIs(t, err, context.Canceled)
	require.Empty(t, provider.KindOf(err))
}

func TestTokenNameTellsCredentialsApart(t *testing.T) {
	t.Parallel()
	base := tokenName("https://a", "id", testSecret)
	require.NotContains(t, base, testSecret)
	require.Equal(t, base, tokenName("https://a", "id", testSecret))
	for _, other := range []string{
		tokenName("https://b", "id", testSecret), tokenName("https://a", "id2", testSecret),
		tokenName("https://a", "id", testSecret+"x"),
	} {
		require.NotEqual(t, base, other)
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	with := func(key, value string) provider.Settings {
		s := provider.Settings{"app_id": "cli_sim", "app_secret": testSecret}
		s[key] = value
		return s
	}
	require.NoError(t, Vendor.Validate(with("base_url", "http://127.0.0.1:9/feishu")))
	require.NoError(t, Vendor.Validate(with("accounts_url", "https://accounts.feishu.cn")))
	wrong := map[string][]string{"app_id": {""}, "app_secret": {""}}
	for key, values := range wrong {
		for _, value := range values {
			err := Vendor.Validate(with(key, value))
			require.ErrorContains(t, err, key)
			requireDiscreet(t, err.Error())
			_, err = Vendor.Open(with(key, value), &provider.Env{HTTP: http.DefaultClient})
			require.ErrorContains(t, err, key)
		}
	}
	opened, err := Vendor.Open(with("base_url", ""), &provider.Env{HTTP: http.DefaultClient})
	require.NoError(t, err)
	require.Equal(t, "https://open.feishu.cn", opened.(*client).base)
	require.Nil(t, http.DefaultClient.CheckRedirect, "the caller's client stays as it was")
}

// A department that was deleted while the company was read is no fault of a setting.
func TestAnUnknownDepartmentMayHaveBeenDeleted(t *testing.T) {
	t.Parallel()
	for _, code := range []int64{40015, 99992357, 99992380} {
		require.Contains(
			t,
			message.Of(meanings[code].Action, nil).String(),
			"nothing to do if it was deleted",
			"code %d",
			code,
		)
	}
}
