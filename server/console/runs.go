package console

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/orgsync/orgsync/internal/service"
)

func (c *Console) runRoutes() []route {
	return []route{
		{pattern: "GET /runs", operation: "list-runs", handle: listRuns},
		{pattern: "GET /runs/{id}", operation: "get-run", handle: showRun},
		{pattern: "GET /runs/{id}/progress", operation: "follow-run", handle: followRun},
		{pattern: "GET /runs/{id}/removals.csv", operation: "list-run-removals", handle: writeRemovals},
		{pattern: "POST /runs/{id}/decision", operation: "decide-run", handle: decideRun},
		{pattern: "POST /runs/{id}/retry", operation: "retry-run", handle: retryRun},
		{pattern: "POST /runs/{id}/undo", operation: "undo-run", handle: undoRun},
		{pattern: "POST /runs/{id}/cancel", operation: "cancel-run", handle: cancelRun},
		{pattern: "POST /providers/{name}/runs", operation: "start-run", handle: startRun},
	}
}

// runStatuses can be filtered by.
var runStatuses = []string{"running", "held", "succeeded", "partial", "failed", "rejected", "canceled", "superseded"}

func listRuns(q *request) error {
	in := service.ListRunsInput{Provider: q.form("provider"), Status: q.form("status"), Page: q.paging()}
	if !slices.Contains(runStatuses, in.Status) {
		in.Status = ""
	}
	rows, err := q.view.ListRuns(q.ctx, in)
	if err != nil {
		return err
	}
	return q.render(q.page.T("runs.title"), runsPage(q.page, in, rows))
}

// paging is which page of a list is asked for.
func (q *request) paging() service.Page { return service.Page{After: q.form("after"), Limit: pageSize} }

// shownRun is what the page of a run shows.
type shownRun struct {
	run      service.RunRow
	progress service.Progress
	changes  service.Rows[service.ChangeRow]
	errors   service.Rows[service.RunErrorRow]
	removals service.RemovalSummary
	groups   []service.RemovalGroup
	lines    service.Rows[service.RemovalLine]
	decision *service.Decision
	// kind and text limit what is listed of the removals; setup says that this is a step of
	// setting a provider up.
	kind, text string
	setup      bool
	// mistake is what was wrong with a decision, note what it said.
	mistake, note string
}

// maxGroups is how many groups of removals are shown, typeAbove above how many removals their
// number must be typed to approve them, removalPage how many a page lists.
const (
	maxGroups   = 100
	typeAbove   = 20
	removalPage = 50
)

func showRun(q *request) error {
	shown, err := q.readRun()
	if err != nil {
		return err
	}
	return q.showRun(http.StatusOK, shown)
}

func (q *request) showRun(status int, shown shownRun) error {
	q.page.Refresh = running(shown.run)
	return q.renderAs(status, q.page.runTitle(shown.run)+" · "+shown.run.ProviderName, runPage(q.page, shown))
}

func (q *request) readRun() (shown shownRun, err error) {
	id := q.r.PathValue("id")
	if shown.run, err = q.view.GetRun(q.ctx, id); err != nil {
		return shown, err
	}
	shown.kind, shown.text, shown.setup = q.form("kind"), q.form("q"), q.form("setup") != ""
	if shown.progress, err = q.c.service.GetProgress(q.ctx, id); err != nil {
		return shown, err
	}
	if shown.removals, err = q.view.SummarizeRemovals(q.ctx, id); err != nil {
		return shown, err
	}
	if shown.removals.Count > 0 {
		if all := stakes(shown.removals); shown.kind == "" {
			shown.kind = all[0].kind
		}
		if shown.groups, err = q.view.GroupRemovals(q.ctx, id, shown.kind, maxGroups); err != nil {
			return shown, err
		}
		page := q.paging()
		page.Limit = removalPage
		shown.lines, err = q.view.ListRemovalLines(q.ctx, service.ListRemovalLinesInput{
			RunID: id, Kind: shown.kind, Text: shown.text, Page: page,
		})
		if err != nil {
			return shown, err
		}
		if shown.decision, err = q.view.GetDecision(q.ctx, id); err != nil {
			return shown, err
		}
	}
	if shown.errors, err = q.view.ListRunErrors(q.ctx, id, service.Page{Limit: pageSize}); err != nil {
		return shown, err
	}
	page := service.Page{After: q.form("changes"), Limit: removalPage}
	shown.changes, err = q.view.ListRunChanges(q.ctx, id, service.ChangeFilter{}, page)
	return shown, err
}

