package browser

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
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
		{"signs in", signsIn}, {"connects a company", connects}, {"rejects what changed meanwhile", rejects},
		{"decides while another does", decidesAtOnce}, {"decides with keys alone", decidesByKeys},
		{"adds a webhook and pauses the schedule", changesSettings}, {"sees every page", seesEveryPage},
		{"opens a department with 100,000 below it", opensMany}, {"finds people in any way", finds},
		{"stands any name", standsNames}, {"does without script", doesWithoutScript}, {"signs out", signsOut},
		{"leaves no page out", leavesNoPageOut},
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
	p.reachable("credentials")
	p.types("name", "acme")
	p.types("app_id", config["app_id"])
	p.types("app_secret", "wrong-secret")
	p.clicks("Other addresses (Lark, a gateway, a simulator)")
	p.types("base_url", config["base_url"])
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
		"endpoint": "users/find_by_department", "times": 1, "action": map[string]any{"kind": "slow", "delay": "25s"},
	}}})
	p.clicks("Start the first sync")
	p.sees("At work")
	p.sees("departments done")
	p.photograph("run-live")
	p.reachable("run at work")
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

// rejects a run, after its list has changed under the reader's eyes.
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
	p.types("note", "ask the plant first")
	run := strings.TrimPrefix(p.path(), "/runs/")
	query(p.t, `UPDATE sync_run_removals SET reason = 'looked_up' WHERE (run_id, object_type, object_id) = (
		SELECT run_id, object_type, object_id FROM sync_run_removals WHERE run_id = $1 AND object_type = 'group' LIMIT 1)`, run)
	p.clicks("Reject")
	p.sees("The list has changed")
	p.accessible("a list that has changed")
	require.True(p.t, p.is(`document.querySelector("[name=note]").value.includes("plant")`), "the note is kept")
	p.clicks("Reject")
	p.sees("Rejected by")
	p.sees("Nothing was removed")
	p.reachable("rejected run")
}

// enter signs somebody in at a browser of their own.
func enter(t *testing.T, link string) *person {
	t.Helper()
	p := arrive(t)
	p.open(link)
	p.clicks("Sign in")
	p.sees("Overview")
	return p
}

func decidesAtOnce(p *person) {
	orgsync(p.t, "sync", "acme", "--wait")
	p.open("/")
	p.clicks("Decide")
	p.sees("Your decision")
	link := orgsync(p.t, "console")
	query(p.t, `UPDATE sign_in_links SET name = 'bea@desk'`)
	other := enter(p.t, link)
	other.open(p.path())
	other.sees("Your decision")
	p.types("note", "they left with the plant in Suzhou")
	p.clicks(p.label(`button[value="approve"]`))
	p.sees("into the field for the number")
	p.accessible("a number that was not typed")
	require.True(p.t, p.is(`document.querySelector("[name=note]").value.includes("Suzhou")`), "the note is kept")
	number := strings.Fields(p.label(`button[value="approve"]`))[1]
	p.types("count", number)
	p.clicks("Approve " + number + " removals")
	p.sees("Approved by")
	p.sees("they left with the plant in Suzhou")
	other.clicks("Reject")
	other.sees("came too late")
	other.sees("Approved by")
	require.False(p.t, other.is(`document.body.innerText.includes("Rejected by")`))
	p.until("succeeded")
	p.sees("were removed")
	p.reachable("approved run")
	p.photograph("decided-run")
}

// until loads the page again until it says something.
func (p *person) until(text string) {
	p.t.Helper()
	for end := time.Now().Add(patience); !p.is("document.body.innerText.includes(" + quoted(text) + ")"); {
		require.True(p.t, time.Now().Before(end), "%s never says %q", p.path(), text)
		p.open(p.path())
	}
}

// decidesByKeys goes from the sign-in to an approval without a pointer.
func decidesByKeys(p *person) {
	hold(p)
	keys := arrive(p.t)
	keys.open(orgsync(p.t, "console"))
	keys.tabTo(`document.activeElement.innerText === "Sign in"`)
	keys.press(kb.Enter)
	keys.sees("waiting for a decision")
	keys.skip()
	keys.tabTo(`document.activeElement.innerText === "Decide"`)
	keys.press(kb.Enter)
	keys.sees("Your decision")
	keys.skip()
	keys.tabTo(`document.activeElement.name === "note"`)
	keys.press("by keys")
	keys.tabTo(`document.activeElement.name === "count" || document.activeElement.value === "approve"`)
	number := strings.Fields(keys.label(`button[value="approve"]`))[1]
	if keys.is(`document.activeElement.name === "count"`) {
		keys.press(number)
	}
	keys.tabTo(`document.activeElement.value === "approve"`)
	require.True(p.t, keys.is(`getComputedStyle(document.activeElement).outlineStyle !== "none"`), "the focus is seen")
	keys.press(kb.Enter)
	keys.sees("Approved by")
	keys.sees("by keys")
	keys.do(chromedp.EmulateViewport(narrow, 640))
	keys.do(chromedp.Evaluate("document.activeElement.blur(); scrollTo(0, 0); true", nil))
	keys.tabTo(`document.activeElement.innerText === "Menu"`)
	keys.press(kb.Enter)
	keys.tabTo(`document.activeElement.innerText === "People"`)
	keys.press(kb.Enter)
	keys.sees("Find people")
}

