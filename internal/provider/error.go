package provider

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/orgsync/orgsync/internal/directory"
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

// Retryable reports whether the same call may succeed later without anybody
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

// Remedy is what to do about a failure of which nothing more is known than its kind.
func (k Kind) Remedy() string {
	switch k {
	case RateLimited:
		return "nothing to do: the sync waits as long as the provider says"
	case CursorExpired:
		return "nothing to do: the listing is read again from its first page"
	case TooLarge:
		return "nothing to do: orgsync reads it in another way"
	case Unavailable:
		return "nothing to do at first: the call is tried again, now and by the next run; if the error recurs, ask " +
			"the provider's support"
	case Malformed:
		return "nothing to do at first: the call is tried again; if the error recurs, check that no proxy on the " +
			"way changes answers, and report it"
	case Unauthenticated:
		return "compare the credentials with the provider's developer console"
	case TokenRefused:
		return "give this sync an app of its own, or let all programs that use this app share one token: another " +
			"program may be invalidating it"
	case Forbidden:
		return "look up the app's permissions and trusted addresses in the provider's developer console"
	case OutOfRange:
		return "widen the app's visible range, or leave it out on purpose"
	case NotFound:
		return "check the id; if it was deleted at the provider, the next sync removes it"
	case CodeRefused:
		return "sign in again: a code is good once and for a few minutes"
	case OtherCompany:
		return "sign in with an account of the company that this provider reads"
	case MemberSuspended:
		return "ask the company's administrator to unfreeze the account at the provider"
	case QuotaExhausted:
		return "wait until the quota is renewed, or buy a larger one"
	default:
		return "report it: the request that orgsync sent is wrong"
	}
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
	Problem string
	Action  string
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
func (e *Error) Remedy() string { return cmp.Or(e.Action, e.Kind.Remedy()) }

// Error implements error: "WeCom 60020: <problem>; <remedy> (user/list, request 42)".
func (e *Error) Error() string { return e.text("; " + e.Remedy()) }

// Said is the error's text without its remedy, for those who show that by itself.
func (e *Error) Said() string { return e.text("") }

func (e *Error) text(remedy string) string {
	var b strings.Builder
	b.WriteString(e.Provider.Traits().DisplayName)
	if e.Code != "" {
		b.WriteString(" " + e.Code)
	}
	b.WriteString(": " + e.Problem + remedy)
	where := e.Endpoint
	if e.RequestID != "" {
		where += ", request " + e.RequestID
	}
	if where != "" {
		fmt.Fprintf(&b, " (%s)", where)
	}
	return b.String()
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