// followRun streams parts of the page of a run, so that its script has nothing to make up.
func followRun(q *request) error {
	id := q.r.PathValue("id")
	run, err := q.view.GetRun(q.ctx, id)
	if err != nil {
		return err
	}
	header := q.w.Header()
	header.Set("Content-Type", "text/event-stream")
	header.Set("X-Accel-Buffering", "no")
	out := http.NewResponseController(q.w)
	_ = out.SetWriteDeadline(time.Time{})
	_ = out.Flush()
	q.c.follow(q.ctx, id, func(p service.Progress, last bool) bool {
		q.page.Now = time.Now()
		last = last || p.Status != run.Status
		name := "progress"
		if last {
			name = "end"
		}
		var part bytes.Buffer
		if err := progressPart(q.page, p).Render(q.ctx, &part); err != nil {
			return false
		}
		text := strings.ReplaceAll(part.String(), "\n", " ")
		if _, err := fmt.Fprintf(q.w, "event: %s\ndata: %s\n\n", name, text); err != nil {
			return false
		}
		return out.Flush() == nil && !last
	})
	return nil
}

// writeRemovals answers with all that a run planned to remove as a table.
func writeRemovals(q *request) error {
	in := service.ListRemovalLinesInput{RunID: q.r.PathValue("id"), Page: service.Page{Limit: csvPage}}
	rows, err := q.view.ListRemovalLines(q.ctx, in)
	if err != nil {
		return err
	}
	q.w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	q.w.Header().Set("Content-Disposition", `attachment; filename="removals.csv"`)
	_, _ = q.w.Write([]byte("\ufeff")) // so that spreadsheets take it as UTF-8
	out := csv.NewWriter(q.w)
	_ = out.Write([]string{"object_type", "external_id", "name", "path", "reason", "last_seen", "user_id", "applied"})
	for {
		for _, r := range rows.Items {
			cells := []string{r.ObjectType, r.ExternalID, r.Name, r.Path, r.Reason, seenAt(r), text(r.UserID),
				strconv.FormatBool(r.Applied)}
			for i, cell := range cells {
				cells[i] = harmless(cell)
			}
			if out.Write(cells) != nil {
				return nil
			}
		}
		out.Flush()
		if rows.Next == "" {
			return nil
		}
		in.After = rows.Next
		if rows, err = q.view.ListRemovalLines(q.ctx, in); err != nil {
			panic(http.ErrAbortHandler) // the reader must see that the table is not whole
		}
	}
}

const csvPage = 1000

// harmless is a cell that no spreadsheet takes for a formula.
func harmless(cell string) string {
	if strings.ContainsAny(cell[:min(1, len(cell))], "=+-@\t\r") {
		return "'" + cell
	}
	return cell
}

// seenAt is when a run last saw what is to be removed, empty where that is not known.
func seenAt(r service.RemovalLine) string {
	if r.LastSeen.Unix() == 0 {
		return ""
	}
	return r.LastSeen.UTC().Format(time.RFC3339)
}

