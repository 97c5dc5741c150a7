package service

import (
	"context"
	"errors"
	"time"

	"github.com/orgsync/orgsync/db/providers"
	"github.com/orgsync/orgsync/internal/clients"
	"github.com/orgsync/orgsync/internal/provider"
)

// SuiteIntake takes what a vendor sends to the callback addresses of suites. A message is
// verified and stored before it is acknowledged, which some must be within a second
// (wecom-more.md §A2); codes are exchanged after that, by Run.
type SuiteIntake struct {
	i *Intake
	// wake tells Run that a code waits.
	wake chan struct{}

	suites loaded[[]clients.Suite]
}

const (
	// codeLife is how long a code is good (wecom-more.md §A7).
	codeLife = 10 * time.Minute
	// redeemAfter is the first pause after a code could not be exchanged; they grow.
	redeemAfter   = 5 * time.Second
	redeemTimeout = 30 * time.Second
)

// suiteBy stands in the audit log for what a vendor's message changed.
var suiteBy = By{Name: "suite callback"}

// ErrLinkUnknown: an installation returned that no link of ours began, or too late.
var ErrLinkUnknown = errors.New("no such install link")

// ForSuites returns the intake of suites.
func (i *Intake) ForSuites() *SuiteIntake { return &SuiteIntake{i: i, wake: make(chan struct{}, 1)} }

// Receive takes one request to a suite's callback address. What is refused is a
// *provider.RefusedError; ErrNoReceiver: no provider has a suite of that id.
func (x *SuiteIntake) Receive(ctx context.Context, id string, request provider.CallbackRequest) (
	provider.SuiteResult, error) {
	suites, err := x.find(ctx, id)
	if err != nil {
		return provider.SuiteResult{}, err
	}
	var result provider.SuiteResult
	var suite clients.Suite
	for _, suite = range suites {
		result, err = suite.Callback.Receive(request)
		if !isRefused(err, provider.RefusedSignature) {
			break
		}
	}
	var refused *provider.RefusedError
	if errors.As(err, &refused) {
		x.CountRefused(ctx, id, refused.Reason)
	}
	if err != nil {
		return result, err
	}
	return result, x.take(ctx, suite, result.SuiteMessage)
}

func isRefused(err error, reason provider.Refusal) bool {
	var refused *provider.RefusedError
	return errors.As(err, &refused) && refused.Reason == reason
}

// CountRefused counts a message that was refused, for each provider of the suite.
func (x *SuiteIntake) CountRefused(ctx context.Context, id string, reason provider.Refusal) {
	suites, err := x.find(ctx, id)
	if err != nil {
		return
	}
	for _, suite := range suites {
		for _, p := range suite.Providers {
			x.i.Refuse(p.Name, p.ID, reason)
		}
	}
}

// Knows returns ErrNoReceiver unless a provider belongs to a suite of that id.
func (x *SuiteIntake) Knows(ctx context.Context, id string) error {
	_, err := x.find(ctx, id)
	return err
}

// find returns the suites of an id.
func (x *SuiteIntake) find(ctx context.Context, id string) (found []clients.Suite, err error) {
	suites, err := x.suites.get(ctx, x.load)
	for _, one := range suites {
		if one.ID == id {
			found = append(found, one)
		}
	}
	if err == nil && len(found) == 0 {
		err = ErrNoReceiver
	}
	return found, err
}

func (x *SuiteIntake) load(ctx context.Context) ([]clients.Suite, error) {
	opener, err := x.i.openVault(ctx)
	if err != nil {
		return nil, err
	}
	return opener.ListSuites(ctx, func(name string, err error) { x.i.Failed("open the suite of "+name, err) })
}

// take stores what a message brings, for none but the suite whose secrets it was verified with.
func (x *SuiteIntake) take(ctx context.Context, suite clients.Suite, m provider.SuiteMessage) error {
	opener, err := x.i.openVault(ctx)
	if err != nil {
		return err
	}
	switch m.Kind {
	case provider.SuiteTicket:
		return opener.PutSuiteTicket(ctx, suite, m.Secret, m.At)
	case provider.SuiteCode:
		return x.addCode(ctx, opener, suite.Providers[0].ID, m.Secret, m.State, m.At)
	case provider.SuiteWithdrawn:
		if suite, err = readAnew(ctx, opener, suite); err != nil {
			return err
		}
		return opener.Store.WithdrawSuiteAuthorization(ctx, suite.Siblings(), m.Company, m.At, suiteBy)
	case provider.SuiteEvents:
		return x.follow(ctx, opener, suite, m)
	default:
		return nil
	}
}

// readAnew returns a suite with the providers that were added a moment ago, too.
func readAnew(ctx context.Context, opener *clients.Opener, suite clients.Suite) (clients.Suite, error) {
	suites, err := opener.ListSuites(ctx, nil)
	for _, one := range suites {
		if one.ID == suite.ID && one.Has(suite.Providers[0].ID) {
			return one, nil
		}
	}
	return suite, err
}

