package provider

import (
	"context"
	"time"
)

// SuiteVendor is the side of a vendor at which companies install an app of a service provider,
// called a suite. Such an app has no credentials of the company: the vendor sends a ticket
// again and again, and a permanent code for each company.
type SuiteVendor struct {
	// ID returns the suite that a provider belongs to, empty if it is an app of the company's own.
	ID func(Settings) string
	// CompanyKey is the setting that names the company, and KindKey with KindValue are what
	// makes a provider one of a suite.
	CompanyKey, KindKey, KindValue string
	// Shared are the settings that providers of one suite have in common.
	Shared []string
	// OpenCallback makes what takes the messages at the suite's callback address.
	OpenCallback func(Settings) (SuiteCallback, error)
	// Open makes a client of the suite itself, which needs no company. It performs no call.
	Open func(Settings, *Env) (SuiteClient, error)
}

// SuiteGrant is what a vendor has handed over for a provider of a suite.
type SuiteGrant struct {
	// Ticket is the newest, empty if none has come, and TicketAt is when the vendor made it.
	Ticket   string
	TicketAt time.Time
	// PermanentCode is the company's authorisation, empty if there is none.
	PermanentCode string
	// WithdrawnAt is when the company took its authorisation back, zero if it did not.
	WithdrawnAt time.Time
}

// SuiteClient makes the calls by which companies come to a suite.
type SuiteClient interface {
	// InstallLink returns the page at which a company's administrator installs the suite. What
	// page says comes back with the authorisation.
	InstallLink(ctx context.Context, page InstallPage) (link string, life time.Duration, err error)
	// Redeem exchanges a code for the company's permanent one. A code works once.
	Redeem(ctx context.Context, code string) (Authorization, error)
}

// InstallPage is what an install link is made of.
type InstallPage struct {
	// State tells which provider the installation is for: at most 32 letters and digits.
	State string
	// ReturnURL is where the administrator's browser goes afterwards.
	ReturnURL string
}

// Authorization is a company's consent to a suite.
type Authorization struct {
	Company       string
	PermanentCode string
	// State is that of the install page, empty where the installation began elsewhere.
	State string
}

// SuiteCallback takes what a vendor sends to a suite's callback address. It performs no call.
type SuiteCallback interface {
	// Receive verifies and decrypts a request. What cannot be trusted, or read, is an error of
	// type *RefusedError.
	Receive(CallbackRequest) (SuiteResult, error)
}

// SuiteResult is what a request says and how it is to be answered once that is stored.
type SuiteResult struct {
	SuiteMessage
	ContentType string
	Body        []byte
}

// SuiteMessage is one message to a suite.
type SuiteMessage struct {
	Kind SuiteMessageKind
	// Secret is the ticket or the code that it brings.
	Secret string
	// Company is whom it is about, empty with a ticket and a code.
	Company string
	// State is that of the install page, with a code.
	State string
	At    time.Time
	// Events are the changes that it tells of.
	Events []Event
}

// SuiteMessageKind is what a message to a suite brings.
type SuiteMessageKind string

// The kinds of messages. SuiteOther asks for nothing.
const (
	SuiteTicket    SuiteMessageKind = "ticket"
	SuiteCode      SuiteMessageKind = "code"
	SuiteWithdrawn SuiteMessageKind = "withdrawn"
	SuiteEvents    SuiteMessageKind = "events"
	SuiteOther     SuiteMessageKind = "other"
)