// decideRun decides about the very list that the form was shown with.
func decideRun(q *request) error {
	shown, err := q.readRun()
	if err != nil {
		return err
	}
	approve := q.r.PostFormValue("decision") == "approve"
	if !approve && q.r.PostFormValue("decision") != "reject" {
		return problem{http.StatusUnprocessableEntity, "no_decision"}
	}
	shown.note = q.form("note")
	if approve && shown.removals.Count > typeAbove && q.form("count") != strconv.FormatInt(shown.removals.Count, 10) {
		shown.mistake = q.page.T("held.type_count", "Number", shown.removals.Count)
		return q.showRun(http.StatusUnprocessableEntity, shown)
	}
	_, err = q.view.DecideListed(q.ctx, service.DecideListedInput{
		RunID: shown.run.ID, Tag: q.form("list"), Approve: approve, Note: shown.note, By: q.by(),
	})
	switch {
	case service.HasCode(err, service.ListChanged):
		shown.mistake = q.page.T("held.list_changed")
		return q.showRun(http.StatusConflict, shown)
	case service.HasCode(err, service.AlreadyDecided) && q.decidedIt(shown.run.ID):
		// The decision stands; only word of it came too late.
	case service.HasCode(err, service.AlreadyDecided) || service.HasCode(err, service.NotHeld):
		shown, err := q.readRun()
		if err != nil {
			return err
		}
		shown.mistake = q.page.T("held.decided_meanwhile")
		return q.showRun(http.StatusConflict, shown)
	case err != nil:
		return err
	}
	return q.redirect("/runs/" + shown.run.ID)
}

// decidedIt reports whether the reader has decided a run.
func (q *request) decidedIt(runID string) bool {
	run, err := q.view.GetRun(q.ctx, runID)
	return err == nil && text(run.DecidedBy) == q.page.Caller.Name
}

// beginTimeout is how long the answer to a form waits for a worker to begin the run.
const beginTimeout = 5 * time.Second

// begun sends the browser to a run that was started.
func (q *request) begun(started service.Execution, err error, query string) error {
	if err != nil {
		return err
	}
	if id := q.c.service.AwaitBegin(q.ctx, started, beginTimeout); id != "" {
		return q.redirect("/runs/" + id + query)
	}
	return q.redirect(pathTo("providers", started.Provider) + "?starting=1")
}

func startRun(q *request) error {
	name := q.r.PathValue("name")
	if _, err := q.view.GetProvider(q.ctx, name); err != nil {
		return err
	}
	in := service.StartSyncInput{Provider: name, Mode: q.form("mode"), By: q.by()}
	started, err := q.c.service.StartSync(q.ctx, in)
	query := ""
	if q.form("setup") != "" {
		query = "?setup=1"
	}
	return q.begun(started, err, query)
}

func retryRun(q *request) error {
	run, err := q.view.GetRun(q.ctx, q.r.PathValue("id"))
	if err != nil {
		return err
	}
	started, err := q.c.service.RetryRun(q.ctx, service.RetryRunInput{RunID: run.ID, By: q.by()})
	return q.begun(started, err, "")
}

func undoRun(q *request) error {
	run, err := q.view.GetRun(q.ctx, q.r.PathValue("id"))
	if err != nil {
		return err
	}
	started, err := q.c.service.UndoRun(q.ctx, service.UndoRunInput{
		RunID: run.ID, Mode: cmp.Or(q.form("mode"), service.ModePlan), By: q.by(),
	})
	return q.begun(started.Execution, err, "")
}

func cancelRun(q *request) error {
	run, err := q.view.GetRun(q.ctx, q.r.PathValue("id"))
	if err != nil {
		return err
	}
	in := service.CancelRunInput{Provider: run.ProviderName, RunID: run.ID, By: q.by()}
	if _, err := q.c.service.CancelRun(q.ctx, in); err != nil {
		return err
	}
	return q.redirect("/runs/" + run.ID)
}

// runTitle says what a run is.
func (p *Page) runTitle(r service.RunRow) string {
	key := "run.sync"
	switch {
	case r.Undoes != nil:
		key = "run.undo"
	case r.Retries != nil:
		key = "run.retry"
	case len(r.Members) > 0 || len(r.Departments) > 0:
		key = "run.targeted"
	}
	if r.Mode == service.ModePlan {
		return p.T("run.plan_of", "What", p.T(key), "ID", short(r.ID))
	}
	return p.T("run.named", "What", p.T(key), "ID", short(r.ID))
}
