package secret

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/aead/aesgcm"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"

	"github.com/orgsync/orgsync/internal/document"
)

// howToCreate ends every error that a new key set would cure.
const howToCreate = "create one with: orgsync keyset create FILE"

// errUnusable stands for everything that Tink says about a bad key set, since
// its words may quote the key material.
var errUnusable = errors.New("no key set of AES-256-GCM keys with an enabled primary key")

// Generate makes a new key set of one key, as JSON in the clear. Whoever holds
// it can open everything sealed under it.
func Generate() ([]byte, error) {
	return withNewPrimary(keyset.NewManager())
}

// Rotate returns the key set with a new key that seals from now on. The old keys
// stay and still open. Programs that have not loaded the new set cannot open what
// it seals, so it must reach all of them before the first value is sealed again.
func Rotate(keys []byte) ([]byte, error) {
	handle, err := parse(keys)
	if err != nil {
		return nil, fmt.Errorf("rotate: %w", err)
	}
	return withNewPrimary(keyset.NewManagerFromHandle(handle))
}

func withNewPrimary(manager *keyset.Manager) ([]byte, error) {
	id, err := manager.Add(aead.AES256GCMKeyTemplate())
	if err != nil {
		return nil, fmt.Errorf("add key: %w", err)
	}
	if err := manager.SetPrimary(id); err != nil {
		return nil, fmt.Errorf("add key: %w", err)
	}
	return written(manager)
}

// Prune returns the key set with its primary key alone, that key's id, and how many
// keys are gone. What only they opened can never be opened again: the caller makes
// sure that there is nothing such.
func Prune(keys []byte) (pruned []byte, primary uint32, gone int, err error) {
	handle, err := parse(keys)
	if err != nil {
		return nil, 0, 0, fmt.Errorf("prune: %w", err)
	}
	manager := keyset.NewManagerFromHandle(handle)
	for i := range handle.Len() {
		entry, err := handle.Entry(i)
		if err != nil {
			return nil, 0, 0, fmt.Errorf("prune: %w", err)
		}
		if entry.IsPrimary() {
			primary = entry.KeyID()
			continue
		}
		if err := manager.Delete(entry.KeyID()); err != nil {
			return nil, 0, 0, fmt.Errorf("prune: %w", err)
		}
		gone++
	}
	pruned, err = written(manager)
	return pruned, primary, gone, err
}

// written is a key set as JSON in the clear.
func written(manager *keyset.Manager) ([]byte, error) {
	handle, err := manager.Handle()
	if err != nil {
		return nil, fmt.Errorf("write key set: %w", err)
	}
	var out bytes.Buffer
	if err := insecurecleartextkeyset.Write(handle, keyset.NewJSONWriter(&out)); err != nil {
		return nil, fmt.Errorf("write key set: %w", err)
	}
	return append(out.Bytes(), '\n'), nil
}

// Load makes a Box of the setting ORGSYNC_KEYSET: the key set itself if it begins
// with a brace, else the path of a file that holds it. Errors are one line that
// says what to do; they never repeat a value that could not be opened as a file,
// because it may be a key set damaged in pasting.
func Load(value string) (*Box, error) {
	value = strings.TrimSpace(value)
	if value == "" {
		return nil, errors.New("ORGSYNC_KEYSET is not set; " + howToCreate)
	}
	if strings.HasPrefix(value, "{") {
		box, err := newBox([]byte(value))
		if err != nil {
			return nil, fmt.Errorf("ORGSYNC_KEYSET holds %w; %s", err, howToCreate)
		}
		return box, nil
	}
	keys, warning, err := readFile(value)
	if err != nil {
		return nil, fmt.Errorf("ORGSYNC_KEYSET is neither a key set nor a readable file (%w); %s", err, howToCreate)
	}
	box, err := newBox(keys)
	if err != nil {
		return nil, fmt.Errorf("ORGSYNC_KEYSET: file %s holds %w; %s", value, err, howToCreate)
	}
	box.warning = warning
	return box, nil
}

// maxFile is far more than a key set of thousands of keys takes, in bytes.
const maxFile = 1_000_000

func readFile(path string) (keys []byte, warning string, err error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, "", withoutPath(err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, "", withoutPath(err)
	}
	if mode := info.Mode(); mode.IsRegular() && mode.Perm()&0o077 != 0 {
		warning = fmt.Sprintf("ORGSYNC_KEYSET: file %s can be read by other users of this machine; run: chmod 600 %s",
			path, path)
	}
	keys, err = document.Read(file, maxFile)
	if err != nil {
		return nil, "", withoutPath(err)
	}
	return keys, warning, nil
}

// ReadFile reads a key set's file.
func ReadFile(path string) ([]byte, error) {
	keys, _, err := readFile(path)
	if err != nil {
		return nil, fmt.Errorf("file %s: %w", path, err)
	}
	return keys, nil
}

func withoutPath(err error) error {
	var pathErr *os.PathError
	if errors.As(err, &pathErr) {
		return pathErr.Err
	}
	return err
}

// parse reads a key set and refuses everything but AES-256-GCM with Tink's
// prefix: other keys would seal less strongly, or without a key id.
func parse(keys []byte) (*keyset.Handle, error) {
	keys, err := document.Text(keys)
	if err != nil {
		return nil, fmt.Errorf("no key set: %w", err)
	}
	var twice *document.DuplicateKeyError
	if _, err := document.Object(keys); errors.As(err, &twice) {
		return nil, errors.New("no key set: a key of its JSON is given more than once") // which may be key material
	} else if err != nil {
		return nil, fmt.Errorf("no key set: %w", err)
	}
	handle, err := insecurecleartextkeyset.Read(keyset.NewJSONReader(bytes.NewReader(keys)))
	if err != nil {
		return nil, errUnusable
	}
	for i := range handle.Len() {
		entry, err := handle.Entry(i)
		if err != nil {
			return nil, errUnusable
		}
		parameters, ok := entry.Key().Parameters().(*aesgcm.Parameters)
		if !ok || parameters.KeySizeInBytes() != 32 || parameters.Variant() != aesgcm.VariantTink {
			return nil, errUnusable
		}
		if entry.IsPrimary() && entry.KeyStatus() != keyset.Enabled {
			return nil, errUnusable
		}
	}
	return handle, nil
}

func enabledKeys(handle *keyset.Handle) map[uint32]bool {
	ids := make(map[uint32]bool, handle.Len())
	for i := range handle.Len() {
		if entry, err := handle.Entry(i); err == nil && entry.KeyStatus() == keyset.Enabled {
			ids[entry.KeyID()] = true
		}
	}
	return ids
}
