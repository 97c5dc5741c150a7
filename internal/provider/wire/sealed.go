package wire

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // the signature that these providers use
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
)

// Sealed opens and makes the messages that DingTalk and WeCom send to a callback address: they
// are encrypted by the same rules (dingtalk.md §7.1, wecom.md §6.1).
type Sealed struct {
	token string
	key   []byte
}

// Failures of opening a message.
var (
	ErrSealedSignature = errors.New("the signature is not the one of this token")
	ErrSealed          = errors.New("the message cannot be decrypted with this key")
	ErrSealedReceiver  = errors.New("the message is for another receiver")
)

// NewSealed takes the token and the key of 43 characters. The last one may carry bits of no
// use, so the key is not decoded strictly.
func NewSealed(token, aesKey string) (*Sealed, error) {
	key, err := base64.StdEncoding.DecodeString(aesKey + "=")
	if err != nil || len(aesKey) != 43 || len(key) != 32 {
		return nil, errors.New("must have 43 letters and digits")
	}
	return &Sealed{token: token, key: key}, nil
}

// CheckAESKey is the check of a setting that is such a key.
func CheckAESKey(value string) error {
	_, err := NewSealed("", value)
	return err
}

// Signature signs an encrypted message: the four texts, sorted by bytes and joined.
func (s *Sealed) Signature(timestamp, nonce, encrypted string) string {
	parts := []string{s.token, timestamp, nonce, encrypted}
	slices.Sort(parts)
	sum := sha1.Sum([]byte(strings.Join(parts, ""))) //nolint:gosec // as above
	return hex.EncodeToString(sum[:])
}

// paddedTo is the block that messages are padded to, twice that of the cipher.
const paddedTo = 32

// Open verifies and decrypts a message and makes sure that it is for one of the receivers.
func (s *Sealed) Open(signature, timestamp, nonce, encrypted string, receivers ...string) ([]byte, error) {
	message, receiver, err := s.OpenForAny(signature, timestamp, nonce, encrypted)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(receivers, receiver) {
		return nil, ErrSealedReceiver
	}
	return message, nil
}

// OpenForAny verifies and decrypts a message and says for whom it is.
func (s *Sealed) OpenForAny(signature, timestamp, nonce, encrypted string) (message []byte, receiver string,
	err error) {
	if subtle.ConstantTimeCompare([]byte(s.Signature(timestamp, nonce, encrypted)), []byte(signature)) != 1 {
		return nil, "", ErrSealedSignature
	}
	data, err := base64.StdEncoding.DecodeString(encrypted)
	if err != nil || len(data) == 0 || len(data)%paddedTo != 0 {
		return nil, "", ErrSealed
	}
	block, err := aes.NewCipher(s.key)
	if err != nil {
		return nil, "", ErrSealed
	}
	cipher.NewCBCDecrypter(block, s.key[:aes.BlockSize]).CryptBlocks(data, data)
	pad := int(data[len(data)-1])
	if pad < 1 || pad > paddedTo || !bytes.Equal(data[len(data)-pad:], bytes.Repeat([]byte{byte(pad)}, pad)) {
		return nil, "", ErrSealed
	}
	data = data[:len(data)-pad]
	if len(data) < 20 {
		return nil, "", ErrSealed
	}
	length := uint64(binary.BigEndian.Uint32(data[16:20]))
	rest := data[20:]
	if length > uint64(len(rest)) {
		return nil, "", ErrSealed
	}
	return rest[:length], string(rest[length:]), nil
}

// Seal encrypts a message for a receiver.
func (s *Sealed) Seal(message []byte, receiver string) (string, error) {
	data := make([]byte, 16, 16+4+len(message)+len(receiver)+paddedTo)
	if _, err := rand.Read(data); err != nil {
		return "", err
	}
	data = binary.BigEndian.AppendUint32(data, uint32(len(message)))
	data = append(append(data, message...), receiver...)
	pad := paddedTo - len(data)%paddedTo
	data = append(data, bytes.Repeat([]byte{byte(pad)}, pad)...)
	block, err := aes.NewCipher(s.key)
	if err != nil {
		return "", err
	}
	cipher.NewCBCEncrypter(block, s.key[:aes.BlockSize]).CryptBlocks(data, data)
	return base64.StdEncoding.EncodeToString(data), nil
}
