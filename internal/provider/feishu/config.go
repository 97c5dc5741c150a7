package feishu

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/provider"
)

// defaultBaseURL is the Chinese brand's host. An app lives on one brand only:
// a Lark app answers 10014 there (feishu.md §1.1).
const defaultBaseURL = "https://open.feishu.cn"

// Where people sign in: the hosts of the two brands (feishu-more.md §B2).
const (
	keyAccountsURL    = "accounts_url"
	feishuAccountsURL = "https://accounts.feishu.cn"
	larkAccountsURL   = "https://accounts.larksuite.com"
	larkHost          = "open.larksuite.com"
)

// Vendor describes Feishu and Lark: the settings they take and how a client is made.
var Vendor = provider.Vendor{
	Type: directory.Feishu,
	Keys: []provider.Key{
		{
			Name:     "app_id",
			Required: true,
			Help: "App ID of the self-built app (cli_...), from the developer console under Credentials & Basic " +
				"Info",
		},
		{Name: "app_secret", Required: true, Help: "App Secret of the same app, from the same page"},
		{Name: "base_url", Default: defaultBaseURL, Own: []string{"https://" + larkHost},
			Help: "address of the API; for Lark https://open.larksuite.com"},
		{
			Name: keyAccountsURL, Own: []string{feishuAccountsURL, larkAccountsURL},
			Help: "address of the login pages, where it is not the brand's own (https://accounts.feishu.cn, " +
				"https://accounts.larksuite.com)",
		},
		{Name: keyEncrypt, Help: "Encrypt Key, from the developer console under Events & Callbacks; needed for " +
			"events by callback"},
		{Name: keyVerification, Help: "Verification Token, from the same page; needed for events by callback"},
		provider.TimeZone,
	},
	Validate: validate,
	Open:     open,

	OpenCallback: openCallback,
}

func validate(s provider.Settings) error {
	for _, key := range []string{"app_id", "app_secret"} {
		if s[key] == "" {
			return fmt.Errorf("%s is missing", key)
		}
	}
	_, err := s.Zone()
	return err
}

func open(s provider.Settings, env *provider.Env) (provider.Client, error) {
	if err := validate(s); err != nil {
		return nil, err
	}
	zone, err := s.Zone()
	if err != nil {
		return nil, err
	}
	base := cmp.Or(s["base_url"], defaultBaseURL)
	accounts, exchange := cmp.Or(s[keyAccountsURL], feishuAccountsURL), userToken
	if u, err := url.Parse(base); err == nil && u.Hostname() == larkHost {
		accounts, exchange = cmp.Or(s[keyAccountsURL], larkAccountsURL), userTokenLark
	}
	return &client{
		env:       env.WithoutRedirects(),
		zone:      zone,
		base:      base,
		accounts:  accounts,
		signsIn:   s[keyAccountsURL] != "" || base == defaultBaseURL || base == "https://"+larkHost,
		userToken: exchange,
		appID:     s["app_id"],
		appSecret: s["app_secret"],
		tokenName: tokenName(base, s["app_id"], s["app_secret"]),
	}, nil
}

// tokenName tells tokens of different credentials apart without showing the
// secret, so that a changed secret or host never reuses an earlier token.
func tokenName(base, appID, appSecret string) string {
	sum := sha256.Sum256([]byte(base + "\x00" + appID + "\x00" + appSecret))
	return "feishu/" + hex.EncodeToString(sum[:16])
}
