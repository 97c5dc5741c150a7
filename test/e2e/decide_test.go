package e2e

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/db/dbtest"
	"github.com/orgsync/orgsync/db/providers"
	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/devkit/stack"
	"github.com/orgsync/orgsync/internal/config"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/workflows"
)

// mailbox is a service that takes messages as the three group robots and as a generic
// webhook, and checks what they check.
type mailbox struct {
	t    *testing.T
	url  string
	came map[string]chan string
}

const robotSecret = "SECrobot"

func newMailbox(t *testing.T) *mailbox {
	t.Helper()
	m := &mailbox{t: t, came: map[string]chan string{}}
	mux := http.NewServeMux()
	for format, read := range map[string]func(*http.Request) (text string, answer string){"json": readJSON,
		"feishu": readFeishu, "dingtalk": readDingTalk, "wecom": readWeCom} {
		came := make(chan string, 100)
		m.came[format] = came
		mux.HandleFunc("/"+format, func(w http.ResponseWriter, r *http.Request) {
			text, answer := read(r)
			came <- text
			_, _ = w.Write([]byte(answer))
		})
	}
	service := httptest.NewServer(mux)
	t.Cleanup(service.Close)
	m.url = service.URL
	return m
}

// setting is the mailbox as workers are told of it.
func (m *mailbox) setting() string {
	return strings.Join([]string{"json:" + m.url + "/json", "feishu:" + m.url + "/feishu#" + robotSecret,
		"dingtalk:" + m.url + "/dingtalk?access_token=t#" + robotSecret, "wecom:" + m.url + "/wecom?key=k"}, "\n")
}

// wait waits until a message that says all of this has come in every format.
func (m *mailbox) wait(wanted ...string) {
	m.t.Helper()
	late := time.After(time.Minute)
	for format, came := range m.came {
		for found := false; !found; {
			select {
			case text := <-came:
				found = !slices.ContainsFunc(wanted, func(want string) bool { return !strings.Contains(text, want) })
			case <-late:
				require.Fail(m.t, "no such message came", "%s: %v", format, wanted)
			}
		}
	}
}

func signed(key, message, sign string) bool {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(message))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil)) == sign
}

func readJSON(r *http.Request) (text, answer string) {
	var body struct{ Event, Text string }
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		return err.Error(), ""
	}
	return body.Text, "thanks"
}

func readFeishu(r *http.Request) (text, answer string) {
	var body struct {
		Timestamp, Sign string
		Type            string `json:"msg_type"`
		Content         struct{ Text string }
	}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil || body.Type != "text" {
		return "no text message", `{"code":9499}`
	}
	if !signed(body.Timestamp+"\n"+robotSecret, "", body.Sign) {
		return "not signed", `{"code":19021}`
	}
	return body.Content.Text, `{"code":0}`
}

func readDingTalk(r *http.Request) (text, answer string) {
	query := r.URL.Query()
	if query.Get("access_token") != "t" || !signed(robotSecret, query.Get("timestamp")+"\n"+robotSecret,
		query.Get("sign")) {
		return "not signed", `{"errcode":310000}`
	}
	return readText(r)
}

func readWeCom(r *http.Request) (text, answer string) {
	if r.URL.Query().Get("key") != "k" {
		return "no key", `{"errcode":93000}`
	}
	return readText(r)
}

func readText(r *http.Request) (text, answer string) {
	var body struct {
		Type string `json:"msgtype"`
		Text struct{ Content string }
	}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil || body.Type != "text" {
		return "no text message", `{"errcode":40008}`
	}
	return body.Text.Content, `{"errcode":0}`
}

// configure sets more settings for the workers to come.
func (w *world) configure(settings map[string]string) {
	w.t.Helper()
	maps.Copy(w.settings, settings)
	var err error
	w.cfg, err = config.Load(func(name string) string { return w.settings[name] })
	require.NoError(w.t, err)
}

