package wecom

import (
	"testing"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/provider"
	"github.com/orgsync/orgsync/internal/provider/errordocs"
)

func TestEveryCodeIsDocumented(t *testing.T) {
	t.Parallel()
	cred := &credential{
		label: provider.Detail("secret"),
		place: provider.Detail("the app's page (App Management (应用管理) > the app), or Contacts Sync (通讯录同步)"),
	}
	var rows []*provider.Error
	for code := range meanings {
		rows = append(rows, failureOf(cred, getToken, code, ""))
	}
	errordocs.Require(t, directory.WeCom, rows)
}
