package console_test

import (
	"html"
	"net/http"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/service"
)

var (
	departmentLink = regexp.MustCompile(`<a href="/departments/([0-9a-f-]{36})"`)
	nextLink       = regexp.MustCompile(`rel="next" href="([^"]+)"`)
)

// However many departments there are, a page holds a hundred of them, and its links lead to all.
func TestManyDepartmentsAreShownPageByPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.as(service.CreateSignInLinkInput{Role: "reader"})
	const below = 5000
	w.exec(`INSERT INTO org_departments (provider_id, tenant_id, external_id, parent_id, name, path)
		SELECT provider_id, tenant_id, 'many-' || n, id, 'Shop ' || n, 'x'
		FROM org_departments, generate_series(1, $2::int) n WHERE id = $1`, w.acme["department"], below)
	tree := b.get("/directory/acme").body
	require.Less(t, len(departmentLink.FindAllString(tree, -1)), 110)
	seen := map[string]bool{}
	next := nextLink.FindStringSubmatch(tree)
	for _, found := range departmentLink.FindAllStringSubmatch(tree, -1) {
		seen[found[1]] = true
	}
	pages := 1
	for ; len(next) > 0; pages++ {
		for _, headers := range [][]string{nil, {"HX-Request", "true"}} { // without script and with it
			got := b.get(html.UnescapeString(next[1]), headers...)
			require.Equal(t, http.StatusOK, got.status, got.body)
			found := departmentLink.FindAllStringSubmatch(got.body, -1)
			require.LessOrEqual(t, len(found), 101)
			for _, one := range found {
				seen[one[1]] = true
			}
			if headers != nil {
				next = nextLink.FindStringSubmatch(got.body)
			}
		}
	}
	require.Equal(t, below/100+1, pages)
	require.Len(t, seen, below+2, "with the top, and what was below it before")
}