// press sends keys.
func (p *person) press(text string) { p.t.Helper(); p.do(chromedp.KeyEvent(text)) }

// skip goes from the top of a page to its content, as its first link does.
func (p *person) skip() {
	p.t.Helper()
	p.do(chromedp.Evaluate("document.activeElement.blur(); scrollTo(0, 0); true", nil))
	p.press(kb.Tab)
	p.press(kb.Enter)
}

// tabTo presses the key for the next field until a script says true.
func (p *person) tabTo(script string) {
	p.t.Helper()
	for range 40 {
		if p.is(script) {
			return
		}
		p.press(kb.Tab)
	}
	require.Fail(p.t, "no key leads there", script)
}

// label is the text of an element.
func (p *person) label(at string) (text string) {
	p.t.Helper()
	p.do(chromedp.Text(at, &text, chromedp.ByQuery))
	return text
}

func changesSettings(p *person) {
	p.open("/webhooks")
	p.sees("No webhooks yet.")
	p.types("url", "https://hooks.example.com/orgsync")
	p.clicks("Add a webhook")
	p.sees("Copy its secret now")
	p.accessible("a webhook that was added")
	p.open("/webhooks")
	require.False(p.t, p.is(`document.body.innerText.includes("whsec_")`), "the secret is shown once")
	p.open("/providers/acme/setup/schedule")
	p.types("note", "the plant moves")
	p.clicks("Pause the schedule")
	p.sees("the plant moves")
	p.clicks("Resume the schedule")
	p.sees("Pause the schedule")
	p.open("/settings")
	p.types("name", "payroll")
	p.clicks("Make a token")
	p.sees("Copy it now")
	p.accessible("a token that was made")
}

func seesEveryPage(p *person) {
	control(p.t, http.MethodPost, "/range", map[string]any{"vendor": "feishu"})
	orgsync(p.t, "sync", "acme", "--wait")
	orgsync(p.t, "provider", "add", "zeta", "--type", "dingtalk", "--config",
		filepath.Join(filepath.Dir(os.Getenv("ORGSYNC_COMPANY")), "dingtalk.json"))
	orgsync(p.t, "sync", "zeta", "--wait")
	fill(p.t)
	known := ids(p.t)
	for _, page := range pages {
		p.open(known.Replace(page.path))
		p.reachable(page.path)
		if page.picture != "" {
			p.photograph(page.picture)
		}
	}
	growsATree(p)
	p.read("zh", "/")
	p.scheme("dark")
	p.photograph("overview-zh-dark")
	p.scheme("light")
	p.read("en", "/")
}

// growsATree opens and closes a department by pointer and by keys. What is below is fetched once, and no
// other page comes.
func growsATree(p *person) {
	p.open("/directory/acme")
	const at, shown = `main a.toggle[hx-get]`, `!!document.querySelector("main .tree ul ul li")?.offsetParent`
	p.do(chromedp.Click(at, chromedp.ByQuery), p.untilIs(shown))
	p.do(chromedp.Click(at, chromedp.ByQuery), p.untilIs("!"+shown))
	require.True(p.t, p.is(`document.querySelector("`+at+`").ariaExpanded === "false"`))
	p.do(chromedp.Focus(at, chromedp.ByQuery))
	p.press(kb.ArrowRight)
	p.do(p.untilIs(shown))
	require.True(p.t, p.is(`document.querySelector("`+at+`").ariaExpanded === "true"`))
	p.press(kb.ArrowRight)
	require.True(p.t, p.is(`document.querySelector("main .tree ul ul").contains(document.activeElement)`))
	p.press(kb.ArrowLeft)
	p.press(kb.ArrowLeft)
	p.do(p.untilIs("!" + shown))
	p.press(kb.ArrowDown)
	require.True(p.t, p.is(`!!document.activeElement.closest(".node") &&
		document.activeElement !== document.querySelector("`+at+`")`))
	require.True(p.t, p.is(`performance.getEntriesByType("resource").filter(r =>
		r.name.includes("/children")).length === 1`), "what is below is fetched once")
	require.Equal(p.t, "/directory/acme", p.path(), "what is below comes without another page")
}

