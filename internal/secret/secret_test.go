package secret_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	tinkpb "github.com/tink-crypto/tink-go/v2/proto/tink_go_proto"

	"github.com/orgsync/orgsync/internal/secret"
)

func newKeys(t testing.TB) []byte {
	t.Helper()
	keys, err := secret.Generate()
	require.NoError(t, err)
	return keys
}

func load(t testing.TB, keys []byte) *secret.Box {
	t.Helper()
	box, err := secret.Load(string(keys))
	require.NoError(t, err)
	return box
}

func TestSealedValuesOpenOnlyInTheirPlace(t *testing.T) {
	t.Parallel()
	box := load(t, newKeys(t))
	for _, plain := range []string{"app secret", "", strings.Repeat("x", 1<<16)} {
		sealed, id, err := box.Seal([]byte(plain), []byte("provider 1"))
		require.NoError(t, err)
		require.Equal(t, box.PrimaryKeyID(), id)
		if plain != "" {
			require.NotContains(t, string(sealed), plain)
		}
		got, ok := secret.KeyIDOf(sealed)
		require.True(t, ok)
		require.Equal(t, id, got)

		opened, err := box.Open(sealed, []byte("provider 1"))
		require.NoError(t, err)
		require.Equal(t, plain, string(opened))

		for _, other := range []string{"provider 2", ""} {
			opened, err = box.Open(sealed, []byte(other))
			require.ErrorContains(t, err, "altered, or sealed for another place")
			require.Nil(t, opened)
		}
	}
}

func TestSealingTwiceDiffers(t *testing.T) {
	t.Parallel()
	box := load(t, newKeys(t))
	one, _, err := box.Seal([]byte("same"), nil)
	require.NoError(t, err)
	two, _, err := box.Seal([]byte("same"), nil)
	require.NoError(t, err)
	require.NotEqual(t, one, two)
}

func TestEveryAlteredByteIsNoticed(t *testing.T) {
	t.Parallel()
	box := load(t, newKeys(t))
	sealed, _, err := box.Seal([]byte("app secret"), []byte("provider 1"))
	require.NoError(t, err)
	for i := range sealed {
		altered := bytes.Clone(sealed)
		altered[i] ^= 1
		_, err := box.Open(altered, []byte("provider 1"))
		require.Error(t, err, "byte %d", i)
		_, err = box.Open(sealed[:i], []byte("provider 1"))
		require.Error(t, err, "first %d bytes", i)
	}
}

func TestRotation(t *testing.T) {
	t.Parallel()
	oldKeys := newKeys(t)
	newKeys, err := secret.Rotate(oldKeys)
	require.NoError(t, err)
	before, after := load(t, oldKeys), load(t, newKeys)
	require.NotEqual(t, before.PrimaryKeyID(), after.PrimaryKeyID())

	old, _, err := before.Seal([]byte("old"), nil)
	require.NoError(t, err)
	opened, err := after.Open(old, nil)
	require.NoError(t, err)
	require.Equal(t, "old", string(opened))

	fresh, id, err := after.Seal([]byte("fresh"), nil)
	require.NoError(t, err)
	require.Equal(t, after.PrimaryKeyID(), id)
	_, err = before.Open(fresh, nil)
	require.EqualError(t, err,
		fmt.Sprintf("open: sealed under key %d, which is not in the key set; add the set that was used then", id))
}

// A pruned key set opens what the newest key sealed, and nothing older.
func TestPruneLeavesTheNewestKey(t *testing.T) {
	t.Parallel()
	oldKeys := newKeys(t)
	rotated, err := secret.Rotate(oldKeys)
	require.NoError(t, err)
	old, _, err := load(t, oldKeys).Seal([]byte("old"), nil)
	require.NoError(t, err)
	fresh, id, err := load(t, rotated).Seal([]byte("fresh"), nil)
	require.NoError(t, err)

	pruned, primary, gone, err := secret.Prune(rotated)
	require.NoError(t, err)
	require.Equal(t, id, primary)
	require.Equal(t, 1, gone)
	after := load(t, pruned)
	opened, err := after.Open(fresh, nil)
	require.NoError(t, err)
	require.Equal(t, "fresh", string(opened))
	_, err = after.Open(old, nil)
	require.Error(t, err)

	_, _, gone, err = secret.Prune(pruned)
	require.NoError(t, err)
	require.Zero(t, gone)
	_, _, _, err = secret.Prune([]byte(`{"key":"c2VjcmV0"}`))
	require.EqualError(t, err, "prune: no key set of AES-256-GCM keys with an enabled primary key")
}

