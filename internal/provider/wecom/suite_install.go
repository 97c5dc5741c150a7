package wecom

import (
	"context"
	"net/url"
	"strconv"
	"time"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/message"
	"github.com/orgsync/orgsync/internal/provider"
	"github.com/orgsync/orgsync/internal/provider/wire"
)

var _ provider.SuiteClient = (*client)(nil)

// preAuthLife is how long a pre-authorisation code is valid (wecom-more.md §E1).
const preAuthLife = 20 * time.Minute

// InstallLink implements provider.SuiteClient. A suite has a page that returns to ours, a 代开发
// template a page whose authorisation comes as an event (wecom-more.md §E2).
func (c *client) InstallLink(ctx context.Context, page provider.InstallPage) (string, time.Duration, error) {
	if c.suite.customised {
		return c.customisedLink(ctx, page)
	}
	body, err := c.callSuite(ctx, c.suite.cred, getPreAuthCode, nil, nil)
	if err != nil {
		return "", 0, err
	}
	answer, _ := wire.Parse(body)
	code := answer.String("pre_auth_code")
	if code == "" {
		return "", 0, malformed(getPreAuthCode, "the answer lacks pre_auth_code")
	}
	link, err := provider.URL(c.suite.install, "/3rdapp/install", url.Values{
		"suite_id": {c.suite.id}, "pre_auth_code": {code}, "redirect_uri": {page.ReturnURL}, "state": {page.State},
	})
	return link, preAuthLife, err
}

func (c *client) customisedLink(ctx context.Context, page provider.InstallPage) (string, time.Duration, error) {
	if c.suite.providerCorp == "" || c.suite.providerSecret == "" {
		return "", 0, newError(getProviderToken, provider.Invalid,
			"fault.suite_template_needs", "remedy.suite_set_provider")
	}
	cred := &credential{
		label: message.Of("credential.provider_secret", nil), place: message.Of("place.service_provider", nil),
		tokenName: tokenName("provider", c.base, c.suite.providerCorp, c.suite.providerSecret),
	}
	var body []byte
	err := c.env.Authorised(ctx, cred.tokenName, func(ctx context.Context) (string, time.Time, error) {
		body, err := c.exchange(ctx, cred, getProviderToken, nil, map[string]string{
			"corpid": c.suite.providerCorp, "provider_secret": c.suite.providerSecret,
		})
		if err != nil {
			return "", time.Time{}, err
		}
		token, life, err := decodeTokenOf(getProviderToken, body, "provider_access_token")
		return token, c.env.Now().Add(life), err
	}, func(token string) (err error) {
		body, err = c.exchange(ctx, cred, getCustomizedAuthURL, url.Values{"provider_access_token": {token}},
			map[string]any{"state": page.State, "templateid_list": []string{c.suite.id}})
		return err
	})
	if err != nil {
		return "", 0, err
	}
	answer, _ := wire.Parse(body)
	link, seconds := answer.String("qrcode_url"), answer.Integer("expires_in")
	if link == "" || seconds == nil || *seconds <= 0 {
		return "", 0, malformed(getCustomizedAuthURL, "the answer lacks qrcode_url or its lifetime")
	}
	return link, time.Duration(*seconds) * time.Second, nil
}

// Redeem implements provider.SuiteClient. The older call is the one documented for 代开发
// (wecom-more.md §E2). What it tells of the administrator who installs is not read.
func (c *client) Redeem(ctx context.Context, code string) (provider.Authorization, error) {
	ep := getPermanentCode
	if c.suite.customised {
		ep = getPermanentCodeV1
	}
	body, err := c.callSuite(ctx, c.suite.cred, ep, nil, map[string]string{"auth_code": code})
	if err != nil {
		return provider.Authorization{}, err
	}
	return decodeAuthorization(ep, body)
}

// longestCode is how many bytes a permanent code may have (wecom-more.md §E2).
const longestCode = 512

func decodeAuthorization(ep provider.Endpoint, body []byte) (provider.Authorization, error) {
	answer, _ := wire.Parse(body)
	company, problem := answer.Object("auth_corp_info").ID("corpid")
	code := answer.String("permanent_code")
	switch {
	case problem != "" || company == "":
		return provider.Authorization{}, malformed(ep, "the answer has no usable corpid")
	case directory.IDProblem(company) != "":
		return provider.Authorization{}, malformed(ep, "corpid "+directory.IDProblem(company))
	case code == "" || len(code) > longestCode:
		return provider.Authorization{}, malformed(ep, "the answer has no permanent code of at most "+
			strconv.Itoa(longestCode)+" bytes")
	}
	return provider.Authorization{Company: company, PermanentCode: code, State: answer.String("state")}, nil
}
