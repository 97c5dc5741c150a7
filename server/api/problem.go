package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/orgsync/orgsync/internal/access"
	"github.com/orgsync/orgsync/internal/message"
	"github.com/orgsync/orgsync/internal/service"
	"github.com/orgsync/orgsync/server/remote"
)

// Problem is an error, as RFC 9457 has it.
type Problem struct {
	Type   string `json:"type" example:"about:blank" doc:"Always about:blank: code tells problems apart."`
	Title  string `json:"title" example:"Conflict" doc:"The status in words."`
	Status int    `json:"status" example:"409" doc:"The HTTP status."`
	Code   string `json:"code" example:"run_in_progress" doc:"Names the problem; it does not change."`
	Detail string `json:"detail" example:"A run of acme is already running" doc:"What is wrong, in the reader's language."`
	Action string `json:"action" example:"Wait until it has ended." doc:"What to do next, in the reader's language."`
	Run    string `json:"run,omitempty" format:"uuid" doc:"The run that is in the way."`
	// Fields are the inputs at fault.
	Fields []Field `json:"fields,omitempty" doc:"Inputs at fault."`
}

// Field is an input at fault.
type Field struct {
	Location string `json:"location" example:"body.mode" doc:"Where the input stands."`
	Problem  string `json:"problem" example:"must be one of: apply, plan" doc:"What is wrong with it."`
}

// Error implements error.
func (p *Problem) Error() string { return p.Code }

// GetStatus implements huma.StatusError.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType implements huma.ContentTypeFilter.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

// init has huma's own errors, of requests that do not fit the document, made ours, and lists
// never be null.
func init() {
	huma.DefaultArrayNullable = false
	huma.NewErrorWithContext = func(ctx huma.Context, status int, text string, errs ...error) huma.StatusError {
		language := message.English
		if ctx != nil {
			language = message.Match(ctx.Header("Accept-Language"))
		}
		return unfit(language, status, text, errs)
	}
	huma.NewError = func(status int, text string, errs ...error) huma.StatusError {
		return unfit(message.English, status, text, errs)
	}
}

// noBody is what huma says of a request whose body is missing.
const noBody = "request body is required"

// unfit is the problem of a request that does not fit the document, of which huma says text. What
// was sent is not repeated: it may be secret.
func unfit(l message.Language, status int, text string, errs []error) *Problem {
	code := codesOfStatuses[status]
	switch {
	case text == noBody:
		code = bodyMissing
	case code == "":
		code = inputInvalid
	}
	p := newProblem(l, status, code, nil)
	for _, err := range errs {
		var detail *huma.ErrorDetail
		if errors.As(err, &detail) {
			p.Fields = append(p.Fields, Field{Location: detail.Location, Problem: fieldText(l, detail.Message)})
		}
	}
	return p
}

// Codes of problems that only the API has. Their texts are in the catalogue, as "problem." with
// the code for what is wrong and "action." for what to do.
const (
	inputInvalid    = "input_invalid"
	bodyMissing     = "body_missing"
	bodyTooLarge    = "body_too_large"
	mediaUnknown    = "media_type_unknown"
	routeUnknown    = "route_unknown"
	methodUnknown   = "method_unknown"
	roleTooLow      = "role_too_low"
	reachTooNarrow  = "reach_too_narrow"
	refusedTooOft   = "too_many_refused"
	ifMatchMissing  = "if_match_missing"
	ifMatchAny      = "if_match_any"
	durationInvalid = "duration_invalid"
	ruleUnclear     = "schedule_rule_unclear"
)

// codesOfStatuses are the codes of what huma refuses by itself.
var codesOfStatuses = map[int]string{
	http.StatusRequestEntityTooLarge: bodyTooLarge, http.StatusUnsupportedMediaType: mediaUnknown,
	http.StatusInternalServerError: string(service.Internal),
}

// refusal is a problem that only the API has.
type refusal struct {
	status int
	code   string
	args   message.Args
}

// Error implements error.
func (r *refusal) Error() string { return r.code }

// requireTag refuses a change that does not name what was read: * would match whatever is there.
func requireTag(ifMatch string) error {
	switch ifMatch {
	case "":
		return &refusal{http.StatusPreconditionRequired, ifMatchMissing, nil}
	case "*":
		return &refusal{http.StatusPreconditionFailed, ifMatchAny, nil}
	default:
		return nil
	}
}

func newProblem(l message.Language, status int, code string, args message.Args) *Problem {
	return &Problem{
		Type: "about:blank", Title: http.StatusText(status), Status: status, Code: code,
		Detail: l.Text(message.Code("problem."+code), args), Action: actionOf(l, code, status, args),
	}
}

// actionOf is what to do about a problem: by its code, else by its status.
func actionOf(l message.Language, code string, status int, args message.Args) string {
	for _, one := range []message.Code{message.Code("action." + code), message.Code("action.status_" +
		strconv.Itoa(status))} {
		if text := l.Text(one, args); text != string(one) {
			return text
		}
	}
	return l.Text("action.status_500", args)
}

