package traces_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/traces"
)

func TestNothingIsTracedUnlessAskedFor(t *testing.T) {
	t.Parallel()
	const endpoint = "OTEL_EXPORTER_OTLP_ENDPOINT"
	for name, c := range map[string]struct {
		env  map[string]string
		want bool
		err  string
	}{
		"nothing set": {map[string]string{}, false, ""},
		"endpoint":    {map[string]string{endpoint: "http://127.0.0.1:4318"}, true, ""},
		"traces only": {map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:4318/v1/traces"},
			true, ""},
		"grpc": {map[string]string{endpoint: "http://127.0.0.1:4317", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
			true, ""},
		"disabled": {map[string]string{endpoint: "http://127.0.0.1:4318", "OTEL_SDK_DISABLED": "True"}, false,
			""},
		"none": {map[string]string{endpoint: "http://127.0.0.1:4318", "OTEL_TRACES_EXPORTER": "none"}, false,
			""},
		"other protocol": {map[string]string{endpoint: "http://127.0.0.1:4318",
			"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/json"}, false, `"http/json" is not known`},
	} {
		opened, err := traces.Open(t.Context(), "orgsync-test", func(key string) string { return c.env[key] })
		if c.err != "" {
			require.ErrorContains(t, err, c.err, name)
			continue
		}
		require.NoError(t, err, name)
		require.Equal(t, c.want, opened != nil, name)
		_, err = opened.Adjust()
		require.NoError(t, err, name)
		_, span := opened.Tracer().Start(t.Context(), "request")
		require.Equal(t, c.want, span.IsRecording(), name)
		require.NoError(t, opened.Close(), name)
	}
}
