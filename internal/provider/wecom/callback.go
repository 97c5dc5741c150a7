package wecom

import (
	"bytes"
	"encoding/xml"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/orgsync/orgsync/internal/provider"
	"github.com/orgsync/orgsync/internal/provider/wire"
)

// Settings of the callback address, from the admin console: of the contact sync under
// Management Tools, of an app under Receive Messages.
const (
	keyCallbackToken = "callback_token_secret"
	keyCallbackAES   = "callback_aes_secret"
)

// callback takes what WeCom sends to the callback address of the contact sync or of an app.
type callback struct {
	sealed *wire.Sealed
	// receivers are whom messages may be for: the company or, at the check of an address in a
	// service provider's console, that one's own (wecom-more.md §A1).
	receivers []string
}

func openCallback(s provider.Settings) (provider.Callback, error) {
	if ofSuite(s) && !strings.HasPrefix(s[keySuiteID], customisedPrefix) && s[keyCallbackToken] == "" {
		return suiteAddressOnly{}, nil
	}
	for _, key := range []string{keyCallbackToken, keyCallbackAES} {
		if s[key] == "" {
			return nil, &provider.SettingError{Key: key, Missing: true}
		}
	}
	sealed, err := wire.NewSealed(s[keyCallbackToken], s[keyCallbackAES])
	if err != nil {
		return nil, &provider.SettingError{Key: keyCallbackAES, Problem: err.Error()}
	}
	c := &callback{sealed: sealed, receivers: []string{s["corp_id"]}}
	if ofSuite(s) {
		c.receivers = slices.DeleteFunc([]string{s[keyAuthCorp], s[keyProviderCorp]},
			func(id string) bool { return id == "" })
	}
	return c, nil
}

// suiteAddressOnly stands for a provider of a suite, whose messages all come to the suite's
// address.
type suiteAddressOnly struct{}

// Receive implements provider.Callback.
func (suiteAddressOnly) Receive(provider.CallbackRequest) (provider.CallbackResult, error) {
	return provider.CallbackResult{}, provider.Refuse(provider.RefusedReceiver)
}

// Receive implements provider.Callback: the check of the address by GET, messages by POST
// (wecom.md §6.1).
func (c *callback) Receive(r provider.CallbackRequest) (provider.CallbackResult, error) {
	var none provider.CallbackResult
	if r.Method == http.MethodGet {
		// The plus signs of base64 arrive as blanks (wecom.md §6.1).
		plain, err := c.open(r, strings.ReplaceAll(r.Query.Get("echostr"), " ", "+"))
		if err == nil && isMessage(plain) {
			err = provider.Refuse(provider.RefusedMalformed)
		}
		if err != nil {
			return none, err
		}
		return provider.CallbackResult{ContentType: "text/plain", Body: plain}, nil
	}
	var envelope struct {
		Encrypt string `xml:"Encrypt"`
	}
	if r.Method != http.MethodPost || xml.Unmarshal(r.Body, &envelope) != nil ||
		strings.TrimSpace(envelope.Encrypt) == "" {
		return none, provider.Refuse(provider.RefusedMalformed)
	}
	plain, err := c.open(r, strings.TrimSpace(envelope.Encrypt))
	if err != nil {
		return none, err
	}
	events, err := decodeMessage(plain)
	return provider.CallbackResult{Events: events, ContentType: "text/plain", Body: []byte("success")}, err
}

// open verifies and decrypts what a request carries.
func (c *callback) open(r provider.CallbackRequest, encrypted string) ([]byte, error) {
	plain, receiver, err := openSealed(c.sealed, r, encrypted)
	if err == nil && !slices.Contains(c.receivers, receiver) {
		err = provider.Refuse(provider.RefusedReceiver)
	}
	if err != nil {
		return nil, err
	}
	return plain, nil
}

// isMessage reports whether a text is a message, not the random digits of the check of an address.
// The answer to that check is the text: no message may be opened for who got hold of a sealed one.
func isMessage(plain []byte) bool { return bytes.ContainsAny(plain, "<{") }

// openSealed verifies and decrypts what a request carries, and says for whom it is.
func openSealed(sealed *wire.Sealed, r provider.CallbackRequest, encrypted string) (plain []byte, receiver string,
	err error) {
	timestamp := r.Query.Get("timestamp")
	plain, receiver, err = sealed.OpenForAny(r.Query.Get("msg_signature"), timestamp, r.Query.Get("nonce"), encrypted)
	switch {
	case errors.Is(err, wire.ErrSealedSignature):
		return nil, "", provider.Refuse(provider.RefusedSignature)
	case err != nil:
		return nil, "", provider.Refuse(provider.RefusedDecrypt)
	}
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil || !provider.Fresh(time.Unix(seconds, 0), r.Now) {
		return nil, "", provider.Refuse(provider.RefusedStale)
	}
	return plain, receiver, nil
}
