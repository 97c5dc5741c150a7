// Package notify tells people through webhooks that a run needs them: as a JSON
// document for programs, or as a message of a group robot of Feishu, DingTalk or
// WeCom. It sends one message to one webhook and says whether trying again makes
// sense; when to try is its caller's business.
package notify

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"
)

// Hook is a webhook. Its URL is as good as a password.
type Hook struct {
	// Format is json, feishu, dingtalk or wecom.
	Format string
	URL    string
	// Secret signs the messages to Feishu and DingTalk; empty: they are not signed.
	Secret string
}

// Name tells hooks apart without giving away where they lead: the format, the host,
// and a few digits of a hash.
func (h Hook) Name() string {
	host := "?"
	if u, err := url.Parse(h.URL); err == nil {
		host = u.Hostname()
	}
	sum := sha256.Sum256([]byte(h.URL))
	return h.Format + " " + host + " " + hex.EncodeToString(sum[:4])
}

// String implements fmt.Stringer, so that printing a hook shows no secret.
func (h Hook) String() string { return h.Name() }

// GoString implements fmt.GoStringer for the same reason.
func (h Hook) GoString() string { return h.Name() }

// Formats are the formats that a Hook can have.
func Formats() []string {
	return slices.Sorted(maps.Keys(formats))
}

// Error says why a message was not delivered. It shows neither the hook's URL nor
// anything of the answer but codes.
type Error struct {
	// Hook is the hook's name.
	Hook    string
	Problem string
	// Final is true if the same message would be refused again.
	Final bool
	// RetryAfter is how long to wait at least; zero: no matter.
	RetryAfter time.Duration
}

// Error implements error.
func (e *Error) Error() string { return "notify " + e.Hook + ": " + e.Problem }

// Sender sends messages. It may be used by several goroutines.
type Sender struct {
	// HTTP must not follow redirects: they would carry the URL's token elsewhere.
	HTTP *http.Client
	// Now is the clock that signatures are made with.
	Now func() time.Time
}

const (
	// patience bounds one attempt.
	patience = 15 * time.Second
	// pause is how long to wait where too much was sent and nobody says for how long.
	pause = time.Minute
	// maxAnswer is more than any robot answers.
	maxAnswer = 64 << 10
)

// Send delivers the message once. Its errors are of type *Error, unless ctx has ended.
// A message whose answer was lost may have arrived: sent again, it arrives twice with
// the same ID.
func (s *Sender) Send(ctx context.Context, h Hook, m Message) error {
	f, ok := formats[h.Format]
	if !ok {
		return &Error{Hook: h.Name(), Problem: "this format is not known", Final: true}
	}
	target, body, err := f.build(h, m, s.Now())
	if err != nil {
		return &Error{Hook: h.Name(), Problem: "the message cannot be built", Final: true}
	}
	attempt, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	problem := s.post(attempt, target, body, f)
	if problem != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	if problem != nil {
		problem.Hook = h.Name()
		return problem
	}
	return nil
}

func (s *Sender) post(ctx context.Context, target string, body []byte, f format) *Error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, target, bytes.NewReader(body))
	if err != nil {
		return &Error{Problem: "its URL cannot be used", Final: true}
	}
	request.Header.Set("Content-Type", "application/json; charset=utf-8")
	request.Header.Set("User-Agent", "orgsync")
	response, err := s.HTTP.Do(request)
	if err != nil {
		return &Error{Problem: "no answer: " + withoutURL(err)}
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return &Error{Problem: "the answer broke off: " + withoutURL(err)}
	}
	if problem := ofStatus(response); problem != nil {
		return problem
	}
	if f.interpret == nil {
		return nil
	}
	return f.interpret(answer)
}

// withoutURL is the error's text without the URL, which holds the token.
func withoutURL(err error) string {
	var withURL *url.Error
	if errors.As(err, &withURL) {
		err = withURL.Err
	}
	return err.Error()
}

func ofStatus(response *http.Response) *Error {
	status := response.StatusCode
	problem := &Error{Problem: fmt.Sprintf("it answered with HTTP status %d", status)}
	switch {
	case status >= 200 && status < 300:
		return nil
	case status == http.StatusTooManyRequests:
		problem.RetryAfter = pause
		if seconds, err := strconv.Atoi(response.Header.Get("Retry-After")); err == nil && seconds > 0 {
			problem.RetryAfter = min(time.Duration(seconds)*time.Second, time.Hour)
		}
	case status >= 300 && status < 400:
		problem.Problem += ", a redirect, which is not followed; give the address it leads to"
		problem.Final = true
	case status < 500 && status != http.StatusRequestTimeout && status != http.StatusTooEarly:
		problem.Problem += "; check its address"
		problem.Final = true
	}
	return problem
}

// marshal writes JSON as robots count it: without escaping what HTML would need.
func marshal(value any) ([]byte, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(value)
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), err
}
