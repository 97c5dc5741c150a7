package provider

import (
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
)

// Retryable reports whether the same call may succeed later without anybody
// doing something.
func (k Kind) Retryable() bool {
	switch k {
	case RateLimited, Unavailable, Malformed, CursorExpired:
		return true
	default:
		return false
	}
}

// EndsRun reports whether every further call of the run would fail alike.
func (k Kind) EndsRun() bool {
	switch k {
	case Unauthenticated, Forbidden, QuotaExhausted:
		return true
	default:
		return false
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
	// Problem says what is wrong, Action what a person should do (may be empty
	// where nothing but waiting helps).
	Problem string
	Action  string
	// RequestID is what the provider's support asks for.
	RequestID string
	// RetryAfter is how long a RateLimited caller must wait at least.
	RetryAfter time.Duration
	// Instead is the listing to use after TooLarge.
	Instead Listing
	// Err is the cause, where there is one that carries no personal data.
	Err error
}

// Error implements error: "WeCom 60020: <problem>; <action> (user/list, request 42)".
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(DisplayName(e.Provider))
	if e.Code != "" {
		b.WriteString(" " + e.Code)
	}
	b.WriteString(": " + e.Problem)
	if e.Action != "" {
		b.WriteString("; " + e.Action)
	}
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

// DisplayName is a provider's name for people.
func DisplayName(t directory.ProviderType) string {
	switch t {
	case directory.Feishu:
		return "Feishu"
	case directory.DingTalk:
		return "DingTalk"
	case directory.WeCom:
		return "WeCom"
	default:
		return string(t)
	}
}
