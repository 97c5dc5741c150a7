package wecom

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/message"
	"github.com/orgsync/orgsync/internal/provider"
	"github.com/orgsync/orgsync/internal/provider/wire"
)

// Settings of a provider of a suite: a third-party app or a 代开发 template of a service provider.
const (
	keySubType       = "sub_type"
	subTypeInternal  = "internal"
	subTypeSuite     = "third_party"
	keySuiteID       = "suite_id"
	keySuiteSecret   = "suite_secret"
	keySuiteToken    = "suite_token_secret"
	keySuiteAES      = "suite_aes_secret"
	keyAuthCorp      = "auth_corp_id"
	keyProviderCorp  = "provider_corp_id"
	keyProviderKey   = "provider_secret"
	keyInstallURL    = "install_url"
	customisedPrefix = "dk"
)

// suiteKeys are the settings of a suite.
var suiteKeys = []provider.Key{
	{Name: keySubType, Default: subTypeInternal,
		Help: "internal: an app of the company's own; third_party: a suite or a 代开发 template of a service provider"},
	{Name: keySuiteID, Help: "third_party: SuiteID of the suite, or the template's id (dk…), from the service " +
		"provider's console (服务商管理后台)"},
	{Name: keySuiteSecret, Help: "third_party: Secret of the same place"},
	{Name: keySuiteToken, Help: "third_party: Token of the suite's callback configuration (回调配置)"},
	{Name: keySuiteAES, Check: wire.CheckAESKey, Help: "third_party: EncodingAESKey of the same place, 43 characters"},
	{Name: keyAuthCorp, Help: "third_party: the company that has installed the suite, by its id as the service " +
		"provider sees it; set by the installation"},
	{Name: keyProviderCorp, Help: "third_party: the service provider's own company id; needed for the link that " +
		"installs a 代开发 template"},
	{Name: keyProviderKey, Help: "third_party: ProviderSecret of the service provider; needed for the same link"},
	{Name: keyInstallURL, Default: defaultInstallURL, Help: "third_party: address of the page that installs a suite"},
}

// suiteVendor describes suites.
var suiteVendor = &provider.SuiteVendor{
	ID: func(s provider.Settings) string {
		if !ofSuite(s) {
			return ""
		}
		return s[keySuiteID]
	},
	CompanyKey: keyAuthCorp, KindKey: keySubType, KindValue: subTypeSuite,
	Shared:       []string{keySuiteID, keySuiteSecret, keySuiteToken, keySuiteAES},
	OpenCallback: openSuiteCallback,
	Open: func(s provider.Settings, env *provider.Env) (provider.SuiteClient, error) {
		if err := validate(s); err != nil {
			return nil, err
		}
		if !ofSuite(s) {
			return nil, errors.New("sub_type must be third_party")
		}
		return newClient(s, env), nil
	},
}

func ofSuite(s provider.Settings) bool { return s[keySubType] == subTypeSuite }

// validateSuite checks the settings of a provider of a suite, and that no others come with them.
func validateSuite(s provider.Settings) error {
	for _, key := range []string{keySuiteID, keySuiteSecret, keySuiteToken, keySuiteAES} {
		if s[key] == "" {
			return fmt.Errorf("%s is missing: sub_type third_party needs it", key)
		}
	}
	for _, key := range []string{"corp_id", "secret", "sync_secret"} {
		if s[key] != "" {
			return fmt.Errorf("%s does not go with sub_type third_party: the company is named by auth_corp_id", key)
		}
	}
	return nil
}

// suite is the suite that a client belongs to.
type suite struct {
	id, secret string
	// customised says that it is a 代开发 template, whose ids begin so (wecom-more.md §E1).
	customised bool
	// providerCorp and providerSecret are the service provider's own, empty if not set.
	providerCorp, providerSecret string
	install                      string
	// cred explains what the suite's own calls are refused for.
	cred *credential
}

