package provider_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/message"
	"github.com/orgsync/orgsync/internal/provider"
	"github.com/orgsync/orgsync/internal/provider/errordocs"
)

func TestTroublesAndKindsAreDocumented(t *testing.T) {
	t.Parallel()
	errordocs.RequireCodeless(t)
}

// Every way in which a call can fail without an answer of the API's is brought about here.
// Each error says what to do, in the words of the handbook.
func TestEveryTroubleSaysWhatToDo(t *testing.T) {
	t.Parallel()
	answers := func(status int, body string) func(*testing.T) *call {
		return func(t *testing.T) *call {
			c := newCall(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Location", "/elsewhere")
				w.Header().Set("Content-Type", "application/json; charset=utf-8")
				w.WriteHeader(status)
				_, _ = io.WriteString(w, body)
			})
			c.env.HTTP.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
			return c
		}
	}
	certificate := func(name string, until time.Time) func(*testing.T) *call {
		return func(t *testing.T) *call { return overTLS(t, name, until) }
	}
	tests := map[string]struct {
		call     func(*testing.T) *call
		says, do string
	}{
		"unknown host":   {unknownHost, "host name qyapi.example cannot be resolved", "HTTPS_PROXY"},
		"nobody listens": {nobody, "connection failed: 127.0.0.1:", "firewalls"},
		"nobody's proxy": {behind(nobodysProxy), "the proxy cannot be reached: 127.0.0.1:", "NO_PROXY"},
		"nameless proxy": {behind(namelessProxy), "the proxy cannot be reached: host name", "HTTPS_PROXY"},
		"proxy forbids": {behind(proxyAnswers(http.StatusForbidden)), "the proxy refuses to connect: HTTP 403",
			"HTTPS_PROXY"},
		"proxy wants user": {behind(proxyAnswers(http.StatusProxyAuthRequired)),
			"the proxy wants a user and a password: HTTP 407", "http://USER:PASSWORD@HOST:PORT"},
		"proxy wants user, not encrypted": {answers(http.StatusProxyAuthRequired, "<html>"),
			"the proxy wants a user and a password: HTTP 407", "http://USER:PASSWORD@HOST:PORT"},
		"private authority": {privateAuthority,
			"the certificate of 127.0.0.1 is signed by an authority that this machine does not know", "SSL_CERT_FILE"},
		"another's name": {certificate("elsewhere.example", time.Now().Add(time.Hour)),
			"the server's certificate is not for 127.0.0.1", "captive portal"},
		"expired": {certificate("127.0.0.1", time.Now().Add(-time.Hour)),
			"the certificate of 127.0.0.1 has expired or is not valid yet", "clock"},
		"certificate unusable": {constrained, "the certificate of 127.0.0.1 is not accepted", "gateway"},
		"not TLS":              {notTLS, "127.0.0.1 does not speak TLS", "http://"},
		"too slow":             {tooSlow, "no complete answer within 50ms", "ORGSYNC_CALL_TIMEOUT"},
		"cut short": {hijacked("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"),
			"connection closed in the middle of the answer", "firewalls"},
		"closed at once": {hijacked(""), "connection closed in the middle of the answer", "firewalls"},
		"not HTTP":       {hijacked("nonsense\r\n\r\n"), "call failed: ", "base_url"},
		"too large": {answers(http.StatusOK, strings.Repeat(" ", 2<<20)),
			"the answer is larger than 1 MiB, more than this call can bring", "HTTPS_PROXY"},
		"redirect": {answers(http.StatusFound, ""),
			"the answer redirects elsewhere, which is not followed (HTTP 302)", "check base_url"},
		"no path": {answers(http.StatusNotFound, ""), "path not found (HTTP 404)", "check base_url"},
		"server error": {answers(http.StatusBadGateway, "<html>"),
			"the server fails without an answer of the API's own (HTTP 502)", "whether the provider reports a failure"},
		"too many calls": {answers(http.StatusTooManyRequests, "slow down"), "too many calls (HTTP 429)",
			"nothing to do"},
		"web page": {answers(http.StatusOK, "\n <!DOCTYPE html><title>Log in to the guest network</title>"),
			"the answer is a web page instead of JSON (HTTP 200)", "captive portal"},
		"web page in a 404": {answers(http.StatusNotFound, "<html>"),
			"the answer is a web page instead of JSON (HTTP 404)", "check base_url"},
		"empty": {answers(http.StatusOK, " \n"), "the answer is empty (HTTP 200)", "HTTPS_PROXY"},
		"not text": {answers(http.StatusOK, "{\"name\":\"\xd5\xc5\xc8\xfd\"}"),
			"the answer contains bytes that are not text in the encoding that it declares (utf-8)", "in UTF-8"},
		"other text": {answers(http.StatusOK, "OK"), "the answer is not one of the API's (HTTP 200)", "HTTPS_PROXY"},
	}
	handbook, err := os.ReadFile(filepath.Join("..", "..", "docs", "provider-errors.md"))
	require.NoError(t, err)
	met := sync.Map{}
	t.Cleanup(func() {
		for _, failure := range provider.TransportFailures {
			_, brought := met.Load(failure.Problem)
			assert.True(t, brought, "%s is not brought about", failure.Problem)
		}
	})
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := test.call(t)
			_, err := c.doAs(t, func(reply *provider.Reply) *provider.Error {
				return provider.NotTheAPI(directory.WeCom, endpoint, reply, message.Of("remedy.check_base", nil))
			})
			var e *provider.Error
			require.ErrorAs(t, err, &e)
			require.Contains(t, e.Problem.String(), test.says)
			require.Contains(t, e.Remedy().String(), test.do)
			require.Contains(t, e.Error(), e.Remedy().String())
			for _, secret := range []string{"tok-secret", "<no value>", "s3cret", "guest"} {
				require.NotContains(t, e.Error()+e.In(message.Chinese)+c.log.String(), secret)
			}
			met.Store(e.Problem.Code, true)
			i := slices.IndexFunc(provider.TransportFailures, func(m provider.Meaning) bool {
				return m.Problem == e.Problem.Code
			})
			require.Equal(t, provider.TransportFailures[i].Kind, e.Kind)
			require.Contains(t, strings.Join(strings.Fields(string(handbook)), " "), ": "+e.Remedy().String()+".")
		})
	}
}

