package webhook

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"syscall"
	"time"
)

// Guard says where messages may go: to public addresses, and to the private networks that are
// allowed. Otherwise who may add a webhook could have the worker send requests to services that
// trust it for where it stands.
type Guard struct{ Allowed []netip.Prefix }

// reserved are networks beside those that package netip knows: nothing public answers there, or
// another address is hidden in the address (RFC 6890, 6598, 6052, 3056, 4380).
var reserved = prefixes("0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24",
	"198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
	"64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "5f00::/16",
	"fec0::/10")

func prefixes(texts ...string) (all []netip.Prefix) {
	for _, text := range texts {
		all = append(all, netip.MustParsePrefix(text))
	}
	return all
}

// check returns an error if a message may not go to an address. In the clear it goes to allowed
// networks only.
func (g Guard) check(address netip.Addr, clear bool) error {
	address = address.Unmap().WithZone("")
	for _, p := range g.Allowed {
		if p.Contains(address) {
			return nil
		}
	}
	public := address.IsGlobalUnicast() && !address.IsPrivate()
	for _, p := range reserved {
		public = public && !p.Contains(address)
	}
	switch {
	case !public:
		return &Error{Reason: ReasonRefused, Problem: fmt.Sprintf("it leads to %s, which is no public address; "+
			"allow its network with ORGSYNC_WEBHOOK_NETWORKS if that is meant", address)}
	case clear:
		return &Error{Reason: ReasonRefused, Problem: "http is for networks allowed with ORGSYNC_WEBHOOK_NETWORKS " +
			"alone; give an https address"}
	}
	return nil
}

// CheckURL returns what is wrong with the address of a webhook, nil if it can be used. Where a name
// leads is looked up now, and again each time that a message is sent.
func (g Guard) CheckURL(ctx context.Context, text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Hostname() == "" || len(text) > maxURL:
		return &Error{Problem: fmt.Sprintf("it is no address such as https://app.example.com/orgsync, of at most "+
			"%d bytes", maxURL)}
	case u.User != nil:
		return &Error{Problem: "it holds a user name or password; deliveries are signed instead"}
	case u.Fragment != "":
		return &Error{Problem: "it has a part after #, which is never sent; leave it out"}
	}
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	// What is not found is left to the worker, which may know other names than this machine.
	addresses, _ := net.DefaultResolver.LookupNetIP(ctx, "ip", u.Hostname())
	for _, address := range addresses {
		if err := g.check(address, u.Scheme == "http"); err != nil {
			return err
		}
	}
	return nil
}

const (
	// maxURL is how long an address may be.
	maxURL        = 2000
	lookupTimeout = 5 * time.Second
)

// clearKey marks the context of a request that is sent in the clear.
type clearKey struct{}

// control is called with the address that a connection is about to be made to, after names were
// resolved: nothing can change in between.
func (g Guard) control(ctx context.Context, _, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return &Error{Reason: ReasonRefused, Problem: "it leads to no internet address"}
	}
	clear, _ := ctx.Value(clearKey{}).(bool)
	return g.check(to.Addr(), clear)
}
