package provider

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/orgsync/orgsync/internal/directory"
)

// startSpan puts a call into the trace of its activity; where nothing is traced it
// costs nothing. Endpoints are named, addresses are not: tokens stand in them.
func startSpan(ctx context.Context, t directory.ProviderType, ep Endpoint) (context.Context, trace.Span) {
	tracer := trace.SpanFromContext(ctx).TracerProvider().Tracer("orgsync")
	return tracer.Start(ctx, string(t)+" "+ep.Name, trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(
		attribute.String("orgsync.provider_type", string(t)), attribute.String("orgsync.endpoint", ep.Name),
		attribute.String("http.request.method", ep.Method)))
}

// endSpan notes what came of the call by its kind and the provider's own code and
// request id, by which its support finds it.
func endSpan(span trace.Span, err error) {
	defer span.End()
	span.SetAttributes(attribute.String("orgsync.outcome", outcome(err)))
	var failed *Error
	if errors.As(err, &failed) {
		span.SetStatus(codes.Error, string(failed.Kind))
		span.SetAttributes(attribute.String("orgsync.provider_code", failed.Code),
			attribute.String("orgsync.request_id", failed.RequestID))
	}
}
