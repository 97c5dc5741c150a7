package run

import (
	"fmt"
	"io"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/orgsync/orgsync/internal/message"
	"github.com/orgsync/orgsync/internal/service"
	"github.com/orgsync/orgsync/starter/cli"
)

const (
	// liveEvery refreshes a line in place often enough to look alive.
	liveEvery = 250 * time.Millisecond
	// quietEvery finds changes of phase where nobody watches.
	quietEvery = time.Second
	// rateOver is the time over which members a second are averaged.
	rateOver = 5 * time.Second
)

// progress shows how a run comes along, exact to the page: on a terminal one line refreshed
// in place, elsewhere a line for each phase. It is used by one goroutine at a time.
type progress struct {
	out      io.Writer
	provider string
	language message.Language

	every   time.Duration
	live    bool
	width   int
	phase   string
	shown   bool
	samples []sample
}

// sample is how many members had been read at a time.
type sample struct {
	at      time.Time
	members int
}

func newProgress(out io.Writer, provider string, language message.Language) *progress {
	p := &progress{out: out, provider: provider, language: language, every: quietEvery}
	if screen := cli.NewScreen(out, func(string) string { return "" }); screen.Terminal {
		p.width, p.live, p.every = screen.Width, true, liveEvery
	}
	return p
}

// show shows where the run is.
func (p *progress) show(now service.Progress) {
	if p.live {
		p.draw(now, time.Now())
	} else if now.Phase != p.phase {
		fmt.Fprintf(p.out, "orgsync: %s\n", progressLine(p.provider, now, 0, time.Now()))
	}
	p.phase = now.Phase
}

// tell shows what keeps the run from coming along.
func (p *progress) tell(trouble service.Trouble) { p.interject(trouble.Text(p.language)) }

// draw replaces the line on the terminal, cut to its width: a longer one would wrap
// and could not be replaced.
func (p *progress) draw(at service.Progress, now time.Time) {
	line := progressLine(p.provider, at, p.rate(at.MembersRead, now), now)
	fmt.Fprint(p.out, "\r\x1b[2K"+text.Trim(line, p.width-1))
	p.shown = true
}

// rate notes a sample and returns the members read a second of late.
func (p *progress) rate(members int, now time.Time) float64 {
	p.samples = append(p.samples, sample{at: now, members: members})
	for len(p.samples) > 2 && now.Sub(p.samples[0].at) > rateOver {
		p.samples = p.samples[1:]
	}
	first := p.samples[0]
	seconds := now.Sub(first.at).Seconds()
	if seconds <= 0 {
		return 0
	}
	return float64(members-first.members) / seconds
}

// interject writes a line of its own without breaking the live one.
func (p *progress) interject(message string) {
	p.done()
	fmt.Fprintln(p.out, "orgsync:", message)
}

// done takes the live line away.
func (p *progress) done() {
	if p.shown {
		fmt.Fprint(p.out, "\r\x1b[2K")
		p.shown = false
	}
}

// progressLine says where a run is: what has begun already, and no row of noughts.
func progressLine(provider string, p service.Progress, rate float64, now time.Time) string {
	line := provider + ": " + cli.Plain(p.Phase)
	if p.Departments > 0 {
		line += fmt.Sprintf(", %s of %s", cli.Grouped(p.DepartmentsDone), cli.Counted(p.Departments, "department",
			"departments"))
	}
	if p.MembersRead > 0 { // in each department that they are in
		line += ", " + cli.Counted(p.MembersRead, "membership", "memberships") + " read"
	}
	if rate > 0 {
		line += fmt.Sprintf(" (%s/s)", cli.Grouped(int(rate)))
	}
	if p.Calls > 0 {
		line += ", " + cli.Counted(p.Calls, "call", "calls")
	}
	if p.DepartmentsFailed > 0 {
		line += fmt.Sprintf(", %s failed", cli.Grouped(p.DepartmentsFailed))
	}
	return line + ", " + max(0, now.Sub(p.StartedAt)).Round(time.Second).String()
}
