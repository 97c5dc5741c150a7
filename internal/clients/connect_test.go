package clients_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/db/dbtest"
	"github.com/orgsync/orgsync/db/providers"
	"github.com/orgsync/orgsync/internal/clients"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/provider"
	"github.com/orgsync/orgsync/internal/secret"
)

// opened is what a client was opened with.
type opened struct {
	provider.Client
	settings provider.Settings
	env      *provider.Env
}

// installation is a database with a provider, to which openers come with their key sets.
type installation struct {
	t        *testing.T
	store    *db.Store
	provider providers.Provider
}

func keys(t *testing.T) []byte {
	t.Helper()
	keys, err := secret.Generate()
	require.NoError(t, err)
	return keys
}

// opener is one worker's.
func opener(t *testing.T, store *db.Store, keys []byte) *clients.Opener {
	t.Helper()
	box, err := secret.Load(string(keys))
	require.NoError(t, err)
	v := vendor
	v.Open = func(s provider.Settings, env *provider.Env) (provider.Client, error) {
		if s["corp_id"] == "refused" {
			return nil, errors.New("corp_id is not one")
		}
		return &opened{settings: s, env: env}, nil
	}
	return &clients.Opener{
		Store: store.Providers, Box: box, Log: slog.New(slog.DiscardHandler), CallRate: 1,
		Vendors: map[directory.ProviderType]provider.Vendor{directory.WeCom: v},
	}
}

// install stores a provider with two secrets, sealed with keys.
func install(t *testing.T, keys []byte) *installation {
	t.Helper()
	store, err := db.Open(t.Context(), dbtest.New(t))
	require.NoError(t, err)
	t.Cleanup(store.Close)
	in := &installation{t: t, store: store}
	in.provider = in.add("acme", keys, `{"corp_id":"ww1"}`)
	return in
}

func (in *installation) add(name string, keys []byte, config string) providers.Provider {
	in.t.Helper()
	seal := opener(in.t, in.store, keys).Seal(
		map[string]string{"secret": "the-apps-own", "sync_secret": "contact-sync"})
	_, err := in.store.Providers.Add(in.t.Context(),
		providers.NewProvider{Name: name, Type: directory.WeCom, Config: json.RawMessage(config)}, seal)
	require.NoError(in.t, err)
	p, err := in.store.Providers.FindByName(in.t.Context(), name)
	require.NoError(in.t, err)
	return p
}

func (in *installation) open(keys []byte) *opened {
	in.t.Helper()
	client, err := opener(in.t, in.store, keys).Open(in.t.Context(), in.provider, nil)
	require.NoError(in.t, err)
	return client.(*opened)
}

func TestOpenJoinsSettingsSecretsAndDefaults(t *testing.T) {
	t.Parallel()
	k := keys(t)
	in := install(t, k)
	want := provider.Settings{"corp_id": "ww1", "secret": "the-apps-own", "sync_secret": "contact-sync",
		"base_url": "https://qyapi.example.com"}
	require.Equal(t, want, in.open(k).settings)

	sealed, err := in.store.Providers.ListSecrets(t.Context(), in.provider.ID)
	require.NoError(t, err)
	require.Len(t, sealed, 2)
	for _, s := range sealed {
		require.NotContains(t, string(s.Value), want[s.Key], "stored sealed")
	}
	in.provider = in.add("other", k, `{"corp_id":"ww1","base_url":"https://elsewhere.example.com/wecom"}`)
	require.Equal(t, "https://elsewhere.example.com/wecom", in.open(k).settings["base_url"])
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	k := keys(t)
	in := install(t, k)
	open := func(keys []byte, p providers.Provider) error {
		_, err := opener(t, in.store, keys).Open(t.Context(), p, nil)
		require.Error(t, err)
		require.NotContains(t, err.Error(), "the-apps-own")
		return err
	}
	require.ErrorContains(t, open(keys(t), in.provider), "which ORGSYNC_KEYSET does not hold")
	require.ErrorContains(t, open(k, in.add("refused", k, `{"corp_id":"refused"}`)),
		"open provider refused: corp_id is not one")
	unknown := in.provider
	unknown.Type = "entra"
	require.ErrorContains(t, open(k, unknown), `this build knows no provider type "entra"`)
	broken := in.provider
	broken.Config = json.RawMessage(`{"corp_id":5}`)
	require.ErrorContains(t, open(k, broken), "stored config is not a JSON object of strings")
}

// A sealed secret opens only for the provider, and the setting, it was sealed for.
func TestSecretsAreBoundToTheirPlace(t *testing.T) {
	t.Parallel()
	k := keys(t)
	in := install(t, k)
	other := in.add("other", k, `{"corp_id":"ww2"}`)
	stolen, err := in.store.Providers.ListSecrets(t.Context(), in.provider.ID)
	require.NoError(t, err)
	for name, put := range map[string][]providers.Sealed{
		"another provider's": stolen,
		"another setting's":  {{Key: "secret", Value: swapped(t, in, other), KeyID: stolen[0].KeyID}},
	} {
		require.NoError(t, in.store.Providers.Update(t.Context(), other.ID, providers.Change{},
			func(string) ([]providers.Sealed, error) { return put, nil }))
		_, err = opener(t, in.store, k).Open(t.Context(), other, nil)
		require.Error(t, err, name)
	}
}

