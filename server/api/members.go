package api

import (
	"context"
	"net/http"
	"time"

	"github.com/orgsync/orgsync/internal/service"
)

// Signature is a member's signature image.
type Signature struct {
	URL       string    `json:"url"`
	UpdatedAt time.Time `json:"updated_at"`
}

func signatureOf(s service.Signature) *Signature {
	if s.URL == "" {
		return nil
	}
	return &Signature{URL: s.URL, UpdatedAt: s.UpdatedAt}
}

type setSignatureInput struct {
	OfMember
	Body struct {
		URL string `json:"url" format:"uri" minLength:"1" maxLength:"2000" doc:"With the scheme https or http."`
	}
}

type signatureOutput struct{ Body Signature }

// registerMembers adds what is set of members here and not read from providers.
func (a *API) registerMembers() {
	const tag, signature, offline = "People", "/members/{id}/signature", "/members/{id}/offline"
	register(a, operation{id: "set-signature", method: http.MethodPut, path: signature, tag: tag,
		summary: "Set the address of a person's signature image", errors: notFound},
		func(ctx context.Context, in *setSignatureInput) (*signatureOutput, error) {
			set, err := a.view(ctx).SetSignature(ctx, in.ID, in.Body.URL, by(ctx))
			return &signatureOutput{Signature{URL: set.URL, UpdatedAt: set.UpdatedAt}}, err
		})
	register(a, operation{id: "delete-signature", method: http.MethodDelete, path: signature, tag: tag,
		summary: "Leave a person without a signature image", errors: notFound},
		func(ctx context.Context, in *OfMember) (*struct{}, error) {
			_, err := a.view(ctx).SetSignature(ctx, in.ID, "", by(ctx))
			return nil, err
		})
	register(a, operation{id: "set-offline", method: http.MethodPut, path: offline, tag: tag,
		summary: "Mark a person as having left here, by a run", status: http.StatusAccepted, errors: conflicting},
		func(ctx context.Context, in *OfMember) (*startedOutput, error) {
			started, err := a.view(ctx).MarkMember(ctx, in.ID, service.TaskOffline, by(ctx))
			return a.begun(ctx, started, err)
		})
	register(a, operation{id: "delete-offline", method: http.MethodDelete, path: offline, tag: tag,
		summary: "Take back that a person has left here, by a run", status: http.StatusAccepted, errors: conflicting},
		func(ctx context.Context, in *OfMember) (*startedOutput, error) {
			started, err := a.view(ctx).MarkMember(ctx, in.ID, service.TaskOnline, by(ctx))
			return a.begun(ctx, started, err)
		})
}