// holdFor sets how long the source's held runs wait.
func (w *world) holdFor(s *source, d time.Duration) {
	w.t.Helper()
	p, err := w.store.Providers.FindByName(w.t.Context(), s.name)
	require.NoError(w.t, err)
	require.NoError(w.t, w.store.Providers.Update(w.t.Context(), p.ID,
		providers.Change{Guard: providers.GuardChange{HoldFor: &d}}, nil))
}

// programs are what an operator has at hand: the temporal program and orgsync itself.
type programs struct {
	w                 *world
	temporal, orgsync string
}

func (w *world) programs() programs {
	w.t.Helper()
	p := programs{w: w, orgsync: filepath.Join(w.t.TempDir(), "orgsync")}
	var err error
	p.temporal, err = stack.TemporalBinary(w.t.Context(), os.Stderr)
	require.NoError(w.t, err)
	out, err := exec.CommandContext(w.t.Context(), "go", "build", "-o", p.orgsync,
		"github.com/orgsync/orgsync/starter").CombinedOutput()
	require.NoError(w.t, err, string(out))
	return p
}

// run runs a program as an operator of this world and returns what it prints.
func (p programs) run(program string, args ...string) (stdout string, status int) {
	p.w.t.Helper()
	ctx, cancel := context.WithTimeout(p.w.t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = []string{"HOME=" + p.w.t.TempDir(), "DATABASE_URL=" + p.w.url,
		"TEMPORAL_ADDRESS=" + p.w.settings["TEMPORAL_ADDRESS"]}
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		require.IsType(p.w.t, &exec.ExitError{}, err)
	}
	p.w.t.Logf("%s %v: %s%s", filepath.Base(program), args, out, stderr.String())
	return string(out), cmd.ProcessState.ExitCode()
}

// update decides with the temporal program, as the handbook and the Web UI's details
// say.
func (p programs) update(held workflows.SyncResult, name string) (result workflows.SyncResult) {
	p.w.t.Helper()
	out, status := p.run(p.temporal, "workflow", "update", "execute", "--workflow-id", held.HoldWorkflowID, "--name",
		name, "--output", "json")
	require.Zero(p.w.t, status)
	var answer struct{ Result workflows.SyncResult }
	require.NoError(p.w.t, json.Unmarshal([]byte(out), &answer))
	return answer.Result
}

// actors are who started and who decided a run.
func (w *world) actors(runID string) []string {
	w.t.Helper()
	run, err := w.store.Report.GetRun(w.t.Context(), runID)
	require.NoError(w.t, err)
	return []string{run.StartedBy, run.DecidedBy}
}