// swapped is what stands under sync_secret.
func swapped(t *testing.T, in *installation, p providers.Provider) []byte {
	t.Helper()
	sealed, err := in.store.Providers.ListSecrets(t.Context(), p.ID)
	require.NoError(t, err)
	for _, s := range sealed {
		if s.Key == "sync_secret" {
			return s.Value
		}
	}
	require.Fail(t, "no sync_secret")
	return nil
}

func TestResealAfterRotation(t *testing.T) {
	t.Parallel()
	k := keys(t)
	in := install(t, k)
	before, err := in.store.Providers.ListSecrets(t.Context(), in.provider.ID)
	require.NoError(t, err)
	rotated, err := secret.Rotate(k)
	require.NoError(t, err)
	require.Equal(t, "the-apps-own", in.open(rotated).settings["secret"], "the old key is still in the set")

	n, err := opener(t, in.store, rotated).Reseal(t.Context())
	require.NoError(t, err)
	require.Equal(t, 2, n)
	after, err := in.store.Providers.ListSecrets(t.Context(), in.provider.ID)
	require.NoError(t, err)
	for i := range after {
		require.NotEqual(t, before[i].KeyID, after[i].KeyID, "sealed with the new key")
	}
	require.Equal(t, "the-apps-own", in.open(rotated).settings["secret"])
	_, err = opener(t, in.store, k).Open(t.Context(), in.provider, nil)
	require.Error(t, err, "the old key alone opens nothing any more")

	_, err = opener(t, in.store, keys(t)).Reseal(t.Context())
	require.ErrorContains(t, err, "cannot be decrypted with this key set")
	require.Equal(t, "the-apps-own", in.open(rotated).settings["secret"], "and nothing is lost by trying")
}

// fetcher hands out tokens that differ.
type fetcher struct {
	calls   atomic.Int64
	expires time.Duration
}

func (f *fetcher) fetch(context.Context) (string, time.Time, error) {
	n := f.calls.Add(1)
	return "token-" + string(rune('0'+n)), time.Now().Add(f.expires), nil
}

// Workers that want a token at the same time fetch one between them.
func TestWorkersShareATokenFetchedOnce(t *testing.T) {
	t.Parallel()
	k := keys(t)
	in := install(t, k)
	workers := []provider.Tokens{in.open(k).env.Tokens, in.open(k).env.Tokens}
	f := &fetcher{expires: time.Hour}
	var wg sync.WaitGroup
	got := make([]string, 10)
	errs := make([]error, len(got))
	for i := range got {
		wg.Go(func() { got[i], errs[i] = workers[i%2].Token(t.Context(), "app", f.fetch) })
	}
	wg.Wait()
	for i := range got {
		require.NoError(t, errs[i])
		require.Equal(t, "token-1", got[i])
	}
	require.EqualValues(t, 1, f.calls.Load())
	other, err := workers[0].Token(t.Context(), "sync", f.fetch)
	require.NoError(t, err)
	require.Equal(t, "token-2", other, "one of another name is another token")
}

func TestTokensExpireAndAreDropped(t *testing.T) {
	t.Parallel()
	k := keys(t)
	in := install(t, k)
	tokens := in.open(k).env.Tokens
	token := func(f *fetcher) string {
		got, err := tokens.Token(t.Context(), "app", f.fetch)
		require.NoError(t, err)
		return got
	}
	f := &fetcher{expires: -time.Second}
	require.Equal(t, "token-1", token(f))
	f.expires = time.Hour
	require.Equal(t, "token-2", token(f), "the first had expired")
	require.Equal(t, "token-2", token(f))

	require.NoError(t, tokens.Drop(t.Context(), "app", "token-1"))
	require.Equal(t, "token-2", token(f), "another's refusal does not drop the new one")
	require.NoError(t, tokens.Drop(t.Context(), "app", "token-2"))
	require.Equal(t, "token-3", token(f))
	require.NoError(t, tokens.Drop(t.Context(), "nothing", "token-3"))
}

func TestFailedFetchLeavesNoToken(t *testing.T) {
	t.Parallel()
	k := keys(t)
	in := install(t, k)
	tokens := in.open(k).env.Tokens
	refused := &provider.Error{Provider: directory.WeCom, Kind: provider.Unauthenticated,
		Problem: provider.Detail("the secret is wrong")}
	_, err := tokens.Token(t.Context(), "app",
		func(context.Context) (string, time.Time, error) { return "", time.Time{}, refused })
	require.Equal(t, provider.Unauthenticated, provider.KindOf(err))
	f := &fetcher{expires: time.Hour}
	got, err := tokens.Token(t.Context(), "app", f.fetch)
	require.NoError(t, err)
	require.Equal(t, "token-1", got)
}

// A token sealed under a key that is gone counts as none.
func TestTokenOfALostKeyIsFetchedAnew(t *testing.T) {
	t.Parallel()
	in := install(t, keys(t))
	_, err := in.store.Providers.Add(t.Context(),
		providers.NewProvider{Name: "open", Type: directory.WeCom, Config: json.RawMessage(`{}`)},
		opener(t, in.store, keys(t)).Seal(nil))
	require.NoError(t, err)
	in.provider, err = in.store.Providers.FindByName(t.Context(), "open")
	require.NoError(t, err)
	f := &fetcher{expires: time.Hour}
	token := func(tokens provider.Tokens) string {
		got, err := tokens.Token(t.Context(), "app", f.fetch)
		require.NoError(t, err)
		return got
	}
	require.Equal(t, "token-1", token(in.open(keys(t)).env.Tokens))
	worker := in.open(keys(t)).env.Tokens
	require.Equal(t, "token-2", token(worker))
	require.Equal(t, "token-2", token(worker), "and kept")
}
