package wecom

import (
	"cmp"
	"errors"
	"slices"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/message"
	"github.com/orgsync/orgsync/internal/provider"
	"github.com/orgsync/orgsync/internal/provider/wire"
)

// The documented hosts of the API and of the sign-in pages in any browser and inside WeCom
// (wecom.md §1.1, §7.1).
const (
	defaultBaseURL      = "https://qyapi.weixin.qq.com"
	defaultLoginURL     = "https://login.work.weixin.qq.com"
	defaultAuthorizeURL = "https://open.weixin.qq.com"
	defaultInstallURL   = "https://open.work.weixin.qq.com"
)

// Vendor describes WeCom. Which of the two secrets are set decides what can be
// read: see the package documentation.
var Vendor = provider.Vendor{
	Type: directory.WeCom,
	Keys: slices.Concat([]provider.Key{
		{Name: "corp_id", Aliases: []string{"corpid", "app_id"}, Required: true, InsteadOf: keySuiteID,
			Help: "the company's id: My Company (我的企业) > Company ID (企业ID)"},
		{Name: "secret", Aliases: []string{"app_secret", "corpsecret"},
			Help: "an app's secret: App Management (应用管理) > the app > Secret; reads names and details inside the " +
				"app's " +
				"visible range"},
		{Name: "sync_secret",
			Help: "the contact sync secret: Management Tools (管理工具) > Contacts Sync (通讯录同步); reads the ids of the " +
				"whole " +
				"company"},
		{Name: "base_url", Default: defaultBaseURL,
			Help: "address of the API; a path prefix is kept"},
		{Name: "login_url", Default: defaultLoginURL, Help: "address of the sign-in page for browsers"},
		{Name: "authorize_url", Default: defaultAuthorizeURL,
			Help: "address of the sign-in page inside WeCom"},
		{Name: "agent_id", Check: provider.CheckNumber,
			Help: "the app's AgentId; needed to sign people in, and to find people whom a limited visible range " +
				"grants one by one"},
		{Name: keyCallbackToken, Help: "Token of the event receiver (接收事件服务器); needed for events by callback"},
		{Name: keyCallbackAES, Check: wire.CheckAESKey,
			Help: "EncodingAESKey of the same place, 43 characters; needed for events by callback"},
		provider.TimeZone,
	}, suiteKeys),
	Validate: validate,
	Open:     open,

	OpenCallback: openCallback,
	Suite:        suiteVendor,
}

func validate(s provider.Settings) error {
	if err := validateSubType(s); err != nil {
		return err
	}
	_, err := s.Zone()
	return err
}

// validateSubType checks what an app of the company's own needs, or one of a suite.
func validateSubType(s provider.Settings) error {
	switch sub := cmp.Or(s[keySubType], subTypeInternal); {
	case sub == subTypeSuite:
		return validateSuite(s)
	case sub != subTypeInternal:
		return errors.New("sub_type must be internal or third_party")
	case s[keySuiteID] != "":
		return errors.New("suite_id needs sub_type third_party")
	case s["corp_id"] == "":
		return errors.New("corp_id is missing")
	case s["secret"] == "" && s["sync_secret"] == "":
		return errors.New("at least one of secret (an app's) and sync_secret (contact sync) is needed")
	}
	return nil
}

func open(s provider.Settings, env *provider.Env) (provider.Client, error) {
	if err := validate(s); err != nil {
		return nil, err
	}
	c := newClient(s, env)
	switch {
	case c.suite != nil && !c.suite.customised:
		return suiteClient{lookupClient{c}, suiteLogins{loginResolver{c}}}, nil
	case c.sync == nil:
		return appClient{lookupClient{c}, loginResolver{c}}, nil
	case c.app == nil:
		return syncClient{c, memberLister{c}}, nil
	default:
		return completeClient{appClient{lookupClient{c}, loginResolver{c}}, memberLister{c}}, nil
	}
}

func newClient(s provider.Settings, env *provider.Env) *client {
	c := &client{
		env:       env.WithoutRedirects(),
		base:      cmp.Or(s["base_url"], defaultBaseURL),
		login:     cmp.Or(s["login_url"], defaultLoginURL),
		authorize: cmp.Or(s["authorize_url"], defaultAuthorizeURL),
		corpID:    s["corp_id"],
		agentID:   s["agent_id"],
	}
	if ofSuite(s) {
		c.corpID, c.suite = s[keyAuthCorp], newSuite(s, c.base)
		c.app = c.suite.companyCredential(c.base, c.corpID)
		return c
	}
	if secret := s["sync_secret"]; secret != "" {
		c.sync = newCredential("credential.sync_secret", "place.sync", c, secret)
	}
	if secret := s["secret"]; secret != "" {
		c.app = newCredential("credential.app_secret", "place.app", c, secret)
	}
	return c
}

// credential is one secret with what is needed to use and to explain it.
type credential struct {
	// label names it in findings, place says where in the admin console it is managed.
	label, place message.Text
	secret       string
	// tokenName is the same for the same company, secret and address only, so
	// that a changed secret never uses the old one's token.
	tokenName string
}

func newCredential(label, place message.Code, c *client, secret string) *credential {
	return &credential{
		label: message.Of(label, nil), place: message.Of(place, nil), secret: secret,
		tokenName: tokenName(c.base, c.corpID, secret),
	}
}
