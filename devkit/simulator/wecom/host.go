package wecom

import (
	"io"
	"net/http"
	"strings"
)

// Pages at which a company's administrator installs a suite: that of a third-party suite, and
// that behind the code of a 代开发 template.
const (
	installPage = "/3rdapp/install"
	qrPage      = "/qr"
)

// Host serves the platform and the apps of one company at one address, as WeCom does. Who opens
// an install page there consents for that company at once.
func (p *Platform) Host(s *Server) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		query := r.URL.Query()
		p.mu.Lock()
		ours := p.byToken[query.Get("access_token")] != nil || p.companies[query.Get("corpid")] != nil
		p.mu.Unlock()
		switch {
		case r.URL.Path == installPage && !p.customised():
			back, err := p.consent(r.URL, s)
			if err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
			http.Redirect(w, r, back, http.StatusFound)
		case r.URL.Path == qrPage && p.customised():
			p.Market(s, query.Get("state"))
			_, _ = io.WriteString(w, "installed\n")
		case r.URL.Path == signInPage && !p.customised() && query.Get("appid") == p.suite.ID:
			p.signIn(w, r, s)
		case ours, strings.HasPrefix(r.URL.Path, "/cgi-bin/service/"):
			p.ServeHTTP(w, r)
		default:
			s.ServeHTTP(w, r)
		}
	})
}
