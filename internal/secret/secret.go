// Package secret seals what must not lie readable in the database: providers'
// secrets and access tokens. It uses AES-256-GCM of Google Tink under a key set
// that can be rotated. There is no way around it: without a key set nothing is
// sealed or opened, and nothing is ever stored in the clear. The package knows
// neither the database nor what it seals, and its errors never carry it.
package secret

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// Box seals and opens. It is safe for concurrent use.
type Box struct {
	aead    tink.AEAD
	primary uint32
	keys    map[uint32]bool
	warning string
}

// Seal encrypts plain and binds it to associated, which Open must be given again:
// what is sealed for one row does not open for another. keyID names the key that
// was used, to be stored beside the result so that a rotation can find what still
// lies under an old key.
func (b *Box) Seal(plain, associated []byte) (sealed []byte, keyID uint32, err error) {
	sealed, err = b.aead.Encrypt(plain, associated)
	if err != nil {
		return nil, 0, fmt.Errorf("seal: %w", err)
	}
	return sealed, b.primary, nil
}

// Open returns what Seal was given. It fails if the key is not in the set, if a
// byte was altered, or if associated differs.
func (b *Box) Open(sealed, associated []byte) ([]byte, error) {
	id, ok := KeyIDOf(sealed)
	if !ok {
		return nil, errors.New("open: not a sealed value")
	}
	if !b.keys[id] {
		return nil, fmt.Errorf(
			"open: sealed under key %d, which is not in the key set; add the set that was used then", id)
	}
	plain, err := b.aead.Decrypt(sealed, associated)
	if err != nil {
		return nil, fmt.Errorf("open: altered, or sealed for another place (key %d)", id)
	}
	return plain, nil
}

// PrimaryKeyID is the id of the key that Seal uses.
func (b *Box) PrimaryKeyID() uint32 { return b.primary }

// KeyIDs are the ids of all keys that Open can use, in order.
func (b *Box) KeyIDs() []uint32 { return slices.Sorted(maps.Keys(b.keys)) }

// Warning is a line about the key file that operators should see, or empty.
func (b *Box) Warning() string { return b.warning }

// Format keeps key material out of every fmt verb and so out of logs.
func (b *Box) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "[key set]") }

// Tink's wire format: one version byte, the key id in big-endian order, then
// what the key produced (https://developers.google.com/tink/wire-format).
const (
	tinkVersion  = 1
	prefixLength = 5
)

// KeyIDOf tells under which key a value was sealed. ok is false for what is no
// sealed value.
func KeyIDOf(sealed []byte) (id uint32, ok bool) {
	if len(sealed) <= prefixLength || sealed[0] != tinkVersion {
		return 0, false
	}
	return binary.BigEndian.Uint32(sealed[1:]), true
}

func newBox(keyset []byte) (*Box, error) {
	handle, err := parse(keyset)
	if err != nil {
		return nil, err
	}
	primary, err := handle.Primary()
	if err != nil {
		return nil, errUnusable
	}
	cipher, err := aead.New(handle)
	if err != nil {
		return nil, errUnusable
	}
	return &Box{aead: cipher, primary: primary.KeyID(), keys: enabledKeys(handle)}, nil
}
