package browser

import (
	"encoding/json"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"
)

// awaited has a script's promise awaited.
func awaited(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }

// One person comes to a new installation, connects a company, and decides about what it would
// remove. The steps follow each other, as the states do.
func TestConsole(t *testing.T) {
	p := arrive(t)
	for _, step := range []struct {
		name string
		do   func(*person)
	}{
		{"signs in", signsIn}, {"connects a company", connects}, {"decides with keys alone", rejects},
		{"decides by clicks", approves}, {"sees every page", seesEveryPage}, {"reads Chinese", readsChinese},
		{"signs out", signsOut},
	} {
		p.t = t
		if !t.Run(step.name, func(t *testing.T) { p.t = t; step.do(p) }) {
			return
		}
	}
}

func signsIn(p *person) {
	p.open("/runs")
	require.True(p.t, strings.HasPrefix(p.path(), "/sign-in"), p.path())
	p.reachable("sign-in")
	p.photograph("sign-in")
	link := orgsync(p.t, "console")
	p.open(link)
	p.sees("This link")
	p.reachable("link")
	p.clicks("Sign in")
	p.sees("No provider yet.")
	p.reachable("empty overview")
	other := arrive(p.t)
	other.open(link)
	other.clicks("Sign in")
	other.sees("used before")
}

// configuration is the simulated company's.
func configuration(t *testing.T) (config map[string]string) {
	t.Helper()
	text, err := os.ReadFile(os.Getenv("ORGSYNC_COMPANY"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &config))
	return config
}

func connects(p *person) {
	config := configuration(p.t)
	p.clicks("Connect a provider")
	p.sees("Which provider")
	p.reachable("types")
	p.photograph("setup-type")
	p.clicks("Feishu / Lark")
	p.sees("Connect Feishu")
	p.types("name", "acme")
	p.types("app_id", config["app_id"])
	p.types("app_secret", "wrong-secret")
	p.clicks("Other addresses (Lark, a gateway, a simulator)")
	p.types("base_url", config["base_url"])
	p.reachable("credentials")
	p.photograph("setup-credentials")
	p.clicks("Save and test")
	p.sees("Not ready yet.")
	p.reachable("failed test")
	p.clicks("Change the settings")
	p.types("config.app_secret", config["app_secret"])
	p.clicks("Save the settings")
	p.sees("The settings are saved")
	p.clicks("Test the connection")
	p.sees("Connected to")
	p.reachable("test")
	p.photograph("setup-test")
	p.clicks("Go on")
	p.sees("Who belongs")
	p.reachable("scope")
	p.clicks("Go on")
	p.sees("See what the first sync would do")
	p.reachable("plan")
	p.clicks("Make a plan")
	p.sees("What the run would change")
	p.reachable("planned run")
	p.photograph("setup-plan")
	control(p.t, http.MethodPost, "/faults", map[string]any{"vendor": "feishu", "faults": []any{map[string]any{
		"endpoint": "users/find_by_department", "times": 2, "action": map[string]any{"kind": "slow", "delay": "3s"},
	}}})
	p.clicks("Start the first sync")
	p.sees("At work")
	p.sees("departments done")
	p.reachable("run at work")
	p.photograph("run-live")
	p.sees("Set a schedule")
	p.clicks("Set a schedule")
	p.sees("How often")
	p.reachable("schedule")
	p.photograph("setup-schedule")
	p.clicks("Set the schedule")
	p.sees("Every 1 hour")
}

// hold lets the company lose departments from sight.
func hold(p *person) {
	p.t.Helper()
	var some []string
	tree := orgsync(p.t, "tree", "acme", "--output", "json")
	for i, found := range regexp.MustCompile(`"external_id": "(od[^"]*)"`).FindAllStringSubmatch(tree, -1) {
		if i%4 == 1 {
			some = append(some, found[1])
		}
	}
	require.NotEmpty(p.t, some)
	control(p.t, http.MethodPost, "/range", map[string]any{"vendor": "feishu", "departments": some})
	orgsync(p.t, "sync", "acme", "--wait")
}

