package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/db/audit"
	"github.com/orgsync/orgsync/db/dbtest"
	"github.com/orgsync/orgsync/db/tokens"
	"github.com/orgsync/orgsync/internal/access"
	"github.com/orgsync/orgsync/internal/directory"
)

// apiServer is a server process of a world.
type apiServer struct {
	w       *world
	program string
	url     string
	// settings are more than those that every server of a test has, and count before them.
	settings []string
	process  *exec.Cmd
}

func (w *world) serve(settings ...string) *apiServer {
	w.t.Helper()
	s := &apiServer{w: w, program: filepath.Join(w.t.TempDir(), "orgsync-server"), settings: settings}
	out, err := exec.CommandContext(w.t.Context(), "go", "build", "-o", s.program,
		"github.com/orgsync/orgsync/server").CombinedOutput()
	require.NoError(w.t, err, string(out))
	s.start()
	w.t.Cleanup(s.kill)
	return s
}

// start starts the process, at an address of its own, and returns once it is ready.
func (s *apiServer) start() {
	s.w.t.Helper()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(s.w.t, err)
	address := free.Addr().String()
	require.NoError(s.w.t, free.Close())
	s.url = "http://" + address
	s.process = exec.Command(s.program)
	s.process.Env = append([]string{
		"HOME=" + s.w.t.TempDir(), "DATABASE_URL=" + dbtest.As(s.w.t, "orgsync_operator",
			s.w.url), "ORGSYNC_KEYSET=" + s.w.settings["ORGSYNC_KEYSET"],
		"TEMPORAL_ADDRESS=" + s.w.settings["TEMPORAL_ADDRESS"],
		"TEMPORAL_NAMESPACE=" + s.w.settings["TEMPORAL_NAMESPACE"], "ORGSYNC_SERVER_ADDRESS=" + address,
	}, s.settings...)
	s.process.Stderr = s.w.logs
	require.NoError(s.w.t, s.process.Start())
	require.Eventually(s.w.t, func() bool {
		answer, err := http.Get(s.url + "/readyz") //nolint:noctx // of the test's own process
		if err != nil {
			return false
		}
		defer answer.Body.Close()
		return answer.StatusCode == http.StatusOK
	}, 30*time.Second, 20*time.Millisecond)
}

// kill ends the process as a crash does.
func (s *apiServer) kill() {
	_ = s.process.Process.Kill()
	_ = s.process.Wait()
}

// operator makes a token.
func (s *apiServer) operator(name string) string {
	s.w.t.Helper()
	token, hash := access.NewToken()
	_, err := s.w.store.Tokens.Add(s.w.t.Context(), tokens.Token{Name: name, Role: "operator"}, hash,
		audit.By{Name: "test"})
	require.NoError(s.w.t, err)
	return token
}