// A run that would remove three in ten people is held with nobody removed. Whoever is
// to know hears of it. Rejecting and waiting keep everybody, approving removes exactly
// those who were shown: by the temporal program and by the command line.
func TestDeciding(t *testing.T) {
	t.Parallel()
	w := emptyWorld(t, dbtest.New(t), server)
	mail := newMailbox(t)
	w.configure(map[string]string{"ORGSYNC_NOTIFY": mail.setting(), "ORGSYNC_UI_URL": "http://ui.example.com"})
	w.startWorker()
	use := w.programs()

	company := newLab(t, 61)
	department, people := company.below(simulator.Root, "First", 69)
	s := w.simulate(directory.DingTalk, company.Company)
	w.succeed(s)
	for format, came := range mail.came {
		require.Empty(t, came, format)
	}

	// leave lets three in ten go, and returns the run that is held for it.
	leave := func(n int) (held workflows.SyncResult, leavers []string) {
		for _, p := range people[:n] {
			leavers = append(leavers, s.member(p))
			company.must(company.Leave(p))
		}
		people = people[n:]
		before := w.standing(s)
		held = w.sync(s.name)
		require.Equal(t, directory.RunHeld, held.Status, held.Errors)
		require.Equal(t, before, w.standing(s), "held, but something went")
		return held, leavers
	}
	held, leavers := leave(22)
	require.Contains(t, held.HoldReason, "it would remove 22 of 70 members; the limit is 20")
	mail.wait(s.name+" waits for a decision", held.HoldReason, "orgsync approve "+s.name+" "+held.RunID, held.RunID,
		"http://ui.example.com/namespaces/default/workflows/orgsync%2F"+s.name+"%2Fremovals%2F")
	out, status := use.run(use.temporal, "workflow", "query", "--workflow-id", held.HoldWorkflowID, "--type",
		workflows.RemovalsQuery)
	require.Zero(t, status)
	require.Contains(t, out, leavers[0])
	out, status = use.run(use.orgsync, "runs", "show", held.RunID)
	require.Zero(t, status)
	require.Contains(t, out, leavers[0])

	before := w.standing(s)
	require.Equal(t, directory.RunRejected, use.update(held, workflows.RejectUpdate).Status)
	require.Equal(t, []string{"temporal", "temporal"}, w.actors(held.RunID))
	require.Equal(t, before, w.standing(s))
	stale := w.sync(s.name)
	require.Equal(t, directory.RunHeld, stale.Status, "the reason is still there")
	held = w.sync(s.name)
	require.Equal(t, directory.RunHeld, held.Status)
	_, status = use.run(use.orgsync, "approve", s.name)
	require.Equal(t, 2, status, "nobody is there to be asked")
	_, status = use.run(use.orgsync, "approve", s.name, stale.RunID)
	require.Equal(t, 6, status, "another run took its place")
	require.Equal(t, before, w.standing(s))
	_, status = use.run(use.orgsync, "reject", s.name, held.RunID[:8])
	require.Zero(t, status)
	require.Equal(t, before, w.standing(s))

	// Nobody decides.
	w.holdFor(s, time.Second)
	held = w.sync(s.name)
	require.Equal(t, directory.RunHeld, held.Status)
	var expired workflows.SyncResult
	require.NoError(t, w.temporal.GetWorkflow(t.Context(), held.HoldWorkflowID, "").Get(t.Context(), &expired))
	require.Equal(t, directory.RunRejected, expired.Status)
	require.Contains(t, expired.Errors[0], "nobody decided by")
	require.Equal(t, []string{"temporal", "expired"}, w.actors(held.RunID))
	require.Equal(t, before, w.standing(s))
	mail.wait("nobody decided on the removals of "+s.name, held.RunID, "orgsync sync "+s.name)
	w.holdFor(s, 72*time.Hour)

	// Approved: those who were shown go, and nobody else, also not who left since.
	held = w.sync(s.name)
	since := people[0]
	people = people[1:]
	company.must(company.Leave(since))
	company.hire(department)
	result := use.update(held, workflows.ApproveUpdate)
	require.Equal(t, directory.RunSucceeded, result.Status, result.Errors)
	for _, id := range leavers {
		delete(before.Members, id)
	}
	require.Equal(t, slices.Sorted(maps.Keys(before.Members)), slices.Sorted(maps.Keys(w.members(s.name))))
	w.succeed(s)

	held, _ = leave(len(people)/2 + 1)
	_, status = use.run(use.orgsync, "approve", s.name, "--yes")
	require.Zero(t, status)
	require.Equal(t, directory.RunSucceeded, w.status(held.RunID))
	host, err := os.Hostname()
	require.NoError(t, err)
	require.Regexp(t, "^[^ @]+@"+regexp.QuoteMeta(host)+"$", w.actors(held.RunID)[1])
	w.requireEqual(s)

	s.faults.Add(simulator.Fault{Times: simulator.Forever, Action: simulator.Action{Kind: simulator.Forbidden}})
	failed := w.sync(s.name)
	require.Equal(t, directory.RunFailed, failed.Status)
	mail.wait("the sync of "+s.name+" failed\n"+failed.Errors[0], failed.RunID)
}
