// Package codedoc holds what operators read of the providers' codes against the
// tables that the clients judge them by. Only tests import it.
package codedoc

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

// nothing is what to do where nobody can do anything.
var nothing = map[provider.Kind]string{
	provider.RateLimited:   "nothing: the sync waits as long as the provider says",
	provider.Unavailable:   "nothing: it is tried again, and by the next run",
	provider.CursorExpired: "nothing: the listing is read again from its first page",
	provider.TooLarge:      "nothing: it is read in another way",
}

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
	var table strings.Builder
	table.WriteString("| code | kind | means | do |\n|---|---|---|---|\n")
	for _, c := range codes {
		fmt.Fprintf(&table, "| `%s` | %s | %s | %s |\n", c.Code, c.Kind, c.Problem, cmp.Or(c.Action, nothing[c.Kind]))
		if c.Action == "" && nothing[c.Kind] == "" {
			t.Errorf("%s %s says not what to do", provider.DisplayName(vendor), c.Code)
		}
	}
	path := filepath.Join("..", "..", "..", "docs", "provider-errors.md")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	section := regexp.MustCompile(`(?s)(\n## ` + provider.DisplayName(vendor) + `\n\n)(.*?)(\n## |$)`)
	found := section.FindStringSubmatchIndex(string(text))
	if found == nil {
		t.Fatalf("%s has no section for %s", path, provider.DisplayName(vendor))
	}
	if string(text[found[4]:found[5]]) == table.String() {
		return
	}
	if !*update {
		t.Fatalf("%s is not what the table of codes says; run: go test -p 1 ./internal/provider/feishu ./internal/provider/dingtalk ./internal/provider/wecom -run Documented -update", path)
	}
	written := string(text[:found[4]]) + table.String() + string(text[found[5]:])
	if err := os.WriteFile(path, []byte(written), 0o644); err != nil {
		t.Fatal(err)
	}
}
