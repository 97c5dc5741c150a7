// Package errordocs holds what operators read of the providers' codes against the
// tables that the clients go by. Only tests import it.
package errordocs

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/message"
	"github.com/orgsync/orgsync/internal/provider"
)

var update = flag.Bool("update", false, "write docs/provider-errors.md anew")

// Require fails unless docs/provider-errors.md has exactly these codes of
// the provider. Called from a client's directory; with -update it writes them.
func Require(t *testing.T, vendor directory.ProviderType, codes []*provider.Error) {
	t.Helper()
	slices.SortFunc(codes, func(a, b *provider.Error) int {
		na, ea := strconv.Atoi(a.Code)
		nb, eb := strconv.Atoi(b.Code)
		if ea == nil && eb == nil {
			return cmp.Compare(na, nb)
		}
		return cmp.Or(
			cmp.Compare(len(strings.Trim(a.Code, "-0123456789")), len(strings.Trim(b.Code, "-0123456789"))),
			cmp.Compare(a.Code, b.Code),
		)
	})
	var items []item
	for _, c := range codes {
		items = append(items, item{"`" + c.Code + "`", c.Kind, said(t, c.Problem), said(t, c.Remedy())})
	}
	require(t, filepath.Join("..", "..", ".."), vendor.Traits().DisplayName, items)
}

// RequireCodeless does the same for what has no code: the ways in which a call fails
// without an answer of the API's own, and the kinds. Called from the provider's directory.
func RequireCodeless(t *testing.T) {
	t.Helper()
	root := filepath.Join("..", "..")
	var items []item
	for _, kind := range provider.Kinds {
		items = append(items, item{"`" + string(kind) + "`", "", "", said(t, kind.Remedy())})
	}
	require(t, root, "By kind", items)
	items = nil
	for _, failure := range provider.TransportFailures {
		e := failure.InTransit("", provider.Endpoint{}, "…", message.Of("remedy.check_base", nil))
		items = append(items, item{said(t, e.Problem), e.Kind, "", said(t, e.Remedy())})
	}
	require(t, root, "Without a code", items)
}

// said is what a text says in English. It has to say something in every language.
func said(t *testing.T, text message.Text) string {
	t.Helper()
	for _, l := range message.Languages {
		if words := text.In(l); words == "" || words == string(text.Code) || strings.Contains(words, "<no value>") {
			t.Errorf("%s says %q in %s", text.Code, words, l)
		}
	}
	return text.String()
}

// item is a line of a section: what an error is known by, its kind, what it means, and what
// to do. The first and the last are in all of them.
type item struct {
	name   string
	kind   provider.Kind
	means  string
	remedy string
}

// String returns the item as Markdown.
func (i item) String() string {
	text := "- " + i.name
	if i.kind != "" {
		text += " (" + string(i.kind) + ")"
	}
	if i.means != "" {
		text += ": " + i.means + ". To do"
	}
	return wrap(text + ": " + i.remedy + ".")
}

// wrap breaks a list item between words, so that its lines are shorter than 120 columns.
func wrap(text string) string {
	var lines strings.Builder
	width := 0
	for i, word := range strings.Fields(text) {
		n := len([]rune(word))
		switch {
		case i == 0:
		case width+1+n >= 120:
			lines.WriteString("\n  ")
			width = 2
		default:
			lines.WriteByte(' ')
			width++
		}
		lines.WriteString(word)
		width += n
	}
	return lines.String()
}

// require holds a section of the document against its items.
func require(t *testing.T, root, title string, items []item) {
	t.Helper()
	var list strings.Builder
	for _, i := range items {
		fmt.Fprintln(&list, i)
		if i.remedy == "" || strings.HasPrefix(i.name, "`") && i.kind != "" && i.means == "" {
			t.Errorf("%s: %s leaves something out; what does it mean, and what is to be done?", title, i.name)
		}
	}
	path := filepath.Join(root, "docs", "provider-errors.md")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	section := regexp.MustCompile(`(?s)(\n## ` + title + `\n\n)(.*?)(\n## |$)`)
	found := section.FindStringSubmatchIndex(string(text))
	if found == nil {
		t.Fatalf("%s has no section %q", path, title)
	}
	if string(text[found[4]:found[5]]) == list.String() {
		return
	}
	if !*update {
		t.Fatalf(
			"%s is not what the clients say; run: go test -p 1 ./internal/provider ./internal/provider/feishu "+
				"./internal/provider/dingtalk ./internal/provider/wecom -run Documented -update",
			path,
		)
	}
	written := string(text[:found[4]]) + list.String() + string(text[found[5]:])
	if err := os.WriteFile(path, []byte(written), 0o644); err != nil {
		t.Fatal(err)
	}
}
