package api

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/orgsync/orgsync/internal/service"
)

// PreviewMember is a person as the provider shows them now.
type PreviewMember struct {
	ExternalID  string          `json:"external_id"`
	UnionID     string          `json:"unionid"`
	OpenID      string          `json:"open_id"`
	Name        *string         `json:"name" doc:"Null, as everything else that the provider does not send."`
	Email       *string         `json:"email"`
	Phone       *string         `json:"phone"`
	AvatarURL   *string         `json:"avatar_url"`
	Title       *string         `json:"title"`
	EmployeeNo  *string         `json:"employee_no"`
	Status      *string         `json:"status" enum:"active,inactive,deleted"`
	Activated   *bool           `json:"activated"`
	Attributes  json.RawMessage `json:"attributes"`
	Departments []string        `json:"departments" doc:"External ids of departments that are seen to have them."`
}

func previewOf(m service.PreviewMember) PreviewMember {
	out := PreviewMember{
		ExternalID: m.ExternalID, UnionID: m.UnionID, OpenID: m.OpenID, Name: m.Name, Email: m.Email, Phone: m.Phone,
		AvatarURL: m.AvatarURL, Title: m.Title, EmployeeNo: m.EmployeeNo, Activated: m.Activated,
		Departments: make([]string, len(m.Memberships)),
	}
	if m.Status != nil {
		status := string(*m.Status)
		out.Status = &status
	}
	out.Attributes, _ = json.Marshal(m.Attributes) // plain data
	for i, in := range m.Memberships {
		out.Departments[i] = in.DepartmentID
	}
	return out
}

func (a *API) registerPreview() {
	registerList(a, operation{
		id: "preview-provider", method: http.MethodGet, path: "/providers/{name}/preview", tag: "Providers",
		summary: "List the first people as the provider shows them now; nothing is stored, and there is no next page",
		errors:  []int{http.StatusNotFound, http.StatusBadGateway}, slow: true,
	}, func(ctx context.Context, in *previewInput, page service.Page) (List[PreviewMember], string, error) {
		if _, err := a.view(ctx).GetProvider(ctx, in.Name); err != nil {
			return List[PreviewMember]{}, "", err
		}
		if page.After != "" {
			return List[PreviewMember]{}, "", &service.Error{Code: service.CursorInvalid,
				Args: service.Args{Field: "after"}}
		}
		found, err := a.service.PreviewProvider(ctx, in.Name, min(page.Limit, maxPreview))
		return listOf(service.Rows[service.PreviewMember]{Items: found}, previewOf), "", err
	})
}

// maxPreview is how many people a preview shows at most.
const maxPreview = 200

type previewInput struct {
	Named
	Paged
}
