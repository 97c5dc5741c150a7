package dingtalk

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/provider"
	"github.com/orgsync/orgsync/internal/provider/wire"
)

// Names of settings and the documented hosts (dingtalk.md §1).
const (
	keyAppKey     = "app_key"
	keyAppSecret  = "app_secret"
	keyBaseURL    = "base_url"
	keyAPIBaseURL = "api_base_url"
	keyTokenCall  = "token_call"
	keyLoginURL   = "login_url"
	keyCorpID     = "corp_id"

	defaultBaseURL    = "https://oapi.dingtalk.com"
	defaultAPIBaseURL = "https://api.dingtalk.com"
	defaultLoginURL   = "https://login.dingtalk.com" // dingtalk.md §8
)

// Vendor describes DingTalk's internal enterprise apps: their settings and how a
// client is opened. The directory is read at base_url, the access token fetched at
// api_base_url; corp_id and agent_id are accepted because they belong to an app, though
// reading the directory needs neither.
var Vendor = provider.Vendor{
	Type: directory.DingTalk,
	Keys: []provider.Key{
		{Name: keyAppKey, Aliases: []string{"appkey", "app_id"}, Required: true,
			Help: "Client ID (formerly AppKey) of an internal enterprise app"},
		{Name: keyAppSecret, Aliases: []string{"appsecret", "app_secret_key"}, Required: true,
			Help: "Client Secret (formerly AppSecret) of the same app"},
		{Name: keyBaseURL, Default: defaultBaseURL, Own: []string{"https://oapi.dingtalk.io"},
			Help: "legacy API, where the directory is read; international tenants: https://oapi.dingtalk.io"},
		{Name: keyAPIBaseURL, Default: defaultAPIBaseURL, Own: []string{"https://api.dingtalk.io"},
			Help: "newer API, where the access token is fetched; international tenants: https://api.dingtalk.io, " +
				"which " +
				"is not confirmed, or token_call gettoken"},
		{Name: keyTokenCall, Default: string(oauth2),
			Help: "how the access token is fetched: oauth2 is the newer API's call, gettoken the legacy API's, for " +
				"networks that can reach only base_url"},
		{Name: keyLoginURL, Default: defaultLoginURL, Help: "address of the sign-in page"},
		{Name: keyCorpID, Help: "the company's CorpId; not needed to read the directory"},
		{Name: "agent_id", Check: provider.CheckNumber, Help: "the app's AgentId; not needed to read the directory"},
		{Name: keyCallbackToken, Help: "Token of Event Subscription (事件订阅) > HTTP push; needed for events by callback"},
		{Name: keyCallbackAES, Check: wire.CheckAESKey,
			Help: "EncodingAESKey of the same place, 43 characters; needed for events by callback"},
		provider.TimeZone,
	},
	Validate: validate,
	Open:     open,

	OpenCallback: openCallback,
}

func validate(s provider.Settings) error {
	if call := tokenCall(s[keyTokenCall]); call != "" && call != oauth2 && call != legacy {
		return fmt.Errorf("setting %s: must be %s or %s", keyTokenCall, oauth2, legacy)
	}
	if _, err := s.Zone(); err != nil {
		return fmt.Errorf("setting %w", err)
	}
	return nil
}

func open(s provider.Settings, env *provider.Env) (provider.Client, error) {
	if err := validate(s); err != nil {
		return nil, err
	}
	for _, key := range []string{keyAppKey, keyAppSecret} {
		if s[key] == "" {
			return nil, fmt.Errorf("setting %s is missing", key)
		}
	}
	zone, err := s.Zone()
	if err != nil {
		return nil, fmt.Errorf("setting %w", err)
	}
	c := &client{
		zone:       zone,
		env:        env.WithoutRedirects(),
		baseURL:    cmp.Or(s[keyBaseURL], defaultBaseURL),
		apiBaseURL: cmp.Or(s[keyAPIBaseURL], defaultAPIBaseURL),
		loginURL:   cmp.Or(s[keyLoginURL], defaultLoginURL),
		corpID:     s[keyCorpID],
		appKey:     s[keyAppKey],
		appSecret:  s[keyAppSecret],
		tokenCall:  cmp.Or(tokenCall(s[keyTokenCall]), oauth2),
	}
	c.tokenName = tokenName(c.appKey, c.appSecret, c.baseOf(c.tokenEndpoint()))
	return c, nil
}

// tokenName differs for every credential, so that a token fetched with an
// earlier secret or from another host is not taken for this one's.
func tokenName(appKey, appSecret, base string) string {
	sum := sha256.Sum256([]byte(appKey + "\x00" + appSecret + "\x00" + base))
	return string(directory.DingTalk) + "/" + hex.EncodeToString(sum[:16])
}
