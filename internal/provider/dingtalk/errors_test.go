package dingtalk

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/message"
	"github.com/orgsync/orgsync/internal/provider"
)

func TestEveryCodeSaysWhatToDo(t *testing.T) {
	t.Parallel()
	for code, c := range meanings {
		require.NotEmpty(t, c.Kind, code)
		require.NotEmpty(t, c.Problem, code)
		e := failure{code: code}.toError(userList, testNow)
		require.Contains(t, e.Error(), "; "+e.Remedy().String(), code)
		if c.Action == "" {
			require.True(t, c.Kind.Retryable(), "%s: only waiting is a remedy that goes without saying", code)
		}
	}
}

// TestDocumentedCodes holds the table against dingtalk.md §6, row by row.
func TestDocumentedCodes(t *testing.T) {
	t.Parallel()
	documented := map[provider.Kind][]string{
		provider.Unavailable:     {"-1", "60019"},
		provider.Unauthenticated: {"40089", "40096", "invalidClientIdOrSecret"},
		provider.TokenRefused:    {"40014", "42001", "40001", "InvalidAuthentication"},
		provider.Invalid: {"40000", "40035", "400002", "40069", "41001", "22", "404", "60111", "40009",
			"400001",
			"900001", "900004", "900005", "900010", "AuthenticationFailed.MissingParameter", "Missingbody"},
		provider.Forbidden: {"60011", "43007", "60020", "50003", "50005", "70001",
			"Forbidden.AccessDenied.AccessTokenPermissionDenied", "Forbidden.AccessDenied.IpNotInWhiteList"},
		provider.NotFound:      {"60003", "60121", "33011", "33012"},
		provider.OutOfRange:    {"50002", "50004"},
		provider.CursorExpired: {"40068"},
		provider.CodeRefused:   {"40078", "invalidParameter.authCode.notFound"},
		provider.RateLimited: {"90001", "90002", "90003", "90014", "90018", "90019", "1111",
			"Forbidden.AccessDenied.QpsLimitForAppkeyAndApi", "Forbidden.AccessDenied.QpsLimitForApi"},
		provider.QuotaExhausted: {"90020", "Forbidden.AccessDenied.ApiCountLimitForOrg"},
	}
	for kind, codes := range documented {
		for _, code := range codes {
			require.Equal(t, kind, classify(code, 200).Kind, code)
			require.NotContains(t, classify(code, 200).Problem, "does not know", code)
		}
	}
}

func TestUnknownCodes(t *testing.T) {
	t.Parallel()
	tests := []struct {
		code   string
		status int
		want   provider.Kind
	}{
		{"40999", 200, provider.Unavailable},
		{"43001", 200, provider.Unavailable},
		{"33099", 200, provider.Unavailable},
		{"400999", 200, provider.Unavailable},
		{"50999", 200, provider.Unavailable},
		{"71006", 200, provider.Unavailable},
		{"1", 200, provider.Unavailable},
		{"isv.busy", 200, provider.Unavailable},
		{"server.error", 500, provider.Unavailable},
		{"someParameter", 400, provider.Unavailable},
		{"tooMany", 429, provider.RateLimited},
	}
	for _, tt := range tests {
		require.Equal(t, tt.want, classify(tt.code, tt.status).Kind, tt.code)
	}
	e := failure{code: "50999", requestID: "16aa", text: personalText}.toError(userList, testNow)
	require.EqualError(
		t,
		e,
		"DingTalk 50999: this program does not know the code; "+message.Of(unknown.Action, nil).String()+
			" (user/list, request 16aa)",
	)
}

func TestFactsInWords(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		body string
		want string
	}{
		"address": {`{"errcode":88,"sub_code":"60020","sub_msg":"访问ip不在白名单之中, request ip=203.0.113.9 appKey(` +
			testKey + `)","request_id":"16aa"}`,
			"this server's address is not on the app's list of egress addresses: 203.0.113.9"},
		"address of version 6": {`{"errcode":60020,"errmsg":"request ip=2001:db8::1, x"}`,
			"this server's address is not on the app's list of egress addresses: 2001:db8::1"},
		"no address": {`{"errcode":60020,"errmsg":"request ip=......"}`,
			"this server's address is not on the app's list of egress addresses"},
		"permission": {
			`{"errcode":88,"sub_code":"60011","sub_msg":"应用尚未开通所需的权限：[qyapi_get_member], {requiredScopes=[qyapi_get_member]}"}`,
			"the app lacks a permission: qyapi_get_member"},
		"permissions": {
			`{"errcode":88,"sub_code":"60011","sub_msg":"{requiredScopes=[qyapi_get_member, qyapi_base]}"}`,
			"the app lacks a permission: qyapi_get_member, qyapi_base",
		},
		"permission of the new API": {
			`{"code":"Forbidden.AccessDenied.AccessTokenPermissionDenied","accessdenieddetail":{"requiredScopes":["Contact.User.Read","` + personalText + `",7]}}`,
			"the app lacks a permission: Contact.User.Read"},
		"not a permission": {`{"errcode":88,"sub_code":"60011","sub_msg":"{requiredScopes=[` + personalText + `]}"}`,
			"the app lacks a permission"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, map[string]func(call) reply{"/auth/scopes": always(tt.body)})
			_, _, err := f.ListRoots(t.Context())
			e := requireError(t, err, provider.Forbidden)
			require.Equal(t, tt.want, e.Problem.String())
			require.Contains(t, e.Action.String(), "open-dev.dingtalk.com")
		})
	}
}

// TestNoTextOfTheProviderIsShown drives every code through a call whose answer
// repeats what must not be shown.
func TestNoTextOfTheProviderIsShown(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	hidden := personalText + ` access_token=` + firstToken + ` appsecret=` + testSecret + ` appKey(` + testKey + `)`
	for code, c := range meanings {
		f.server.mu.Lock()
		f.server.handlers["/topapi/v2/user/get"] = always(
			`{"errcode":88,"sub_code":"` + code + `","sub_msg":"` + hidden + `","errmsg":"` + hidden +
				`","request_id":"` + hidden + `"}`)
		f.server.handlers[tokenPath] = issue(firstToken)
		f.server.mu.Unlock()
		_, err := f.user(t.Context(), "u1")
		e := requireError(t, err, c.Kind)
		require.Equal(t, code, e.Code)
		require.Empty(t, e.RequestID)
	}
}
