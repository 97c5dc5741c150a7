package e2e

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/db/dbtest"
	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/devkit/simulator/wecom"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/provider"
)

// hostile is a request that nobody means well with, as bytes on a connection.
type hostile struct {
	// sends writes the request; an error says that the server has hung up.
	sends func(io.Writer) error
	// status is that of the answer, 0: the server hangs up without one.
	status int
	// counted is the reason under which it is counted, empty where no address was named yet.
	counted provider.Refusal
}

// text sends a request at once.
func text(request string) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.WriteString(w, request)
		return err
	}
}

// trickle goes on with a byte at a time until the server hangs up.
func trickle(beginning, more string) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.WriteString(w, beginning)
		for err == nil {
			time.Sleep(100 * time.Millisecond) // as such senders do
			_, err = io.WriteString(w, more)
		}
		return err
	}
}

// chunked sends so many bytes without having said how many there will be.
func chunked(head string, bytes int) func(io.Writer) error {
	const chunk = 64 << 10
	return func(w io.Writer) error {
		_, err := io.WriteString(w, head+"Transfer-Encoding: chunked\r\n\r\n")
		for sent := 0; sent < bytes && err == nil; sent += chunk {
			_, err = fmt.Fprintf(w, "%x\r\n%s\r\n", chunk, strings.Repeat(" ", chunk))
		}
		if err == nil {
			_, err = io.WriteString(w, "0\r\n\r\n")
		}
		return err
	}
}

