package feishu

import (
	"context"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/provider"
	"github.com/orgsync/orgsync/internal/provider/wire"
)

// newestAdministrators is how many administrators of apps Feishu lists: the newest, without
// pages (feishu-more.md §D).
const newestAdministrators = 10

// appAdministrator is the level of who administers apps. Super administrators are in no
// list: their own records say so (directory.Traits).
const appAdministrator directory.AdministratorLevel = "app_admin"

// ListAdministrators implements provider.AdministratorReader by app_admin_user/list.
func (c *client) ListAdministrators(ctx context.Context, cursor string) (provider.AdministratorPage, error) {
	if cursor != "" {
		return provider.AdministratorPage{}, newError(listAppAdministrators, provider.CursorExpired,
			"fault.cursor_unknown", "")
	}
	a, err := c.call(ctx, listAppAdministrators, nil)
	if err != nil {
		return provider.AdministratorPage{}, err
	}
	return administratorPage(a)
}

func administratorPage(a answer) (provider.AdministratorPage, error) {
	items, err := itemsOf(a, "user_list")
	if err != nil {
		return provider.AdministratorPage{}, err
	}
	page := provider.AdministratorPage{Request: a.requestID, Truncated: len(items) >= newestAdministrators}
	for i, r := range items {
		id, problem := r.RequiredID("open_id")
		if problem != noProblem {
			page.Bad = append(page.Bad, unusable(wire.Nth(i), r, problem))
			continue
		}
		page.Administrators = append(page.Administrators, directory.Administrator{Member: id, Level: appAdministrator})
	}
	return page, nil
}
