package activities

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"go.temporal.io/sdk/temporal"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/db/providers"
	"github.com/orgsync/orgsync/internal/clients"
	"github.com/orgsync/orgsync/internal/message"
	"github.com/orgsync/orgsync/internal/provider"
)

// Reader reads from providers into staging, page by page. The cursor behind a page is
// stored with the page, so that a retry, or another worker after a crash, goes on
// with the page after the last.
type Reader struct {
	Store  *db.Store
	Opener *clients.Opener
}

// PreflightResult is what the preflight found.
type PreflightResult struct {
	// LimitedRange is true if only part of the company is visible.
	LimitedRange bool `json:"limited_range"`
	// Lost is what an earlier applied run could see and this one cannot.
	Lost []string `json:"lost,omitempty"`
	// Details is true if facts are to be looked up that no listing tells, or are to go since
	// the rules do not ask for them any more.
	Details bool `json:"details,omitempty"`
	// GroupsMeanwhile is true if groups are to be read while departments and members are.
	GroupsMeanwhile bool `json:"groups_meanwhile,omitempty"`
}

// maxLost bounds how many lost grants are named.
const maxLost = 20

// Preflight verifies credentials, permissions and the visible range with real calls
// before anything is touched.
func (a *Reader) Preflight(ctx context.Context, in RunInput) (PreflightResult, error) {
	out, err := a.preflight(ctx, in)
	return out, limitAttempts(ctx, err, triesOfRun)
}

func (a *Reader) preflight(ctx context.Context, in RunInput) (out PreflightResult, err error) {
	defer heartbeat(ctx)()
	r, err := a.open(ctx, in.RunID, "preflight")
	if err != nil {
		return PreflightResult{}, err
	}
	defer r.countCalls(ctx)(&err)
	report, err := r.client.Check(ctx)
	if err != nil {
		return PreflightResult{}, err
	}
	if !report.OK() {
		return PreflightResult{}, preflightFailure(r.provider, report)
	}
	out, err = a.recordVisibleRange(ctx, in.RunID, report.Range)
	if err != nil {
		return PreflightResult{}, err
	}
	out.GroupsMeanwhile = r.provider.Type.Traits().TreeByDepartment
	wanted, err := r.wantsDetails()
	if err != nil {
		return PreflightResult{}, err
	}
	out.Details, err = a.Store.NeedsDetails(ctx, r.provider.ID, wanted)
	return out, err
}

// preflightFailure says what is missing, finding by finding.
func preflightFailure(p providers.Provider, report *provider.Report) error {
	var missing []string
	for _, f := range report.Findings {
		if f.Level == provider.Fail {
			missing = append(missing, f.String())
		}
	}
	problem := p.Type.Traits().DisplayName + " preflight: " + strings.Join(missing, " | ")
	return refuse(string(provider.Forbidden), message.PreflightFailed,
		message.Args{"Problem": problem, "Provider": p.Name})
}

func (a *Reader) recordVisibleRange(ctx context.Context, runID string,
	visible provider.VisibleRange) (PreflightResult, error) {
	body, err := json.Marshal(visible)
	if err != nil {
		return PreflightResult{}, err
	}
	if err := a.Store.SetVisibleRange(ctx, runID, body); err != nil {
		return PreflightResult{}, err
	}
	_, applied, err := a.Store.GetVisibleRanges(ctx, runID)
	if err != nil {
		return PreflightResult{}, err
	}
	out := PreflightResult{LimitedRange: !visible.Full}
	if len(applied) > 0 {
		var earlier provider.VisibleRange
		if err := json.Unmarshal(applied, &earlier); err != nil {
			return PreflightResult{}, fmt.Errorf("stored visible range: %w", err)
		}
		out.Lost = visible.Lost(earlier)
		out.Lost = out.Lost[:min(len(out.Lost), maxLost)]
	}
	return out, nil
}

// providerSession is one activity's access to its run's provider.
type providerSession struct {
	store    *db.Store
	runID    string
	provider providers.Provider
	client   provider.Client
	calls    atomic.Int64
	// rules returns the rules that the run goes by, which are read when they are needed.
	rules func() (*runRules, error)
}

// countCalls adds the provider calls made to the run's, every few seconds for people
// who look, and those left when the returned function is called: of an attempt that
// failed or was canceled, too. It is done apart from the pages' transactions, in which
// all who read for the run would wait for each other at its row. The function replaces
// an error only if that is nil.
func (r *providerSession) countCalls(ctx context.Context) (end func(err *error)) {
	stop := every(ctx, func() { _ = r.addCalls(ctx) }) // what fails is tried again
	return func(err *error) {
		stop()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTimeout)
		defer cancel()
		if failed := r.addCalls(ctx); *err == nil {
			*err = failed
		}
	}
}

func (r *providerSession) addCalls(ctx context.Context) error {
	calls := r.calls.Swap(0)
	if calls == 0 {
		return nil
	}
	err := r.store.AddCalls(ctx, r.runID, calls)
	if err != nil {
		r.calls.Add(calls)
	}
	return err
}

// open opens a client for the run's provider and records the phase, if it is given.
func (a *Reader) open(ctx context.Context, runID, phase string) (*providerSession, error) {
	p, err := a.Store.Providers.FindByRun(ctx, runID)
	if err != nil {
		return nil, err
	}
	if phase != "" {
		if err := a.Store.SetPhase(ctx, runID, phase); err != nil {
			return nil, err
		}
	}
	r := &providerSession{store: a.Store, runID: runID, provider: p}
	r.rules = sync.OnceValues(func() (*runRules, error) { return r.loadRules(ctx) })
	r.client, err = a.Opener.Open(ctx, p, func(string) { r.calls.Add(1) })
	if errors.Is(err, clients.ErrStorage) {
		return nil, err
	}
	if err != nil {
		return nil, temporal.NewNonRetryableApplicationError(err.Error(), TypeInvalid, nil)
	}
	return r, nil
}

// problem makes an error of the run's provider.
func (r *providerSession) problem(kind provider.Kind, format string, args ...any) error {
	said := provider.Detail(fmt.Sprintf(format, args...))
	return &provider.Error{Provider: r.provider.Type, Kind: kind, Problem: said}
}

// endsRun reports whether an error is one that every further call would meet, or
// that is not the provider's at all.
func endsRun(err error) bool {
	var e *provider.Error
	return !errors.As(err, &e) || e.Kind.EndsRun()
}

// concernsRun reports whether a failure is not that of one department or person alone.
func concernsRun(ctx context.Context, err error) bool {
	return ctx.Err() != nil || endsRun(err) || provider.KindOf(err) == provider.RateLimited
}