// send makes the request on a connection of its own and returns the status of the answer, which says no more.
func (h hostile) send(address string) (status int, err error) {
	c, err := net.Dial("tcp", address) //nolint:noctx // on this machine
	if err != nil {
		return 0, err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		return 0, err
	}
	go func() { _ = h.sends(c) }() // ends with the connection
	answer, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil && errors.Is(err, os.ErrDeadlineExceeded) {
		return 0, err
	}
	if err != nil {
		return 0, nil //nolint:nilerr // the server has hung up
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if h.counted != "" && len(body) > 0 {
		err = errors.New("the answer says something")
	}
	return answer.StatusCode, err
}

// Whatever hostile senders do at the addresses that anybody reaches costs a counter: nothing is stored,
// nothing is logged as a fault, and others are answered meanwhile.
func TestHostileSendersCostACounter(t *testing.T) {
	t.Parallel()
	w := emptyWorld(t, dbtest.New(t), server)
	w.ownNamespace()
	api := w.serve("ORGSYNC_PUBLIC_URL=http://127.0.0.1:1")
	l := newLab(t, 41)
	l.below(simulator.Root, "Works", 3)
	s := w.simulate(directory.WeCom, l.Company)
	genuine := w.follow(s, api.url+"/events/", simulator.Delivery{})
	suite := wecom.Suite{ID: "wwhostile01", Secret: "sim-suite-secret", Token: callbackToken, AESKey: callbackAES,
		ProviderCorp: "wwprovider", ProviderSecret: "sim-provider-secret"}
	x := &suiteWorld{world: w, suite: suite, platform: wecom.NewPlatform(suite, simulator.Options{}), address: api.url,
		service: w.serviceAt(api.url)}
	x.url = serve(t, x.platform)
	ofSuite := x.addSuite(nil)
	x.subscribe()
	x.ticket()
	before := x.installation(ofSuite)
	address := strings.TrimPrefix(api.url, "http://")

	want := map[string]int{}
	var attacks sync.WaitGroup
	attack := func(name, provider string, h hostile) {
		if h.counted != "" {
			want[provider+" "+string(h.counted)]++
		}
		attacks.Go(func() {
			if status, err := h.send(address); err != nil || status != h.status {
				t.Errorf("%s is answered with %d, not with %d: %v", name, status, h.status, err)
			}
		})
	}
	for path, name := range map[string]string{"/events/" + s.name: s.name, "/suites/" + suite.ID: ofSuite} {
		head := "POST " + path + "?msg_signature=0&timestamp=1&nonce=1 HTTP/1.1\r\nHost: x\r\n"
		plain := func(body string) func(io.Writer) error {
			return text(fmt.Sprintf("%sContent-Length: %d\r\n\r\n%s", head, len(body), body))
		}
		for what, h := range map[string]hostile{
			"oversized": {plain(strings.Repeat(" ", provider.MaxMessage+1)), http.StatusRequestEntityTooLarge,
				provider.RefusedTooLarge},
			"oversized without saying so": {chunked(head, provider.MaxMessage+1), http.StatusRequestEntityTooLarge,
				provider.RefusedTooLarge},
			"endless": {chunked(head, 1<<30), http.StatusRequestEntityTooLarge, provider.RefusedTooLarge},
			"slow body": {trickle(head+"Content-Length: 10000\r\n\r\n", " "), http.StatusRequestTimeout,
				provider.RefusedSlow},
			"slow chunks": {trickle(head+"Transfer-Encoding: chunked\r\n\r\n", "1\r\n \r\n"), http.StatusRequestTimeout,
				provider.RefusedSlow},
			"broken chunks": {text(head + "Transfer-Encoding: chunked\r\n\r\nnothing\r\n"), http.StatusBadRequest,
				provider.RefusedMalformed},
			"garbage": {plain("\x00\xff<"), http.StatusBadRequest, provider.RefusedMalformed},
			"forged":  {plain("<xml><Encrypt>AAAA</Encrypt></xml>"), http.StatusForbidden, provider.RefusedSignature},
			"forged check": {text("GET " + path + "?echostr=AAAA HTTP/1.1\r\nHost: x\r\n\r\n"), http.StatusForbidden,
				provider.RefusedSignature},
			"long headers": {text(head + "X: " + strings.Repeat("x", 64<<10) + "\r\n\r\n"),
				http.StatusRequestHeaderFieldsTooLarge, ""},
			"slow headers": {trickle(head, "X: x\r\n"), 0, ""},
			"two lengths": {text(head + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx"),
				http.StatusBadRequest, ""},
			"another verb": {text("DELETE " + path + " HTTP/1.1\r\nHost: x\r\n\r\n"), http.StatusNotFound, ""},
			"nobody's name": {text("POST " + path + "x HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"),
				http.StatusNotFound, ""},
		} {
			attack(what+" at "+path, name, h)
		}
	}
	for what, query := range map[string]string{
		"nothing":                 "",
		"a link that nobody made": "?auth_code=c&state=" + strings.Repeat("0", 32),
		"a state of another form": "?auth_code=c&state=%00%27",
		"a long code":             "?auth_code=" + strings.Repeat("c", 513) + "&state=" + strings.Repeat("0", 32),
	} {
		request := "GET /suites/" + suite.ID + "/installed" + query + " HTTP/1.1\r\nHost: x\r\n\r\n"
		attack("installed with "+what, "", hostile{text(request), http.StatusNotFound, ""})
	}
	attacks.Wait()
	require.Eventually(t, func() bool { return maps.Equal(want, w.refusals()) }, 30*time.Second, 100*time.Millisecond,
		"%v", want)
	for _, table := range []string{"provider_events", "suite_codes", "suite_authorizations", "suite_installs"} {
		require.Zero(t, w.count("SELECT count(*) FROM "+table), table)
	}
	require.Equal(t, before, x.installation(ofSuite))
	require.NotContains(t, w.logs.String(), "level=ERROR")
	require.NotContains(t, w.logs.String(), "level=WARN")

	// The genuine are still heard.
	require.NoError(t, l.SetTitle(1, "Chief"))
	genuine.Wait()
	require.Zero(t, genuine.Lost.Load())
	require.Equal(t, 1, w.count("SELECT count(*) FROM provider_events"))
}

// refusals are the messages refused so far, by provider and reason.
func (w *world) refusals() map[string]int {
	w.t.Helper()
	rows, err := w.pool.Query(w.t.Context(), `SELECT p.name || ' ' || r.reason, sum(r.refused)::int
		FROM provider_event_refusals r JOIN identity_providers p ON p.id = r.provider_id GROUP BY 1`)
	require.NoError(w.t, err)
	counted := map[string]int{}
	var key string
	var n int
	_, err = pgx.ForEachRow(rows, []any{&key, &n}, func() error {
		counted[key] = n
		return nil
	})
	require.NoError(w.t, err)
	return counted
}
