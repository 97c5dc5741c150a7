package provider

import (
	"net/http"
	"net/url"
	"time"

	"github.com/orgsync/orgsync/internal/directory"
)

// Event is a change that a provider tells of as it happens: a hint to read an object again.
type Event struct {
	// ID is the provider's own, or made of kind, object and time where it gives none.
	ID string
	// Kind is the provider's word for what happened.
	Kind string
	// Object is what is to be read again, and IDs which ones: external ids. None for
	// ObjectAdministrator, ObjectScope and ObjectOther, and for groups of which only the list
	// has changed.
	Object EventObject
	IDs    []string
	// At is when it happened, zero if the provider does not say.
	At time.Time
}

// EventObject is what an event is about.
type EventObject string

// The objects of events. ObjectAdministrator: the list of administrators has changed.
// ObjectScope: the visible range has. ObjectOther: nothing that can be read by itself.
const (
	ObjectMember        EventObject = "member"
	ObjectDepartment    EventObject = "department"
	ObjectGroup         EventObject = "group"
	ObjectAdministrator EventObject = "administrator"
	ObjectScope         EventObject = "scope"
	ObjectOther         EventObject = "other"
)

// NeedsID reports that objects of the kind are read one by one, so that an event without an id
// asks for nothing.
func (o EventObject) NeedsID() bool { return o == ObjectMember || o == ObjectDepartment }

// Beside returns what the same message says of other objects, nothing where it names none.
func (e Event) Beside(object EventObject, ids []string) []Event {
	if len(ids) == 0 {
		return nil
	}
	e.Object, e.IDs = object, ids
	return []Event{e}
}

// UsableEventIDs are those of the ids that can be external ids, each once.
func UsableEventIDs(ids []string) (usable []string) {
	seen := map[string]bool{}
	for _, id := range ids {
		if id != "" && directory.IDProblem(id) == "" && !seen[id] {
			seen[id] = true
			usable = append(usable, id)
		}
	}
	return usable
}

// Callback takes what a provider sends to the callback address. It performs no call.
type Callback interface {
	// Receive verifies and decrypts a request. What cannot be trusted, or read, is an error
	// of type *RefusedError.
	Receive(CallbackRequest) (CallbackResult, error)
}

// CallbackRequest is a request to the callback address.
type CallbackRequest struct {
	Method string
	Query  url.Values
	Header http.Header
	Body   []byte
	// Now is when it came.
	Now time.Time
}

// CallbackResult is what a request says and how it is to be answered once its events are
// stored.
type CallbackResult struct {
	Events []Event
	// ContentType and Body are the answer, with status 200.
	ContentType string
	Body        []byte
}

// MaxMessage is how many bytes a message about changes may have.
const MaxMessage = 1 << 20

// ReplayWindow is how old a message may be: a provider's own repetitions carry a time of
// their own.
const ReplayWindow = 10 * time.Minute

// Refusal is why a message was not taken.
type Refusal string

// The refusals.
const (
	RefusedMalformed Refusal = "malformed"
	RefusedSignature Refusal = "signature"
	RefusedDecrypt   Refusal = "decrypt"
	RefusedToken     Refusal = "token"
	RefusedReceiver  Refusal = "receiver"
	RefusedStale     Refusal = "stale"
	RefusedTooLarge  Refusal = "too_large"
	RefusedSlow      Refusal = "slow"
	RefusedBusy      Refusal = "busy"
)

// SettingError is a setting without which events cannot come, or that cannot be right.
type SettingError struct {
	Key     string
	Missing bool
	// Problem says what is wrong with a setting that is there.
	Problem string
}

// Error implements error.
func (e *SettingError) Error() string {
	if e.Missing {
		return e.Key + " is missing"
	}
	return e.Key + " " + e.Problem
}

// RefusedError is a message that was not taken.
type RefusedError struct{ Reason Refusal }

// Error implements error.
func (e *RefusedError) Error() string { return "message refused: " + string(e.Reason) }

// Refuse returns the error of a message that is not taken.
func Refuse(reason Refusal) error { return &RefusedError{Reason: reason} }

// Fresh reports whether a message of that time may be taken now.
func Fresh(at, now time.Time) bool {
	age := now.Sub(at)
	return age <= ReplayWindow && age >= -ReplayWindow
}
