package activities

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/temporal"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/provider"
)

func classified(t *testing.T, err error) *temporal.ApplicationError {
	t.Helper()
	var out *temporal.ApplicationError
	require.ErrorAs(t, classify(err), &out)
	return out
}

func ofProvider(kind provider.Kind) error {
	return &provider.Error{Provider: directory.WeCom, Kind: kind, Endpoint: "user/list", Code: "60020",
		Problem: provider.Detail("this does not work"),
		Action:  provider.Detail("grant it"), RequestID: "42", Err: errors.New("张三 does not belong into a history")}
}

func TestProviderErrorsKeepTheirKind(t *testing.T) {
	t.Parallel()
	for kind, retried := range map[provider.Kind]bool{
		provider.Invalid: false, provider.Unauthenticated: false, provider.Forbidden: false, provider.OutOfRange: false,
		provider.NotFound: false, provider.QuotaExhausted: false, provider.TooLarge: false,
		provider.RateLimited: true, provider.Unavailable: true, provider.Malformed: true, provider.CursorExpired: true,
		provider.TokenRefused: true,
	} {
		got := classified(t, fmt.Errorf("read page: %w", ofProvider(kind)))
		require.Equal(t, string(kind), got.Type())
		require.Equal(t, !retried, got.NonRetryable(), kind)
		require.Equal(t, "WeCom 60020: this does not work; grant it (user/list, request 42)", got.Message())
		require.Equal(t, kind == provider.RateLimited, got.NextRetryDelay() > 0, kind)
	}
}

func TestThrottlingWaitsAsLongAsTheProviderSays(t *testing.T) {
	t.Parallel()
	for after, want := range map[time.Duration]time.Duration{
		0: time.Second, 300 * time.Millisecond: time.Second, time.Second: time.Second,
		90 * time.Second: 90 * time.Second, time.Hour: time.Hour,
	} {
		got := classified(t, &provider.Error{Provider: directory.Feishu, Kind: provider.RateLimited, RetryAfter: after,
			Problem: provider.Detail("too many calls")})
		require.Equal(t, want, got.NextRetryDelay())
		require.Equal(t, temporal.ApplicationErrorCategoryBenign, got.Category())
	}
}

func TestOtherErrorsAreClassified(t *testing.T) {
	t.Parallel()
	_, unreachable := pgconn.Connect(t.Context(), "postgres://orgsync@127.0.0.1:1/orgsync?sslmode=disable")
	require.Error(t, unreachable)
	busy := &db.RunBusyError{Run: db.OpenRun{ID: "r1", WorkflowID: "orgsync/acme"}}
	removing := &db.RunBusyError{Run: db.OpenRun{ID: "r1", WorkflowID: "orgsync/acme/removals/r1", Approved: true}}
	for name, c := range map[string]struct {
		err     error
		kind    string
		retried bool
		text    string
	}{
		"busy": {fmt.Errorf("begin run: %w", busy), TypeBusy, false,
			"temporal workflow cancel -w orgsync/acme"},
		"removing": {removing, TypeBusy, false,
			"run r1 of this provider is carrying out its approved removals in workflow orgsync/acme/removals/r1; " +
				"wait for it"},
		"superseded": {fmt.Errorf("stage members: %w", db.ErrSuperseded), TypeSuperseded, false,
			"a newer run of the provider has taken over"},
		"not found": {fmt.Errorf("find run: %w", db.ErrNotFound), TypeNotFound, false, "find run: not found"},
		"deadlock": {refused("40P01", "deadlock detected"), TypeStorage, true,
			"postgres 40P01: deadlock detected"},
		"serialisation":   {refused("40001", "could not serialize"), TypeStorage, true, "40001"},
		"lost connection": {refused("08006", "connection failure"), TypeStorage, true, "08006"},
		"too many":        {refused("53300", "too many connections"), TypeStorage, true, "53300"},
		"shutting down":   {refused("57P01", "terminating connection"), TypeStorage, true, "57P01"},
		"disk":            {refused("58030", "io error"), TypeStorage, true, "58030"},
		"lock":            {refused("55P03", "lock not available"), TypeStorage, true, "55P03"},
		"two at one row":  {refused("23505", "duplicate key"), TypeStorage, true, "23505"},
		"constraint":      {refused("23514", "check violated"), TypeStorage, false, "23514"},
		"bad value":       {refused("22P02", `invalid input syntax: "张三"`), TypeStorage, false, "postgres 22P02"},
		"no table":        {refused("42P01", "no such relation"), TypeStorage, false, "42P01"},
		"no SQLSTATE":     {refused("", "odd"), TypeStorage, true, "postgres"},
		"unreachable": {fmt.Errorf("find run: %w", unreachable), TypeStorage, true,
			"the database cannot be reached"},
		"cut off": {fmt.Errorf("find run: %w", io.ErrUnexpectedEOF), TypeInternal, true, "find run: unexpected EOF"},
		"Temporal": {fmt.Errorf("ask Temporal: %w", serviceerror.NewUnavailable("no shard")), TypeInternal, true,
			"ask Temporal: no shard"},
		"unforeseen": {fmt.Errorf("stage members: %w", errors.New("a row could not be encoded")), TypeInternal, true,
			"stage members: a row"},
		"already": {temporal.NewNonRetryableApplicationError("as it is", TypeInvalid, nil), TypeInvalid, false,
			"as it is"},
	} {
		got := classified(t, c.err)
		require.Equal(t, c.kind, got.Type(), name)
		require.Equal(t, !c.retried, got.NonRetryable(), name)
		require.Contains(t, got.Message(), c.text, name)
		require.NotContains(t, got.Error(), "张三", name)
	}
}

func refused(code, message string) error {
	return fmt.Errorf("stage members: %w", &db.Failure{Code: code, Message: message})
}

func TestTemporalsOwnErrorsPass(t *testing.T) {
	t.Parallel()
	require.NoError(t, classify(nil))
	for _, err := range []error{context.Canceled, context.DeadlineExceeded} {
		wrapped := fmt.Errorf("wait: %w", err)
		require.Same(t, wrapped, classify(wrapped))
		require.Equal(t, wrapped.Error(), messageOf(wrapped))
	}
	require.Equal(t, "find run: not found", messageOf(fmt.Errorf("find run: %w", db.ErrNotFound)))
}

// Only what every further call would meet ends a run, seen from the workflow.
func TestWhatEndsARun(t *testing.T) {
	t.Parallel()
	for kind, ends := range map[string]bool{
		TypeSuperseded: true, TypeStorage: true, TypeInternal: true, TypeInvalid: true, TypeNotFound: true,
		string(provider.Unauthenticated): true, string(provider.Forbidden): true, string(provider.QuotaExhausted): true,
		string(provider.TokenRefused): true,
		string(provider.Unavailable):  false, string(provider.Malformed): false, string(provider.OutOfRange): false,
		string(provider.NotFound): false, string(provider.RateLimited): false, string(provider.CursorExpired): false,
		string(provider.TooLarge): false, string(provider.Invalid): false, TypeBusy: false,
	} {
		require.Equal(t, ends, EndsRun(temporal.NewApplicationError("", kind)), kind)
	}
	require.False(t, EndsRun(temporal.NewHeartbeatTimeoutError()))
	require.False(t, EndsRun(nil))
}
