package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/orgsync/orgsync/db"
)

const (
	// liveEvery refreshes a line in place often enough to look alive.
	liveEvery = 250 * time.Millisecond
	// quietEvery finds changes of phase where nobody watches.
	quietEvery = time.Second
	// rateOver is the time over which members a second are averaged.
	rateOver = 5 * time.Second
)

// watch shows how a run comes along, from the database, which is exact to the page:
// on a terminal one line refreshed in place, elsewhere a line for each phase. It is
// used by one goroutine at a time.
type watch struct {
	out                                 io.Writer
	store                               *db.Store
	workflowID, temporalRunID, provider string

	every   time.Duration
	live    bool
	width   int
	runID   string
	phase   string
	shown   bool
	failed  bool
	samples []sample
}

// sample is how many members had been read at a time.
type sample struct {
	at      time.Time
	members int
}

func newWatch(out io.Writer, store *db.Store, workflowID, temporalRunID, provider string) *watch {
	w := &watch{out: out, store: store, workflowID: workflowID, temporalRunID: temporalRunID, provider: provider, every: quietEvery}
	if screen := newScreen(out, func(string) string { return "" }); screen.terminal {
		w.width, w.live, w.every = screen.width, true, liveEvery
	}
	return w
}

// look shows where the run is. Trouble with the database is told once: the run may
// well go on without this.
func (w *watch) look(ctx context.Context) {
	err := w.refresh(ctx)
	if err != nil && ctx.Err() == nil && !w.failed {
		w.failed = true
		w.interject("cannot show progress: " + oneLineEach(err.Error()))
	}
}

func (w *watch) refresh(ctx context.Context) error {
	if w.runID == "" {
		id, err := w.store.RunByExecution(ctx, w.workflowID, w.temporalRunID)
		if err != nil {
			return ignoreMissing(err)
		}
		w.runID = id
	}
	progress, err := w.store.Progress(ctx, w.runID)
	if err != nil {
		return ignoreMissing(err)
	}
	if w.live {
		w.draw(progress, time.Now())
	} else if progress.Phase != w.phase {
		fmt.Fprintf(w.out, "orgsync: %s\n", progressLine(w.provider, progress, 0, time.Now()))
	}
	w.phase = progress.Phase
	return nil
}

// draw replaces the line on the terminal, cut to its width: a longer one would wrap
// and could not be replaced.
func (w *watch) draw(p db.Progress, now time.Time) {
	line := progressLine(w.provider, p, w.rate(p.MembersRead, now), now)
	fmt.Fprint(w.out, "\r\x1b[2K"+text.Trim(line, w.width-1))
	w.shown = true
}

// rate notes a sample and returns the members read a second of late.
func (w *watch) rate(members int, now time.Time) float64 {
	w.samples = append(w.samples, sample{at: now, members: members})
	for len(w.samples) > 2 && now.Sub(w.samples[0].at) > rateOver {
		w.samples = w.samples[1:]
	}
	first := w.samples[0]
	seconds := now.Sub(first.at).Seconds()
	if seconds <= 0 {
		return 0
	}
	return float64(members-first.members) / seconds
}

// interject writes a line of its own without breaking the live one.
func (w *watch) interject(message string) {
	w.done()
	fmt.Fprintln(w.out, "orgsync:", message)
}

// done takes the live line away.
func (w *watch) done() {
	if w.shown {
		fmt.Fprint(w.out, "\r\x1b[2K")
		w.shown = false
	}
}

// progressLine says where a run is: what has begun already, and no row of noughts.
func progressLine(provider string, p db.Progress, rate float64, now time.Time) string {
	line := provider + ": " + plain(p.Phase)
	if p.Departments > 0 {
		line += fmt.Sprintf(", %s of %s", grouped(p.DepartmentsDone), counted(p.Departments, "department", "departments"))
	}
	if p.MembersRead > 0 { // in each department that they are in
		line += ", " + counted(p.MembersRead, "membership", "memberships") + " read"
	}
	if rate > 0 {
		line += fmt.Sprintf(" (%s/s)", grouped(int(rate)))
	}
	if p.Calls > 0 {
		line += ", " + counted(p.Calls, "call", "calls")
	}
	if p.DepartmentsFailed > 0 {
		line += fmt.Sprintf(", %s failed", grouped(p.DepartmentsFailed))
	}
	return line + ", " + max(0, now.Sub(p.StartedAt)).Round(time.Second).String()
}

// ignoreMissing passes over a run that has not begun, or is gone with its provider.
func ignoreMissing(err error) error {
	if errors.Is(err, db.ErrNotFound) {
		return nil
	}
	return err
}
