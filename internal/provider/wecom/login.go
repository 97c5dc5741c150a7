package wecom

import (
	"context"
	"errors"
	"net/url"
	"strings"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/message"
	"github.com/orgsync/orgsync/internal/provider"
	"github.com/orgsync/orgsync/internal/provider/wire"
)

// loginResolver resolves logins. Only an app's secret does: codes are the app's (wecom.md §7.2).
type loginResolver struct{ c *client }

var _ provider.LoginResolver = appClient{}

// LoginFlowOf implements provider.LoginResolver: the page inside WeCom works nowhere else
// (wecom-more.md §B1).
func (loginResolver) LoginFlowOf(userAgent string) provider.LoginFlow {
	if strings.Contains(userAgent, "wxwork") {
		return provider.LoginInApp
	}
	return provider.LoginWeb
}

// LoginURL implements provider.LoginResolver (wecom.md §7.1). WeCom knows no PKCE.
func (l loginResolver) LoginURL(page provider.LoginPage) (string, error) {
	query := url.Values{"appid": {l.c.corpID}, "redirect_uri": {page.RedirectURL}, "state": {page.State}}
	if page.Flow == provider.LoginInApp {
		query.Set("response_type", "code")
		query.Set("scope", "snsapi_base")
		if l.c.agentID != "" { // without it no more than the userid is to be had (wecom-more.md §B1)
			query.Set("scope", "snsapi_privateinfo")
			query.Set("agentid", l.c.agentID)
		}
		address, err := provider.URL(l.c.authorize, "/connect/oauth2/authorize", query)
		return address + "#wechat_redirect", err
	}
	if l.c.agentID == "" {
		return "", errNoAgent
	}
	query.Set("login_type", "CorpApp")
	query.Set("agentid", l.c.agentID)
	query.Set("lang", page.Language)
	return provider.URL(l.c.login, "/wwlogin/sso/login", query)
}

var errNoAgent = newError(userInfo, provider.Invalid, "fault.agent_id_not_set", "remedy.wecom_set_agent_id")

// CheckLogin implements provider.LoginResolver. Which domains are trusted cannot be asked.
func (l loginResolver) CheckLogin(ctx context.Context) ([]provider.Finding, error) {
	_, err := l.c.call(ctx, l.c.app, userInfo, url.Values{"code": {provider.NoCode}}, nil)
	inside, err := provider.LoginFinding(provider.InsideApp(directory.WeCom), err)
	if err != nil {
		return nil, err
	}
	browser := inside
	if l.c.agentID == "" && inside.Level == provider.Pass {
		browser, err = provider.LoginFinding(message.Text{}, errNoAgent)
	}
	browser.Check = message.Of("tried.sign_in_browser", nil)
	return []provider.Finding{browser, inside}, err
}

// ResolveLogin implements provider.LoginResolver. In a browser WeCom tells the userid alone;
// inside WeCom a ticket brings what the member agreed to show (wecom.md §7.2, §7.3).
func (l loginResolver) ResolveLogin(ctx context.Context, code provider.LoginCode) (provider.Login, error) {
	body, err := l.c.call(ctx, l.c.app, userInfo, url.Values{"code": {code.Code}}, nil)
	if err != nil {
		return provider.Login{}, err
	}
	user, ticket, err := decodeUserInfo(userInfo, body)
	if err != nil {
		return provider.Login{}, err
	}
	login := provider.Login{Member: provider.MemberRef{ExternalID: user}}
	if ticket == "" {
		return login, nil
	}
	body, err = l.c.call(ctx, l.c.app, userDetail, nil, map[string]string{"user_ticket": ticket})
	var refused *provider.Error
	if errors.As(err, &refused) { // who it is stands; what else there is to know can wait
		l.c.env.Log.WarnContext(ctx, "facts of a login are not to be had", "code", refused.Code, "kind", refused.Kind)
		return login, nil
	}
	if err != nil {
		return provider.Login{}, err
	}
	login.Facts = decodeUserDetail(body, user)
	return login, nil
}

// decodeUserInfo returns the member's userid and, inside WeCom, a ticket for more. Someone
// from outside has an openid and no userid; a member of a linked company has the company's
// id before theirs (wecom-more.md §B3).
func decodeUserInfo(ep provider.Endpoint, body []byte) (user, ticket string, err error) {
	answer, _ := wire.Parse(body)
	user, problem := answer.ID("userid")
	switch {
	case problem != "":
		return "", "", malformed(ep, "the answer has no usable userid")
	case user == "" && (answer.String("openid") != "" || answer.String("external_userid") != ""),
		strings.Contains(user, "/"):
		return "", "", outsider(ep)
	case user == "":
		return "", "", malformed(ep, "the answer names no member")
	}
	return user, answer.String("user_ticket"), nil
}

func outsider(ep provider.Endpoint) *provider.Error {
	return newError(ep, provider.OtherCompany, "fault.not_of_company", "")
}

// decodeUserDetail reads what the member agreed to show; the rest is left out or empty
// (wecom.md §7.3). There is no name; a copy of the userid in its place is none.
func decodeUserDetail(body []byte, user string) directory.Profile {
	answer, _ := wire.Parse(body)
	if sent, _ := answer.ID("userid"); !strings.EqualFold(sent, user) {
		return directory.Profile{}
	}
	facts := directory.Profile{
		Email:      filled(email(answer.Text("email"), answer.Text("biz_mail"))),
		Phone:      filled(answer.Text("mobile")),
		AvatarURL:  filled(answer.Text("avatar")),
		Attributes: directory.Attributes{},
	}
	if name := filled(answer.Text("name")); name != nil && !strings.EqualFold(*name, user) {
		facts.Name = name
	}
	facts.Attributes.Text(directory.WorkEmail, filled(answer.Text("biz_mail")))
	facts.Attributes.Text(directory.WorkPlace, filled(answer.Text("address")))
	switch answer.String("gender") {
	case "1":
		facts.Attributes[directory.Gender] = "male"
	case "2":
		facts.Attributes[directory.Gender] = "female"
	}
	return facts
}

// filled takes an empty text for one that was not sent.
func filled(text *string) *string {
	if text == nil || *text == "" {
		return nil
	}
	return text
}
