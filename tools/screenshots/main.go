// Command screenshots takes the pictures of the Web UI that docs/operations.md shows, from a running development stack
// without data: it brings three simulated companies into the states that the handbook speaks of and photographs what
// Temporal's Web UI says of them. "make screenshots" starts such a stack, runs it and removes the stack. It needs
// Chromium.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/chromedp/chromedp"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: screenshots CHECKOUT, with the environment of its development stack")
		os.Exit(2)
	}
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "screenshots:", err)
		os.Exit(1)
	}
}

func run(checkout string) error {
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.WindowSize(width, 1000),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true))
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	ctx, cancel = chromedp.NewExecAllocator(ctx, options...)
	defer cancel()
	// of events newer than the library
	ctx, cancel = chromedp.NewContext(ctx, chromedp.WithErrorf(func(string, ...any) {}))
	defer cancel()
	p := &photographer{ctx: ctx, checkout: checkout}
	for _, step := range []func(){p.companies, p.ended, p.atWork, p.held, p.schedule, p.list} {
		if step(); p.err != nil {
			return p.err
		}
	}
	return nil
}

const width = 1400

// photographer does one step after the other until one fails.
type photographer struct {
	ctx      context.Context
	checkout string
	err      error
}

// companies fills the stack with runs of every kind.
func (p *photographer) companies() {
	for name, kind := range map[string]string{"acme": "feishu", "globex": "dingtalk", "initech": "wecom"} {
		p.orgsync("0", "provider", "add", name, "--type", kind, "--config",
			filepath.Join(p.checkout, ".dev", "screenshots", kind+".json"))
		p.orgsync("0", "sync", name, "--wait")
	}
	p.orgsync("0", "schedule", "set", "acme", "--every", "1h")
	p.control(http.MethodPost, "/drift", map[string]any{"share": 0.3})
	p.orgsync("0", "sync", "globex", "--plan", "--wait")
	for _, department := range p.departments("globex") {
		p.fault(map[string]any{"endpoint": "user/list", "department": department,
			"action": map[string]any{"kind": "out_of_range"}}, "dingtalk")
	}
	p.orgsync("4", "sync", "globex", "--wait")
	p.fault(map[string]any{"endpoint": "user/list", "action": map[string]any{"kind": "forbidden"}}, "wecom")
	p.orgsync("1", "sync", "initech", "--wait")
	p.control(http.MethodDelete, "/faults", nil)
}

func (p *photographer) ended() {
	p.orgsync("0", "sync", "acme", "--wait")
	p.open("workflows/" + url.PathEscape("orgsync/acme"))
	p.click("User Metadata", "Current Details")
	p.photograph("run", 900)
}

func (p *photographer) atWork() {
	for _, department := range p.departments("acme") {
		p.fault(map[string]any{
			"endpoint": "users/find_by_department", "department": department,
			"action": map[string]any{"kind": "slow", "delay": "20s"},
		}, "feishu")
	}
	p.orgsync("0", "sync", "acme")
	var slices []struct {
		Execution struct {
			WorkflowID string `json:"workflowId"`
		} `json:"execution"`
	}
	for len(slices) == 0 && p.err == nil {
		p.decode(p.temporal("workflow", "list", "-o", "json", "-q",
			`WorkflowType="SyncDepartments" AND ExecutionStatus="Running"`), &slices)
	}
	done := regexp.MustCompile(`"departments_done": ?[1-9]`)
	for p.err == nil &&
		!done.Match(p.temporal("workflow", "query", "-w", slices[0].Execution.WorkflowID, "--type", "progress")) {
		p.note(p.ctx.Err())
	}
	p.open("workflows/" + url.PathEscape(slices[0].Execution.WorkflowID))
	p.click("User Metadata", "Current Details")
	p.photograph("progress", 900)
	p.control(http.MethodDelete, "/faults", nil)
	p.temporal("workflow", "result", "-w", "orgsync/acme")
}

func (p *photographer) held() {
	p.control(http.MethodPost, "/range", map[string]any{"vendor": "feishu", "departments": p.departments("acme")})
	p.orgsync("3", "sync", "acme", "--wait")
	var runs []struct {
		HoldWorkflowID string `json:"hold_workflow_id"`
	}
	p.decode(p.orgsync("0", "runs", "list", "--provider", "acme", "--limit", "1", "--output", "json"), &runs)
	if p.err != nil {
		return
	}
	p.open("workflows/" + url.PathEscape(runs[0].HoldWorkflowID))
	p.click("User Metadata", "Current Details")
	p.photograph("held-run", 900)
	p.click("More Actions", "Send an Update")
	p.click("Send an Update", "Update ID")
	p.photograph("decide", 900)
}

func (p *photographer) schedule() {
	p.open("schedules/" + url.PathEscape("orgsync/acme"))
	p.see("ScheduledSync")
	p.photograph("schedule", 900)
}