func newSuite(s provider.Settings, base string) *suite {
	return &suite{
		id: s[keySuiteID], secret: s[keySuiteSecret], customised: strings.HasPrefix(s[keySuiteID], customisedPrefix),
		providerCorp: s[keyProviderCorp], providerSecret: s[keyProviderKey],
		install: cmp.Or(s[keyInstallURL], defaultInstallURL),
		cred: &credential{
			label: message.Of("credential.suite_secret", nil), place: message.Of("place.suite", nil),
			tokenName: tokenName("suite", base, s[keySuiteID], s[keySuiteSecret]),
		},
	}
}

func tokenName(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return "wecom/" + hex.EncodeToString(sum[:16])
}

// companyCredential is the company's authorisation. The permanent code is read when a token is
// fetched, so that a client outlives a new one.
func (s *suite) companyCredential(base, corp string) *credential {
	return &credential{
		label: message.Of("credential.suite", nil), place: message.Of("place.suite_app", nil),
		tokenName: tokenName("company", base, s.id, corp),
	}
}

// ticketLife is how long a suite's ticket is valid (wecom-more.md §A7).
const ticketLife = 30 * time.Minute

// fetchCompanyToken exchanges the permanent code: that of a 代开发 app is an app's secret
// (wecom-more.md §E1; that its corpid is the one the service provider sees is unverified there).
func (c *client) fetchCompanyToken(ctx context.Context) (string, time.Time, error) {
	grant, err := c.grantOf(ctx)
	if err != nil {
		return "", time.Time{}, err
	}
	ep, body := getCorpToken, []byte(nil)
	if c.suite.customised {
		ep = getToken
		query := url.Values{"corpid": {c.corpID}, "corpsecret": {grant.PermanentCode}}
		body, err = c.exchange(ctx, c.app, ep, query, nil)
	} else {
		body, err = c.callSuite(ctx, c.app, ep, nil,
			map[string]string{"auth_corpid": c.corpID, "permanent_code": grant.PermanentCode})
	}
	if err != nil {
		return "", time.Time{}, withdrawn(err)
	}
	token, life, err := decodeTokenOf(ep, body, "access_token")
	return token, c.env.Now().Add(life), err
}

// grantOf returns what WeCom has handed over, or why there is no authorisation.
func (c *client) grantOf(ctx context.Context) (provider.SuiteGrant, error) {
	grant, err := c.env.Grant(ctx)
	switch {
	case err != nil:
		return grant, err
	case !grant.WithdrawnAt.IsZero():
		return grant, provider.Meaning{
			Kind:    provider.Unauthenticated,
			Problem: "fault.suite_uninstalled",
			Action:  "remedy.suite_reinstall_or_remove",
		}.AsError(directory.WeCom, getCorpToken, message.Args{"Time": grant.WithdrawnAt.UTC().Format(time.DateTime)})
	case grant.PermanentCode == "":
		return grant, newError(getCorpToken, provider.Unauthenticated,
			"fault.suite_not_installed", "remedy.suite_send_link")
	}
	return grant, nil
}

// withdrawn says of a refused permanent code what to do (wecom-more.md §E5).
func withdrawn(err error) error {
	var e *provider.Error
	if !errors.As(err, &e) || e.Code != "40084" && e.Code != "40001" {
		return err
	}
	refused := *e
	refused.Kind, refused.Problem = provider.Unauthenticated, message.Of("fault.suite_code_lost", nil)
	refused.Action = message.Of("remedy.suite_reinstall", nil)
	return &refused
}

// callSuite makes a call with the suite's token, and once more with a fresh one if that is
// refused.
func (c *client) callSuite(ctx context.Context, cred *credential, ep provider.Endpoint, query url.Values,
	body any) (answer []byte, err error) {
	err = c.env.Authorised(ctx, c.suite.cred.tokenName, c.fetchSuiteToken, func(token string) error {
		q := url.Values{"suite_access_token": {token}}
		for key, values := range query {
			q[key] = values
		}
		answer, err = c.exchange(ctx, cred, ep, q, body)
		return err
	})
	return answer, err
}

