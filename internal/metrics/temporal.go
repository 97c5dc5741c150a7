package metrics

import (
	"fmt"

	"go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/opentelemetry"
)

// Temporal returns what the SDK's own figures go through: they appear beside ours,
// with the names that Temporal documents. Of the nil *Metrics it is nil, which the
// SDK takes for none.
func (m *Metrics) Temporal() (client.MetricsHandler, error) {
	if m == nil {
		return nil, nil
	}
	exporter, err := prometheus.New(prometheus.WithRegisterer(m.registry), prometheus.WithoutScopeInfo(),
		prometheus.WithoutTargetInfo())
	if err != nil {
		return nil, fmt.Errorf("metrics of Temporal's SDK: %w", err)
	}
	// OpenTelemetry's own buckets are for milliseconds; the SDK tells seconds.
	seconds := metric.NewView(metric.Instrument{Kind: metric.InstrumentKindHistogram}, metric.Stream{
		Aggregation: metric.AggregationExplicitBucketHistogram{
			Boundaries: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 60, 600, 3600}},
	})
	meter := metric.NewMeterProvider(metric.WithReader(exporter), metric.WithView(seconds)).Meter("temporal-sdk-go")
	return opentelemetry.NewMetricsHandler(opentelemetry.MetricsHandlerOptions{Meter: meter,
		UseMonotonicCounters: true}), nil
}
