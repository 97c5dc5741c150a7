package console

import (
	"encoding/json"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/orgsync/orgsync/internal/access"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/message"
	"github.com/orgsync/orgsync/internal/service"
)

// Page is what every page knows.
type Page struct {
	Language message.Language
	Caller   access.Caller
	SignedIn bool
	URL      *url.URL
	Title    string
	Now      time.Time
	// Held are runs that wait for a decision.
	Held []service.RunRow
	// Refresh says that the page is another one soon, for browsers without script.
	Refresh bool
}

// T is a text of the console; args are names and values by turns.
func (p *Page) T(key string, args ...any) string {
	named := message.Args{}
	for i := 0; i+1 < len(args); i += 2 {
		named[args[i].(string)] = args[i+1]
	}
	return p.Language.Text(message.Code("console."+key), named)
}

// Can reports whether the reader may do an operation. What they may not do is not shown.
func (p *Page) Can(op access.Operation) bool {
	return p.SignedIn && access.Check(p.Caller, op) == access.Allowed
}

// In reports whether the page lies below a path.
func (p *Page) In(path string) bool {
	return p.URL.Path == path || path != "/" && strings.HasPrefix(p.URL.Path, path+"/")
}

// errorText is what an error says to the reader, and empty of none.
func (p *Page) errorText(err error) string {
	if err == nil {
		return ""
	}
	said := service.Classify(err).Text(p.Language, func(name string) string {
		if text := p.T("field." + strings.ReplaceAll(name, "-", "_")); !strings.HasPrefix(text, "console.") {
			return text
		}
		return name
	})
	for _, mark := range []string{"; ", "；"} {
		if wrong, right, found := strings.Cut(said, mark); found && strings.Contains(right, "orgsync ") {
			return wrong // what is right here is no command line
		}
	}
	return said
}

// word is the name of a word of the programs, such as a reason, in the reader's language.
func (p *Page) word(family, word string) string {
	if text := p.T(family + "." + word); !strings.HasPrefix(text, "console.") {
		return text
	}
	return strings.ReplaceAll(word, "_", " ")
}

// ago says how long ago a time was, or in how long it is.
func (p *Page) ago(t time.Time) string {
	d := p.Now.Sub(t)
	way := "ago"
	if d < 0 {
		d, way = -d, "in"
	}
	if d < time.Minute {
		return p.T("time." + way + "_moment")
	}
	return p.T("time."+way, "Length", p.length(d))
}

// length says how long something took.
func (p *Page) length(d time.Duration) string {
	for _, unit := range []struct {
		name string
		of   time.Duration
	}{{"days", 24 * time.Hour}, {"hours", time.Hour}, {"minutes", time.Minute}} {
		if d >= unit.of {
			return p.T("time."+unit.name, "Count", int(d/unit.of))
		}
	}
	return p.T("time.seconds", "Count", int(d/time.Second))
}

// changeLines are the first kinds of what a run did, or would do, for a list of runs.
func (p *Page) changeLines(r service.RunRow) []string {
	lines := p.Language.ChangeLines(countsOf(r))
	if len(lines) > maxKinds {
		lines = append(lines[:maxKinds:maxKinds], p.T("run.more_kinds", "Count", len(lines)-maxKinds))
	}
	return lines
}

// maxKinds is of how many kinds a list of runs says what was changed.
const maxKinds = 2

func countsOf(r service.RunRow) (c directory.Counts) {
	_ = json.Unmarshal(r.Counts, &c) // written by the programs themselves
	return c
}

// running reports whether a run is at work.
func running(r service.RunRow) bool { return r.Status == directory.RunRunning }

// waiting reports whether a run waits for a decision.
func waiting(r service.RunRow) bool { return r.Status == directory.RunHeld && r.DecidedBy == nil }

// text is what a pointer points to.
func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// short is an id as people see it.
func short(id string) string {
	if len(id) > shortID {
		return id[:shortID]
	}
	return id
}

const shortID = 8

// initials stand for a person's picture.
func initials(name string) string {
	words := strings.Fields(name)
	out := ""
	for _, word := range words[:min(2, len(words))] {
		for _, r := range word {
			out += strings.ToUpper(string(r))
			break
		}
	}
	return out
}

// with is the page's address with other values; an empty one is left out.
func (p *Page) with(pairs ...string) string {
	values := p.URL.Query()
	for i := 0; i+1 < len(pairs); i += 2 {
		values.Del(pairs[i])
		if pairs[i+1] != "" {
			values.Set(pairs[i], pairs[i+1])
		}
	}
	if len(values) == 0 {
		return p.URL.Path
	}
	return p.URL.Path + "?" + values.Encode()
}

// listOf is the address of a list of one provider.
func (p *Page) listOf(path, provider string) string {
	return path + "?" + url.Values{"provider": {provider}}.Encode()
}

// pathTo is an address with parts that may hold anything.
func pathTo(parts ...string) string {
	var out strings.Builder
	for _, part := range parts {
		out.WriteString("/" + url.PathEscape(part))
	}
	return out.String()
}

// LocalPath is a path of this server to go back to, and "/" where it is none of its own.
func LocalPath(to string) string {
	at, err := url.Parse(to)
	if err != nil || at.IsAbs() || at.Host != "" || !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") ||
		strings.ContainsAny(to, "\\\r\n\t") {
		return "/"
	}
	return to
}

// fact is a line of what is known of something.
type fact struct{ Name, Value string }

// factsOf are the parts of a JSON object by name, for people.
func factsOf(document json.RawMessage) []fact {
	var parts map[string]any
	if json.Unmarshal(document, &parts) != nil {
		return nil
	}
	var out []fact
	for name, value := range parts {
		if s := plain(value); s != "" {
			out = append(out, fact{name, s})
		}
	}
	slices.SortFunc(out, func(a, b fact) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// plain is a JSON value as people read it.
func plain(value any) string {
	switch v := value.(type) {
	case nil:
		return ""
	case string:
		return v
	case []any:
		parts := make([]string, len(v))
		for i, one := range v {
			parts[i] = plain(one)
		}
		return strings.Join(parts, ", ")
	case map[string]any:
		var parts []string
		for _, name := range slices.Sorted(maps.Keys(v)) {
			parts = append(parts, name+": "+plain(v[name]))
		}
		return strings.Join(parts, ", ")
	case bool, float64:
		text, _ := json.Marshal(v)
		return string(text)
	}
	return ""
}

// lines are the lines of a text.
func (p *Page) lines(key string) []string { return strings.Split(strings.TrimSpace(p.T(key)), "\n") }

// vendorConsole is where an app is made at each vendor.
var vendorConsole = map[string]string{
	"feishu": "https://open.feishu.cn/app", "dingtalk": "https://open-dev.dingtalk.com",
	"wecom": "https://work.weixin.qq.com/wework_admin/frame",
}