// fetchSuiteToken exchanges the newest ticket (wecom-more.md §E1).
func (c *client) fetchSuiteToken(ctx context.Context) (string, time.Time, error) {
	grant, err := c.env.Grant(ctx)
	if err != nil {
		return "", time.Time{}, err
	}
	if grant.Ticket == "" {
		return "", time.Time{}, newError(getSuiteToken, provider.Unauthenticated,
			"fault.suite_no_ticket", awaitTicket)
	}
	body, err := c.exchange(ctx, c.suite.cred, getSuiteToken, nil, map[string]string{
		"suite_id": c.suite.id, "suite_secret": c.suite.secret, "suite_ticket": grant.Ticket,
	})
	if err != nil {
		return "", time.Time{}, lostTicket(err, c.env.Now().Sub(grant.TicketAt))
	}
	token, life, err := decodeTokenOf(getSuiteToken, body, "suite_access_token")
	return token, c.env.Now().Add(life), err
}

const awaitTicket = "remedy.suite_await_ticket"

// lostTicket says how old the ticket is that was refused.
func lostTicket(err error, age time.Duration) error {
	var e *provider.Error
	if !errors.As(err, &e) || e.Code != "40085" || age < ticketLife {
		return err
	}
	refused := *e
	refused.Problem = message.Of("fault.suite_ticket_old", message.Args{
		"Minutes": int(age.Minutes()), "Valid": int(ticketLife.Minutes()),
	})
	return &refused
}

// shownMember leaves out a name that is none: a third-party suite gets the userid in its place
// (wecom.md §1.3). A 代开发 app gets names (wecom-more.md §E4).
func (c *client) shownMember(m directory.Member) directory.Member {
	if c.namesHidden() && m.Name != nil && *m.Name == m.ExternalID {
		m.Name = nil
	}
	return m
}

// shownDepartment is the same of a department, which gets its id for a name (wecom.md §1.4).
func (c *client) shownDepartment(d directory.Department) directory.Department {
	if c.namesHidden() && d.Name != nil && *d.Name == d.ExternalID {
		d.Name = nil
	}
	return d
}

func (c *client) namesHidden() bool { return c.suite != nil && !c.suite.customised }

// sameMember tells whether two ids are of one member: encrypted ones differ by case
// (wecom-more.md §E4).
func (c *client) sameMember(a, b string) bool {
	return a == b || c.suite == nil && strings.EqualFold(a, b)
}

// suiteGrants reads the visible range of the suite in the company. An authorisation may be
// without any app, and an old suite may have several (wecom-more.md §E2).
func (c *client) suiteGrants(ctx context.Context) (grant, error) {
	held, err := c.grantOf(ctx)
	if err != nil {
		return grant{}, err
	}
	body, err := c.callSuite(ctx, c.app, getAuthInfo, nil,
		map[string]string{"auth_corpid": c.corpID, "permanent_code": held.PermanentCode})
	if err != nil {
		return grant{}, withdrawn(err)
	}
	return decodeAuthInfo(body)
}

func decodeAuthInfo(body []byte) (grant, error) {
	answer, _ := wire.Parse(body)
	var g grant
	agents, ok := answer.Object("auth_info").ListOrNone("agent")
	if answer.Object("auth_corp_info") == nil || !ok {
		return g, malformed(getAuthInfo, "the answer is not of the documented form")
	}
	for _, item := range agents {
		agent, _ := wire.Object(item)
		if mode := agent.Integer("auth_mode"); mode != nil && *mode == 1 {
			g.byMembers = true
		}
		privilege := agent.Object("privilege")
		for _, v := range listOf(privilege, "allow_party") {
			if id := numberOf(v); id != "" {
				g.departments = append(g.departments, id)
			}
		}
		g.members = append(g.members, privilege.UsableIDs("allow_user")...)
		g.tags += len(listOf(privilege, "allow_tag"))
	}
	g.departments, g.members = union(g.departments, nil), union(g.members, nil)
	return g, nil
}

func listOf(r record, key string) []any {
	list, _ := r.List(key)
	return list
}
