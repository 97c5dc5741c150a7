package run

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/message"
	"github.com/orgsync/orgsync/internal/service"
)

func TestProgressTellsEachPhaseOnce(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	p := newProgress(&out, "acme", message.English)
	at := service.Progress{Phase: "members", StartedAt: time.Now(), Departments: 1, DepartmentsDone: 1, MembersRead: 40}
	p.show(at)
	p.show(at)
	require.Regexp(t, `^orgsync: acme: members, 1 of 1 department, 40 memberships read, \d+s\n$`, out.String())

	out.Reset()
	at.Phase = "removals"
	p.show(at)
	p.show(at)
	require.Regexp(t, `^orgsync: acme: removals, .*\n$`, out.String())
}

func TestLiveLineIsReplacedAndFitsTheTerminal(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	p := &progress{out: &out, provider: "acme", live: true, width: 40}
	began := time.Now()
	at := service.Progress{Phase: "members", StartedAt: began, Departments: 1200, DepartmentsDone: 600,
		DepartmentsFailed: 3}
	p.draw(at, began)
	at.MembersRead = 1000
	p.draw(at, began.Add(2*time.Second))
	require.Equal(t, "\r\x1b[2Kacme: members, 600 of 1,200 departments"+
		"\r\x1b[2Kacme: members, 600 of 1,200 departments", out.String())
	require.Equal(t, "acme: members, 600 of 1,200 departments, 1,000 memberships read (500/s), 3 failed, 2s",
		progressLine("acme", at, 500, began.Add(2*time.Second)))

	out.Reset()
	p.interject("no worker")
	require.Equal(t, "\r\x1b[2Korgsync: no worker\n", out.String())
	p.done()
	require.Equal(t, "\r\x1b[2Korgsync: no worker\n", out.String())
}

func TestRateIsOfTheLastSeconds(t *testing.T) {
	t.Parallel()
	p, began := &progress{}, time.Now()
	require.Zero(t, p.rate(0, began))
	require.InDelta(t, 100, p.rate(100, began.Add(time.Second)), 0.1)
	for second := 2; second <= 20; second++ {
		p.rate(100, began.Add(time.Duration(second)*time.Second))
	}
	require.Zero(t, p.rate(100, began.Add(21*time.Second)))
}
