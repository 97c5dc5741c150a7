// Package member holds the commands about one person.
package member

// Commands are those below "orgsync member".
type Commands struct {
	Show      showCommand      `cmd:"" help:"Show everything known of one person."`
	Offline   offlineCommand   `cmd:"" help:"Mark people as having left here."`
	Online    onlineCommand    `cmd:"" help:"Take that back."`
	Signature signatureCommand `cmd:"" help:"Show or set a person's signature image."`
}

// Help implements kong.HelpProvider.
func (Commands) Help() string {
	return `A person is one member of a provider's directory.

Examples:

  orgsync member show acme u-7
  orgsync member offline acme u-7`
}
