package app

import (
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"

	"github.com/orgsync/orgsync/db/providers"
	"github.com/orgsync/orgsync/internal/clients"
	"github.com/orgsync/orgsync/internal/config"
	"github.com/orgsync/orgsync/internal/provider"
	"github.com/orgsync/orgsync/internal/secret"
)

// NewOpener returns the way to clients of stored providers. box may be nil where
// neither secrets nor clients are needed.
func NewOpener(store *providers.Store, box *secret.Box, cfg config.Config, log *slog.Logger) *clients.Opener {
	return &clients.Opener{
		Store: store, Box: box, Vendors: Vendors(), HTTP: newHTTPClient(cfg.FetchConcurrency), Log: log,
		Budget:      provider.NewMemoryBudget(answers),
		CallTimeout: cfg.CallTimeout, SlowCall: cfg.SlowCall, CallRate: cfg.CallRate,
	}
}

// answers is how many bytes the answers of all providers may have together in the memory
// of a process, beside one that may be larger (provider.Budget). Decoded they take several
// times that.
const answers = 32 << 20

// refuseLinkLocal keeps calls from addresses where no provider answers, but a cloud's service of
// credentials does: a person who sets a provider's address must not have this machine ask that. It is
// told the address after names were resolved.
func refuseLinkLocal(_, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	if ip := to.Addr().Unmap(); ip.IsLinkLocalUnicast() || ip.IsMulticast() || ip.IsUnspecified() {
		return fmt.Errorf("%s is no address where a provider answers", ip)
	}
	return nil
}

// newHTTPClient returns the client that all provider calls of a process share. It
// keeps a connection for each call that may be under way: the default of two a host
// would have the others dial, and shake hands, for every page. It sets no limit of
// time, since the clients bound each call themselves, and follows no redirect,
// which could carry a token to an address nobody configured.
func newHTTPClient(connections int) *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			Proxy:                  http.ProxyFromEnvironment,
			OnProxyConnectResponse: provider.OnProxyAnswer,
			DialContext: (&net.Dialer{
				Timeout: 10 * time.Second, KeepAlive: 30 * time.Second, Control: refuseLinkLocal,
			}).DialContext,
			ForceAttemptHTTP2:     true,
			TLSHandshakeTimeout:   10 * time.Second,
			ExpectContinueTimeout: time.Second,
			MaxIdleConns:          4 * connections,
			MaxIdleConnsPerHost:   connections,
			IdleConnTimeout:       90 * time.Second,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
