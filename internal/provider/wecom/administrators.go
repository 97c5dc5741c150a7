package wecom

import (
	"context"
	"errors"
	"strconv"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/message"
	"github.com/orgsync/orgsync/internal/provider"
	"github.com/orgsync/orgsync/internal/provider/wire"
)

// The levels of an app's administrators (wecom-more.md §D).
const (
	sendsMessages directory.AdministratorLevel = "message"
	managesApp    directory.AdministratorLevel = "manage"
)

// ListAdministrators implements provider.AdministratorReader by agent/get_admin_list. No
// page gives that call to an app of the company's own; what it answers there is not known,
// so it is tried (wecom-more.md §D).
func (c lookupClient) ListAdministrators(ctx context.Context, cursor string) (provider.AdministratorPage, error) {
	if cursor != "" {
		return provider.AdministratorPage{}, unknownCursor(agentAdministrators)
	}
	body, err := c.call(ctx, c.app, agentAdministrators, nil, struct{}{})
	if err != nil {
		return provider.AdministratorPage{}, explained(err)
	}
	return decodeAdministrators(body)
}

// explained says of a refusal by 48002 that there is nothing to grant.
func explained(err error) error {
	var e *provider.Error
	if !errors.As(err, &e) || e.Code != "48002" {
		return err
	}
	of := *e
	of.Problem = message.Of("fault.own_app_lists_no_administrators", nil)
	of.Action = message.Of("remedy.name_administrators", nil)
	return &of
}

func decodeAdministrators(body []byte) (provider.AdministratorPage, error) {
	records, err := decodeList(agentAdministrators, body, "admin")
	if err != nil {
		return provider.AdministratorPage{}, err
	}
	var page provider.AdministratorPage
	for i, raw := range records {
		r, _ := wire.Parse(raw)
		user, _ := r.ID("userid")
		authType := r.Integer("auth_type")
		if user == "" || authType == nil {
			page.Bad = append(page.Bad, wire.Nth(i)+": no usable userid or auth_type")
			continue
		}
		page.Administrators = append(page.Administrators, directory.Administrator{
			Member: user, Level: levelOf(*authType),
		})
	}
	return page, nil
}

// levelOf reads auth_type; a number that is not documented stands for itself.
func levelOf(authType int64) directory.AdministratorLevel {
	switch authType {
	case 0:
		return sendsMessages
	case 1:
		return managesApp
	default:
		return directory.AdministratorLevel(strconv.FormatInt(authType, 10))
	}
}