// statuses are those of the codes of use cases. That of any other is 422 where an input is at
// fault, and else 500.
var statuses = map[service.Code]int{
	service.Internal:      http.StatusInternalServerError,
	service.SettingsWrong: http.StatusServiceUnavailable, service.TemporalSettingsWrong: http.StatusServiceUnavailable,
	service.TemporalUnreachable: http.StatusServiceUnavailable, service.NamespaceUnknown: http.StatusServiceUnavailable,
	service.SchemaMissing: http.StatusServiceUnavailable, service.SchemaBehind: http.StatusServiceUnavailable,
	service.DatabaseAway:   http.StatusServiceUnavailable,
	service.DatabaseUnfit:  http.StatusServiceUnavailable,
	service.TemporalSilent: http.StatusServiceUnavailable, service.DecisionUnproven: http.StatusServiceUnavailable,

	service.ProviderUnknown: http.StatusNotFound, service.RunUnknown: http.StatusNotFound,
	service.NotFound:          http.StatusNotFound,
	service.DepartmentUnknown: http.StatusNotFound, service.MemberUnknown: http.StatusNotFound,
	service.TokenUnknown: http.StatusNotFound,
	service.GroupUnknown: http.StatusNotFound, service.ConflictUnknown: http.StatusNotFound,
	service.RulesNone:       http.StatusNotFound,
	service.AccountsOff:     http.StatusConflict,
	service.ScheduleUnknown: http.StatusNotFound, service.ObjectUnknown: http.StatusNotFound,

	service.ProviderExists: http.StatusConflict, service.ProviderInactive: http.StatusConflict,
	service.TokenExists:   http.StatusConflict,
	service.RunInProgress: http.StatusConflict, service.RunUndecided: http.StatusConflict,
	service.NothingToDo: http.StatusConflict,
	service.NotPossible: http.StatusConflict, service.NoRunAtWork: http.StatusConflict,
	service.RunHasNoWorkflow: http.StatusConflict,
	service.NotHeld:          http.StatusConflict, service.AlreadyDecided: http.StatusConflict,
	service.HoldGone:        http.StatusConflict,
	service.DecisionRefused: http.StatusConflict, service.DecisionFailed: http.StatusConflict,
	service.KeyNotHeld:  http.StatusConflict,
	service.RunNotBegun: http.StatusConflict,

	service.SuiteNotUsed: http.StatusConflict, service.SuiteTicketMissing: http.StatusConflict,
	service.PublicURLMissing: http.StatusServiceUnavailable,

	service.EventsOff: http.StatusConflict, service.NothingSetAside: http.StatusConflict,

	service.CursorExpired: http.StatusGone,

	service.WebhookUnknown: http.StatusNotFound, service.WebhookChanged: http.StatusPreconditionFailed,

	service.ProviderChanged: http.StatusPreconditionFailed, service.ListChanged: http.StatusPreconditionFailed,
	service.ProviderFailed: http.StatusBadGateway,

	service.LoginOtherCompany: http.StatusForbidden, service.LoginNotVisible: http.StatusForbidden,
	service.LoginLeft: http.StatusForbidden, service.LoginSuspended: http.StatusForbidden,
	service.LoginOffline: http.StatusForbidden, service.LoginNotConfigured: http.StatusConflict,
	service.LoginPending: http.StatusServiceUnavailable,
	service.TokenRefused: http.StatusUnauthorized, service.ReachTooWide: http.StatusForbidden,
	service.AddressForbidden: http.StatusForbidden,
}

// problemOf makes a problem of any error.
func problemOf(l message.Language, err error) *Problem {
	var known *Problem
	var own *refusal
	switch {
	case errors.As(err, &known):
		return known
	case errors.As(err, &own):
		return newProblem(l, own.status, own.code, own.args)
	}
	e := service.Classify(err)
	status, ok := statuses[e.Code]
	if !ok {
		status = http.StatusUnprocessableEntity
	}
	p := newProblem(l, status, string(e.Code), message.Args{"Provider": e.Args.Provider, "Run": runOf(e)})
	p.Run = runOf(e)
	if e.Code == service.Internal { // what it says is for the log
		return p
	}
	text, rest := cut(e.Text(l, strings.Clone))
	p.Detail = text
	if (status == http.StatusUnprocessableEntity || status == http.StatusBadGateway) && rest != "" {
		p.Action = rest
	}
	return p
}

// runOf is the run that an error names, in full.
func runOf(e *service.Error) string {
	switch {
	case e.Args.Run.ID != "":
		return e.Args.Run.ID
	case len(e.Args.Held) > 0:
		return e.Args.Held[0].ID
	case e.Code == service.RunInProgress:
		return e.Args.RunID
	}
	return ""
}

// cut divides what an error says into what is wrong and what would be right.
func cut(text string) (wrong, right string) {
	for _, mark := range []string{"; ", "；"} {
		if wrong, right, found := strings.Cut(text, mark); found {
			return wrong, right
		}
	}
	return text, ""
}

// failure is what a handler fails with. What is nobody's fault but ours is noted for the log.
func failure(ctx context.Context, err error) error {
	return problemNoted(ctx, languageIn(ctx), err)
}

func problemNoted(ctx context.Context, l message.Language, err error) *Problem {
	p := problemOf(l, err)
	if note, ok := ctx.Value(noteKey).(*Note); ok && p.Status >= http.StatusInternalServerError {
		note.Problem = err
	}
	return p
}

func languageOf(r *http.Request) message.Language {
	return message.Match(r.Header.Get("Accept-Language"))
}

// writeProblem answers with a problem.
func writeProblem(w http.ResponseWriter, p *Problem) {
	w.Header().Set("Content-Type", "application/problem+json")
	if p.Status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Bearer realm="orgsync"`)
	}
	if p.Status == http.StatusTooManyRequests {
		w.Header().Set("Retry-After", strconv.Itoa(int(remote.RefusalWindow.Seconds())))
	}
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p)
}

// forbidden is why a caller may not do an operation.
func forbidden(refused access.Refusal, op access.Operation) error {
	code := roleTooLow
	if refused == access.ReachTooNarrow {
		code = reachTooNarrow
	}
	return &refusal{http.StatusForbidden, code, message.Args{"Roles": rolesOf(op)}}
}