func TestRotateRefusesWhatIsNoKeySet(t *testing.T) {
	t.Parallel()
	_, err := secret.Rotate([]byte(`{"key":"c2VjcmV0"}`))
	require.EqualError(t, err, "rotate: no key set of AES-256-GCM keys with an enabled primary key")
}

func TestLoadFromFile(t *testing.T) {
	t.Parallel()
	keys := newKeys(t)
	for _, c := range []struct {
		mode    os.FileMode
		warning string
	}{
		{0o600, ""},
		{0o400, ""},
		{0o640, "can be read by other users of this machine; run: chmod 600"},
		{0o604, "can be read by other users of this machine; run: chmod 600"},
	} {
		path := filepath.Join(t.TempDir(), "key {set}.json")
		require.NoError(t, os.WriteFile(path, keys, 0o600))
		require.NoError(t, os.Chmod(path, c.mode))
		box, err := secret.Load(" " + path + "\n")
		require.NoError(t, err)
		require.Equal(t, load(t, keys).PrimaryKeyID(), box.PrimaryKeyID())
		if c.warning == "" {
			require.Empty(t, box.Warning(), "mode %o", c.mode)
		} else {
			require.Contains(t, box.Warning(), c.warning, "mode %o", c.mode)
		}
	}
}

// Some editors put a byte order mark before what they save.
func TestKeySetMayBeginWithAByteOrderMark(t *testing.T) {
	t.Parallel()
	keys := newKeys(t)
	path := filepath.Join(t.TempDir(), "marked.json")
	require.NoError(t, os.WriteFile(path, append([]byte("\ufeff"), keys...), 0o600))
	box, err := secret.Load(path)
	require.NoError(t, err)
	require.Equal(t, load(t, keys).PrimaryKeyID(), box.PrimaryKeyID())
	marked, err := secret.ReadFile(path)
	require.NoError(t, err)
	_, err = secret.Rotate(marked)
	require.NoError(t, err)
}

func TestLoadErrorsSayWhatToDoAndShowNothing(t *testing.T) {
	t.Parallel()
	keys := strings.TrimSpace(string(newKeys(t)))
	damaged := filepath.Join(t.TempDir(), "damaged")
	require.NoError(t, os.WriteFile(damaged, []byte(keys[:len(keys)-2]), 0o600))
	large := filepath.Join(t.TempDir(), "large")
	require.NoError(t, os.WriteFile(large, nil, 0o600))
	require.NoError(t, os.Truncate(large, 30_000_000))
	const cure = "; create one with: orgsync keyset create FILE"
	const unusable = "no key set of AES-256-GCM keys with an enabled primary key"
	for name, c := range map[string]struct{ value, want string }{
		"empty": {"", "ORGSYNC_KEYSET is not set" + cure},
		"blank": {" \n", "ORGSYNC_KEYSET is not set" + cure},
		"cut": {keys[:len(keys)-2], "ORGSYNC_KEYSET holds no key set: not a JSON object (it ends too early)" +
			cure},
		"twice": {keys + keys,
			"ORGSYNC_KEYSET holds no key set: something follows the JSON object (line 1, column " +
				fmt.Sprint(len(keys)+1) + ")" + cure},
		"a key twice": {`{"hunter2":1,"hunter2":2}`,
			"ORGSYNC_KEYSET holds no key set: a key of its JSON is given more than once" + cure},
		"large file": {large,
			"ORGSYNC_KEYSET is neither a key set nor a readable file (it is too large: 30.0 MB; at most 1.0 MB are " +
				"read)" + cure},
		"no keys": {"{}", "ORGSYNC_KEYSET holds " + unusable + cure},
		"no brace": {keys[1:],
			"ORGSYNC_KEYSET is neither a key set nor a readable file (no such file or directory)" + cure},
		"not a file": {"c2VjcmV0Cg==",
			"ORGSYNC_KEYSET is neither a key set nor a readable file (no such file or directory)" + cure},
		"NUL": {"a\x00b", "ORGSYNC_KEYSET is neither a key set nor a readable file (invalid argument)" + cure},
		"folder": {t.TempDir(), "ORGSYNC_KEYSET is neither a key set nor a readable file (is a directory)" +
			cure},
		"damaged file": {damaged, "ORGSYNC_KEYSET: file " + damaged +
			" holds no key set: not a JSON object (it ends too early)" + cure},
	} {
		box, err := secret.Load(c.value)
		require.EqualError(t, err, c.want, name)
		require.Nil(t, box, name)
	}
}

