package dingtalk

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/provider"
)

func TestVendorKeys(t *testing.T) {
	t.Parallel()
	require.Equal(t, directory.DingTalk, Vendor.Type)
	got := map[string][]string{}
	for _, k := range Vendor.Keys {
		got[k.Name] = k.Aliases
		require.NotEmpty(t, k.Help)
		require.Equal(t, k.Name == "app_key" || k.Name == "app_secret", k.Required)
	}
	require.Equal(t, map[string][]string{
		"app_key": {"appkey", "app_id"}, "app_secret": {"appsecret", "app_secret_key"},
		"base_url": nil, "api_base_url": nil, "login_url": nil, "token_call": nil, "corp_id": nil,
		"agent_id": nil, "time_zone": nil, "callback_token_secret": nil, "callback_aes_secret": nil,
	}, got)
}

func TestValidate(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		settings provider.Settings
		wrong    string
	}{
		"defaults": {settings: provider.Settings{}},
		"prefix":   {settings: provider.Settings{"base_url": "http://127.0.0.1:9/dingtalk"}},
		"both": {settings: provider.Settings{"base_url": "https://a.example",
			"api_base_url": "https://b.example"}},
		"old call":   {settings: provider.Settings{"token_call": "gettoken"}},
		"new call":   {settings: provider.Settings{"token_call": "oauth2"}},
		"other call": {provider.Settings{"token_call": "token"}, "token_call: must be oauth2 or gettoken"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := Vendor.Validate(tt.settings)
			if tt.wrong == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, tt.wrong)
		})
	}
}

func TestOpen(t *testing.T) {
	t.Parallel()
	env := &provider.Env{HTTP: &http.Client{}}
	c, err := Vendor.Open(provider.Settings{"app_key": "k", "app_secret": "s"}, env)
	require.NoError(t, err)
	require.Equal(t, "https://oapi.dingtalk.com", c.(*client).baseURL)
	require.Nil(t, env.HTTP.CheckRedirect, "the shared HTTP client is left alone")

	for name, s := range map[string]provider.Settings{
		"no key":    {"app_secret": "s"},
		"no secret": {"app_key": "k"},
		"bad call":  {"app_key": "k", "app_secret": "s", "token_call": "x"},
	} {
		_, err := Vendor.Open(s, env)
		require.Error(t, err, name)
	}
}

func TestTokenNameTellsCredentialsApart(t *testing.T) {
	t.Parallel()
	names := map[string]bool{
		tokenName("k", "s", "https://a"):  true,
		tokenName("k", "s2", "https://a"): true,
		tokenName("k2", "s", "https://a"): true,
		tokenName("k", "s", "https://b"):  true,
		tokenName("ks", "", "https://a"):  true,
	}
	require.Len(t, names, 5)
	require.NotContains(t, tokenName("k", testSecret, "https://a"), testSecret)
}