// addCode stores a code and has it exchanged.
func (x *SuiteIntake) addCode(ctx context.Context, opener *clients.Opener, providerID, code, state string,
	at time.Time) error {
	sealed, err := opener.SealFor(providerID, providers.SuiteCodeKey, code)
	if err != nil {
		return err
	}
	err = opener.Store.AddSuiteCode(ctx, providers.NewSuiteCode{
		ProviderID: providerID, Code: code, Sealed: sealed.Value, State: state, IssuedAt: at,
	})
	if err != nil {
		return err
	}
	select {
	case x.wake <- struct{}{}:
	default: // it is told already
	}
	return nil
}

// follow stores the changes in a company's directory, if its provider's events are on. What
// concerns a company that no provider is of asks for nothing.
func (x *SuiteIntake) follow(ctx context.Context, opener *clients.Opener, suite clients.Suite,
	m provider.SuiteMessage) error {
	if len(m.Events) == 0 {
		return nil
	}
	id, name, err := opener.Store.FindSuiteProvider(ctx, suite.Siblings(), m.Company)
	if errors.Is(err, providers.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	store, err := x.i.openStore(ctx)
	if err != nil {
		return err
	}
	if on, err := eventsAreOn(ctx, store, id); err != nil || !on {
		return err
	}
	return x.i.Keep(ctx, name, id, m.Events)
}

// Installed takes the code with which an administrator's browser comes back from installing a
// suite. ErrLinkUnknown: no link of ours began that.
func (x *SuiteIntake) Installed(ctx context.Context, id, code, state string) error {
	opener, err := x.i.openVault(ctx)
	if err != nil {
		return err
	}
	now := time.Now()
	providerID, err := opener.Store.FindSuiteInstall(ctx, state, now)
	if errors.Is(err, providers.ErrNotFound) {
		return ErrLinkUnknown
	}
	if err != nil {
		return err
	}
	// Read anew: the provider may have been added a moment ago.
	suites, err := opener.ListSuites(ctx, nil)
	if err != nil {
		return err
	}
	for _, suite := range suites {
		if suite.ID == id && suite.Has(providerID) {
			return x.addCode(ctx, opener, providerID, code, state, now)
		}
	}
	return ErrLinkUnknown
}

// Run exchanges codes until ctx is done: those that just came, and those that another server
// left.
func (x *SuiteIntake) Run(ctx context.Context) {
	tick := time.NewTicker(lookAfter)
	defer tick.Stop()
	for {
		x.redeemAll(ctx)
		select {
		case <-ctx.Done():
			return
		case <-x.wake:
		case <-tick.C:
		}
	}
}

func (x *SuiteIntake) redeemAll(ctx context.Context) {
	for ctx.Err() == nil {
		opener, err := x.i.openVault(ctx)
		if err == nil {
			err = opener.Store.RedeemSuiteCode(ctx, func(ctx context.Context, c providers.SuiteCode) (
				providers.Redeemed, error) {
				return x.redeem(ctx, opener, c)
			})
		}
		if errors.Is(err, providers.ErrNotFound) || ctx.Err() != nil {
			return
		}
		if err != nil {
			x.i.Failed("exchange authorisation codes", err)
			return
		}
	}
}

// redeem exchanges one code. While it is good it is tried again after growing pauses, unless the
// vendor says that the code itself is at fault.
func (x *SuiteIntake) redeem(ctx context.Context, opener *clients.Opener, c providers.SuiteCode) (
	providers.Redeemed, error) {
	ctx, cancel := context.WithTimeout(ctx, redeemTimeout)
	defer cancel()
	all, err := opener.ListSuites(ctx, nil)
	if err != nil {
		return providers.Redeemed{}, err
	}
	for _, suite := range all {
		for _, p := range suite.Providers {
			if p.ID != c.ProviderID {
				continue
			}
			return x.redeemBy(ctx, opener, suite, p, c)
		}
	}
	return providers.Redeemed{Problem: "the provider belongs to no suite any more"}, nil
}

func (x *SuiteIntake) redeemBy(ctx context.Context, opener *clients.Opener, suite clients.Suite,
	p providers.Provider, c providers.SuiteCode) (providers.Redeemed, error) {
	code, err := opener.OpenFor(c.ProviderID, providers.SuiteCodeKey, c.Sealed)
	if err != nil { // which the problem tells
		return providers.Redeemed{Problem: "the code cannot be decrypted with this key set"}, nil //nolint:nilerr // so
	}
	client, err := opener.OpenSuite(suite, p)
	if err != nil {
		return providers.Redeemed{}, err
	}
	authorization, err := client.Redeem(ctx, code)
	if err == nil {
		return redeemed(opener, suite, authorization, suiteBy), nil
	}
	x.i.Failed("exchange an authorisation code of "+p.Name, err)
	age := time.Since(c.ReceivedAt)
	if provider.KindOf(err) == provider.Invalid || age > codeLife {
		return providers.Redeemed{Problem: err.Error()}, nil
	}
	return providers.Redeemed{Again: max(redeemAfter, age/2)}, nil
}
