package provider_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/orgsync/orgsync/internal/provider"
)

// pauses remembers who was made to wait; it cannot tell the others.
type pauses struct {
	gate
	paused map[string]time.Duration
}

func (p *pauses) Pause(_ context.Context, endpoint string, d time.Duration) error {
	p.paused[endpoint] = d
	return errors.New("database away")
}

// Of each call is told what came of it, in the trace too, and nothing that is secret.
func TestDoTellsWhatCameOfACall(t *testing.T) {
	t.Parallel()
	for outcome, tt := range map[string]struct {
		handler http.HandlerFunc
		refused *provider.Error
		giveUp  bool
	}{
		provider.OK: {},
		"RateLimited": {refused: &provider.Error{Kind: provider.RateLimited, Code: "88", RequestID: "req-1",
			RetryAfter: time.Minute}},
		"Forbidden":       {refused: &provider.Error{Kind: provider.Forbidden, Code: "60020"}},
		"Unavailable":     {handler: func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }},
		provider.Canceled: {giveUp: true},
	} {
		t.Run(outcome, func(t *testing.T) {
			t.Parallel()
			if tt.handler == nil {
				tt.handler = func(http.ResponseWriter, *http.Request) {}
			}
			c := newCall(t, tt.handler)
			c.refused = tt.refused
			var told []string
			c.env.OnDone = func(endpoint, outcome string, took time.Duration) {
				require.Positive(t, took)
				told = append(told, endpoint+" "+outcome)
			}
			waits := &pauses{paused: map[string]time.Duration{}}
			c.env.Limits = waits
			spans := tracetest.NewInMemoryExporter()
			tracer := trace.NewTracerProvider(trace.WithSyncer(spans)).Tracer("test")
			ctx, activity := tracer.Start(t.Context(), "activity")
			if tt.giveUp {
				canceled, cancel := context.WithCancel(ctx)
				cancel()
				ctx = canceled
			}
			_, err := c.do(t, ctx)
			require.Equal(t, outcome == provider.OK, err == nil)
			require.Equal(t, []string{"user/list " + outcome}, told)
			if outcome == "RateLimited" {
				require.Equal(t, map[string]time.Duration{"user/list": time.Minute}, waits.paused)
				require.Contains(t, c.log.String(), "provider asks for fewer calls")
				require.Contains(t, c.log.String(), "pause after throttling failed")
			} else {
				require.Empty(t, waits.paused)
			}

			span := spans.GetSpans()[0]
			require.Equal(t, "wecom user/list", span.Name)
			require.Equal(t, activity.SpanContext().TraceID(), span.SpanContext.TraceID())
			require.Equal(t, activity.SpanContext().SpanID(), span.Parent.SpanID())
			attributes := map[string]string{}
			for _, a := range span.Attributes {
				attributes[string(a.Key)] = a.Value.String()
				require.NotContains(t, a.Value.String(), "tok-secret")
				require.NotContains(t, a.Value.String(), "http")
			}
			require.Equal(t, outcome, attributes["orgsync.outcome"])
			if tt.refused != nil {
				require.Equal(t, tt.refused.Code, attributes["orgsync.provider_code"])
				require.Equal(t, tt.refused.RequestID, attributes["orgsync.request_id"])
				require.Equal(t, codes.Error, span.Status.Code)
			}
		})
	}
}
