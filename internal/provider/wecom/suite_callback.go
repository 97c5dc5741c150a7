package wecom

import (
	"encoding/xml"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/provider"
	"github.com/orgsync/orgsync/internal/provider/wire"
)

// suiteCallback takes what WeCom sends to the addresses of a suite. One address serves as that
// of commands (指令回调URL) and that of data (数据回调URL): the receiver tells them apart. That both
// share one Token and EncodingAESKey is how the console's form is; it is not in the reference.
type suiteCallback struct {
	sealed       *wire.Sealed
	id           string
	providerCorp string
}

func openSuiteCallback(s provider.Settings) (provider.SuiteCallback, error) {
	for _, key := range []string{keySuiteID, keySuiteToken, keySuiteAES} {
		if s[key] == "" {
			return nil, &provider.SettingError{Key: key, Missing: true}
		}
	}
	sealed, err := wire.NewSealed(s[keySuiteToken], s[keySuiteAES])
	if err != nil {
		return nil, &provider.SettingError{Key: keySuiteAES, Problem: err.Error()}
	}
	return &suiteCallback{sealed: sealed, id: s[keySuiteID], providerCorp: s[keyProviderCorp]}, nil
}

// Receive implements provider.SuiteCallback. Whatever else than "success" is answered WeCom
// takes for a failure (wecom-more.md §A2).
func (c *suiteCallback) Receive(r provider.CallbackRequest) (provider.SuiteResult, error) {
	if r.Method == http.MethodGet {
		return c.check(r)
	}
	result := provider.SuiteResult{ContentType: "text/plain", Body: []byte("success")}
	var envelope struct {
		To      string `xml:"ToUserName"`
		Encrypt string `xml:"Encrypt"`
	}
	if r.Method != http.MethodPost || xml.Unmarshal(r.Body, &envelope) != nil ||
		strings.TrimSpace(envelope.Encrypt) == "" {
		return result, provider.Refuse(provider.RefusedMalformed)
	}
	plain, receiver, err := openSealed(c.sealed, r, strings.TrimSpace(envelope.Encrypt))
	if err != nil {
		return result, err
	}
	switch {
	case receiver == c.id:
		result.SuiteMessage, err = decodeSuiteMessage(plain, c.id)
	case receiver != "" && receiver == strings.TrimSpace(envelope.To) && directory.IDProblem(receiver) == "":
		// To the address of data, for the company (wecom-more.md §A1: inferred there).
		result.Kind, result.Company = provider.SuiteEvents, receiver
		result.Events, err = decodeMessage(plain)
	default:
		err = provider.Refuse(provider.RefusedReceiver)
	}
	return result, err
}

// check answers the check of the address, which is for the service provider's own company, or
// for nobody where that is a person (wecom-more.md §A1).
func (c *suiteCallback) check(r provider.CallbackRequest) (provider.SuiteResult, error) {
	plain, receiver, err := openSealed(c.sealed, r, strings.ReplaceAll(r.Query.Get("echostr"), " ", "+"))
	if err == nil && c.providerCorp != "" && receiver != c.providerCorp {
		err = provider.Refuse(provider.RefusedReceiver)
	}
	if err == nil && isMessage(plain) {
		err = provider.Refuse(provider.RefusedMalformed)
	}
	if err != nil {
		return provider.SuiteResult{}, err
	}
	return provider.SuiteResult{
		SuiteMessage: provider.SuiteMessage{Kind: provider.SuiteOther}, ContentType: "text/plain", Body: plain,
	}, nil
}

// suiteMessage is a message to a suite (wecom-more.md §A6, §A7). Only XML is read: the JSON that
// the pages print as well was never seen.
type suiteMessage struct {
	SuiteID    string `xml:"SuiteId"`
	InfoType   string `xml:"InfoType"`
	TimeStamp  string `xml:"TimeStamp"`
	AuthCorpID string `xml:"AuthCorpId"`
	Ticket     string `xml:"SuiteTicket"`
	AuthCode   string `xml:"AuthCode"`
	State      string `xml:"State"`
	ChangeType string `xml:"ChangeType"`
	UserID     string `xml:"UserID"`
	NewUserID  string `xml:"NewUserID"`
	ID         string `xml:"Id"`
	TagID      string `xml:"TagId"`
	places
}

// longestSecret is how many bytes a ticket or a code may have, longestState a state
// (wecom-more.md §A7, §E2).
const (
	longestSecret = 512
	longestState  = 128
)

// decodeSuiteMessage reduces a message to what it brings.
func decodeSuiteMessage(plain []byte, id string) (provider.SuiteMessage, error) {
	var m suiteMessage
	var none provider.SuiteMessage
	if xml.Unmarshal(plain, &m) != nil {
		return none, provider.Refuse(provider.RefusedMalformed)
	}
	for _, value := range []*string{&m.SuiteID, &m.InfoType, &m.TimeStamp, &m.AuthCorpID, &m.Ticket, &m.AuthCode,
		&m.State, &m.ChangeType, &m.UserID, &m.NewUserID, &m.ID, &m.TagID} {
		*value = strings.TrimSpace(*value) // samples have blanks around values (wecom-more.md §A2)
	}
	if m.SuiteID != id {
		return none, provider.Refuse(provider.RefusedReceiver)
	}
	seconds, err := strconv.ParseInt(m.TimeStamp, 10, 64)
	if err != nil || seconds <= 0 {
		return none, provider.Refuse(provider.RefusedMalformed)
	}
	out := provider.SuiteMessage{Kind: provider.SuiteOther, At: time.Unix(seconds, 0)}
	switch m.InfoType {
	case "suite_ticket":
		return secretMessage(out, provider.SuiteTicket, m.Ticket, "")
	case "create_auth", "reset_permanent_code":
		return secretMessage(out, provider.SuiteCode, m.AuthCode, m.State)
	case "cancel_auth", "del_auth": // the latter is in a list of names only (wecom-more.md §A7)
		out.Kind = provider.SuiteWithdrawn
	case "change_auth", "corp_arch_auth", "change_contact":
		out.Kind = provider.SuiteEvents
	default:
		return out, nil
	}
	if out.Company = m.AuthCorpID; out.Company == "" || directory.IDProblem(out.Company) != "" {
		return none, provider.Refuse(provider.RefusedMalformed)
	}
	if out.Kind == provider.SuiteEvents {
		out.Events, err = m.events(plain)
	}
	return out, err
}

func secretMessage(out provider.SuiteMessage, kind provider.SuiteMessageKind, secret, state string) (
	provider.SuiteMessage, error) {
	if secret == "" || len(secret) > longestSecret || len(state) > longestState {
		return provider.SuiteMessage{}, provider.Refuse(provider.RefusedMalformed)
	}
	out.Kind, out.Secret, out.State = kind, secret, state
	return out, nil
}

// events are the changes that a message tells of: a change of what the suite may see concerns
// the visible range (wecom-more.md §A7).
func (m suiteMessage) events(plain []byte) ([]provider.Event, error) {
	events, err := eventMessage{
		From: "sys", CreateTime: m.TimeStamp, MsgType: "event", Event: m.InfoType, ChangeType: m.ChangeType,
		UserID: m.UserID, NewUserID: m.NewUserID, ID: m.ID, TagID: m.TagID, places: m.places,
	}.events(plain)
	if err == nil && m.InfoType != "change_contact" {
		events[0].Object, events[0].IDs = provider.ObjectScope, nil
	}
	return events, err
}
