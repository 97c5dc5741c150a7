package api_test

import (
	"encoding/json"
	"flag"
	"html/template"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/access"
	"github.com/orgsync/orgsync/internal/service"
	"github.com/orgsync/orgsync/server/api"
)

var update = flag.Bool("update", false, "write openapi.json anew")

// get asks an API that has no database.
func get(t *testing.T, path string) *httptest.ResponseRecorder {
	t.Helper()
	mux := http.NewServeMux()
	_, err := api.New(mux, service.New(service.Connections{}), "0.0.0")
	require.NoError(t, err)
	answer := httptest.NewRecorder()
	mux.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, path, nil))
	require.Equal(t, http.StatusOK, answer.Code)
	return answer
}

// described is what the document says of an operation.
type described struct {
	ID          string `json:"operationId"`
	Summary     string
	Description string
	Responses   map[string]struct{ Content map[string]any }
	Security    []any
	Parameters  []struct{ Name, In string }
}

// documented are all operations, by method and path.
func documented(t *testing.T) map[string]described {
	t.Helper()
	var document struct {
		OpenAPI string
		Paths   map[string]map[string]described
	}
	require.NoError(t, json.Unmarshal(get(t, "/api/openapi.json").Body.Bytes(), &document))
	require.Regexp(t, `^3\.1\.`, document.OpenAPI)
	found := map[string]described{}
	for path, methods := range document.Paths {
		for method, op := range methods {
			found[strings.ToUpper(method)+" "+path] = op
		}
	}
	require.Greater(t, len(found), 25)
	return found
}

func TestTheDocumentIsCommitted(t *testing.T) {
	t.Parallel()
	const file = "openapi.json"
	now := get(t, "/api/openapi.json").Body.String()
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(now+"\n"), 0o644))
	}
	committed, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, string(committed), now+"\n", "write it anew: go test ./server/api -run Document -update")
}

func TestEveryOperationIsDocumentedAndInTheTable(t *testing.T) {
	t.Parallel()
	operations := documented(t)
	left := map[access.Operation]bool{}
	for op, rule := range access.Table {
		left[op] = true
		require.NotEmpty(t, rule.Roles, op)
	}
	for name, op := range operations {
		require.True(t, left[access.Operation(op.ID)], "%s (%s) is not in the table, or twice", op.ID, name)
		delete(left, access.Operation(op.ID))
		require.NotEmpty(t, op.Summary, name)
		require.NotEmpty(t, op.Security, name)
		require.Contains(t, op.Description, "Roles: ", name)
		for _, status := range []string{"401", "403", "422", "429", "500", "503"} {
			require.Contains(t, op.Responses, status, name)
			require.Contains(t, op.Responses[status].Content, "application/problem+json", name)
		}
		if strings.Contains(name, "{") {
			require.Contains(t, op.Responses, "404", name)
		}
		require.True(t, strings.HasPrefix(name[strings.Index(name, " ")+1:], "/api/v1/"), name)
	}
	require.Empty(t, left, "operations of the table that the API does not have")
}

func TestTheReferenceNeedsNoScripts(t *testing.T) {
	t.Parallel()
	answer := get(t, "/api/docs")
	page := answer.Body.String()
	require.Contains(t, answer.Header().Get("Content-Security-Policy"), "default-src 'none'")
	for _, foreign := range []string{"<script", "http://", "https://"} {
		require.False(t, strings.Contains(page, foreign), foreign)
	}
	for name, op := range documented(t) {
		require.Contains(t, page, `id="`+op.ID+`"`, name)
		require.True(t, strings.Contains(page, template.HTMLEscapeString(op.Summary)), name)
	}
}
