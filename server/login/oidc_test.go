package login_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/server/login"
)

// issuer is a small OpenID provider that checks what one must: client, redirect, PKCE, single use.
type issuer struct {
	t      *testing.T
	url    string
	key    *rsa.PrivateKey
	claims map[string]any
	asked  url.Values
	spent  bool
	// elsewhere is where the token's address leads, empty: nowhere.
	elsewhere string
}

func newIssuer(t *testing.T) *issuer {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	i := &issuer{t: t, key: key}
	mux := http.NewServeMux()
	answer := func(w http.ResponseWriter, v any) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(v)
	}
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, map[string]any{
			"issuer": i.url, "authorization_endpoint": i.url + "/authorize", "token_endpoint": i.url + "/token",
			"jwks_uri": i.url + "/keys", "id_token_signing_alg_values_supported": []string{"RS256"},
		})
	})
	mux.HandleFunc("/keys", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "1", Algorithm: "RS256"}}})
	})
	mux.HandleFunc("/authorize", func(w http.ResponseWriter, r *http.Request) {
		i.asked, i.spent = r.URL.Query(), false
		http.Redirect(w, r, i.asked.Get("redirect_uri")+"?"+url.Values{
			"code": {"good"}, "state": {i.asked.Get("state")},
		}.Encode(), http.StatusFound)
	})
	mux.HandleFunc("/token", func(w http.ResponseWriter, r *http.Request) {
		if i.elsewhere != "" {
			http.Redirect(w, r, i.elsewhere, http.StatusTemporaryRedirect)
			return
		}
		id, secret, _ := r.BasicAuth()
		sum := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
		if i.spent || id != "orgsync" || secret != "s3cret" || r.PostFormValue("code") != "good" ||
			r.PostFormValue("redirect_uri") != i.asked.Get("redirect_uri") ||
			base64.RawURLEncoding.EncodeToString(sum[:]) != i.asked.Get("code_challenge") {
			w.WriteHeader(http.StatusBadRequest)
			answer(w, map[string]string{"error": "invalid_grant"})
			return
		}
		i.spent = true
		answer(w, map[string]any{"access_token": "a", "token_type": "Bearer", "id_token": i.token()})
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	i.url = server.URL
	return i
}

// token signs the claims, which are those of a good sign-in unless a test has changed them.
func (i *issuer) token() string {
	claims := map[string]any{
		"iss": i.url, "aud": "orgsync", "sub": "u-1", "nonce": i.asked.Get("nonce"),
		"exp": time.Now().Add(time.Hour).Unix(), "iat": time.Now().Unix(),
		"email": "Ann@acme.example", "email_verified": true,
	}
	for name, value := range i.claims {
		claims[name] = value
	}
	key := jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: i.key, KeyID: "1"}}
	signer, err := jose.NewSigner(key, nil)
	require.NoError(i.t, err)
	text, err := json.Marshal(claims)
	require.NoError(i.t, err)
	signed, err := signer.Sign(text)
	require.NoError(i.t, err)
	compact, err := signed.CompactSerialize()
	require.NoError(i.t, err)
	return compact
}

func TestSignInByOpenID(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	w := newWorld(t)
	w.login.OfferOIDC(w.mux, login.OIDC{
		Issuer: i.url, ClientID: "orgsync", ClientSecret: "s3cret", Admins: []string{"ann@acme.example"},
	})
	begin := func(b *browser, returnTo string) string {
		_, page, _ := b.get(w.url + "/sign-in/oidc?return_to=" + url.QueryEscape(returnTo))
		_, back, _ := b.get(page.String())
		return back.String()
	}
	for name, claims := range map[string]map[string]any{
		"unverified": {"email_verified": false}, "not sent": {"email_verified": nil},
		"somebody else": {"email": "bob@acme.example"}, "no address": {"email": ""},
		"another nonce": {"nonce": "x"}, "another client": {"aud": "other"}, "another issuer": {"iss": "https://x"},
		"expired": {"exp": time.Now().Add(-time.Hour).Unix()},
	} {
		i.claims = claims
		b := w.browser()
		status, _, body := b.get(begin(b, "/"))
		require.Equal(t, http.StatusForbidden, status, name)
		require.NotContains(t, body, "acme.example")
		_, _, who := b.get(w.url + "/who")
		require.Equal(t, " ", who, name)
	}
	i.claims = nil
	reached := atomic.Int64{}
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) }))
	t.Cleanup(other.Close)
	i.elsewhere = other.URL
	stranger := w.browser()
	status, _, _ := stranger.get(begin(stranger, "/"))
	require.Equal(t, http.StatusForbidden, status)
	require.Zero(t, reached.Load(), "the secret goes nowhere else")
	i.elsewhere = ""
	b := w.browser()
	callback := begin(b, "//evil.example")
	status, _, _ = w.browser().get(callback)
	require.Equal(t, http.StatusForbidden, status, "another browser")
	status, back, body := b.get(callback)
	require.Equal(t, []any{http.StatusFound, w.url + "/"}, []any{status, back.String()}, body)
	_, _, who := b.get(w.url + "/who")
	require.Equal(t, "admin oidc u-1", who)
	status, _, _ = b.get(callback)
	require.Equal(t, http.StatusForbidden, status, "a state is good once")
}