func TestOnlyStrongKeysWithAnIDAreTaken(t *testing.T) {
	t.Parallel()
	for name, template := range map[string]*tinkpb.KeyTemplate{
		"128 bits":     aead.AES128GCMKeyTemplate(),
		"no key id":    aead.AES256GCMNoPrefixKeyTemplate(),
		"other cipher": aead.XChaCha20Poly1305KeyTemplate(),
	} {
		handle, err := keyset.NewHandle(template)
		require.NoError(t, err)
		var keys bytes.Buffer
		require.NoError(t, insecurecleartextkeyset.Write(handle, keyset.NewJSONWriter(&keys)))
		_, err = secret.Load(keys.String())
		require.ErrorContains(t, err, "no key set of AES-256-GCM keys", name)
	}
	disabled := strings.Replace(string(newKeys(t)), "ENABLED", "DISABLED", 1)
	_, err := secret.Load(disabled)
	require.ErrorContains(t, err, "enabled primary key")
}

func TestDisabledOldKeyIsNamed(t *testing.T) {
	t.Parallel()
	first := newKeys(t)
	sealed, id, err := load(t, first).Seal([]byte("old"), nil)
	require.NoError(t, err)
	rotated, err := secret.Rotate(first)
	require.NoError(t, err)
	retired := strings.Replace(string(rotated), "ENABLED", "DISABLED", 1)
	_, err = load(t, []byte(retired)).Open(sealed, nil)
	require.ErrorContains(t, err, fmt.Sprintf("sealed under key %d, which is not in the key set", id))
}

func TestKeyMaterialIsNeverPrinted(t *testing.T) {
	t.Parallel()
	box := load(t, newKeys(t))
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%d", "%x"} {
		require.Equal(t, "[key set]", fmt.Sprintf(verb, box))
	}
	//lint:ignore SA9005 that nothing is shown is what is tested
	encoded, err := json.Marshal(box)
	require.NoError(t, err)
	require.Equal(t, "{}", string(encoded))
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("started", "box", box)
	require.Contains(t, log.String(), `box="[key set]"`)
}

func TestABoxServesMany(t *testing.T) {
	t.Parallel()
	box := load(t, newKeys(t))
	var all sync.WaitGroup
	errs := make([]error, 16)
	for i := range errs {
		all.Go(func() {
			sealed, _, err := box.Seal([]byte{byte(i)}, nil)
			if err == nil {
				_, err = box.Open(sealed, nil)
			}
			errs[i] = err
		})
	}
	all.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
}

func TestKeyIDOfRefusesWhatIsNotSealed(t *testing.T) {
	t.Parallel()
	for _, value := range [][]byte{nil, {1}, {1, 0, 0, 0, 7}, {0, 0, 0, 0, 7, 9}, []byte("plain text")} {
		_, ok := secret.KeyIDOf(value)
		require.False(t, ok, "%v", value)
	}
	id, ok := secret.KeyIDOf([]byte{1, 0, 0, 1, 7, 9})
	require.True(t, ok)
	require.EqualValues(t, 263, id)
}

func FuzzOpen(f *testing.F) {
	box := load(f, newKeys(f))
	sealed, _, err := box.Seal([]byte("app secret"), []byte("provider 1"))
	require.NoError(f, err)
	f.Add([]byte{})
	f.Add([]byte("plain text"))
	f.Add([]byte{1, 0, 0, 0, 7, 9})
	f.Add(sealed[:len(sealed)-1])
	f.Add(append(bytes.Clone(sealed), 0))
	f.Fuzz(func(t *testing.T, value []byte) {
		plain, err := box.Open(value, []byte("provider 1"))
		if bytes.Equal(value, sealed) {
			require.NoError(t, err)
			return
		}
		require.Error(t, err)
		require.Nil(t, plain)
	})
}

func ExampleBox() {
	keys, err := secret.Generate()
	if err != nil {
		fmt.Println(err)
		return
	}
	box, err := secret.Load(string(keys))
	if err != nil {
		fmt.Println(err)
		return
	}
	sealed, _, err := box.Seal([]byte("app secret"), []byte("provider 1"))
	if err != nil {
		fmt.Println(err)
		return
	}
	plain, err := box.Open(sealed, []byte("provider 1"))
	fmt.Println(string(plain), err)
	_, err = box.Open(sealed, []byte("provider 2"))
	fmt.Println(err != nil)
	// Output:
	// app secret <nil>
	// true
}
