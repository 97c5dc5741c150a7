package dingtalk

import (
	"cmp"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/orgsync/orgsync/internal/provider"
	"github.com/orgsync/orgsync/internal/provider/wire"
)

// Settings of the callback address, from the developer console under Event Subscription.
const (
	keyCallbackToken = "callback_token_secret"
	keyCallbackAES   = "callback_aes_secret"
)

// callback takes what DingTalk sends to the callback address.
type callback struct {
	sealed *wire.Sealed
	// appKey is the receiver of what was subscribed to in the console, corpID that of what was
	// subscribed to by the older call (dingtalk-more.md §A1).
	appKey, corpID string
}

func openCallback(s provider.Settings) (provider.Callback, error) {
	for _, key := range []string{keyCallbackToken, keyCallbackAES} {
		if s[key] == "" {
			return nil, &provider.SettingError{Key: key, Missing: true}
		}
	}
	sealed, err := wire.NewSealed(s[keyCallbackToken], s[keyCallbackAES])
	if err != nil {
		return nil, &provider.SettingError{Key: keyCallbackAES, Problem: err.Error()}
	}
	return &callback{sealed: sealed, appKey: s[keyAppKey], corpID: s["corp_id"]}, nil
}

// Receive implements provider.Callback (dingtalk.md §7.1). The answer is "success", sealed for
// the receiver of the request.
func (c *callback) Receive(r provider.CallbackRequest) (provider.CallbackResult, error) {
	var none provider.CallbackResult
	var body struct {
		Encrypt string `json:"encrypt"`
	}
	if r.Method != http.MethodPost || json.Unmarshal(r.Body, &body) != nil || body.Encrypt == "" {
		return none, provider.Refuse(provider.RefusedMalformed)
	}
	timestamp := cmp.Or(r.Query.Get("timestamp"), r.Query.Get("timeStamp"))
	signature := cmp.Or(r.Query.Get("msg_signature"), r.Query.Get("signature"))
	plain, receiver, err := c.open(signature, timestamp, r.Query.Get("nonce"), body.Encrypt)
	if err != nil {
		return none, err
	}
	ms, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil || !provider.Fresh(time.UnixMilli(ms), r.Now) {
		return none, provider.Refuse(provider.RefusedStale)
	}
	events, err := decodeCallback(plain)
	if err != nil {
		return none, err
	}
	answer, err := c.success(receiver, r.Now)
	return provider.CallbackResult{Events: events, ContentType: "application/json", Body: answer}, err
}

// open opens a message for whichever of its receivers it is.
func (c *callback) open(signature, timestamp, nonce, encrypted string) (plain []byte, receiver string, err error) {
	for _, receiver := range []string{c.appKey, c.corpID} {
		if receiver == "" {
			continue
		}
		plain, err = c.sealed.Open(signature, timestamp, nonce, encrypted, receiver)
		if !errors.Is(err, wire.ErrSealedReceiver) {
			return plain, receiver, refusal(err)
		}
	}
	return nil, "", refusal(err)
}

func refusal(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, wire.ErrSealedSignature):
		return provider.Refuse(provider.RefusedSignature)
	case errors.Is(err, wire.ErrSealedReceiver):
		return provider.Refuse(provider.RefusedReceiver)
	default:
		return provider.Refuse(provider.RefusedDecrypt)
	}
}

// success is the answer, in the documented spelling (dingtalk-more.md §A1).
func (c *callback) success(receiver string, now time.Time) ([]byte, error) {
	encrypted, err := c.sealed.Seal([]byte("success"), receiver)
	if err != nil {
		return nil, err
	}
	random := make([]byte, 8)
	if _, err := rand.Read(random); err != nil {
		return nil, err
	}
	timestamp, nonce := strconv.FormatInt(now.UnixMilli(), 10), hex.EncodeToString(random)
	return json.Marshal(map[string]string{
		"msg_signature": c.sealed.Signature(timestamp, nonce, encrypted), "timeStamp": timestamp, "nonce": nonce,
		"encrypt": encrypted,
	})
}