// send makes a request; status 0 says that there was no answer.
func (s *apiServer) send(token, method, path, ifMatch, body string) (status int, header http.Header, text string) {
	r, err := http.NewRequestWithContext(s.w.t.Context(), method, s.url+"/api/v1"+path, strings.NewReader(body))
	if err != nil {
		return 0, nil, err.Error()
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", "application/json")
	if ifMatch != "" {
		r.Header.Set("If-Match", ifMatch)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, nil, err.Error()
	}
	defer answer.Body.Close()
	read, err := io.ReadAll(answer.Body)
	if err != nil {
		return 0, nil, err.Error()
	}
	return answer.StatusCode, answer.Header, string(read)
}

// removals returns the people whom a run would remove, by external ids, and the list's tag.
func (s *apiServer) removals(token, runID string) (members []string, tag string) {
	s.w.t.Helper()
	status, header, text := s.send(token, http.MethodGet, "/runs/"+runID+"/removals?limit=200", "", "")
	require.Equal(s.w.t, http.StatusOK, status, text)
	var list struct {
		Items []struct {
			Type string `json:"object_type"`
			ID   string `json:"external_id"`
		}
	}
	require.NoError(s.w.t, json.Unmarshal([]byte(text), &list))
	for _, item := range list.Items {
		if item.Type == "member" {
			members = append(members, item.ID)
		}
	}
	return members, header.Get("ETag")
}

// requireOnlyThese waits until the run has ended and requires that it removed these people.
func (w *world) requireOnlyThese(c *leaving, runID string, leavers []string) {
	w.t.Helper()
	require.Eventually(w.t, func() bool { return w.status(runID) == directory.RunSucceeded }, time.Minute,
		50*time.Millisecond)
	rows, err := w.pool.Query(w.t.Context(), `SELECT m.external_id FROM org_members m
		JOIN identity_providers p ON p.id = m.provider_id
		WHERE p.name = $1 AND m.status = 'deleted'`, c.name)
	require.NoError(w.t, err)
	gone, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(w.t, err)
	require.ElementsMatch(w.t, leavers, gone)
}

// decisions are what the audit log has of decisions on a run.
func (w *world) decisions(runID string) (entries []audit.Entry) {
	w.t.Helper()
	all, err := w.store.Audit.List(w.t.Context(), "", "", 0, 100)
	require.NoError(w.t, err)
	return slices.DeleteFunc(all, func(e audit.Entry) bool {
		return e.Object != "run/"+runID || e.Action != "run.decide" && e.Action != "run.note"
	})
}

// Whoever decides has seen the very list. Of two who decide at once one is told.
func TestDecidingByTheAPI(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := newLeaving(w, directory.WeCom)
	leavers, newcomer := c.leave(limit + 1)
	held := w.held(c, leavers, newcomer)
	s := w.serve()
	ann, bob := s.operator("ann"), s.operator("bob")
	shown, tag := s.removals(ann, held.RunID)
	require.ElementsMatch(t, leavers, shown)
	decision := "/runs/" + held.RunID + "/decision"
	const approve, reject = `{"decision":"approve","note":"they moved to the other company"}`, `{"decision":"reject"}`
	for ifMatch, want := range map[string]int{"": http.StatusPreconditionRequired,
		`"other"`: http.StatusPreconditionFailed, "*": http.StatusPreconditionFailed} {
		status, _, text := s.send(ann, http.MethodPut, decision, ifMatch, approve)
		require.Equal(t, want, status, text)
	}
	// A list that is another one since it was looked at.
	_, err := w.pool.Exec(t.Context(), `UPDATE sync_run_removals SET confirmed = false
		WHERE run_id = $1 AND object_id = (SELECT min(object_id::text)::uuid
		FROM sync_run_removals WHERE run_id = $1 AND object_type = 'member')`, held.RunID)
	require.NoError(t, err)
	status, _, text := s.send(ann, http.MethodPut, decision, tag, approve)
	require.Equal(t, http.StatusPreconditionFailed, status, text)
	_, err = w.pool.Exec(t.Context(), `UPDATE sync_run_removals SET confirmed = true WHERE run_id = $1`, held.RunID)
	require.NoError(t, err)
	require.Equal(t, directory.RunHeld, w.status(held.RunID))
	require.Empty(t, w.decisions(held.RunID))

	var both sync.WaitGroup
	statuses, texts := make([]int, 2), make([]string, 2)
	for i, token := range []string{ann, bob} {
		both.Go(func() { statuses[i], _, texts[i] = s.send(token, http.MethodPut, decision, tag, approve) })
	}
	both.Wait()
	require.ElementsMatch(t, []int{http.StatusOK, http.StatusConflict}, statuses, texts)
	w.requireOnlyThese(c, held.RunID, leavers)
	winner, names := slices.Index(statuses, http.StatusOK), []string{"token ann", "token bob"}
	told := w.histories(held.HoldWorkflowID, "")
	for _, secret := range append(names, "127.0.0.1") {
		require.NotContains(t, told, secret, "Temporal has only the id of who decides")
	}
	require.Equal(t, names[winner], w.actors(held.RunID)[1])
	entries := w.decisions(held.RunID)
	require.Len(t, entries, 2, "the decision that was refused is not there")
	for action, after := range map[string]string{
		"run.note": `{"note":"they moved to the other company"}`,
		// 21 people with their memberships, and the one whom another has left.
		"run.decide": `{"decision":"approve","removals":43}`,
	} {
		at := slices.IndexFunc(entries, func(e audit.Entry) bool { return e.Action == action })
		require.GreaterOrEqual(t, at, 0, action)
		require.JSONEq(t, after, string(entries[at].After))
		require.Equal(t, audit.By{Name: names[winner], Address: "127.0.0.1"}, entries[at].By)
	}

	// Once more by the same changes nothing; another decision, or another's, is refused.
	status, _, text = s.send([]string{ann, bob}[winner], http.MethodPut, decision, tag, approve)
	require.Equal(t, http.StatusOK, status, text)
	status, _, text = s.send([]string{ann, bob}[winner], http.MethodPut, decision, tag, reject)
	require.Equal(t, http.StatusConflict, status, text)
	status, _, text = s.send([]string{bob, ann}[winner], http.MethodPut, decision, tag, approve)
	require.Equal(t, http.StatusConflict, status, text)
	require.Contains(t, text, `"code":"already_decided"`)
	require.Len(t, w.decisions(held.RunID), 2)
}

// However often the server is killed while it decides, the decision counts once and nothing
// else is removed.
func TestTheServerIsKilledWhileItDecides(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := newLeaving(w, directory.DingTalk)
	leavers, newcomer := c.leave(limit + 1)
	held := w.held(c, leavers, newcomer)
	s := w.serve()
	ann := s.operator("ann")
	_, tag := s.removals(ann, held.RunID)
	answered := 0 // with this status; 0: not at all
	for delay := time.Millisecond; answered != http.StatusOK; delay *= 2 {
		require.Less(t, delay, time.Minute)
		done := make(chan int, 1)
		go func() {
			status, _, _ := s.send(ann, http.MethodPut, "/runs/"+held.RunID+"/decision", tag, `{"decision":"approve"}`)
			done <- status
		}()
		answered = 0
		select {
		case answered = <-done:
			s.kill()
		case <-time.After(delay):
			s.kill()
			<-done
		}
		if answered != http.StatusOK {
			s.start()
		}
	}
	w.requireOnlyThese(c, held.RunID, leavers)
	require.Equal(t, "token ann", w.actors(held.RunID)[1])
	require.Len(t, w.decisions(held.RunID), 1)
}

// stream is a run that is followed as a browser does.
type stream struct {
	t     *testing.T
	body  io.ReadCloser
	lines *bufio.Reader
	// seen is the id of the last event.
	seen string
}

// follow follows a run from behind an event.
func (s *apiServer) follow(token, runID, seen string) *stream {
	s.w.t.Helper()
	r, err := http.NewRequestWithContext(s.w.t.Context(), http.MethodGet, s.url+"/api/v1/runs/"+runID+"/progress", nil)
	require.NoError(s.w.t, err)
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Last-Event-ID", seen)
	answer, err := http.DefaultClient.Do(r)
	require.NoError(s.w.t, err)
	require.Equal(s.w.t, http.StatusOK, answer.StatusCode)
	s.w.t.Cleanup(func() { _ = answer.Body.Close() })
	return &stream{t: s.w.t, body: answer.Body, lines: bufio.NewReader(answer.Body), seen: seen}
}

// next returns the next event, "" where the stream ends.
func (s *stream) next() (event string) {
	for {
		line, err := s.lines.ReadString('\n')
		if err != nil {
			return ""
		}
		if id, is := strings.CutPrefix(line, "id: "); is {
			s.seen = strings.TrimSpace(id)
		}
		if event += line; line == "\n" && strings.Contains(event, "data: ") {
			return event
		}
	}
}

// Who follows a run while the server is killed goes on at another one: what happened meanwhile is
// told, once, and what was seen is not told again.
func TestTheServerIsKilledWhileARunIsFollowed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := newLeaving(w, directory.Feishu)
	leavers, newcomer := c.leave(limit + 1)
	held := w.held(c, leavers, newcomer)
	s := w.serve()
	ann := s.operator("ann")
	follows, came := s.follow(ann, held.RunID, ""), s.follow(ann, held.RunID, "")
	for _, one := range []*stream{follows, came} {
		require.Contains(t, one.next(), `"status":"held"`)
	}
	s.kill()
	require.Empty(t, follows.next(), "the stream is gone")
	s.start()
	again := s.follow(ann, held.RunID, follows.seen)
	_, tag := s.removals(ann, held.RunID)
	status, _, text := s.send(ann, http.MethodPut, "/runs/"+held.RunID+"/decision", tag, `{"decision":"approve"}`)
	require.Equal(t, http.StatusOK, status, text)
	told := again.next()
	require.NotContains(t, told, `"status":"held"`, "it was seen before")
	for told != "" && !strings.Contains(told, "event: end") {
		told = again.next()
	}
	require.Contains(t, told, `"status":"succeeded"`)
	w.requireOnlyThese(c, held.RunID, leavers)

	s.kill()
	s.start()
	for seen, want := range map[string]string{came.seen: "event: end", "": "event: end", again.seen: ""} {
		one := s.follow(ann, held.RunID, seen)
		require.Contains(t, one.next(), want)
		require.Empty(t, one.next(), "a run that has ended ends the stream")
	}
	require.Len(t, w.decisions(held.RunID), 1)
}