// list is last, when there is most to see.
func (p *photographer) list() {
	var columns []map[string]string
	for _, label := range []string{"Status", "Workflow ID", "OrgProvider", "SyncPhase", "SyncOutcome", "DeptFailed",
		"SyncRemoved"} {
		columns = append(columns, map[string]string{"label": label})
	}
	text, err := json.Marshal(map[string]any{"default": columns})
	p.note(err)
	p.do(chromedp.Evaluate("localStorage.setItem('namespace-workflow-table-columns', "+strconv.Quote(string(text))+")",
		nil))
	p.open("workflows?query=" + url.QueryEscape(`WorkflowType="SyncOrg"`))
	p.see("succeeded")
	p.photograph("runs", 700)
}

// departments are half of those that a provider's newest run found, the root aside.
func (p *photographer) departments(provider string) []string {
	var runs []struct {
		ID string `json:"id"`
	}
	p.decode(p.orgsync("0", "runs", "list", "--provider", provider, "--limit", "1", "--output", "json"), &runs)
	if p.err != nil {
		return nil
	}
	var run struct {
		Departments []struct {
			ExternalID string `json:"external_id"`
		} `json:"departments"`
	}
	p.decode(p.orgsync("0", "runs", "show", runs[0].ID, "--output", "json"), &run)
	var some []string
	for i, d := range run.Departments {
		if d.ExternalID != "0" && d.ExternalID != "1" && i%2 == 0 {
			some = append(some, d.ExternalID)
		}
	}
	return some
}

func (p *photographer) note(err error) {
	if p.err == nil {
		p.err = err
	}
}

func (p *photographer) decode(text []byte, into any) {
	if p.err == nil {
		p.err = json.Unmarshal(text, into)
	}
}

// orgsync runs a command that must end with the status.
func (p *photographer) orgsync(status string, arguments ...string) []byte {
	return p.command(status, filepath.Join(p.checkout, "bin", "orgsync"), arguments...)
}

func (p *photographer) temporal(arguments ...string) []byte {
	return p.command("0", filepath.Join(p.checkout, "bin", "dev"),
		append([]string{"tool", "temporal", "--"}, arguments...)...)
}

func (p *photographer) command(status, program string, arguments ...string) []byte {
	if p.err != nil {
		return nil
	}
	var stderr bytes.Buffer
	cmd := exec.CommandContext(p.ctx, program, arguments...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if cmd.ProcessState == nil || fmt.Sprint(cmd.ProcessState.ExitCode()) != status {
		p.err = fmt.Errorf("%s %s: %w, want exit status %s: %s%s", filepath.Base(program),
			strings.Join(arguments, " "), err, status, out, &stderr)
	}
	return out
}

// fault lets a simulated provider fail until all faults are cleared.
func (p *photographer) fault(fault map[string]any, vendor string) {
	fault["times"] = -1
	p.control(http.MethodPost, "/faults", map[string]any{"vendor": vendor, "faults": []any{fault}})
}

// control asks something of the simulator.
func (p *photographer) control(method, path string, body any) {
	if p.err != nil {
		return
	}
	text, err := json.Marshal(body)
	p.note(err)
	request, err := http.NewRequestWithContext(p.ctx, method, os.Getenv("ORGSYNC_SIM_CONTROL_URL")+path,
		bytes.NewReader(text))
	if err != nil {
		p.note(err)
		return
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		p.note(err)
		return
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		p.note(fmt.Errorf("%s %s: %s", method, path, answer.Status))
	}
}

func (p *photographer) do(actions ...chromedp.Action) {
	if p.err == nil {
		p.err = chromedp.Run(p.ctx, actions...)
	}
}

// open opens a page of the namespace.
func (p *photographer) open(path string) {
	p.do(chromedp.Navigate(os.Getenv("ORGSYNC_UI_URL") + "/namespaces/default/" + path))
}

// see waits for words on the page.
func (p *photographer) see(words string) {
	for range 40 {
		var seen bool
		p.do(chromedp.Evaluate("document.body.innerText.includes("+strconv.Quote(words)+")", &seen))
		if seen || p.err != nil {
			return
		}
		p.do(chromedp.Sleep(500 * time.Millisecond))
	}
	p.note(fmt.Errorf("the page does not show %q", words))
}

// click clicks what has that text until the page shows the words: a page may not listen yet when it is shown.
func (p *photographer) click(text, words string) {
	p.see(text)
	for range 10 {
		var seen bool
		p.do(chromedp.Evaluate(`[...document.querySelectorAll('a, button, [role=tab], [role=menuitem]')]
			.filter(e => e.offsetParent && e.innerText.trim().startsWith(`+strconv.Quote(text)+`)).at(0)?.click()`,
			nil), chromedp.Sleep(2*time.Second),
			chromedp.Evaluate("document.body.innerText.includes("+strconv.Quote(words)+")", &seen))
		if seen || p.err != nil {
			return
		}
	}
	p.note(fmt.Errorf("a click on %q does not show %q", text, words))
}

// photograph takes the upper part of the page, that many pixels high.
func (p *photographer) photograph(name string, height int64) {
	var picture []byte
	p.do(chromedp.EmulateViewport(width, height), chromedp.Sleep(3*time.Second), chromedp.CaptureScreenshot(&picture))
	if p.err == nil {
		p.err = os.WriteFile(filepath.Join(p.checkout, "docs", "images", name+".png"), picture, 0o644)
	}
}
