// Package traces sends what requests, workflows, activities and provider calls do to whatever
// OpenTelemetry's own environment variables name. Traces carry names, ids and outcomes,
// never addresses with tokens nor personal data. Where nothing is configured it does
// nothing.
package traces

import (
	"context"
	"fmt"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/sdk/trace"
	api "go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/opentelemetry"
)

// Traces sends spans in the background until it is closed. Nil traces nothing.
type Traces struct{ provider *trace.TracerProvider }

// Open reads the variables through getenv (os.Getenv) and returns nil if they ask for
// no traces: an endpoint must be named in OTEL_EXPORTER_OTLP_ENDPOINT or
// OTEL_EXPORTER_OTLP_TRACES_ENDPOINT. It makes no connection yet. program is the name under which
// traces appear unless OTEL_SERVICE_NAME says another.
func Open(ctx context.Context, program string, getenv func(string) string) (*Traces, error) {
	if !wanted(getenv) {
		return nil, nil
	}
	exporter, err := newExporter(ctx, getenv)
	if err != nil {
		return nil, fmt.Errorf("traces: %w; check the OTEL_ variables", err)
	}
	return with(ctx, program, trace.WithBatcher(exporter))
}

func with(ctx context.Context, program string, spans trace.TracerProviderOption) (*Traces, error) {
	about, err := resource.New(ctx,
		resource.WithAttributes(attribute.String("service.name", program)), resource.WithTelemetrySDK(),
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

// Adjust makes Temporal's client and its workers trace workflows and activities. Queries are left
// out: the Web UI and "orgsync sync --wait" ask for progress all the time.
func (t *Traces) Adjust() (func(*client.Options), error) {
	if t == nil {
		return func(*client.Options) {}, nil
	}
	tracing, err := opentelemetry.NewTracingInterceptor(opentelemetry.TracerOptions{
		Tracer: t.provider.Tracer("temporal-sdk-go"), DisableQueryTracing: true, DisableBaggage: true,
		AllowInvalidParentSpans: true,
	})
	return func(o *client.Options) { o.Interceptors = append(o.Interceptors, tracing) }, err
}

// Tracer makes the spans of requests that a server answers.
func (t *Traces) Tracer() api.Tracer {
	if t == nil {
		return noop.NewTracerProvider().Tracer("")
	}
	return t.provider.Tracer("orgsync")
}

// closeTimeout bounds how long the last spans may take to be sent.
const closeTimeout = 5 * time.Second

// Close sends what has not been sent yet.
func (t *Traces) Close() error {
	if t == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	return t.provider.Shutdown(ctx)
}
