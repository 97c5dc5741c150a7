package provider

import (
	"errors"
	"strings"

	"github.com/orgsync/orgsync/internal/message"
)

// Report is the outcome of Check.
type Report struct {
	// Company is the tenant's name where it can be read, else empty.
	Company string
	// Range is what the credentials can see.
	Range VisibleRange
	// Findings are the single checks, in the order they were made.
	Findings []Finding
}

// OK reports whether a sync can run: no finding is a failure.
func (r *Report) OK() bool {
	for _, f := range r.Findings {
		if f.Level == Fail {
			return false
		}
	}
	return true
}

// Level grades a Finding.
type Level string

// Levels: Pass is in order, Warn costs some data (a field permission), Fail
// makes a sync impossible.
const (
	Pass Level = "pass"
	Warn Level = "warn"
	Fail Level = "fail"
)

// Finding is one checked thing: what was tried, what came of it, and, unless it passed, where a
// person grants what is missing.
type Finding struct {
	Level  Level
	Check  message.Text
	Detail message.Text
	Action message.Text
}

// Code names what came of it.
func (f Finding) Code() string {
	_, word, _ := strings.Cut(string(f.Detail.Code), ".")
	return word
}

// String is all of it, in English.
func (f Finding) String() string {
	return strings.TrimSuffix(f.Check.String()+": "+f.Detail.String()+"; "+f.Action.String(), "; ")
}

// Pass adds a finding that is in order.
func (r *Report) Pass(check, detail message.Text) { r.Add(Pass, check, detail, message.Text{}) }

// Add adds a finding.
func (r *Report) Add(level Level, check, detail, action message.Text) {
	r.Findings = append(r.Findings, Finding{Level: level, Check: check, Detail: detail, Action: action})
}

// Refuse adds a finding of a call that the provider refused.
func (r *Report) Refuse(level Level, check message.Text, e *Error) {
	r.Add(level, check, message.Of("found.refused", message.Args{"Refusal": e.Said()}), e.Remedy())
}

// OptionalKind adds a finding of the first page of a listing that a sync can do without, such as
// that of groups. That it cannot be read is a warning, whatever the reason: it costs that kind and
// nothing else. err is returned if it is not the provider's.
func (r *Report) OptionalKind(kind message.Text, found int, err error) error {
	var refused *Error
	switch {
	case errors.As(err, &refused):
		r.Add(Warn, kind, message.Of("found.kind_unread", message.Args{"Kind": kind, "Refusal": refused.Said()}),
			refused.Remedy())
	case err != nil:
		return err
	default:
		r.Pass(kind, message.Of("found.on_first_page", message.Args{"Number": found}))
	}
	return nil
}

// VisibleRange is the visible range of the credentials. A range that no longer contains
// what an earlier one did has shrunk, and people beyond it look like leavers.
type VisibleRange struct {
	// Full is true when the whole company is visible; the lists are then empty.
	Full bool `json:"full"`
	// Departments and Members are the granted external ids, sorted.
	Departments []string `json:"departments,omitempty"`
	Members     []string `json:"members,omitempty"`
	// MembersUnknown: the provider does not say who is granted one by one. Members is
	// then empty, which is not "none".
	MembersUnknown bool `json:"members_unknown,omitempty"`
}

// Lost returns what earlier contained and r does not, empty if nothing shrank.
// A full earlier range that became limited is reported as "the whole company".
func (r VisibleRange) Lost(earlier VisibleRange) []string {
	if r.Full {
		return nil
	}
	if earlier.Full {
		return []string{"the whole company"}
	}
	lost := missing("department ", earlier.Departments, r.Departments)
	if r.MembersUnknown {
		return lost
	}
	return append(lost, missing("member ", earlier.Members, r.Members)...)
}

func missing(kind string, earlier, now []string) []string {
	have := make(map[string]bool, len(now))
	for _, id := range now {
		have[id] = true
	}
	var lost []string
	for _, id := range earlier {
		if !have[id] {
			lost = append(lost, kind+id)
		}
	}
	return lost
}
