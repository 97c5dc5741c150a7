// Package traces sends what workflows, activities and provider calls do to whatever
// OpenTelemetry's own environment variables name. Traces carry names, ids and outcomes,
// never addresses with tokens nor personal data. Where nothing is configured it does
// nothing.
package traces

import (
	"context"
	"fmt"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.temporal.io/sdk/contrib/opentelemetry"
	"go.temporal.io/sdk/interceptor"
)

// service is the name under which traces appear unless OTEL_SERVICE_NAME says another.
const service = "orgsync-worker"

// Traces sends spans in the background until it is closed.
type Traces struct{ provider *trace.TracerProvider }

// Open reads the variables through getenv (os.Getenv) and returns nil if they ask for
// no traces: an endpoint must be named in OTEL_EXPORTER_OTLP_ENDPOINT or
// OTEL_EXPORTER_OTLP_TRACES_ENDPOINT. It makes no connection yet.
func Open(ctx context.Context, getenv func(string) string) (*Traces, error) {
	if !wanted(getenv) {
		return nil, nil
	}
	exporter, err := newExporter(ctx, getenv)
	if err != nil {
		return nil, fmt.Errorf("traces: %w; check the OTEL_ variables", err)
	}
	return with(ctx, trace.WithBatcher(exporter))
}

func with(ctx context.Context, spans trace.TracerProviderOption) (*Traces, error) {
	about, err := resource.New(ctx,
		resource.WithAttributes(attribute.String("service.name", service)), resource.WithTelemetrySDK(),
		resource.WithHost(), resource.WithFromEnv())
	if err != nil {
		return nil, fmt.Errorf("traces: %w; check OTEL_RESOURCE_ATTRIBUTES", err)
	}
	return &Traces{provider: trace.NewTracerProvider(spans, trace.WithResource(about))}, nil
}

// wanted follows OpenTelemetry's specification, but that there is no default endpoint.
func wanted(getenv func(string) string) bool {
	if strings.EqualFold(getenv("OTEL_SDK_DISABLED"), "true") ||
		strings.EqualFold(getenv("OTEL_TRACES_EXPORTER"), "none") {
		return false
	}
	return getenv("OTEL_EXPORTER_OTLP_ENDPOINT") != "" || getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") != ""
}

func newExporter(ctx context.Context, getenv func(string) string) (*otlptrace.Exporter, error) {
	protocol := getenv("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL")
	if protocol == "" {
		protocol = getenv("OTEL_EXPORTER_OTLP_PROTOCOL")
	}
	switch protocol {
	case "", "http/protobuf":
		return otlptracehttp.New(ctx)
	case "grpc":
		return otlptracegrpc.New(ctx)
	default:
		return nil, fmt.Errorf("protocol %q is not known; want http/protobuf or grpc", protocol)
	}
}

// Interceptor makes Temporal's client and its workers trace workflows and activities.
// Queries are left out: the Web UI and "orgsync sync --wait" ask for progress all the time.
func (t *Traces) Interceptor() (interceptor.Interceptor, error) {
	return opentelemetry.NewTracingInterceptor(opentelemetry.TracerOptions{
		Tracer: t.provider.Tracer("temporal-sdk-go"), DisableQueryTracing: true, DisableBaggage: true,
		AllowInvalidParentSpans: true,
	})
}

// Close sends what has not been sent yet, for as long as ctx allows.
func (t *Traces) Close(ctx context.Context) error { return t.provider.Shutdown(ctx) }
