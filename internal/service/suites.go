package service

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"time"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/db/providers"
	"github.com/orgsync/orgsync/internal/clients"
	"github.com/orgsync/orgsync/internal/provider"
)

// SuitePath is where the callback addresses of suites are below the server's address, followed
// by the suite's id; InstalledPath goes on to where administrators' browsers return.
const (
	SuitePath     = "/suites/"
	InstalledPath = "/installed"
)

// Installation is how a provider of a suite stands.
type Installation struct {
	Provider, SuiteID string
	// CallbackURL is the address to save at the vendor, empty if the server's own is not known.
	CallbackURL string
	// TicketAt is when the vendor made the newest ticket, nil if none has come.
	TicketAt *time.Time
	// Company is the one that installed the suite for the provider, empty: none.
	Company                   string
	AuthorizedAt, WithdrawnAt *time.Time
	// Problem says why the latest installation came to nothing, empty if it did not.
	Problem string
	// Unclaimed are companies that installed the suite without a link of a provider.
	Unclaimed []UnclaimedCompany
}

// UnclaimedCompany is a company that installed a suite and is no provider's.
type UnclaimedCompany struct {
	Company      string
	AuthorizedAt time.Time
}

// InstallLink is the page at which a company's administrator installs a suite for a provider.
type InstallLink struct {
	Provider  string
	Link      string
	ExpiresAt time.Time
}

// suiteOf returns a provider with the suite that it belongs to.
func (s *Service) suiteOf(ctx context.Context, name string) (*clients.Opener, providers.Provider, clients.Suite,
	error) {
	opener, err := s.openVault(ctx)
	if err != nil {
		return nil, providers.Provider{}, clients.Suite{}, err
	}
	p, err := findProvider(ctx, opener.Store, name)
	if err != nil {
		return nil, p, clients.Suite{}, err
	}
	suite, found, err := opener.SuiteOf(ctx, p)
	if err == nil && !found {
		err = &Error{Code: SuiteNotUsed, Args: Args{Provider: p.Name}}
	}
	return opener, p, suite, err
}

// MakeInstallLink makes a link by which a company's administrator installs the suite for a
// provider. The authorisation that follows names the company in the provider's settings.
func (s *Service) MakeInstallLink(ctx context.Context, name string, by By) (InstallLink, error) {
	opener, p, suite, err := s.suiteOf(ctx, name)
	if err != nil {
		return InstallLink{}, err
	}
	base := s.publicURL()
	if base == "" {
		return InstallLink{}, &Error{Code: PublicURLMissing}
	}
	grant, err := opener.Store.GetSuiteGrant(ctx, p.ID, "")
	if err != nil {
		return InstallLink{}, err
	}
	if grant.Ticket == nil {
		return InstallLink{}, &Error{Code: SuiteTicketMissing, Args: Args{Provider: p.Name,
			Text: base + SuitePath + suite.ID}}
	}
	client, err := opener.OpenSuite(suite, p)
	if err != nil {
		return InstallLink{}, &Error{Code: ProviderConfigInvalid, Err: err}
	}
	state, err := newState()
	if err != nil {
		return InstallLink{}, err
	}
	link, life, err := client.InstallLink(ctx, provider.InstallPage{
		State: state, ReturnURL: base + SuitePath + suite.ID + InstalledPath,
	})
	var refused *provider.Error
	if errors.As(err, &refused) {
		return InstallLink{}, &Error{Code: ProviderFailed, Err: err}
	}
	if err != nil {
		return InstallLink{}, err
	}
	expires := time.Now().Add(life)
	return InstallLink{Provider: p.Name, Link: link, ExpiresAt: expires},
		opener.Store.AddSuiteInstall(ctx, p, state, life, by)
}

func (s *Service) publicURL() string {
	if s.connect.PublicURL == nil {
		return ""
	}
	return s.connect.PublicURL()
}

// newState is what a link is known by when it comes back: 32 letters and digits, the most that
// one of the pages takes (wecom-more.md §E2).
func newState() (string, error) {
	var b [16]byte
	_, err := rand.Read(b[:])
	return hex.EncodeToString(b[:]), err
}

// ShowInstallation returns how a provider of a suite stands.
func (s *Service) ShowInstallation(ctx context.Context, name string) (Installation, error) {
	opener, p, suite, err := s.suiteOf(ctx, name)
	if err != nil {
		return Installation{}, err
	}
	shown, err := shownConfig(ctx, opener.Store, p)
	if err != nil {
		return Installation{}, err
	}
	out := Installation{Provider: p.Name, SuiteID: suite.ID}
	if base := s.publicURL(); base != "" {
		out.CallbackURL = base + SuitePath + suite.ID
	}
	company := shown[suite.CompanyKey()]
	grant, err := opener.Store.GetSuiteGrant(ctx, p.ID, company)
	if err != nil {
		return out, err
	}
	out.TicketAt, out.AuthorizedAt, out.WithdrawnAt = grant.IssuedAt, grant.AuthorizedAt, grant.WithdrawnAt
	if grant.AuthorizedAt != nil {
		out.Company = company
	}
	if out.Problem, err = opener.Store.GetSuiteProblem(ctx, p.ID); err != nil {
		return out, err
	}
	waiting, err := opener.Store.ListUnclaimed(ctx, suite.Siblings())
	for _, one := range waiting {
		out.Unclaimed = append(out.Unclaimed, UnclaimedCompany{one.Company, one.AuthorizedAt})
	}
	return out, err
}

