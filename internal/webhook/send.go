// Package webhook sends signed messages to addresses that others chose. It goes by Standard
// Webhooks (https://www.standardwebhooks.com): headers webhook-id, webhook-timestamp and
// webhook-signature, success with any status 2xx, no redirects. It decides neither what is sent nor
// when it is sent again.
package webhook

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// Message is what is sent.
type Message struct {
	URL string
	// ID is the same with each attempt.
	ID string
	// Secret signs it, as NewSecret makes them.
	Secret string
	// Body is JSON.
	Body []byte
}

// Why an attempt failed, in one word each.
const (
	// ReasonStatus: the answer has another status than 2xx.
	ReasonStatus = "status"
	// ReasonGone: the receiver says with 410 that nothing is to be sent any more.
	ReasonGone = "gone"
	// ReasonRedirect: it leads elsewhere, which is not followed.
	ReasonRedirect = "redirect"
	// ReasonTimeout: there was no answer in time.
	ReasonTimeout = "timeout"
	// ReasonUnreachable: no connection was made, or it was lost before the answer.
	ReasonUnreachable = "unreachable"
	// ReasonTLS: the receiver could not prove who it is.
	ReasonTLS = "tls"
	// ReasonRefused: we do not send to that address.
	ReasonRefused = "refused"
)

// Reasons are all of them.
var Reasons = []string{ReasonStatus, ReasonGone, ReasonRedirect, ReasonTimeout, ReasonUnreachable, ReasonTLS,
	ReasonRefused}

// Error says why a message was not taken. It shows nothing of the address but its host, and nothing
// of the answer but its status.
type Error struct {
	Reason  string
	Problem string
	// Status is that of the answer, 0: there was none.
	Status int
	// RetryAfter is how long the receiver asks to wait, 0: it does not say.
	RetryAfter time.Duration
}

// Error implements error.
func (e *Error) Error() string { return e.Problem }

const (
	// patience bounds one attempt.
	patience = 15 * time.Second
	// maxAnswer is how much of an answer is read, so that its connection can be used again.
	maxAnswer = 16 << 10
	// longestWait bounds what a receiver can ask for.
	longestWait = time.Hour
)

// LongestAttempt is more than an attempt takes.
const LongestAttempt = patience + 5*time.Second

// Sender sends messages. It is safe for concurrent use.
type Sender struct {
	guard    Guard
	http     *http.Client
	patience time.Duration
}

// NewSender returns a sender to where a guard allows. It goes straight to the address, past any
// proxy: behind one the guard could not see where a message goes.
func NewSender(guard Guard) *Sender {
	dialer := &net.Dialer{Timeout: 10 * time.Second, ControlContext: guard.control}
	return &Sender{guard: guard, patience: patience, http: &http.Client{
		Transport: &http.Transport{
			DialContext:            dialer.DialContext,
			ForceAttemptHTTP2:      true,
			TLSHandshakeTimeout:    10 * time.Second,
			MaxIdleConnsPerHost:    2,
			IdleConnTimeout:        90 * time.Second,
			MaxResponseHeaderBytes: 64 << 10,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Guard is where it sends to.
func (s *Sender) Guard() Guard { return s.guard }

// Send sends a message once and returns the status of the answer. Its errors are of type *Error,
// unless ctx has ended.
func (s *Sender) Send(ctx context.Context, m Message) (status int, err error) {
	attempt, cancel := context.WithTimeout(ctx, s.patience)
	defer cancel()
	status, err = s.post(attempt, m)
	if err != nil && ctx.Err() != nil {
		return 0, ctx.Err()
	}
	return status, err
}

func (s *Sender) post(ctx context.Context, m Message) (int, error) {
	ctx = context.WithValue(ctx, clearKey{}, strings.HasPrefix(m.URL, "http:"))
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, m.URL, bytes.NewReader(m.Body))
	if err != nil {
		return 0, &Error{Reason: ReasonRefused, Problem: "its address cannot be used"}
	}
	if err := sign(request.Header, m, time.Now()); err != nil {
		return 0, err
	}
	answer, err := s.http.Do(request)
	if err != nil {
		return 0, noAnswer(err)
	}
	defer answer.Body.Close()
	if problem := ofStatus(answer); problem != nil {
		return answer.StatusCode, problem
	}
	_, _ = io.CopyN(io.Discard, answer.Body, maxAnswer)
	return answer.StatusCode, nil
}

// sign sets the headers of a message.
func sign(header http.Header, m Message, now time.Time) error {
	signer, err := standardwebhooks.NewWebhook(m.Secret)
	if err != nil {
		return errors.New("the webhook's secret is damaged") // the library's words may quote it
	}
	signature, err := signer.Sign(m.ID, now, m.Body)
	if err != nil {
		return errors.New("the message cannot be signed")
	}
	header.Set("Content-Type", "application/json; charset=utf-8")
	header.Set("User-Agent", "orgsync")
	header.Set(standardwebhooks.HeaderWebhookID, m.ID)
	header.Set(standardwebhooks.HeaderWebhookTimestamp, strconv.FormatInt(now.Unix(), 10))
	header.Set(standardwebhooks.HeaderWebhookSignature, signature)
	return nil
}

// noAnswer says why there was no answer, without the address, which may hold a token.
func noAnswer(err error) *Error {
	var refused *Error
	if errors.As(err, &refused) {
		return refused
	}
	var withURL *url.Error
	if errors.As(err, &withURL) {
		if withURL.Timeout() {
			return &Error{Reason: ReasonTimeout, Problem: "it did not answer in time"}
		}
		err = withURL.Err
	}
	var certificate *tls.CertificateVerificationError
	var alert tls.AlertError
	var record tls.RecordHeaderError
	if errors.As(err, &certificate) || errors.As(err, &alert) || errors.As(err, &record) {
		return &Error{Reason: ReasonTLS, Problem: "no secure connection: " + err.Error()}
	}
	return &Error{Reason: ReasonUnreachable, Problem: "no answer: " + err.Error()}
}

func ofStatus(answer *http.Response) error {
	status := answer.StatusCode
	problem := &Error{Reason: ReasonStatus, Status: status, Problem: fmt.Sprintf("it answered with HTTP status %d",
		status)}
	switch {
	case status >= 200 && status < 300:
		return nil
	case status >= 300 && status < 400:
		problem.Reason = ReasonRedirect
		problem.Problem += ", a redirect, which is not followed; give the address that it leads to"
	case status == http.StatusGone:
		problem.Reason = ReasonGone
		problem.Problem += ": nothing is to be sent there any more"
	default:
		if seconds, err := strconv.Atoi(answer.Header.Get("Retry-After")); err == nil && seconds > 0 {
			problem.RetryAfter = min(time.Duration(seconds)*time.Second, longestWait)
		}
	}
	return problem
}

// secretPrefix begins every secret, so that people and scanners for leaked secrets know it.
const secretPrefix = "whsec_"

// NewSecret makes the secret of a webhook.
func NewSecret() string {
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // it never fails
	return secretPrefix + base64.StdEncoding.EncodeToString(secret)
}
