package wecom

import (
	"cmp"
	"net/url"

	"github.com/orgsync/orgsync/devkit/simulator"
)

// Owners of the service provider's tokens.
const (
	suiteOwner    = "suite token"
	providerOwner = "provider token"
)

// suiteAgent is the app's id in a company that installed the suite.
const suiteAgent = 1000005

// platformCalls are the calls that are not a company's.
var platformCalls = map[string]func(*Platform, url.Values, map[string]any) map[string]any{
	"service/get_suite_token":         (*Platform).suiteToken,
	"service/get_pre_auth_code":       withSuite((*Platform).preAuthCode),
	"service/v2/get_permanent_code":   withSuite((*Platform).permanentCode),
	"service/get_permanent_code":      withSuite((*Platform).permanentCode),
	"service/get_auth_info":           withSuite((*Platform).authInfo),
	"service/v2/get_auth_info":        withSuite((*Platform).authInfo),
	"service/get_corp_token":          withSuite((*Platform).corpToken),
	"service/get_provider_token":      (*Platform).providerToken,
	"service/get_customized_auth_url": (*Platform).customizedURL,
	"service/auth/getuserinfo3rd":     withSuite((*Platform).userInfo3rd),
	"gettoken":                        (*Platform).customisedToken,
}

type platformCall = func(*Platform, url.Values, map[string]any) map[string]any

// withSuite wants the suite's token (wecom-more.md §E5).
func withSuite(serve platformCall) platformCall {
	return func(p *Platform, query url.Values, body map[string]any) map[string]any {
		owner, expired := p.Tokens.Owner(query.Get("suite_access_token"))
		switch {
		case query.Get("suite_access_token") == "":
			return failure(41001)
		case owner != suiteOwner:
			return failure(40082)
		case expired:
			return failure(42009)
		}
		return serve(p, query, body)
	}
}

func good(fields map[string]any) map[string]any {
	fields["errcode"], fields["errmsg"] = 0, "ok"
	return fields
}

// suiteToken wants a ticket that is not older than half an hour. It answers without errcode
// (wecom-more.md §E1).
func (p *Platform) suiteToken(_ url.Values, body map[string]any) map[string]any {
	ticket, _ := body["suite_ticket"].(string)
	expires, known := p.tickets[ticket]
	switch {
	case body["suite_id"] != p.suite.ID:
		return failure(40083)
	case body["suite_secret"] != p.suite.Secret:
		return failure(40001)
	case !known || p.Now().After(expires):
		return failure(40085)
	}
	token, left := p.Tokens.Issue("SAT-", suiteOwner, tokenLife, 0)
	return map[string]any{"suite_access_token": token, "expires_in": int(left.Seconds())}
}

func (p *Platform) preAuthCode(url.Values, map[string]any) map[string]any {
	if p.customised() {
		return failure(48002)
	}
	code := p.next("pre")
	p.preAuth[code] = p.Now().Add(preAuthLife)
	return good(map[string]any{"pre_auth_code": code, "expires_in": int(preAuthLife.Seconds())})
}

// permanentCode takes each code once. That of a 代开发 app comes without an access token, and so
// does that of the newer call (wecom-more.md §E2).
func (p *Platform) permanentCode(_ url.Values, body map[string]any) map[string]any {
	text, _ := body["auth_code"].(string)
	code := p.codes[text]
	if code == nil || p.Now().After(code.expires) {
		return failure(40078)
	}
	delete(p.codes, text)
	code.company.permanent = p.next("perm")
	return good(map[string]any{
		"permanent_code": code.company.permanent, "state": code.state,
		"auth_corp_info": map[string]any{"corpid": code.company.id, "corp_name": "Private name"},
		"auth_user_info": map[string]any{"userid": "", "name": "", "avatar": ""},
	})
}

// authorized returns the company whose permanent code the body has.
func (p *Platform) authorized(company, code any) *installed {
	id, _ := company.(string)
	found := p.companies[id]
	if found == nil || found.permanent == "" || code != found.permanent {
		return nil
	}
	return found
}