// ShowInstallation is that of the service within the caller's reach. Whose the unclaimed
// companies are only the operator of the installation can know.
func (v View) ShowInstallation(ctx context.Context, name string) (Installation, error) {
	if _, err := v.GetProvider(ctx, name); err != nil {
		return Installation{}, err
	}
	out, err := v.s.ShowInstallation(ctx, name)
	out.Unclaimed = nil
	return out, err
}

// MakeInstallLink is that of the service within the caller's reach.
func (v View) MakeInstallLink(ctx context.Context, name string, by By) (InstallLink, error) {
	if _, err := v.GetProvider(ctx, name); err != nil {
		return InstallLink{}, err
	}
	return v.s.MakeInstallLink(ctx, name, by)
}

// ClaimCompany makes a company that installed the suite without a link the provider's.
func (s *Service) ClaimCompany(ctx context.Context, name, company string, by By) (Installation, error) {
	opener, p, suite, err := s.suiteOf(ctx, name)
	if err != nil {
		return Installation{}, err
	}
	shown, err := shownConfig(ctx, opener.Store, p)
	if err != nil {
		return Installation{}, err
	}
	if has := shown[suite.CompanyKey()]; has != "" && has != company {
		return Installation{}, &Error{Code: CompanyOther, Args: Args{Provider: p.Name, Text: has}}
	}
	waiting, err := opener.Store.ListUnclaimed(ctx, suite.Siblings())
	if err != nil {
		return Installation{}, err
	}
	for _, one := range waiting {
		if one.Company != company {
			continue
		}
		code, err := opener.OpenFor(one.ProviderID, providers.PermanentCodeKey(company), one.Sealed)
		if err != nil {
			return Installation{}, err
		}
		err = opener.Store.ClaimCompany(ctx, p.ID, one, redeemed(opener, suite, provider.Authorization{
			Company: company, PermanentCode: code,
		}, by))
		if err != nil {
			return Installation{}, err
		}
		return s.ShowInstallation(ctx, p.Name)
	}
	return Installation{}, &Error{Code: CompanyUnknown, Args: Args{Provider: p.Name, Text: company}}
}

// redeemed is a company's authorisation as it is stored.
func redeemed(opener *clients.Opener, suite clients.Suite, a provider.Authorization, by By) providers.Redeemed {
	return providers.Redeemed{
		Company: a.Company, SuiteID: suite.ID, Siblings: suite.Siblings(), CompanyKey: suite.CompanyKey(), By: by,
		Seal: func(providerID string) (providers.Sealed, error) {
			return opener.SealFor(providerID, providers.PermanentCodeKey(a.Company), a.PermanentCode)
		},
	}
}

// suiteFor makes new settings those of a suite.
func suiteFor(vendor provider.Vendor, settings provider.Settings) error {
	suite := vendor.Suite
	if suite == nil {
		return &Error{Code: SuiteNotOffered, Args: Args{Text: string(vendor.Type)}}
	}
	if kind := settings[suite.KindKey]; kind != "" && kind != suite.KindValue {
		return &Error{Code: ProviderConfigInvalid, Err: errors.New("config: " + suite.KindKey + " must be " +
			suite.KindValue + " for a suite, or left out")}
	}
	settings[suite.KindKey] = suite.KindValue
	return nil
}

// shareTicket gives a provider that was just stored what another one of its suite has.
func shareTicket(ctx context.Context, opener *clients.Opener, vendor provider.Vendor, settings provider.Settings,
	name string) error {
	if vendor.Suite == nil || vendor.Suite.ID(settings) == "" {
		return nil
	}
	p, err := findProvider(ctx, opener.Store, name)
	if err != nil {
		return err
	}
	suite, _, err := opener.SuiteOf(ctx, p)
	if err != nil {
		return err
	}
	return opener.ShareSuiteTicket(ctx, suite, p)
}

// eventsAreOn reports whether a provider's events are to be followed.
func eventsAreOn(ctx context.Context, store *db.Store, providerID string) (bool, error) {
	all, err := store.ListEventSettings(ctx, true)
	for _, one := range all {
		if one.ProviderID == providerID {
			return true, nil
		}
	}
	return false, err
}
