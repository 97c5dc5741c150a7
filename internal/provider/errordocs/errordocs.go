// Package errordocs holds what operators read of the providers' codes against the
// tables that the clients judge them by. Only tests import it.
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
	"github.com/orgsync/orgsync/internal/provider"
)

// Code is a row of a client's table of the provider's codes.
type Code struct {
	Code            string
	Kind            provider.Kind
	Problem, Action string
}

var update = flag.Bool("update", false, "write docs/provider-errors.md anew")

// Require fails unless docs/provider-errors.md has exactly these codes of
// the provider. Called from a client's directory; with -update it writes them.
func Require(t *testing.T, vendor directory.ProviderType, codes []Code) {
	t.Helper()
	slices.SortFunc(codes, func(a, b Code) int {
		na, ea := strconv.Atoi(a.Code)
		nb, eb := strconv.Atoi(b.Code)
		if ea == nil && eb == nil {
			return cmp.Compare(na, nb)
		}
		return cmp.Or(cmp.Compare(len(strings.Trim(a.Code, "-0123456789")), len(strings.Trim(b.Code, "-0123456789"))), cmp.Compare(a.Code, b.Code))
	})
	table := [][]string{{"code", "kind", "means", "do"}}
	for _, c := range codes {
		table = append(table, []string{"`" + c.Code + "`", string(c.Kind), c.Problem, cmp.Or(c.Action, c.Kind.Remedy())})
	}
	require(t, filepath.Join("..", "..", ".."), vendor.Traits().DisplayName, table)
}

// RequireCodeless does the same for what has no code: the ways in which a call fails
// without an answer of the API's own, and the kinds. Called from the provider's directory.
func RequireCodeless(t *testing.T) {
	t.Helper()
	root := filepath.Join("..", "..")
	table := [][]string{{"kind", "do, where the error names nothing else"}}
	for _, kind := range provider.Kinds {
		table = append(table, []string{"`" + string(kind) + "`", kind.Remedy()})
	}
	require(t, root, "By kind", table)
	table = [][]string{{"text", "kind", "do"}}
	words := strings.NewReplacer("{}", "…", "{base}", "check base_url")
	for _, trouble := range provider.TransportFailures {
		table = append(table, []string{words.Replace(trouble.Problem), string(trouble.Kind), words.Replace(trouble.Do)})
	}
	require(t, root, "Without a code", table)
}

// require holds a section of the document against a table.
func require(t *testing.T, root, title string, rows [][]string) {
	t.Helper()
	var table strings.Builder
	for i, row := range rows {
		fmt.Fprintln(&table, "| "+strings.Join(row, " | ")+" |")
		if i == 0 {
			fmt.Fprintln(&table, strings.Repeat("|---", len(row))+"|")
		}
		if slices.Contains(row, "") {
			t.Errorf("%s: %q leaves something out; what does it mean, and what is to be done?", title, row)
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
	if string(text[found[4]:found[5]]) == table.String() {
		return
	}
	if !*update {
		t.Fatalf("%s is not what the tables say; run: go test -p 1 ./internal/provider ./internal/provider/feishu ./internal/provider/dingtalk ./internal/provider/wecom -run Documented -update", path)
	}
	written := string(text[:found[4]]) + table.String() + string(text[found[5]:])
	if err := os.WriteFile(path, []byte(written), 0o644); err != nil {
		t.Fatal(err)
	}
}
