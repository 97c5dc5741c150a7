// Package member holds the commands about one person.
package member

// Commands are those below "orgsync member".
type Commands struct {
	Show showCommand `cmd:"" help:"Show everything known of one person."`
}

// Help implements kong.HelpProvider.
func (Commands) Help() string {
	return `A person is one member of a provider's directory.

Examples:

  orgsync member show acme u-7`
}
