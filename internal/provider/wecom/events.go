package wecom

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"strconv"
	"strings"
	"time"

	"github.com/orgsync/orgsync/internal/provider"
)

// eventMessage is an event in either form: the reduced one lacks most of what the full one has, and
// what is not here is of no use (wecom.md §6.2).
type eventMessage struct {
	From       string `xml:"FromUserName"`
	CreateTime string `xml:"CreateTime"`
	MsgType    string `xml:"MsgType"`
	Event      string `xml:"Event"`
	ChangeType string `xml:"ChangeType"`
	UserID     string `xml:"UserID"`
	NewUserID  string `xml:"NewUserID"`
	ID         string `xml:"Id"`
	TagID      string `xml:"TagId"`
	places
}

// places are what joined or left a tag: lists with commas (wecom-more.md §A4).
type places struct {
	AddedUsers   string `xml:"AddUserItems"`
	RemovedUsers string `xml:"DelUserItems"`
	AddedParts   string `xml:"AddPartyItems"`
	RemovedParts string `xml:"DelPartyItems"`
}

func (p places) users() []string { return listed(p.AddedUsers, p.RemovedUsers) }

func (p places) departments() []string { return listed(p.AddedParts, p.RemovedParts) }

func listed(lists ...string) (ids []string) {
	for _, list := range lists {
		for id := range strings.SplitSeq(list, ",") {
			ids = append(ids, strings.TrimSpace(id))
		}
	}
	return provider.UsableEventIDs(ids)
}

// maxEventText is how many bytes an event's id or kind may have.
const maxEventText = 256

// decodeMessage reduces a message to what it is about. WeCom gives events no id, so kind,
// object and time are it (wecom.md §6.1). Anything but an event asks for nothing.
func decodeMessage(plain []byte) ([]provider.Event, error) {
	var m eventMessage
	if xml.Unmarshal(plain, &m) != nil {
		return nil, provider.Refuse(provider.RefusedMalformed)
	}
	for _, value := range []*string{&m.From, &m.CreateTime, &m.MsgType, &m.Event, &m.ChangeType, &m.UserID,
		&m.NewUserID, &m.ID, &m.TagID} {
		*value = strings.TrimSpace(*value) // samples have blanks around values (wecom-more.md §A2)
	}
	return m.events(plain)
}

// events are what a message tells of: of a tag also the members and departments concerned, which
// prove what its list lacks then.
func (m eventMessage) events(plain []byte) ([]provider.Event, error) {
	if m.MsgType != "event" {
		return nil, nil
	}
	e := provider.Event{Kind: m.Event, Object: provider.ObjectOther}
	if m.ChangeType != "" {
		e.Kind += "." + m.ChangeType
	}
	m.about(&e)
	seconds, err := strconv.ParseInt(m.CreateTime, 10, 64)
	if err != nil || seconds <= 0 {
		return nil, provider.Refuse(provider.RefusedMalformed)
	}
	e.At = time.Unix(seconds, 0)
	// Times are in seconds: what else the message says tells two changes within one apart.
	digest := sha256.Sum256(plain)
	e.ID = strings.Join([]string{e.Kind, m.From, m.UserID, m.NewUserID, m.ID, m.TagID, m.CreateTime,
		hex.EncodeToString(digest[:4])}, "/")
	if len(e.Kind) > maxEventText || len(e.ID) > 4*maxEventText {
		return nil, provider.Refuse(provider.RefusedMalformed)
	}
	events := []provider.Event{e}
	if e.Object == provider.ObjectGroup {
		events = append(events, e.Beside(provider.ObjectMember, m.users())...)
		events = append(events, e.Beside(provider.ObjectDepartment, m.departments())...)
	}
	return events, nil
}

// about says what a message is about (wecom.md §6.2, wecom-more.md §A4, §A5, §A7).
func (m eventMessage) about(e *provider.Event) {
	switch e.Kind {
	case "change_contact.create_user", "change_contact.update_user", "change_contact.delete_user":
		// After a new userid the old one is asked about, too: no member has it any more.
		e.Object, e.IDs = provider.ObjectMember, provider.UsableEventIDs([]string{m.NewUserID, m.UserID})
	case "change_contact.create_party", "change_contact.update_party", "change_contact.delete_party":
		e.Object, e.IDs = provider.ObjectDepartment, provider.UsableEventIDs([]string{m.ID})
	case "change_contact.update_tag":
		e.Object, e.IDs = provider.ObjectGroup, provider.UsableEventIDs([]string{m.TagID})
	case "change_app_admin":
		e.Object = provider.ObjectAdministrator
	case "subscribe", "unsubscribe":
		e.Object, e.IDs = provider.ObjectMember, provider.UsableEventIDs([]string{m.From})
	}
	if e.Object.NeedsID() && (len(e.IDs) == 0 || e.IDs[0] == "sys") {
		e.Object, e.IDs = provider.ObjectOther, nil
	}
}
