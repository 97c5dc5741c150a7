package wecom

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/message"
	"github.com/orgsync/orgsync/internal/provider"
)

// documentedCodes are the codes of wecom.md §5.2 and the kind each must have.
var documentedCodes = map[provider.Kind][]int64{
	provider.Unavailable:     {40085, -1, 6000},
	provider.Unauthenticated: {40083, 40084, 40013, 40091, 41002, 41004, 45031},
	provider.TokenRefused:    {40082, 42009, 40001, 40014, 42001},
	provider.Invalid: {42007, 47001, 40031, 40035, 40056, 40058, 40066, 40078,
		41001, 45029, 50001, 301002, 301036},
	provider.NotFound:    {40003, 40068, 46004, 60003, 60004, 60111, 60123},
	provider.RateLimited: {45009, 45033},
	provider.Forbidden:   {48001, 48002, 48004, 48005, 48006, 48008, 48009, 50003, 60020, 60031, 301042, 701008},
	provider.CodeRefused: {40029, 42003, 84014, 84015},
	provider.OutOfRange:  {50002, 60011, 60021, 60030},
}

func TestEveryDocumentedCodeIsExplained(t *testing.T) {
	t.Parallel()
	seen := 0
	for kind, codes := range documentedCodes {
		for _, code := range codes {
			seen++
			cred := &credential{label: provider.Detail("app secret"), place: provider.Detail("App Management")}
			err := failureOf(cred, userList, code,
				"private words, hint: [1700000000000000000000001], from ip: 192.0.2.10, more info at "+
					"https://example.com")
			e := requireError(t, err, kind)
			require.Equal(t, strconv.FormatInt(code, 10), e.Code)
			require.Equal(t, "1700000000000000000000001", e.RequestID)
			require.NotContains(t, e.Error(), "{")
			require.Contains(t, e.Error(), "; "+e.Remedy().String(), "code %d", code)
			require.Equal(t, kind == provider.RateLimited, e.RetryAfter > 0, "code %d", code)
		}
	}
	require.Len(t, meanings, seen)
}

func TestUntrustedAddressIsNamed(t *testing.T) {
	t.Parallel()
	cred := &credential{label: provider.Detail("app secret"), place: message.Of("place.app", nil)}
	for name, test := range map[string]struct{ message, problem, request string }{
		"as documented": {
			"not allow to access from your ip, hint: [1700000000000000000000005], from ip: 192.0.2.10, more info at " +
				"https://x",
			"this server's address 192.0.2.10 is not on the trusted IP list of the app secret",
			"1700000000000000000000005"},
		"IPv6": {"x, hint: [1700_3_ab12], from ip: 2001:db8::1, more",
			"this server's address 2001:db8::1 is not on the trusted IP list of the app secret", "1700_3_ab12"},
		"bare": {"not allow to access",
			"this server's address is not on the trusted IP list of the app secret", ""},
		"not an address": {"from ip: 999.1.1.1, more",
			"this server's address is not on the trusted IP list of the app secret", ""},
		"hint with odd signs": {"hint: [private words]",
			"this server's address is not on the trusted IP list of the app secret", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := failureOf(cred, userList, 60020, test.message)
			require.Equal(t, test.problem, e.Problem.String())
			require.Equal(t, test.request, e.RequestID)
			require.Contains(t, e.Action.String(), "App Management (应用管理) > the app > Trusted Company IPs")
		})
	}
}

func TestSyncSecretIsSentToItsOwnPlace(t *testing.T) {
	t.Parallel()
	api := newAPI(t, map[string]string{"department/simplelist": `{"errcode":60020,"errmsg":"x","department_id":[]}`})
	_, _, err := api.open(t, syncOnly).ListRoots(t.Context())
	e := requireError(t, err, provider.Forbidden)
	require.Contains(t, e.Problem.String(), "contact sync secret")
	require.Contains(t, e.Action.String(), "Contacts Sync")
}

func TestSyncSecretGivenAsAppSecretIsExplained(t *testing.T) {
	t.Parallel()
	api := newAPI(t, map[string]string{
		"department/list":       `{"errcode":48009,"errmsg":"api forbidden for contact assistant","department":[]}`,
		"department/simplelist": `{"errcode":0,"department_id":[{"id":1,"parentid":0}]}`,
	})
	_, _, err := api.open(t, bothKeys).ListRoots(t.Context())
	e := requireError(t, err, provider.Forbidden)
	require.Contains(t, e.Action.String(), "set secret to an app's secret")
}

// A department that was deleted while the company was read is no fault of a setting.
func TestAnUnknownDepartmentMayHaveBeenDeleted(t *testing.T) {
	t.Parallel()
	for _, code := range []int64{60003, 60123} {
		require.Contains(
			t,
			message.Of(meanings[code].Action, nil).String(),
			"nothing to do if it was deleted",
			"code %d",
			code,
		)
	}
}
