package service

import (
	"context"
	"net/url"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/internal/message"
)

// Signature is a member's signature image.
type Signature = db.Signature

// ShowSignature returns the signature image of the one member that a text means.
func (s *Service) ShowSignature(ctx context.Context, provider, text string) (Member, Signature, error) {
	member, err := s.ShowMember(ctx, provider, text)
	if err != nil {
		return Member{}, Signature{}, err
	}
	store, err := s.openStore(ctx)
	if err != nil {
		return Member{}, Signature{}, err
	}
	signature, err := store.GetSignature(ctx, member.ID)
	return member, signature, err
}

// maxSignatureURL is how long the address of a signature image may be.
const maxSignatureURL = 2000

// checkSignature returns what is wrong with the address of a signature image.
func checkSignature(address string) error {
	parsed, err := url.Parse(address)
	if address == "" || err == nil && parsed.Host != "" && len(address) <= maxSignatureURL &&
		(parsed.Scheme == "https" || parsed.Scheme == "http") {
		return nil
	}
	return &Error{Code: InputInvalid, Err: &message.Error{Code: message.SignatureURLWrong}}
}

// SetSignatureInput is a new signature image.
type SetSignatureInput struct {
	Provider string
	// Member is what the member is known by.
	Member string
	// URL is the image's address, empty for no image.
	URL string
	By  By
}

// SetSignature sets the signature image of the one member that a text means, or clears it
// if the address is empty.
func (s *Service) SetSignature(ctx context.Context, in SetSignatureInput) (Member, Signature, error) {
	if err := checkSignature(in.URL); err != nil {
		return Member{}, Signature{}, err
	}
	member, err := s.ShowMember(ctx, in.Provider, in.Member)
	if err != nil {
		return Member{}, Signature{}, err
	}
	store, err := s.openStore(ctx)
	if err != nil {
		return Member{}, Signature{}, err
	}
	if err := store.SetSignature(ctx, member.ID, in.URL, in.By); err != nil {
		return Member{}, Signature{}, err
	}
	signature, err := store.GetSignature(ctx, member.ID)
	return member, signature, err
}
