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
)

// TransportFailure is one way in which a call fails without an answer of the API's own. In its
// texts "{}" stands for what is known of the case, "{base}" for what a client advises
// about its base_url.
type TransportFailure struct {
	Kind        Kind
	Problem, Do string
}

const (
	throughProxy = "if this machine reaches the internet through a proxy, name the proxy in HTTPS_PROXY"
	inBetween    = "the call is tried again; if the error recurs, a proxy, a captive portal or another server " +
		"answers in the provider's place: check HTTPS_PROXY and the network on the way, and {base}"
)

// The ways in which there is no answer.
var (
	noHost = TransportFailure{Unavailable,
		"host name {} cannot be resolved",
		"check the spelling of base_url and this machine's DNS; " +
			throughProxy}
	noConnection = TransportFailure{Unavailable,
		"connection failed: {}",
		"check base_url, and that this machine and the firewalls on the way let it out; " +
			throughProxy}
	noProxy = TransportFailure{Unavailable,
		"the proxy cannot be reached: {}",
		"check the proxy's address in HTTPS_PROXY (HTTP_PROXY for http addresses) and that it is up; " +
			"NO_PROXY names the hosts to reach without it"}
	proxyRefuses = TransportFailure{Unavailable,
		"the proxy refuses to connect: HTTP {}",
		"have the proxy named in HTTPS_PROXY let this machine connect to the host of base_url"}
	proxyLogin = TransportFailure{Unavailable,
		"the proxy wants a user and a password: HTTP 407",
		"put them into HTTPS_PROXY (HTTP_PROXY for http addresses), as in http://USER:PASSWORD@HOST:PORT"}
	unknownAuthority = TransportFailure{Unavailable,
		"the certificate of {} is signed by an authority that this machine does not know",
		"if your own proxy or gateway signs it, put that authority's certificate into a PEM file and name " +
			"the file in SSL_CERT_FILE"}
	foreignName = TransportFailure{Unavailable,
		"the server's certificate is not for {}",
		"check base_url; if it is right, a proxy or a captive portal answers in the provider's place"}
	outdated = TransportFailure{Unavailable,
		"the certificate of {} has expired or is not valid yet",
		"check this machine's clock; if it is right, the operator of the server, or of the proxy in front " +
			"of it, must renew the certificate"}
	otherCertificate = TransportFailure{Unavailable,
		"the certificate of {} is not accepted",
		"check base_url; if it is right, find out which proxy or gateway of your own answers in the " +
			"provider's place"}
	noTLS = TransportFailure{Unavailable,
		"{} does not speak TLS",
		"check whether base_url must begin with http:// and which port it names; if it is right, a proxy " +
			"or a captive portal answers in the provider's place"}
	timeUp = TransportFailure{Unavailable,
		"no complete answer within {}",
		"nothing to do at first: the call is tried again; if the error recurs, check the network on the " +
			"way, or give calls longer by ORGSYNC_CALL_TIMEOUT; " +
			throughProxy}
	cutShort = TransportFailure{Unavailable,
		"connection closed in the middle of the answer",
		"nothing to do at first: the call is tried again; if the error recurs, check proxies and firewalls " +
			"on the way"}
	oversized = TransportFailure{Malformed,
		"the answer is larger than {}, more than this call can bring",
		"the call is tried again; if the error recurs, another server may answer in the provider's place: " +
			"check HTTPS_PROXY and base_url; if it does not, report it"}
	otherTrouble = TransportFailure{Unavailable,
		"call failed: {}",
		"nothing to do at first: the call is tried again; if the error recurs, check proxies and firewalls " +
			"on the way, and that base_url names the API's own server"}
)

// The ways in which an answer is not the API's own.
var (
	redirected  = TransportFailure{Invalid, "the answer redirects elsewhere, which is not followed (HTTP {})", "{base}"}
	noPath      = TransportFailure{Invalid, "path not found (HTTP 404)", "{base}"}
	serverFails = TransportFailure{Unavailable,
		"the server fails without an answer of the API's own (HTTP {})",
		"nothing to do at first: the call is tried again; if the error recurs, look whether the provider " +
			"reports a failure, and at proxies on the way"}
	tooMany     = TransportFailure{RateLimited, "too many calls (HTTP 429)", RateLimited.Remedy()}
	webPage     = TransportFailure{Malformed, "the answer is a web page instead of JSON (HTTP {})", inBetween}
	emptyAnswer = TransportFailure{Malformed, "the answer is empty (HTTP {})", inBetween}
	unreadable  = TransportFailure{Malformed,
		"the answer contains bytes that are not text in the encoding that it declares ({})",
		"the call is tried again; if the error recurs, configure the proxy or gateway on the way so that " +
			"it passes answers on unchanged, in UTF-8"}
	otherAnswer = TransportFailure{Malformed, "the answer is not one of the API's (HTTP {})", inBetween}
)

// TransportFailures are all of them.
var TransportFailures = []TransportFailure{
	noHost, noConnection, noProxy, proxyRefuses, proxyLogin, unknownAuthority, foreignName, outdated, otherCertificate,
	noTLS, timeUp, cutShort, oversized, otherTrouble, redirected, noPath, serverFails, tooMany, webPage, emptyAnswer,
	unreadable, otherAnswer,
}

// error makes an error of it; detail and base are put in their places.
func (t TransportFailure) error(p directory.ProviderType, ep Endpoint, detail, base string) *Error {
	do := strings.ReplaceAll(t.Do, "base_url", cmp.Or(ep.Base, "base_url"))
	return &Error{Provider: p, Kind: t.Kind, Endpoint: ep.Name,
		Problem: strings.ReplaceAll(t.Problem, "{}", detail), Action: strings.ReplaceAll(do, "{base}", base)}
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
func transportFailureOf(err error, host string) (t TransportFailure, detail string) {
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

// NotTheAPI judges an answer that is not of the API's form. base is what the client
// advises about its base_url.
func NotTheAPI(p directory.ProviderType, ep Endpoint, reply *Reply, base string) *Error {
	status := strconv.Itoa(reply.Status)
	body := strings.TrimSpace(string(reply.Body[:min(len(reply.Body), 512)]))
	switch {
	case reply.Status >= 300 && reply.Status < 400:
		return redirected.error(p, ep, status, base)
	case reply.Status == http.StatusProxyAuthRequired:
		return proxyLogin.error(p, ep, status, base)
	case reply.Status == http.StatusTooManyRequests:
		limited := tooMany.error(p, ep, status, base)
		limited.RetryAfter = retryAfter(reply.Header)
		return limited
	case reply.Status >= 500:
		return serverFails.error(p, ep, status, base)
	case strings.HasPrefix(body, "<"):
		return webPage.error(p, ep, status, base)
	case reply.Status == http.StatusNotFound:
		return noPath.error(p, ep, status, base)
	case body == "":
		return emptyAnswer.error(p, ep, status, base)
	default:
		return otherAnswer.error(p, ep, status, base)
	}
}