// A server that is told to stop ends its streams and lets requests end.
func TestTheServerStops(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := newLeaving(w, directory.Feishu)
	leavers, newcomer := c.leave(limit + 1)
	held := w.held(c, leavers, newcomer)
	s := w.serve()
	ann := s.operator("ann")
	followed := s.follow(ann, held.RunID, "")
	require.Contains(t, followed.next(), `"status":"held"`)

	// One request is in the middle of its body.
	connection, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	require.NoError(t, err)
	defer connection.Close()
	_, tag := s.removals(ann, held.RunID)
	const body = `{"decision":"reject","note":"they are still here"}`
	_, err = fmt.Fprintf(connection, "PUT /api/v1/runs/%s/decision HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n"+
		"If-Match: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n",
		held.RunID, ann, tag, len(body))
	require.NoError(t, err)
	answers := bufio.NewReader(connection)
	line, err := answers.ReadString('\n')
	require.NoError(t, err)
	require.Contains(t, line, "100 Continue", "the server reads the body")
	_, err = answers.ReadString('\n')
	require.NoError(t, err)

	require.NoError(t, s.process.Process.Signal(os.Interrupt))
	require.Empty(t, followed.next(), "the stream ends")
	_, err = fmt.Fprint(connection, body)
	require.NoError(t, err)
	line, err = answers.ReadString('\n')
	require.NoError(t, err)
	require.Contains(t, line, "200 OK", "the decision is taken")
	ended := make(chan error, 1)
	go func() { ended <- s.process.Wait() }()
	select {
	case err := <-ended:
		require.NoError(t, err, "it ends with status 0")
	case <-time.After(10 * time.Second):
		require.Fail(t, "the server does not stop while a run is followed")
	}
	require.Equal(t, directory.RunRejected, w.status(held.RunID))
	require.Len(t, w.decisions(held.RunID), 2)
}