// doAs makes the call; interpret decides about its answer.
func (c *call) doAs(t *testing.T, interpret func(*provider.Reply) *provider.Error) (*provider.Reply, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), endpoint.Method, c.url, nil)
	require.NoError(t, err)
	return c.env.Do(t.Context(), directory.WeCom, endpoint, req, interpret)
}

func unknownHost(t *testing.T) *call {
	c := newCall(t, nil)
	c.env.HTTP = &http.Client{Transport: &http.Transport{
		DialContext: func(context.Context, string, string) (net.Conn, error) {
			return nil, &net.DNSError{Err: "no such host", Name: "qyapi.example", IsNotFound: true}
		}}}
	return c
}

func nobody(t *testing.T) *call {
	c := newCall(t, nil)
	c.url = "http://" + closedPort(t) + "/user/list?" + secretQuery
	return c
}

// behind makes a call over TLS through a proxy.
func behind(proxy func(*testing.T) string) func(*testing.T) *call {
	return func(t *testing.T) *call {
		c := newCall(t, nil)
		address := &url.URL{Scheme: "http", Host: proxy(t), User: url.UserPassword("me", "s3cret")}
		c.url = "https://qyapi.example/user/list?" + secretQuery
		c.env.HTTP = &http.Client{Transport: &http.Transport{Proxy: http.ProxyURL(address),
			OnProxyConnectResponse: provider.OnProxyAnswer}}
		return c
	}
}

func nobodysProxy(t *testing.T) string { return closedPort(t) }

func namelessProxy(*testing.T) string { return "proxy.invalid:3128" }

func proxyAnswers(status int) func(*testing.T) string {
	return func(t *testing.T) string {
		server := httptest.NewServer(http.HandlerFunc(
			func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
		t.Cleanup(server.Close)
		return server.Listener.Addr().String()
	}
}

// secure starts a server over TLS, whose complaints about its callers are kept still.
func secure(t *testing.T, configure func(*httptest.Server)) *call {
	t.Helper()
	c := newCall(t, nil)
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = quiet()
	configure(server)
	server.StartTLS()
	t.Cleanup(server.Close)
	c.url = server.URL + "/user/list?" + secretQuery
	return c
}

func privateAuthority(t *testing.T) *call {
	c := secure(t, func(*httptest.Server) {})
	c.env.HTTP = &http.Client{Transport: &http.Transport{}}
	return c
}

// overTLS is a call to a server whose certificate, by a known authority, is for the name
// until then.
func overTLS(t *testing.T, name string, until time.Time) *call {
	return signed(t, name, until, &x509.Certificate{})
}

// constrained is a call to a server whose authority may not speak for it.
func constrained(t *testing.T) *call {
	return signed(t, "127.0.0.1", time.Now().Add(time.Hour), &x509.Certificate{
		PermittedDNSDomainsCritical: true,
		PermittedIPRanges:           []*net.IPNet{{IP: net.IPv4(10, 0, 0, 0).To4(), Mask: net.CIDRMask(8, 32)}},
	})
}

func signed(t *testing.T, name string, until time.Time, authority *x509.Certificate) *call {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	authority.SerialNumber, authority.Subject = big.NewInt(1), pkix.Name{CommonName: "authority"}
	authority.NotBefore, authority.NotAfter = time.Now().Add(-3*time.Hour), time.Now().Add(3*time.Hour)
	authority.IsCA, authority.BasicConstraintsValid, authority.KeyUsage = true, true, x509.KeyUsageCertSign
	leaf := &x509.Certificate{SerialNumber: big.NewInt(2), NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: until}
	if ip := net.ParseIP(name); ip != nil {
		leaf.IPAddresses = []net.IP{ip}
	} else {
		leaf.DNSNames = []string{name}
	}
	root, err := x509.CreateCertificate(rand.Reader, authority, authority, key.Public(), key)
	require.NoError(t, err)
	parsed, err := x509.ParseCertificate(root)
	require.NoError(t, err)
	raw, err := x509.CreateCertificate(rand.Reader, leaf, parsed, key.Public(), key)
	require.NoError(t, err)
	c := secure(t, func(server *httptest.Server) {
		server.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{raw}, PrivateKey: key}}}
	})
	known := x509.NewCertPool()
	known.AddCert(parsed)
	c.env.HTTP = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: known}}}
	return c
}

func notTLS(t *testing.T) *call {
	c := newCall(t, func(http.ResponseWriter, *http.Request) {})
	c.url = strings.Replace(c.url, "http://", "https://", 1)
	return c
}

func tooSlow(t *testing.T) *call {
	c := newCall(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	c.env.CallTimeout = 50 * time.Millisecond
	return c
}

// hijacked is a call whose connection is closed after something was sent.
func hijacked(send string) func(*testing.T) *call {
	return func(t *testing.T) *call {
		return newCall(t, func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err == nil {
				_, _ = io.WriteString(conn, send)
				_ = conn.Close()
			}
		})
	}
}
