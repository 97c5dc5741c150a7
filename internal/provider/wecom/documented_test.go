package wecom

import (
	"strconv"
	"strings"
	"testing"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/provider/errordocs"
)

func TestEveryCodeIsDocumented(t *testing.T) {
	t.Parallel()
	words := strings.NewReplacer("{label}", "secret", "{address}", "", "{place}",
		"the app's page (App Management (应用管理) > the app), or Contacts Sync (通讯录同步)")
	var rows []errordocs.Code
	for code, v := range meanings {
		rows = append(rows, errordocs.Code{Code: strconv.FormatInt(code, 10), Kind: v.kind,
			Problem: words.Replace(v.problem), Action: words.Replace(v.action)})
	}
	errordocs.Require(t, directory.WeCom, rows)
}
