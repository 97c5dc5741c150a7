package access

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"strings"
)

// prefix begins every token, so that people and scanners for leaked secrets know it.
const prefix = "org_"

// tokenBytes is how much of a token is chance.
const tokenBytes = 32

var encoding = base32.StdEncoding.WithPadding(base32.NoPadding)

// NewToken makes a token and its hash, which is all that is to be stored of it.
func NewToken() (token string, hash []byte) {
	secret := make([]byte, tokenBytes)
	_, _ = rand.Read(secret) // it never fails
	token = prefix + strings.ToLower(encoding.EncodeToString(secret))
	hash, _ = HashToken(token)
	return token, hash
}

// HashToken returns a token's hash, and false of what cannot be a token. A fast hash is
// enough for a secret that no person chose.
func HashToken(token string) (hash []byte, ok bool) {
	secret, ok := strings.CutPrefix(token, prefix)
	if !ok || len(secret) != encoding.EncodedLen(tokenBytes) {
		return nil, false
	}
	sum := sha256.Sum256([]byte(token))
	return sum[:], true
}
