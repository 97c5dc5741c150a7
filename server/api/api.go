// Package api is the REST API below /api/v1: it decodes, asks the table of package access, makes
// one call of the use cases, and encodes. Its types are the OpenAPI document.
package api

import (
	"context"
	"encoding/json"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/orgsync/orgsync/internal/access"
	"github.com/orgsync/orgsync/internal/message"
	"github.com/orgsync/orgsync/internal/service"
	"github.com/orgsync/orgsync/server/remote"
)

// prefix is where the API lies.
const prefix = "/api/v1"

// maxBody is how many bytes the body of a request may have.
const maxBody = 256 << 10

// API answers requests.
type API struct {
	service *service.Service
	huma    huma.API
	refused remote.Refusals
	runs    *watchers
	// document is the OpenAPI document, page the reference for people.
	document []byte
	page     []byte
}

// New returns the API, which answers on mux. Close it before the server is shut down.
func New(mux *http.ServeMux, s *service.Service, version string) (*API, error) {
	a := &API{service: s, refused: remote.Refusals{Allowed: refusalsAllowed}, runs: newWatchers(s)}
	a.huma = humago.New(mux, documentConfig(version))
	a.registerProviders()
	a.registerPreview()
	a.registerRules()
	a.registerSchedule()
	a.registerEvents()
	a.registerRuns()
	a.registerDecisions()
	a.registerProgress()
	a.registerDirectory()
	a.registerGroups()
	a.registerMembers()
	a.registerAccounts()
	a.registerChanges()
	a.registerWebhooks()
	a.registerAccess()
	a.registerLogins()
	declareNulls(a.huma.OpenAPI().Components.Schemas)
	var err error
	if a.document, err = json.MarshalIndent(a.huma.OpenAPI(), "", "  "); err != nil {
		return nil, err
	}
	if a.page, err = reference(a.huma.OpenAPI()); err != nil {
		return nil, err
	}
	mux.HandleFunc("GET /api/openapi.json", func(w http.ResponseWriter, _ *http.Request) {
		write(w, "application/json",
			a.document)
	})
	mux.HandleFunc("GET /api/docs", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
		write(w, "text/html; charset=utf-8", a.page)
	})
	mux.HandleFunc("/api/", func(w http.ResponseWriter, r *http.Request) { refuseRoute(mux, w, r) })
	return a, nil
}

// refuseRoute answers a request that is no operation: the path may have others.
func refuseRoute(mux *http.ServeMux, w http.ResponseWriter, r *http.Request) {
	var others []string
	for _, method := range []string{
		http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
	} {
		other := r.Clone(r.Context())
		other.Method = method
		if _, pattern := mux.Handler(other); strings.Contains(pattern, " ") {
			others = append(others, method)
		}
	}
	if len(others) == 0 {
		writeProblem(w, newProblem(languageOf(r), http.StatusNotFound, routeUnknown, nil))
		return
	}
	w.Header().Set("Allow", strings.Join(others, ", "))
	writeProblem(w, newProblem(languageOf(r), http.StatusMethodNotAllowed, methodUnknown,
		message.Args{"Methods": strings.Join(others, ", ")}))
}

// Close ends the streams.
func (a *API) Close() {
	a.runs.close()
	a.service.EndWaits()
}

func write(w http.ResponseWriter, contentType string, body []byte) {
	w.Header().Set("Content-Type", contentType)
	_, _ = w.Write(body)
}

// config is huma's, without what it would serve by itself: its pages load scripts of others.
func documentConfig(version string) huma.Config {
	c := huma.DefaultConfig("orgsync", version)
	c.Info.Description = "Companies' directories from Feishu, DingTalk and WeCom: providers, runs, departments and " +
		"members. " +
		"Send a token as `Authorization: Bearer org_…`; make one with `orgsync token create`."
	c.OpenAPIPath, c.DocsPath, c.SchemasPath = "", "", ""
	c.CreateHooks = nil
	c.RejectUnknownQueryParameters = true
	format := huma.Format{Marshal: huma.DefaultJSONFormat.Marshal, Unmarshal: decode}
	c.Formats = map[string]huma.Format{"application/json": format, "json": format}
	c.Components.SecuritySchemes = map[string]*huma.SecurityScheme{"token": {Type: "http", Scheme: "bearer"}}
	return c
}

// null stands for null while a body is held against the document. It fits no field.
type null struct{}

// decode reads a body. huma takes null for left out, which may mean everything: whoever has lost
// a list of departments must not take back a whole run.
func decode(body []byte, into any) error {
	err := huma.DefaultJSONFormat.Unmarshal(body, into)
	if parsed, ok := into.(*any); ok {
		*parsed = replaceNulls(*parsed)
	}
	return err
}

func replaceNulls(value any) any {
	switch v := value.(type) {
	case nil:
		return null{}
	case []any:
		for i := range v {
			v[i] = replaceNulls(v[i])
		}
	case map[string]any:
		for key := range v {
			v[key] = replaceNulls(v[key])
		}
	}
	return value
}

// operation is one of the API's.
type operation struct {
	id      access.Operation
	method  string
	path    string
	tag     string
	summary string
	// status is that of success, 0 for the usual one.
	status int
	// errors are the statuses that it may fail with beside those that all may.
	errors []int
	// slow operations may take minutes.
	slow bool
}

// common are the statuses that every operation may fail with.
var common = []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusUnprocessableEntity,
	http.StatusTooManyRequests,
	http.StatusInternalServerError, http.StatusServiceUnavailable}

// ofBodies are the statuses with which a body is refused that cannot be read.
var ofBodies = []int{
	http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType,
}

// slowTimeout is how long a slow operation may take.
const slowTimeout = 5 * time.Minute

// huma is the operation as huma knows it.
func (a *API) operation(op operation) huma.Operation {
	return huma.Operation{
		OperationID: string(op.id), Method: op.method, Path: prefix + op.path, Tags: []string{op.tag},
		Summary:       op.summary,
		DefaultStatus: op.status, Errors: append(append([]int{}, common...), op.errors...), MaxBodyBytes: maxBody,
		Security: []map[string][]string{{"token": {}}}, Middlewares: huma.Middlewares{a.authorize(op)},
		Description: "Roles: " + rolesOf(op.id) + ".",
	}
}

// register adds an operation.
func register[I, O any](a *API, op operation, handle func(context.Context, *I) (*O, error)) {
	if _, sent := reflect.TypeFor[I]().FieldByName("Body"); sent {
		op.errors = append(append([]int{}, op.errors...), ofBodies...)
	}
	huma.Register(a.huma, a.operation(op), func(ctx context.Context, in *I) (*O, error) {
		out, err := handle(ctx, in)
		if err != nil {
			return nil, failure(ctx, err)
		}
		return out, nil
	})
}

func rolesOf(op access.Operation) string {
	text := ""
	for i, role := range access.Table[op].Roles {
		if i > 0 {
			text += ", "
		}
		text += string(role)
	}
	return text
}

// view is what the caller of a request may see.
func (a *API) view(ctx context.Context) service.View { return a.service.ViewFor(callerOf(ctx)) }

// by is the caller of a request as runs and the audit log have them.
func by(ctx context.Context) service.By {
	c := callerOf(ctx)
	return service.By{Name: c.Name, Address: c.Address}
}
