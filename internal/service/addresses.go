package service

import (
	"maps"
	"slices"
	"strings"

	"github.com/orgsync/orgsync/internal/access"
	"github.com/orgsync/orgsync/internal/provider"
)

// checkAddresses refuses addresses other than the vendor's own to who reaches a tenant or a provider
// alone: calls go there from this installation's network, with the app's secret. An address that is
// stored already stays.
func checkAddresses(vendor provider.Vendor, reach access.Reach, stored, given provider.Settings) error {
	if reach.Unlimited() {
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
