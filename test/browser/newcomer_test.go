package browser

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// A newcomer gets from the first link to a synced company with a schedule in less than three
// minutes, by what is marked as the next thing to do on each page alone.
func TestANewcomer(t *testing.T) {
	for _, who := range []struct {
		vendor, language string
		width            int64
		named            []string
	}{
		{"feishu", "en", wide, []string{"app_id", "app_secret", "base_url"}},
		{"wecom", "zh", narrow, []string{"corp_id", "secret", "sync_secret", "base_url"}},
	} {
		t.Run(who.vendor+" in "+who.language, func(t *testing.T) {
			p := arrive(t)
			began := time.Now()
			p.do(chromedp.EmulateViewport(who.width, 900))
			p.read(who.language, orgsync(t, "console"))
			p.goesOn("the link")
			p.open("/setup")
			p.do(chromedp.Click(`main a[href="/setup/`+who.vendor+`"]`, chromedp.ByQuery))
			p.enters("new-"+who.vendor, who.vendor, who.named)
			for _, page := range []string{
				"the credentials", "the test", "the scope", "the plan", "the planned run", "the first sync",
				"the schedule",
			} {
				p.goesOn(page)
			}
			p.do(p.untilIs(`!!document.querySelector("main time")`))
			require.Less(t, time.Since(began), 3*time.Minute)
			require.Contains(t, orgsync(t, "schedule", "list"), "new-"+who.vendor)
			require.Contains(t, orgsync(t, "status"), "new-"+who.vendor)
		})
	}
}

// goesOn presses what is marked as the next thing to do.
func (p *person) goesOn(page string) {
	p.t.Helper()
	began, from := time.Now(), p.path()
	const next = "main .main"
	p.do(chromedp.WaitVisible(next, chromedp.ByQuery), chromedp.Click(next, chromedp.ByQuery),
		p.untilIs("location.pathname + location.search !== "+quoted(from)))
	p.t.Logf("%s took %s", page, time.Since(began).Round(100*time.Millisecond))
}

// enters fills in the credentials of a simulated company.
func (p *person) enters(name, vendor string, settings []string) {
	p.t.Helper()
	text, err := os.ReadFile(filepath.Join(filepath.Dir(os.Getenv("ORGSYNC_COMPANY")), vendor+".json"))
	require.NoError(p.t, err)
	var config map[string]string
	require.NoError(p.t, json.Unmarshal(text, &config))
	p.types("name", name)
	for _, setting := range settings {
		if strings.HasSuffix(setting, "_url") {
			p.do(chromedp.Click("main summary", chromedp.ByQuery))
		}
		p.types(setting, config[setting])
	}
}