func (p *Platform) authInfo(_ url.Values, body map[string]any) map[string]any {
	company := p.authorized(body["auth_corpid"], body["permanent_code"])
	if company == nil {
		return failure(40084)
	}
	parties, users := []int{}, []string{}
	company.server.mu.Lock()
	visible := company.server.cfg.Range
	company.server.mu.Unlock()
	if visible.All() {
		parties = []int{int(simulator.Root)}
	} else {
		for _, d := range visible.Departments {
			parties = append(parties, int(d))
		}
		company.server.company.View(func(v *simulator.View) {
			for _, id := range visible.People {
				if who, ok := v.Person(id); ok && !who.Left {
					users = append(users, company.server.userID(&request{owner: suiteApp}, who))
				}
			}
		})
	}
	mode := 0
	if company.byMembers {
		mode = 1
	}
	return good(map[string]any{
		"auth_corp_info": map[string]any{"corpid": company.id, "corp_name": "Private name", "subject_type": 1},
		"auth_info": map[string]any{"agent": []any{map[string]any{
			"agentid": suiteAgent, "name": "orgsync", "auth_mode": mode, "is_customized_app": p.customised(),
			"privilege": map[string]any{
				"level": 1, "allow_party": parties, "allow_user": users, "allow_tag": []int{},
				"extra_party": []int{}, "extra_user": []string{}, "extra_tag": []int{},
			},
		}}},
	})
}

// corpToken answers without errcode, and not to 代开发 apps (wecom-more.md §E1).
func (p *Platform) corpToken(_ url.Values, body map[string]any) map[string]any {
	company := p.authorized(body["auth_corpid"], body["permanent_code"])
	switch {
	case p.customised():
		return failure(48002)
	case company == nil:
		return failure(40084)
	}
	return p.issue(company)
}

// issue gives a company's token. The lock must be held.
func (p *Platform) issue(company *installed) map[string]any {
	token, left := company.server.Tokens.Issue("CAT-", suiteApp, tokenLife, 0)
	p.byToken[token] = company
	return map[string]any{"access_token": token, "expires_in": int(left.Seconds())}
}

// customisedToken takes the permanent code of a 代开发 app for a secret (wecom-more.md §E1).
func (p *Platform) customisedToken(query url.Values, _ map[string]any) map[string]any {
	switch company := p.authorized(query.Get("corpid"), query.Get("corpsecret")); {
	case !p.customised() || p.companies[query.Get("corpid")] == nil:
		return failure(40013)
	case company == nil:
		return failure(40001)
	default:
		return good(p.issue(company))
	}
}

func (p *Platform) providerToken(_ url.Values, body map[string]any) map[string]any {
	switch {
	case body["corpid"] != p.suite.ProviderCorp:
		return failure(40013)
	case body["provider_secret"] != p.suite.ProviderSecret:
		return failure(40001)
	}
	token, left := p.Tokens.Issue("PAT-", providerOwner, tokenLife, 0)
	return map[string]any{"provider_access_token": token, "expires_in": int(left.Seconds())}
}

// customizedURL wants a state of at most 32 letters and digits (wecom-more.md §E2).
func (p *Platform) customizedURL(query url.Values, body map[string]any) map[string]any {
	owner, expired := p.Tokens.Owner(query.Get("provider_access_token"))
	state, _ := body["state"].(string)
	templates, _ := body["templateid_list"].([]any)
	switch {
	case owner != providerOwner || expired:
		return failure(40014)
	case len(state) > 32 || len(templates) != 1 || templates[0] != p.suite.ID:
		return failure(40058)
	}
	return good(map[string]any{
		"qrcode_url": cmp.Or(p.Pages, "https://open.work.example") + qrPage + "?state=" + url.QueryEscape(state),
		"expires_in": 864000,
	})
}
