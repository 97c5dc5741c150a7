package provider

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/message"
)

// The ways in which there is no answer.
var (
	noHost           = Meaning{Unavailable, "fault.no_host", "remedy.no_host"}
	noConnection     = Meaning{Unavailable, "fault.no_connection", "remedy.no_connection"}
	noProxy          = Meaning{Unavailable, "fault.no_proxy", "remedy.no_proxy"}
	proxyRefuses     = Meaning{Unavailable, "fault.proxy_refuses", "remedy.proxy_refuses"}
	proxyLogin       = Meaning{Unavailable, "fault.proxy_login", "remedy.proxy_login"}
	unknownAuthority = Meaning{Unavailable, "fault.unknown_authority", "remedy.unknown_authority"}
	foreignName      = Meaning{Unavailable, "fault.foreign_name", "remedy.foreign_name"}
	outdated         = Meaning{Unavailable, "fault.certificate_outdated", "remedy.certificate_outdated"}
	otherCertificate = Meaning{Unavailable, "fault.certificate_refused", "remedy.certificate_refused"}
	noTLS            = Meaning{Unavailable, "fault.no_tls", "remedy.no_tls"}
	timeUp           = Meaning{Unavailable, "fault.time_up", "remedy.time_up"}
	cutShort         = Meaning{Unavailable, "fault.cut_short", "remedy.cut_short"}
	oversized        = Meaning{Malformed, "fault.oversized", "remedy.oversized"}
	otherTrouble     = Meaning{Unavailable, "fault.call_failed", "remedy.call_failed"}
)

// The ways in which an answer is not the API's own.
var (
	redirected  = Meaning{Invalid, "fault.redirected", "remedy.check"}
	noPath      = Meaning{Invalid, "fault.no_path", "remedy.check"}
	serverFails = Meaning{Unavailable, "fault.server_fails", "remedy.server_fails"}
	tooMany     = Meaning{RateLimited, "fault.too_many_calls_http", ""}
	webPage     = Meaning{Malformed, "fault.web_page", "remedy.other_server_answers"}
	emptyAnswer = Meaning{Malformed, "fault.empty_answer", "remedy.other_server_answers"}
	unreadable  = Meaning{Malformed, "fault.unreadable", "remedy.unreadable"}
	otherAnswer = Meaning{Malformed, "fault.other_answer", "remedy.other_server_answers"}
)

// TransportFailures are all of them.
var TransportFailures = []Meaning{
	noHost, noConnection, noProxy, proxyRefuses, proxyLogin, unknownAuthority, foreignName, outdated, otherCertificate,
	noTLS, timeUp, cutShort, oversized, otherTrouble, redirected, noPath, serverFails, tooMany, webPage, emptyAnswer,
	unreadable, otherAnswer,
}

// InTransit makes an error of a call that failed without an answer of the API's own. detail is what
// is known of the case, check what the client advises about the setting that names the address.
func (m Meaning) InTransit(p directory.ProviderType, ep Endpoint, detail string, check message.Text) *Error {
	return m.AsError(p, ep, message.Args{"Detail": detail, "Base": cmp.Or(ep.Base, "base_url"), "Check": check})
}

// proxyAnswer is a proxy's refusal to connect to the provider.
type proxyAnswer struct{ status int }

func (p *proxyAnswer) Error() string { return "the proxy answers " + strconv.Itoa(p.status) }

// OnProxyAnswer is for http.Transport's OnProxyConnectResponse: it lets a proxy's refusal
// be known as one.
func OnProxyAnswer(_ context.Context, _ *url.URL, _ *http.Request, answer *http.Response) error {
	if answer.StatusCode == http.StatusOK {
		return nil
	}
	return &proxyAnswer{status: answer.StatusCode}
}

// transportFailureOf recognises a failed exchange. What it says does not hold the URL, in
// which tokens stand, nor a proxy's, in which a password may.
func transportFailureOf(err error, host string) (m Meaning, detail string) {
	var (
		failed    *url.Error
		proxy     *proxyAnswer
		op        *net.OpError
		dns       *net.DNSError
		authority x509.UnknownAuthorityError
		name      x509.HostnameError
		invalid   x509.CertificateInvalidError
		verify    *tls.CertificateVerificationError
	)
	if errors.As(err, &failed) {
		err = failed.Err
	}
	switch {
	case errors.As(err, &proxy) && proxy.status == http.StatusProxyAuthRequired:
		return proxyLogin, ""
	case errors.As(err, &proxy):
		return proxyRefuses, strconv.Itoa(proxy.status)
	case errors.As(err, &op) && op.Op == "proxyconnect":
		return noProxy, connectionDetail(op.Err)
	case errors.As(err, &authority):
		return unknownAuthority, host
	case errors.As(err, &name):
		return foreignName, host
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return outdated, host
	case errors.As(err, &verify):
		return otherCertificate, host
	case errors.Is(err, http.ErrSchemeMismatch):
		return noTLS, host
	case errors.As(err, &dns):
		return noHost, dns.Name
	case errors.As(err, &op):
		return noConnection, connectionDetail(op)
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return cutShort, ""
	default:
		return otherTrouble, err.Error()
	}
}

// connectionDetail is why a connection failed and, where known, to which address.
func connectionDetail(err error) string {
	var dns *net.DNSError
	if errors.As(err, &dns) {
		return "host name " + dns.Name + " cannot be resolved"
	}
	var op *net.OpError
	if !errors.As(err, &op) {
		return err.Error()
	}
	if op.Op == "dial" && op.Addr != nil {
		return op.Addr.String() + ": " + op.Err.Error()
	}
	return op.Err.Error()
}

const (
	defaultPause = 5 * time.Second
	longestPause = time.Hour // a longer one is not believed
)

// retryAfter reads the header of that name, which here comes from a proxy: seconds.
func retryAfter(h http.Header) time.Duration {
	seconds, err := strconv.Atoi(h.Get("Retry-After"))
	if err != nil || seconds < 1 || seconds > int(longestPause.Seconds()) {
		return defaultPause
	}
	return time.Duration(seconds) * time.Second
}

// NotTheAPI is the error of an answer that is not of the API's form. check is what the client advises about
// the setting that names the address.
func NotTheAPI(p directory.ProviderType, ep Endpoint, reply *Reply, check message.Text) *Error {
	status := strconv.Itoa(reply.Status)
	body := strings.TrimSpace(string(reply.Body[:min(len(reply.Body), 512)]))
	switch {
	case reply.Status >= 300 && reply.Status < 400:
		return redirected.InTransit(p, ep, status, check)
	case reply.Status == http.StatusProxyAuthRequired:
		return proxyLogin.InTransit(p, ep, status, check)
	case reply.Status == http.StatusTooManyRequests:
		limited := tooMany.InTransit(p, ep, status, check)
		limited.RetryAfter = retryAfter(reply.Header)
		return limited
	case reply.Status >= 500:
		return serverFails.InTransit(p, ep, status, check)
	case strings.HasPrefix(body, "<"):
		return webPage.InTransit(p, ep, status, check)
	case reply.Status == http.StatusNotFound:
		return noPath.InTransit(p, ep, status, check)
	case body == "":
		return emptyAnswer.InTransit(p, ep, status, check)
	default:
		return otherAnswer.InTransit(p, ep, status, check)
	}
}
