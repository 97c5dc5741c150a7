package wecom

import (
	"log/slog"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/provider"
)

func TestSettings(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		settings provider.Settings
		wrong    string
	}{
		"app only":  {provider.Settings{"corp_id": "c", "secret": "s"}, ""},
		"sync only": {provider.Settings{"corp_id": "c", "sync_secret": "s"}, ""},
		"everything": {provider.Settings{"corp_id": "c", "secret": "s", "sync_secret": "t",
			"agent_id": "1000002", "base_url": "http://127.0.0.1:9/wecom"}, ""},
		"no company": {provider.Settings{"secret": "s"}, "corp_id"},
		"suite":      {suiteSettings(nil), ""},
		"suite with a company's secret": {suiteSettings(provider.Settings{"secret": "s"}),
			"secret does not go with"},
		"suite without its key": {suiteSettings(provider.Settings{"suite_aes_secret": ""}), "suite_aes_secret"},
		"suite without sub_type": {provider.Settings{"corp_id": "c", "secret": "s", "suite_id": "ww1"},
			"sub_type third_party"},
		"unknown sub_type": {provider.Settings{"corp_id": "c", "secret": "s", "sub_type": "x"}, "sub_type"},
		"no secret":        {provider.Settings{"corp_id": "c"}, "at least one"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Vendor.Open(test.settings, &provider.Env{HTTP: http.DefaultClient, Log: slog.Default()})
			require.Equal(t, err, Vendor.Validate(test.settings))
			if test.wrong == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, test.wrong)
			requireClean(t, err.Error())
		})
	}
}

func TestKeysAreTheContracts(t *testing.T) {
	t.Parallel()
	names := map[string][]string{}
	for _, key := range Vendor.Keys {
		names[key.Name] = key.Aliases
		require.NotEmpty(t, key.Help, key.Name)
		require.Equal(t, key.Name == "corp_id", key.Required, key.Name)
	}
	require.Equal(t, map[string][]string{
		"corp_id": {"corpid", "app_id"}, "secret": {"app_secret", "corpsecret"},
		"sync_secret": nil, "base_url": nil, "login_url": nil, "authorize_url": nil, "agent_id": nil,
		"time_zone": nil, "callback_token_secret": nil, "callback_aes_secret": nil,
		"sub_type": nil, "suite_id": nil, "suite_secret": nil, "suite_token_secret": nil, "suite_aes_secret": nil,
		"auth_corp_id": nil, "provider_corp_id": nil, "provider_secret": nil, "install_url": nil,
	}, names)
}

func TestAnAppLooksUpAndContactSyncNamesEverybody(t *testing.T) {
	t.Parallel()
	api := newAPI(t, nil)
	for name, test := range map[string]struct {
		settings provider.Settings
		can      bool
		names    bool
	}{"app": {appOnly, true, false}, "both": {bothKeys, true, true}, "sync": {syncOnly, false, true}} {
		client := api.open(t, test.settings)
		_, counts := client.(provider.MemberCounter)
		_, confirms := client.(provider.ObjectLookup)
		_, reads := client.(provider.MemberReader)
		_, names := client.(provider.MemberLister)
		require.Equal(t, test.can, counts, name)
		require.Equal(t, test.can, confirms, name)
		require.Equal(t, test.can, reads, name)
		require.Equal(t, test.names, names, name)
	}
}

func TestOpeningLeavesTheSharedHTTPClientAlone(t *testing.T) {
	t.Parallel()
	env := newAPI(t, nil).env()
	_, err := Vendor.Open(provider.Settings{"corp_id": "c", "secret": "s"}, env)
	require.NoError(t, err)
	require.Nil(t, env.HTTP.CheckRedirect)
}
