package browser

import (
	"bytes"
	"compress/gzip"
	"context"
	_ "embed"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// pictures is the folder that the handbook's pictures are written to; empty: none are taken.
var pictures = flag.String("pictures", "", "folder to write pictures of every page to")

//go:embed axe-4.14.1.min.js.gz
var axeFile []byte

// axe finds what keeps people from using a page.
var axe = func() string {
	file, err := gzip.NewReader(bytes.NewReader(axeFile))
	if err != nil {
		panic(err) // compiled in
	}
	text, err := io.ReadAll(file)
	if err != nil {
		panic(err)
	}
	return string(text)
}()

// checkout is the project's folder.
var checkout, _ = filepath.Abs(filepath.Join("..", ".."))

// person is somebody at a browser.
type person struct {
	t   *testing.T
	ctx context.Context
	url string
}

// patience is how long a page may take to show what is waited for.
const patience = 40 * time.Second

// arrive opens a browser of its own.
func arrive(t *testing.T) *person {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true), chromedp.Flag("lang", "en"), chromedp.Flag("accept-lang", "en"))
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(cancel)
	// of events newer than the library
	ctx, cancel = chromedp.NewContext(ctx, chromedp.WithErrorf(func(string, ...any) {}))
	t.Cleanup(cancel)
	require.NoError(t, chromedp.Run(ctx)) // the browser lives as long as the context that it was started with
	p := &person{t: t, ctx: ctx, url: os.Getenv("ORGSYNC_SERVER_URL")}
	require.NotEmpty(t, p.url, "run this by: make browser")
	p.do(chromedp.EmulateViewport(wide, 900))
	return p
}

const wide = 1280

// do does things in the browser.
func (p *person) do(actions ...chromedp.Action) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	if err := chromedp.Run(ctx, actions...); err != nil {
		var at, body string
		_ = chromedp.Run(p.ctx, chromedp.Location(&at), chromedp.Text("body", &body, chromedp.ByQuery))
		require.NoError(p.t, err, "at %s:\n%s", at, body)
	}
}

func (p *person) open(path string) {
	p.t.Helper()
	if !strings.HasPrefix(path, "http") {
		path = p.url + path
	}
	p.do(chromedp.Navigate(path), chromedp.WaitVisible("main", chromedp.ByQuery))
}

// sees waits for a text on the page.
func (p *person) sees(text string) {
	p.t.Helper()
	p.do(p.untilIs("document.body.innerText.includes(" + quoted(text) + ")"))
}

// untilIs waits until a script says true, whatever pages come and go meanwhile.
func (p *person) untilIs(script string) chromedp.Action {
	return chromedp.ActionFunc(func(ctx context.Context) error {
		for tick := time.NewTicker(50 * time.Millisecond); ; {
			var answer bool
			if chromedp.Evaluate(script, &answer).Do(ctx) == nil && answer {
				tick.Stop()
				return nil
			}
			select {
			case <-ctx.Done():
				return fmt.Errorf("never true: %s: %w", script, ctx.Err())
			case <-tick.C:
			}
		}
	})
}

// clicks presses the link or button with a text.
func (p *person) clicks(text string) {
	p.t.Helper()
	at := fmt.Sprintf(`//main//*[self::a or self::button or self::summary][normalize-space()=%s]`, quoted(text))
	p.do(chromedp.Click(at, chromedp.BySearch, chromedp.NodeVisible))
}

// types fills in a field.
func (p *person) types(name, text string) {
	p.t.Helper()
	at := fmt.Sprintf(`main [name=%q]`, name)
	p.do(chromedp.WaitVisible(at, chromedp.ByQuery),
		chromedp.Evaluate("document.querySelector("+quoted(at)+").value = ''", nil),
		chromedp.SendKeys(at, text, chromedp.ByQuery))
}

// is asks the page a question.
func (p *person) is(script string) bool {
	p.t.Helper()
	var answer bool
	p.do(chromedp.Evaluate(script, &answer))
	return answer
}

// path is where the browser is.
func (p *person) path() string {
	p.t.Helper()
	var at string
	p.do(chromedp.Location(&at))
	return strings.TrimPrefix(at, p.url)
}

func (p *person) scheme(name string) {
	p.t.Helper()
	p.do(emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: name}, {Name: "prefers-reduced-motion", Value: "reduce"},
	}))
}

// reachable requires that everybody can use the page, in both languages.
func (p *person) reachable(name string) {
	p.t.Helper()
	at := p.path()
	saw(p.t, at)
	for _, language := range []string{"zh", "en"} {
		p.read(language, at)
		p.accessible(name + " in " + language)
		p.narrow(name + " in " + language)
		require.False(p.t, p.is(`document.body.innerText.includes("console.")`), "%s has a text without words", name)
		require.False(p.t, p.is(`document.body.innerText.includes("<no value>")`), "%s has a gap in a text", name)
	}
}

// read opens a page in a language.
func (p *person) read(language, path string) {
	p.t.Helper()
	p.do(network.SetCookie("orgsync_language", language).WithURL(p.url).WithHTTPOnly(true))
	p.open(path)
}

// accessible requires that axe finds no violation on the page, in both colour schemes.
func (p *person) accessible(name string) {
	p.t.Helper()
	p.do(chromedp.Evaluate(axe+"; true", nil))
	for _, scheme := range []string{"dark", "light"} {
		p.scheme(scheme)
		var found []struct {
			ID    string
			Nodes []struct{ HTML, FailureSummary string }
		}
		p.do(chromedp.Evaluate(
			`axe.run().then(r => r.violations.map(v => ({ID: v.id, Nodes: v.nodes.map(n =>
				({HTML: n.html, FailureSummary: n.failureSummary}))})))`, &found, chromedp.EvalAsValue, awaited))
		require.Empty(p.t, found, "%s in %s", name, scheme)
	}
}

// narrow requires that the page does not scroll sideways at 400 % of zoom, which leaves 320 pixels of
// a screen.
func (p *person) narrow(name string) {
	p.t.Helper()
	p.do(chromedp.EmulateViewport(narrow, 640))
	require.True(p.t, p.is("document.documentElement.scrollWidth <= innerWidth"), "%s scrolls sideways", name)
	p.do(chromedp.EmulateViewport(wide, 900))
}

const narrow = 320

func quoted(text string) string {
	out, _ := json.Marshal(text)
	return string(out)
}

// orgsync runs a command and returns what it prints. The exit status may be that of a held run.
func orgsync(t *testing.T, arguments ...string) string {
	t.Helper()
	var stderr bytes.Buffer
	cmd := exec.CommandContext(t.Context(), filepath.Join(checkout, "bin", "orgsync"), arguments...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != 0 && cmd.ProcessState.ExitCode() != 3 {
		require.NoError(t, err, stderr.String())
	}
	return strings.TrimSpace(string(out))
}

// control asks something of the simulator.
func control(t *testing.T, method, path string, body any) {
	t.Helper()
	text, err := json.Marshal(body)
	require.NoError(t, err)
	request, err := http.NewRequestWithContext(t.Context(), method, os.Getenv("ORGSYNC_SIM_CONTROL_URL")+path,
		bytes.NewReader(text))
	require.NoError(t, err)
	answer, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	require.Equal(t, http.StatusOK, answer.StatusCode, path)
}
