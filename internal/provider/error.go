package provider

import (
	"errors"
	"slices"
	"time"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/message"
)

// Kind says what went wrong in terms of what to do about it. It decides about
// retries, so every code of every provider is given exactly one.
type Kind string

// The kinds of failure.
const (
	// Invalid: we asked wrongly. A bug or a wrong setting; not retried.
	Invalid Kind = "Invalid"
	// Unauthenticated: the credentials are refused. Ends the run.
	Unauthenticated Kind = "Unauthenticated"
	// TokenRefused: an access token that was fetched just now is refused, though the
	// credentials were accepted. Retried with back-off a few times, then it ends the run.
	TokenRefused Kind = "TokenRefused"
	// Forbidden: a permission is missing or the address is not trusted: the call
	// fails for every department. Ends the run.
	Forbidden Kind = "Forbidden"
	// OutOfRange: this department or member is outside the visible range. Not
	// retried; other departments go on.
	OutOfRange Kind = "OutOfRange"
	// NotFound: the department or member does not exist. Not retried; others go on.
	NotFound Kind = "NotFound"
	// RateLimited: too many calls; wait RetryAfter.
	RateLimited Kind = "RateLimited"
	// QuotaExhausted: the tenant's quota is used up for long. Ends the run.
	QuotaExhausted Kind = "QuotaExhausted"
	// Unavailable: transport trouble, time-outs, HTTP 5xx, "system busy". Retried
	// with back-off.
	Unavailable Kind = "Unavailable"
	// Malformed: an answer that cannot be what the API sends: HTML, truncated
	// JSON, missing has_more, repeating page token. Retried with back-off.
	Malformed Kind = "Malformed"
	// CursorExpired: the page token is no longer accepted: the listing starts
	// again from its first page.
	CursorExpired Kind = "CursorExpired"
	// TooLarge: this listing cannot be had in one piece; Error.Instead says how.
	TooLarge Kind = "TooLarge"
	// CodeRefused: a login's code is unknown, expired, used, or another app's.
	CodeRefused Kind = "CodeRefused"
	// OtherCompany: who signed in is no member of this company.
	OtherCompany Kind = "OtherCompany"
	// MemberSuspended: the provider lets the member sign in nowhere for now.
	MemberSuspended Kind = "MemberSuspended"
)

// Retryable reports whether the same call may succeed later without a person
// doing something.
func (k Kind) Retryable() bool {
	switch k {
	case RateLimited, Unavailable, Malformed, CursorExpired, TokenRefused:
		return true
	default:
		return false
	}
}

// EndsRun reports whether every further call of the run would fail alike: at once or,
// where the kind is also retryable, once it has been tried again for long enough.
func (k Kind) EndsRun() bool {
	switch k {
	case Unauthenticated, TokenRefused, Forbidden, QuotaExhausted:
		return true
	default:
		return false
	}
}

// Kinds are all kinds.
var Kinds = []Kind{
	Invalid, Unauthenticated, TokenRefused, Forbidden, OutOfRange, NotFound, RateLimited, QuotaExhausted, Unavailable,
	Malformed, CursorExpired, TooLarge, CodeRefused, OtherCompany, MemberSuspended,
}

// Meaning is what a code of a provider means, or a call that fails without one: the kind, and the
// codes of what is wrong and of what to do. Without an action the kind's stands for it.
type Meaning struct {
	Kind            Kind
	Problem, Action message.Code
}

// AsError makes an error of it; the arguments are those of both texts.
func (m Meaning) AsError(p directory.ProviderType, ep Endpoint, args message.Args) *Error {
	e := &Error{Provider: p, Kind: m.Kind, Endpoint: ep.Name, Problem: message.Of(m.Problem, args)}
	if m.Action != "" {
		e.Action = message.Of(m.Action, args)
	}
	return e
}

// Remedy is what to do about a failure of which nothing more is known than its kind.
func (k Kind) Remedy() message.Text { return message.Of(message.Code("kind_remedy."+string(k)), nil) }

// Detail is a text that names the part of an answer which cannot be used: what a developer and the
// provider's support need, in English alone.
func Detail(detail string) message.Text {
	return message.Of("fault.answer", message.Args{"Detail": detail})
}

// Naming adds to a problem what an answer names: permissions of which one is missing, and other facts.
func Naming(problem message.Text, scopes string, facts ...string) message.Text {
	facts = slices.DeleteFunc(facts, func(fact string) bool { return fact == "" })
	if scopes == "" && len(facts) == 0 {
		return problem
	}
	return message.Of("fault.naming", message.Args{"Problem": problem, "Scopes": scopes, "Facts": facts})
}

// Error is any failure of a provider call. Its text holds no personal data, no
// secret and no token: words of ours, the provider's code and request id, and
// external ids.
type Error struct {
	Provider directory.ProviderType
	Kind     Kind
	// Endpoint is the call's name, such as "user/list".
	Endpoint string
	// Code is the provider's own code ("60020", "99991672"), empty for transport trouble.
	Code string
	// Unknown: the code is in none of the client's tables. Whether it passes is not known.
	Unknown bool
	// Problem says what is wrong, Action what a person should do; where it is empty the
	// kind's Remedy stands for it.
	Problem message.Text
	Action  message.Text
	// RequestID is what the provider's support asks for.
	RequestID string
	// RetryAfter is how long a RateLimited caller must wait at least.
	RetryAfter time.Duration
	// Instead is the listing to use after TooLarge.
	Instead ListMethod
	// Err is the cause, where there is one that carries no personal data.
	Err error
}

// Remedy is what a person should do.
func (e *Error) Remedy() message.Text {
	if e.Action.Code == "" {
		return e.Kind.Remedy()
	}
	return e.Action
}

// Error implements error: "WeCom 60020: <problem>; <remedy> (user/list, request 42)".
func (e *Error) Error() string { return e.In(message.English) }

// In returns the error's text in a language.
func (e *Error) In(l message.Language) string { return e.text(e.Remedy()).In(l) }

// Said is the error's text without its remedy, for those who show that by itself.
func (e *Error) Said() message.Text { return e.text(message.Text{}) }

func (e *Error) text(remedy message.Text) message.Text {
	return message.Of("refusal.said", message.Args{
		"Vendor": Named(e.Provider), "Code": e.Code, "Problem": e.Problem, "Remedy": remedy, "Endpoint": e.Endpoint,
		"Request": e.RequestID,
	})
}

// Named is the name of a provider's vendor.
func Named(t directory.ProviderType) message.Text {
	return message.Of(message.Code("vendor."+string(t)), nil)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// KindOf returns the kind of the first *Error in err's chain, or "" if there is none.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return ""
}

// IsUnknown reports whether err is of a code that no table has.
func IsUnknown(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Unknown
}