// opensMany opens a department that has more below it than a page should hold.
func opensMany(p *person) {
	const below = 100_000
	query(p.t, `INSERT INTO org_departments (provider_id, external_id, parent_id, name, path)
		SELECT d.provider_id, 'many-' || n, d.id, 'Shop ' || to_char(n, 'FM000000'), 'x' FROM org_departments d
		JOIN identity_providers p ON p.id = d.provider_id AND p.name = 'zeta', generate_series(1, $1::int) n
		WHERE d.parent_id IS NULL`, below)
	began := time.Now()
	p.open("/directory/zeta")
	p.t.Logf("the tree with %d departments was there after %s", below, time.Since(began))
	count := func(n int) string {
		return fmt.Sprintf(`document.querySelectorAll("main .tree ul > li:not(.more)").length === %d`, n)
	}
	p.do(p.untilIs(count(100)))
	for shown := 200; shown <= 400; shown += 100 {
		began = time.Now()
		p.do(chromedp.Click(`main .tree li.more a`, chromedp.ByQuery), p.untilIs(count(shown)))
		p.t.Logf("100 more after %s", time.Since(began))
	}
	require.Equal(p.t, "/directory/zeta", p.path())
	query(p.t, `DELETE FROM org_departments WHERE external_id LIKE 'many-%'`)
}

// finds one person by all that is known of them.
func finds(p *person) {
	member := query(p.t, `SELECT id::text FROM org_members WHERE status = 'active' AND phone IS NOT NULL AND
		email IS NOT NULL AND employee_no IS NOT NULL AND name ~ '^[一-龥]{2,3}$' ORDER BY external_id LIMIT 1`)
	for _, sql := range []string{
		`name`, `substr(name, 1, 2)`, `name_translit_full`, `name_translit_initial`, `email`, `phone`, `employee_no`,
		`right(phone, 4)`,
	} {
		text := query(p.t, `SELECT `+sql+` FROM org_members WHERE id = $1`, member)
		p.open("/people")
		p.do(chromedp.SendKeys("#q", text, chromedp.ByQuery)) // found while it is typed
		p.do(p.untilIs(`!!document.querySelector("#found a[href='/people/` + member + `']")`))
	}
	p.open("/people?q=nobodyhasthisname")
	p.sees("Nobody was found")
}

// standsNames gives people and departments names as companies have them, and worse.
func standsNames(p *person) {
	known := ids(p.t)
	for _, name := range []string{
		`<script>document.title='broken'</script>`, "‮مرحبا‬ שלום", strings.Repeat("长名字", 66) + "尾巴",
		strings.Repeat("W", 200), "👩🏽‍🚀👨‍👩‍👧‍👦🏳️‍🌈", "", "   ",
	} {
		query(p.t, `UPDATE org_members SET name = $1, title = $1 WHERE id = $2`, name, known.Replace("{member}"))
		query(p.t, `UPDATE org_departments SET name = $1, path = $1 WHERE id = $2`, name, known.Replace("{department}"))
		query(p.t, `UPDATE org_groups SET name = $1 WHERE id = $2`, name, known.Replace("{group}"))
		for _, path := range []string{"/people/{member}", "/departments/{department}", "/directory/acme", "/groups",
			"/groups/{group}", "/people"} {
			p.open(known.Replace(path))
			p.narrow(fmt.Sprintf("%s with %.20q", path, name))
			require.False(p.t, p.is(`document.title === "broken"`))
			require.False(p.t, p.is(`[...document.querySelectorAll("main a")].some(a => !a.innerText.trim() &&
				!a.getAttribute("aria-label"))`), "a link on %s has no name with %.20q", path, name)
		}
	}
}

// doesWithoutScript does by forms and links all that a person comes for.
func doesWithoutScript(p *person) {
	hold(p)
	plain := arrive(p.t)
	plain.do(emulation.SetScriptExecutionDisabled(true))
	plain.open(orgsync(p.t, "console"))
	plain.clicks("Sign in")
	plain.sees("waiting for a decision")
	plain.open("/directory/zeta")
	plain.do(chromedp.Click(`main a.toggle[hx-get]`, chromedp.ByQuery))
	plain.do(plain.untilIs(`location.search.includes("open=")`))
	plain.open("/people")
	plain.types("q", "zhang")
	plain.clicks("Find")
	plain.do(plain.untilIs(`location.search.includes("q=zhang")`))
	plain.open("/providers/zeta")
	plain.clicks("Sync now")
	plain.do(plain.untilIs(`location.pathname.startsWith("/runs/")`))
	plain.sees("succeeded") // the page comes again by itself
	plain.open("/")
	plain.clicks("Decide")
	plain.types("note", "without script")
	plain.clicks("Reject")
	plain.sees("Rejected by")
	plain.sees("without script")
	plain.do(chromedp.Click(`header button[value="zh"]`, chromedp.ByQuery))
	plain.sees("已拒绝")
}

func signsOut(p *person) {
	p.open("/people")
	p.do(chromedp.Click(`header button[value="zh"]`, chromedp.ByQuery))
	p.sees("查找人员")
	require.Equal(p.t, "/people", p.path(), "the page stays")
	p.do(chromedp.Click(`header button[value="en"]`, chromedp.ByQuery))
	p.sees("Find people")
	p.do(chromedp.Click(`//header//button[normalize-space()="Sign out"]`, chromedp.BySearch))
	p.sees("orgsync console")
	p.open("/runs")
	require.True(p.t, strings.HasPrefix(p.path(), "/sign-in"), p.path())
}