func rejects(p *person) {
	hold(p)
	p.open("/")
	p.sees("waiting for a decision")
	p.reachable("overview with a held run")
	p.photograph("overview")
	p.clicks("Decide")
	p.sees("Your decision")
	p.reachable("held run")
	p.photograph("held-run")
	// From the top by keys: the first one skips what every page begins with.
	p.do(chromedp.Evaluate("document.activeElement.blur(); scrollTo(0, 0); true", nil))
	p.do(chromedp.KeyEvent(kb.Tab), chromedp.KeyEvent(kb.Enter))
	for range 12 {
		if p.is(`document.activeElement.value === "reject"`) {
			break
		}
		p.do(chromedp.KeyEvent(kb.Tab))
	}
	require.True(p.t, p.is(`document.activeElement.value === "reject"`), "a few keys lead to the decision")
	require.True(p.t, p.is(`getComputedStyle(document.activeElement).outlineStyle !== "none"`), "the focus is seen")
	p.do(chromedp.KeyEvent(kb.Enter))
	p.sees("Rejected by")
	p.sees("rejected")
	p.reachable("rejected run")
}

func approves(p *person) {
	orgsync(p.t, "sync", "acme", "--wait")
	p.open("/")
	p.clicks("Decide")
	p.types("note", "they left with the plant in Suzhou")
	p.clicks(p.label(`button[value="approve"]`))
	p.sees("into the field for the number")
	require.True(p.t, p.is(`document.querySelector("[name=note]").value.includes("Suzhou")`), "the note is kept")
	number := strings.Fields(p.label(`button[value="approve"]`))[1]
	p.types("count", number)
	p.clicks("Approve " + number + " removals")
	p.sees("they left with the plant in Suzhou")
	for range 20 {
		if p.is(`document.body.innerText.includes("succeeded")`) {
			break
		}
		p.open(p.path())
	}
	p.sees("succeeded")
	p.reachable("approved run")
}

// label is the text of an element.
func (p *person) label(at string) (text string) {
	p.t.Helper()
	p.do(chromedp.Text(at, &text, chromedp.ByQuery))
	return text
}

// pages are those that remain to be seen, with the names of their pictures.
var pages = []struct{ path, picture string }{
	{"/", ""}, {"/directory/acme", "directory"}, {"/people?q=zhang", "people"}, {"/runs", "runs"},
	{"/providers", "providers"}, {"/providers/acme", "provider"}, {"/providers/acme/rules", "rules"},
	{"/schedules", "schedules"}, {"/accounts", "accounts"}, {"/settings", "settings"}, {"/settings/audit", "audit"},
	{"/no-such-page", ""},
}

func seesEveryPage(p *person) {
	for _, page := range pages {
		p.open(page.path)
		p.reachable(page.path)
		if page.picture != "" {
			p.photograph(page.picture)
		}
	}
	p.open("/directory/acme")
	p.do(chromedp.Click(`main a.toggle[hx-get]`, chromedp.ByQuery), chromedp.WaitVisible(`main .tree ul ul li`,
		chromedp.ByQuery))
	require.Equal(p.t, "/directory/acme", p.path(), "what is below comes without another page")
	p.open("/people")
	p.do(chromedp.Click("main tbody a", chromedp.ByQuery))
	p.sees("History")
	p.reachable("person")
	p.photograph("person")
	p.do(chromedp.Click("main .lines a", chromedp.ByQuery))
	p.sees("People in this department")
	p.reachable("department")
	p.photograph("department")
}

func readsChinese(p *person) {
	p.open("/people")
	p.do(chromedp.Click(`header button[value="zh"]`, chromedp.ByQuery))
	p.sees("查找人员")
	require.Equal(p.t, "/people", p.path(), "the page stays")
	for _, page := range pages {
		p.open(page.path)
		p.reachable(page.path + " in Chinese")
		require.False(p.t, p.is(`document.body.innerText.includes("console.")`), page.path)
	}
	p.open("/")
	p.scheme("dark")
	p.photograph("overview-zh-dark")
	p.scheme("light")
	p.do(chromedp.Click(`header button[value="en"]`, chromedp.ByQuery))
	p.sees("Latest runs")
}

func signsOut(p *person) {
	p.do(chromedp.Click(`//header//button[normalize-space()="Sign out"]`, chromedp.BySearch))
	p.sees("orgsync console")
	p.open("/runs")
	require.True(p.t, strings.HasPrefix(p.path(), "/sign-in"), p.path())
}
