package member

import (
	"context"

	"github.com/orgsync/orgsync/internal/service"
	"github.com/orgsync/orgsync/starter/cli"
)

type signatureCommand struct {
	Name   string `arg:"" help:"The provider's name."`
	Member string `arg:"" help:"A person: an id of any kind, employee number, e-mail address, phone number, name or pinyin."`
	Set    string `xor:"change" placeholder:"URL" help:"Set the image to this address."`
	Clear  bool   `xor:"change" help:"Leave the person without an image."`
}

// Help implements kong.HelpProvider.
func (signatureCommand) Help() string {
	return `Shows the address of a person's signature image, or changes it. The image itself is the platform's to keep.

Examples:

  orgsync member signature acme u-7
  orgsync member signature acme u-7 --set https://files.acme.com/signatures/7.png
  orgsync member signature acme u-7 --clear`
}

// Run implements the command.
func (c signatureCommand) Run(ctx context.Context, s *cli.Session) error {
	var m service.Member
	var signature service.Signature
	var err error
	if c.Set != "" || c.Clear {
		m, signature, err = s.Service.SetSignature(ctx, service.SetSignatureInput{
			Provider: c.Name, Member: c.Member, URL: c.Set, By: cli.By(),
		})
	} else {
		m, signature, err = s.Service.ShowSignature(ctx, c.Name, c.Member)
	}
	s.PrintMatches(err)
	if err != nil {
		return err
	}
	if s.JSON {
		return s.PrintJSON(signatureOf(m, signature))
	}
	if signature.URL == "" {
		s.Printf("%s has no signature image.", cli.Plain(m.ExternalID))
		return nil
	}
	s.Printf("%s: %s, set %s", cli.Plain(m.ExternalID), cli.Plain(signature.URL), cli.Moment(signature.UpdatedAt))
	return nil
}
