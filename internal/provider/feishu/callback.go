package feishu

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/orgsync/orgsync/internal/provider"
)

// Settings of the callback address, both from the developer console under Events & Callbacks.
const (
	keyEncrypt      = "encrypt_secret"
	keyVerification = "verification_secret"
)

// callback takes what Feishu sends to the callback address.
type callback struct {
	encryptKey   string
	verification string
	appID        string
}

// openCallback insists on both keys: without the encrypt key nothing is signed, and the token
// in the clear would be the only proof (feishu-more.md §A1).
func openCallback(s provider.Settings) (provider.Callback, error) {
	for _, key := range []string{keyEncrypt, keyVerification} {
		if s[key] == "" {
			return nil, &provider.SettingError{Key: key, Missing: true}
		}
	}
	return &callback{encryptKey: s[keyEncrypt], verification: s[keyVerification], appID: s["app_id"]}, nil
}

// Receive implements provider.Callback in the documented order (feishu-more.md §A1).
func (c *callback) Receive(r provider.CallbackRequest) (provider.CallbackResult, error) {
	var none provider.CallbackResult
	if r.Method != http.MethodPost {
		return none, provider.Refuse(provider.RefusedMalformed)
	}
	var sealed struct {
		Encrypt string `json:"encrypt"`
	}
	if json.Unmarshal(r.Body, &sealed) != nil || sealed.Encrypt == "" {
		return none, provider.Refuse(provider.RefusedMalformed)
	}
	// The check of the address alone is not signed. Whether it is one shows once it is open.
	signed := r.Header.Get("X-Lark-Signature") != ""
	if signed && !c.verified(r) {
		return none, provider.Refuse(provider.RefusedSignature)
	}
	plain, err := decrypt(c.encryptKey, sealed.Encrypt)
	if err != nil {
		return none, provider.Refuse(provider.RefusedDecrypt)
	}
	var check struct {
		Type      string `json:"type"`
		Challenge string `json:"challenge"`
		Token     string `json:"token"`
	}
	if json.Unmarshal(plain, &check) != nil {
		return none, provider.Refuse(provider.RefusedMalformed)
	}
	if check.Type == "url_verification" {
		if !same(check.Token, c.verification) {
			return none, provider.Refuse(provider.RefusedToken)
		}
		body, err := json.Marshal(map[string]string{"challenge": check.Challenge})
		return provider.CallbackResult{ContentType: "application/json", Body: body}, err
	}
	if !signed {
		return none, provider.Refuse(provider.RefusedSignature)
	}
	seconds, err := strconv.ParseInt(r.Header.Get("X-Lark-Request-Timestamp"), 10, 64)
	if err != nil || !provider.Fresh(time.Unix(seconds, 0), r.Now) {
		return none, provider.Refuse(provider.RefusedStale)
	}
	event, err := decodeEvent(plain)
	if err != nil {
		return none, err
	}
	if !same(event.token, c.verification) {
		return none, provider.Refuse(provider.RefusedToken)
	}
	if event.appID != c.appID {
		return none, provider.Refuse(provider.RefusedReceiver)
	}
	return provider.CallbackResult{Events: event.reduced, ContentType: "application/json", Body: []byte("{}")}, nil
}

// verified checks the signature, which is over the body as it came.
func (c *callback) verified(r provider.CallbackRequest) bool {
	sum := sha256.New()
	for _, part := range []string{r.Header.Get("X-Lark-Request-Timestamp"), r.Header.Get("X-Lark-Request-Nonce"),
		c.encryptKey} {
		sum.Write([]byte(part))
	}
	sum.Write(r.Body)
	return same(hex.EncodeToString(sum.Sum(nil)), r.Header.Get("X-Lark-Signature"))
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

var errDecrypt = errors.New("the message cannot be decrypted with this key")

// decrypt opens AES-256-CBC under the hash of the key, with a real check of the padding, which
// public samples lack (feishu-more.md §A1).
func decrypt(key, encrypted string) ([]byte, error) {
	data, err := base64.StdEncoding.DecodeString(encrypted)
	if err != nil || len(data) < 2*aes.BlockSize || len(data)%aes.BlockSize != 0 {
		return nil, errDecrypt
	}
	hashed := sha256.Sum256([]byte(key))
	block, err := aes.NewCipher(hashed[:])
	if err != nil {
		return nil, err
	}
	text := data[aes.BlockSize:]
	cipher.NewCBCDecrypter(block, data[:aes.BlockSize]).CryptBlocks(text, text)
	pad := int(text[len(text)-1])
	if pad < 1 || pad > aes.BlockSize || !bytes.Equal(text[len(text)-pad:], bytes.Repeat([]byte{byte(pad)}, pad)) {
		return nil, errDecrypt
	}
	return text[:len(text)-pad], nil
}
