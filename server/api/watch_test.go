package api_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"

	"github.com/orgsync/orgsync/internal/service"
)

// What is looked for and what is sent names people: neither access log nor spans nor figures have
// it. They have the route, who asked, and what came of it.
func TestLogSpansAndFiguresNameNobody(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	admin := w.token(service.CreateTokenInput{Name: "ann's laptop", Role: "admin"})
	const person = "zoe@example.com"
	for path, status := range map[string]int{
		"/api/v1/members?q=" + person:                         http.StatusOK,
		"/api/v1/members?token=" + admin.Secret:               http.StatusUnprocessableEntity,
		"/api/v1/people/" + person:                            http.StatusNotFound,
		"/api/v1/members/" + w.acme["ann"] + "?q=" + person:   http.StatusUnprocessableEntity,
		"/api/v1/changes?after=" + person:                     http.StatusUnprocessableEntity,
		"/api/v1/providers/acme/departments?parent=" + person: http.StatusUnprocessableEntity,
	} {
		require.Equal(t, status, w.get(admin.Secret, path).status, path)
	}
	w.send(admin.Secret, http.MethodPost, "/api/v1/providers", `{"name":"`+person+`"}`)
	w.send(admin.Secret, "ZOE", "/api/v1/members", "")
	w.get("org_"+person, "/api/v1/members")
	w.get("", "/healthz?q="+person)

	answer := httptest.NewRecorder()
	w.figures.Handler().ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	spans := ""
	names := map[string]int{}
	for _, span := range w.spans.Ended() {
		names[span.Name()]++
		spans += fmt.Sprintln(span.Name(), span.Attributes(), span.Events(), span.Status())
	}
	for kind, told := range map[string]string{"log": w.log.String(), "spans": spans, "figures": answer.Body.String()} {
		for _, secret := range []string{"zoe", "ZOE", "example.com", admin.Secret} {
			require.NotContains(t, told, secret, kind)
		}
	}
	require.Contains(t, w.log.String(),
		`msg=request method=GET path=/api/v1/members status=200 bytes=`)
	require.Contains(t, w.log.String(), `actor="token ann's laptop" address=127.0.0.1`)
	require.Contains(t, answer.Body.String(),
		`orgsync_http_requests_total{method="GET",route="/api/v1/members",status="200"} 1`)
	require.Equal(t, 3, names["GET /api/v1/members"], names)
	require.Positive(t, names["HTTP"], "what is no operation has no name")
	for _, span := range w.spans.Ended() {
		if span.Name() == "GET /api/v1/members/{id}" {
			require.ElementsMatch(t, []attribute.KeyValue{
				attribute.String("http.request.method", "GET"),
				attribute.String("http.route", "/api/v1/members/{id}"),
				attribute.Int("http.response.status_code", http.StatusUnprocessableEntity),
			}, span.Attributes())
		}
	}
}

// A request's span stands below the caller's, if that is told.
func TestASpanIsBelowTheCallers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const trace, above = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	w.get(w.as("reader"), "/api/v1/members", "traceparent", "00-"+trace+"-"+above+"-01")
	for _, span := range w.spans.Ended() {
		require.Equal(t, []string{trace, above}, []string{
			span.SpanContext().TraceID().String(), span.Parent().SpanID().String()})
	}
	require.Len(t, w.spans.Ended(), 1)
	require.NotEmpty(t, strings.TrimSpace(w.log.String()))
}
