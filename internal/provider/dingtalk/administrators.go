package dingtalk

import (
	"context"
	"strconv"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/provider"
	"github.com/orgsync/orgsync/internal/provider/wire"
)

// ListAdministrators implements provider.AdministratorReader by user/listadmin, which lists
// all of them at once, whatever the visible range is (dingtalk.md §4).
func (c *client) ListAdministrators(ctx context.Context, cursor string) (provider.AdministratorPage, error) {
	if cursor != "" {
		return provider.AdministratorPage{}, newError(userListAdmin, provider.CursorExpired, "fault.cursor_unknown",
			"")
	}
	a, err := c.call(ctx, userListAdmin, nil)
	if err != nil {
		return provider.AdministratorPage{}, err
	}
	return administratorPage(a)
}

func administratorPage(a answer) (provider.AdministratorPage, error) {
	items, ok := a.fields.List("result")
	if !ok {
		return provider.AdministratorPage{}, a.malformed("the result is not a list")
	}
	page := provider.AdministratorPage{Request: a.requestID}
	for i, item := range items {
		r, _ := wire.Object(item)
		id, problem := r.RequiredID("userid")
		level := r.Number("sys_level")
		if level == nil && problem == "" {
			problem = "no usable sys_level"
		}
		if problem != "" {
			page.Bad = append(page.Bad, unusable(wire.Nth(i), r, problem))
			continue
		}
		page.Administrators = append(page.Administrators, directory.Administrator{Member: id, Level: levelOf(*level)})
	}
	return page, nil
}

// levelOf reads 1 main, 2 sub (dingtalk.md §4); any other number stands for itself.
func levelOf(sent int64) directory.AdministratorLevel {
	switch sent {
	case 1:
		return directory.MainAdministrator
	case 2:
		return directory.SubAdministrator
	default:
		return directory.AdministratorLevel(strconv.FormatInt(sent, 10))
	}
}
