package provider

import (
	"context"
	"errors"
	"net/url"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/message"
)

// LoginFlow is how a person signs in at the provider. Their codes are not interchangeable.
type LoginFlow string

// The flows: in any browser, and inside the provider's own app.
const (
	LoginWeb   LoginFlow = "web"
	LoginInApp LoginFlow = "in_app"
)

// LoginPage asks for the address of the provider's own sign-in page.
type LoginPage struct {
	Flow LoginFlow
	// RedirectURL is where the page sends the browser back to, with a code and State.
	RedirectURL string
	// State is 32 letters and digits: what every provider returns unchanged.
	State string
	// Verifier is the PKCE verifier, of which the page's address carries the S256 challenge
	// where the provider knows PKCE.
	Verifier string
	// Language is en or zh, for providers whose page can be asked for one.
	Language string
}

// LoginCode is what a person's sign-in brought back, to be exchanged once.
type LoginCode struct {
	Flow LoginFlow
	Code string
	// RedirectURL and Verifier are those of the LoginPage, empty if the caller had none.
	RedirectURL string
	Verifier    string
}

// Login is whom a code stands for. Nothing in it comes from a profile that the person keeps
// at the provider by themselves.
type Login struct {
	// Member has the ids by which the app's own credentials look the person up.
	Member MemberRef
	// Facts are those that only a login brings; nil was not sent.
	Facts directory.Profile
}

// LoginResolver resolves logins. A client that lacks what logins need does not offer it.
type LoginResolver interface {
	// LoginFlowOf returns the flow of the page that a browser with this User-Agent is to see.
	LoginFlowOf(userAgent string) LoginFlow
	// LoginURL returns the address of the provider's sign-in page. It makes no call.
	LoginURL(page LoginPage) (string, error)
	// ResolveLogin exchanges a code for the person's ids. Errors of the kinds CodeRefused,
	// OtherCompany, MemberSuspended, OutOfRange and NotFound are about this code or person;
	// with the last one come the ids that are known so far.
	ResolveLogin(ctx context.Context, code LoginCode) (Login, error)
	// CheckLogin makes the calls of a login with a code that nobody has, and says what is missing for
	// people to sign in. What keeps them from it is a warning: a sync can run all the same.
	CheckLogin(ctx context.Context) ([]Finding, error)
}

// NoCode is a code that nobody has, NoID an id.
const (
	NoCode = "orgsync-provider-test"
	NoID   = "orgsync-provider-test"
)

// InsideApp is what a test of signing in inside the provider's own app tries.
func InsideApp(t directory.ProviderType) message.Text {
	return message.Of("tried.sign_in_inside", message.Args{"Vendor": Named(t)})
}

// LoginFinding makes a finding of a login's call with NoCode or NoID: that these are not known says
// that the call may be made. err is returned if it is not the provider's.
func LoginFinding(check message.Text, err error) (Finding, error) {
	var refused *Error
	switch kind := KindOf(err); {
	case err == nil, kind == CodeRefused, kind == NotFound:
		return Finding{Level: Pass, Check: check, Detail: message.Of("found.sign_in_allowed", nil)}, nil
	case errors.As(err, &refused):
		return Finding{Level: Warn, Check: check, Action: refused.Remedy(),
			Detail: message.Of("found.sign_in_refused", message.Args{"Refusal": refused.Said()})}, nil
	default:
		return Finding{}, err
	}
}

// ReturnedCode reads the code that a provider's sign-in page sent back. DingTalk names it
// authCode as well (dingtalk.md §8). It is empty where the person refused.
func ReturnedCode(query url.Values) string {
	if code := query.Get("code"); code != "" {
		return code
	}
	return query.Get("authCode")
}
