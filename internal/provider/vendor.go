package provider

import (
	"errors"
	"strconv"

	"github.com/orgsync/orgsync/internal/directory"
)

// Settings are a stored provider's configuration, keys as in its JSON document,
// aliases resolved and secrets opened.
type Settings map[string]string

// Vendor describes one kind of provider: its settings and how to open a client.
type Vendor struct {
	Type directory.ProviderType
	// Keys are the accepted settings, for validation and help.
	Keys []Key
	// Validate checks what single keys cannot say ("at least one of"). May be nil.
	Validate func(Settings) error
	// Open makes a client. It performs no call.
	Open func(Settings, *Env) (Client, error)
	// OpenCallback makes what takes events at the callback address. Its error says which
	// setting is missing or wrong.
	OpenCallback func(Settings) (Callback, error)
	// Suite is nil where no company installs an app of a service provider.
	Suite *SuiteVendor
}

// Key is one setting of a vendor.
type Key struct {
	Name     string
	Aliases  []string
	Required bool
	Default  string
	Help     string
	// InsteadOf is the setting that makes a required one unnecessary, empty: none does.
	InsteadOf string
	// Own are the vendor's own addresses beside Default, of a setting that is an address.
	Own []string
	// Check, if set, says what is wrong with a value, without the setting's name.
	Check func(value string) error
}

// CheckNumber is the check of a setting that is a number.
func CheckNumber(value string) error {
	if _, err := strconv.ParseUint(value, 10, 63); err != nil {
		return errors.New("must be a decimal number")
	}
	return nil
}
