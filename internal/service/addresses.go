package service

import (
	"maps"
	"slices"
	"strings"

	"github.com/orgsync/orgsync/internal/access"
	"github.com/orgsync/orgsync/internal/provider"
)

// checkAddresses refuses addresses other than the vendor's own to a caller who is bound to a tenant or
// a provider, if the installation is set up so: calls go there from its network, with the app's secret.
// An address that is stored already stays.
func (s *Service) checkAddresses(
	vendor provider.Vendor, reach access.Reach, stored, given provider.Settings,
) error {
	if reach.Unlimited() || s.connect.OwnAddressesOnly == nil {
		return nil
	}
	only, err := s.connect.OwnAddressesOnly()
	if err != nil {
		return settingsError(err)
	}
	if !only {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		at := slices.IndexFunc(vendor.Keys, func(k provider.Key) bool { return k.Name == name })
		address := given[name]
		if at < 0 || !strings.HasSuffix(name, "_url") || address == "" || address == stored[name] {
			continue
		}
		own := append([]string{vendor.Keys[at].Default}, vendor.Keys[at].Own...)
		if !slices.Contains(own, strings.TrimSuffix(address, "/")) {
			return &Error{Code: AddressForbidden, Args: Args{Field: name, Allowed: slices.DeleteFunc(own, isEmpty)}}
		}
	}
	return nil
}

func isEmpty(text string) bool { return text == "" }
