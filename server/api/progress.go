package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/service"
)

// Progress is how far a run has come.
type Progress struct {
	Phase             string    `json:"phase"`
	Status            string    `json:"status"`
	Calls             int64     `json:"calls"`
	StartedAt         time.Time `json:"started_at"`
	Departments       int       `json:"departments"`
	DepartmentsDone   int       `json:"departments_done"`
	DepartmentsFailed int       `json:"departments_failed"`
	MembersRead       int       `json:"members_read"`
}

type followRunInput struct {
	OfRun
	LastEventID string `header:"Last-Event-ID" maxLength:"100" doc:"The last event received; it is not sent again."`
}

const (
	// pollEvery is how often a run that is watched is looked at, keepAlive how often a stream
	// without news says that it is there.
	pollEvery = time.Second
	keepAlive = 15 * time.Second
)

func (a *API) registerProgress() {
	op := a.operation(operation{
		id: "follow-run", method: http.MethodGet, path: "/runs/{id}/progress", tag: "Runs", errors: notFound,
		summary: "Follow a run: an event `progress` whenever something changes, and `end` when it has ended",
	})
	a.huma.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[Progress](), true, "")
	op.Responses = map[string]*huma.Response{"200": {
		Description: "Server-sent events, whose data is a Progress as JSON.",
		Content:     map[string]*huma.MediaType{"text/event-stream": {Schema: &huma.Schema{Type: huma.TypeString}}},
	}}
	huma.Register(a.huma, op, func(ctx context.Context, in *followRunInput) (*streamed, error) {
		if _, err := a.view(ctx).GetRun(ctx, in.ID); err != nil {
			return nil, failure(ctx, err)
		}
		return &streamed{Body: func(to huma.Context) { a.follow(to, in.ID, in.LastEventID) }}, nil
	})
}

// follow writes events until the run has ended, the reader has gone or the server stops.
func (a *API) follow(to huma.Context, runID, seen string) {
	_, w := humago.Unwrap(to)
	to.SetHeader("Content-Type", "text/event-stream")
	to.SetHeader("X-Accel-Buffering", "no")
	to.SetStatus(http.StatusOK)
	out := http.NewResponseController(w)
	events, leave := a.runs.watch(runID)
	defer leave()
	alive := time.NewTicker(keepAlive)
	defer alive.Stop()
	send := func(text string) bool {
		_ = out.SetWriteDeadline(time.Now().Add(chunkTimeout))
		_, err := fmt.Fprint(w, text)
		return err == nil && out.Flush() == nil
	}
	if !send(": follows run " + runID + "\n\n") {
		return
	}
	for {
		select {
		case <-to.Context().Done():
			return
		case <-alive.C:
			if !send(": still here\n\n") {
				return
			}
		case e, open := <-events:
			if !open {
				return
			}
			if e.id != seen && !send(e.text()) {
				return
			}
			if seen = e.id; e.last {
				return
			}
		}
	}
}

// Follow tells each how a run stands, whenever that changes, until it has ended, each returns
// false, ctx is done, or the server stops. A run is looked at once, however many follow it.
func (a *API) Follow(ctx context.Context, runID string, each func(p service.Progress, last bool) bool) {
	events, leave := a.runs.watch(runID)
	defer leave()
	for {
		select {
		case <-ctx.Done():
			return
		case e, open := <-events:
			if !open || !each(e.progress, e.last) || e.last {
				return
			}
		}
	}
}

// event is how a run stands. Its id is a hash of that: any server knows what a reader has seen.
type event struct {
	id       string
	data     []byte
	last     bool
	progress service.Progress
}

func eventOf(p service.Progress) event {
	data, _ := json.Marshal(Progress(p))
	sum := sha256.Sum256(data)
	return event{id: hex.EncodeToString(sum[:8]), data: data, last: p.Status != directory.RunRunning &&
		p.Status != directory.RunHeld, progress: p}
}

func (e event) text() string {
	name := "progress"
	if e.last {
		name = "end"
	}
	return fmt.Sprintf("id: %s\nevent: %s\ndata: %s\n\n", e.id, name, e.data)
}

// watchers look at each run once, however many follow it.
type watchers struct {
	read  func(ctx context.Context, runID string) (service.Progress, error)
	every time.Duration
	ctx   context.Context
	stop  context.CancelFunc

	mu   sync.Mutex
	runs map[string]*watched
}

// watched is a run that is followed.
type watched struct {
	latest    event
	followers map[chan event]bool
	stop      context.CancelFunc
}

func newWatchers(s *service.Service) *watchers {
	ctx, stop := context.WithCancel(context.Background())
	return &watchers{read: s.GetProgress, every: pollEvery, ctx: ctx, stop: stop, runs: map[string]*watched{}}
}

// close ends all streams.
func (w *watchers) close() { w.stop() }

// watch returns what becomes of a run, the latest state first. A reader who is slow misses what
// has been overtaken. The channel is closed when nothing more is to come.
func (w *watchers) watch(runID string) (events <-chan event, leave func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	mine := make(chan event, 1)
	run := w.runs[runID]
	if run == nil {
		ctx, stop := context.WithCancel(w.ctx)
		run = &watched{followers: map[chan event]bool{}, stop: stop}
		w.runs[runID] = run
		go w.poll(ctx, runID, run)
	} else if run.latest.id != "" {
		mine <- run.latest
	}
	run.followers[mine] = true
	return mine, func() { w.leave(runID, run, mine) }
}

func (w *watchers) leave(runID string, run *watched, mine chan event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(run.followers, mine)
	if len(run.followers) == 0 {
		run.stop()
		if w.runs[runID] == run {
			delete(w.runs, runID)
		}
	}
}

// poll looks at a run until nobody follows it or it has ended.
func (w *watchers) poll(ctx context.Context, runID string, run *watched) {
	tick := time.NewTicker(w.every)
	defer tick.Stop()
	for last := false; !last; {
		if p, err := w.read(ctx, runID); err == nil {
			e := eventOf(p)
			last = e.last
			w.publish(run, e)
		} else if service.HasCode(err, service.RunUnknown) {
			break
		}
		if last {
			break
		}
		select {
		case <-ctx.Done():
			last = true
		case <-tick.C:
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.runs[runID] == run {
		delete(w.runs, runID)
	}
	for follower := range run.followers {
		close(follower)
	}
	run.followers = map[chan event]bool{}
}

func (w *watchers) publish(run *watched, e event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if bytes.Equal(run.latest.data, e.data) {
		return
	}
	run.latest = e
	for follower := range run.followers {
		select {
		case <-follower: // what it has not read is overtaken
		default:
		}
		follower <- e
	}
}
