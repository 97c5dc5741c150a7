package simulator

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// Kind says what a fault does to a call.
type Kind string

// Faults of the transport: the vendor's own code is not reached, nothing is
// checked.
const (
	// HTTPStatus answers Action.Status with an empty body, or one holding
	// Action.Code in the vendor's envelope if that is not 0.
	HTTPStatus Kind = "http_status"
	// HTML answers an HTML page with Action.Status (200 unless set).
	HTML Kind = "html"
	// EmptyBody answers 200 without a body.
	EmptyBody Kind = "empty_body"
	// Hang never answers.
	Hang Kind = "hang"
	// Reset resets the connection without an answer.
	Reset Kind = "reset"
)

// Faults of the vendor's gate, after the token was checked.
const (
	// Code answers Action.Code as the vendor does.
	Code Kind = "code"
	// Throttle answers as the vendor does over its limit; Action.Delay is how
	// long it says to wait, where it says so.
	Throttle Kind = "throttle"
	// Forbidden answers that the call's permission is missing.
	Forbidden Kind = "forbidden"
	// OutOfRange answers that the object is not in the visible range.
	OutOfRange Kind = "out_of_range"
	// ExpireToken makes the call's token invalid before it is checked.
	ExpireToken Kind = "expire_token"
)

// Faults of a good answer.
const (
	// Slow answers after Action.Delay.
	Slow Kind = "slow"
	// Truncate sends the first half of the body as if it were all; Cut announces
	// all, sends half and closes the connection.
	Truncate Kind = "truncate"
	Cut      Kind = "cut"
	// NoItems is success with nothing in the list and no further page.
	NoItems Kind = "no_items"
	// EmptyPage is success with nothing in the list that promises another page.
	EmptyPage Kind = "empty_page"
	// SameToken and CycleToken promise another page: this one, or the first.
	SameToken  Kind = "same_token"
	CycleToken Kind = "cycle_token"
	// Duplicate repeats a record, NoID takes its id away, WrongType gives
	// Action.Field (its id unless set) a value of another type, DropField takes
	// Action.Field away, SetField gives it Action.Value. A Field beginning with
	// "$." is a path from the top of the answer and not in a record.
	Duplicate Kind = "duplicate"
	NoID      Kind = "no_id"
	WrongType Kind = "wrong_type"
	DropField Kind = "drop_field"
	SetField  Kind = "set_field"
)

// Kinds are all kinds of fault.
var Kinds = []Kind{
	HTTPStatus, HTML, EmptyBody, Hang, Reset, Code, Throttle, Forbidden, OutOfRange, ExpireToken, Slow, Truncate, Cut,
	NoItems, EmptyPage, SameToken, CycleToken, Duplicate, NoID, WrongType, DropField, SetField,
}

// Action is what a fault does.
type Action struct {
	Kind   Kind
	Status int
	Code   int
	Delay  time.Duration
	Field  string
	Value  any
	// Record is the id of the record to spoil; empty means the first.
	Record string
}

type actionJSON struct {
	Kind   Kind   `json:"kind"`
	Status int    `json:"status,omitempty"`
	Code   int    `json:"code,omitempty"`
	Delay  string `json:"delay,omitempty"`
	Field  string `json:"field,omitempty"`
	Value  any    `json:"value,omitempty"`
	Record string `json:"record,omitempty"`
}

// MarshalJSON writes Delay as text, such as "1.5s".
func (a Action) MarshalJSON() ([]byte, error) {
	out := actionJSON{Kind: a.Kind, Status: a.Status, Code: a.Code, Field: a.Field, Value: a.Value, Record: a.Record}
	if a.Delay != 0 {
		out.Delay = a.Delay.String()
	}
	return json.Marshal(out)
}

// UnmarshalJSON refuses unknown kinds.
func (a *Action) UnmarshalJSON(data []byte) error {
	var in actionJSON
	if err := json.Unmarshal(data, &in); err != nil {
		return err
	}
	*a = Action{Kind: in.Kind, Status: in.Status, Code: in.Code, Field: in.Field, Value: in.Value, Record: in.Record}
	if in.Delay != "" {
		var err error
		if a.Delay, err = time.ParseDuration(in.Delay); err != nil {
			return fmt.Errorf("fault delay: %w", err)
		}
	}
	if !slices.Contains(Kinds, a.Kind) {
		return fmt.Errorf("fault kind %q is unknown; it must be one of %s", a.Kind,
			strings.Trim(fmt.Sprint(Kinds), "[]"))
	}
	return nil
}

// Forever, as Fault.Times, keeps a fault in force until it is cleared.
const Forever = -1

// Fault strikes calls that match it. Empty fields match everything.
type Fault struct {
	// Endpoint is a name as in the vendor package's list of endpoints.
	Endpoint string `json:"endpoint,omitempty"`
	// Department is the vendor's id of the department that the call asks for.
	Department string `json:"department,omitempty"`
	// Page counts from 1 within one listing; 0 matches every page.
	Page int `json:"page,omitempty"`
	// From is the first matching call that is struck, counted from 1; 0 means 1.
	From int `json:"from,omitempty"`
	// Times is how many calls are struck: 0 means one, Forever all.
	Times  int    `json:"times,omitempty"`
	Action Action `json:"action"`
}

// Call is one request as faults see it.
type Call struct {
	Endpoint   string
	Department string
	// Page counts from 1 within one listing.
	Page int
	// Token is the access token that the request carried.
	Token string
}

func (f Fault) matches(c Call) bool {
	return (f.Endpoint == "" || f.Endpoint == c.Endpoint) &&
		(f.Department == "" || f.Department == c.Department) &&
		(f.Page == 0 || f.Page == max(1, c.Page))
}

// Faults is a service's list of scripted faults. Safe for concurrent use.
type Faults struct {
	mu   sync.Mutex
	list []*armed
}

type armed struct {
	Fault
	seen, struck int
}

func (a *armed) spent() bool { return a.Times != Forever && a.struck >= max(1, a.Times) }

// Add puts faults behind those already there.
func (f *Faults) Add(faults ...Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, fault := range faults {
		f.list = append(f.list, &armed{Fault: fault})
	}
}

// Clear takes all faults away.
func (f *Faults) Clear() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.list = nil
}

// Pending returns the faults that may still strike.
func (f *Faults) Pending() []Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	var left []Fault
	for _, a := range f.list {
		if !a.spent() {
			left = append(left, a.Fault)
		}
	}
	return left
}

// Unused returns the faults that have struck no call.
func (f *Faults) Unused() []Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	var left []Fault
	for _, a := range f.list {
		if a.struck == 0 {
			left = append(left, a.Fault)
		}
	}
	return left
}

// strike returns what the first fault in force does to the call; the others that
// match it only count it.
func (f *Faults) strike(c Call) Action {
	f.mu.Lock()
	defer f.mu.Unlock()
	var action Action
	for _, a := range f.list {
		if !a.matches(c) {
			continue
		}
		a.seen++
		if action.Kind == "" && !a.spent() && a.seen >= a.From {
			a.struck++
			action = a.Action
		}
	}
	return action
}
