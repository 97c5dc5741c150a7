package wecom

import (
	"time"

	"github.com/orgsync/orgsync/devkit/simulator"
)

// tokenLife is two hours. Whether a repeated call brings the same token is not
// promised either way (wecom.md §1.2): Config.FreshTokens chooses.
const tokenLife = 2 * time.Hour

type tokenAnswer struct {
	ok
	Token   string `json:"access_token"`
	Expires int    `json:"expires_in"`
}

// issueToken answers gettoken, which any address may call.
func (s *Server) issueToken(q *request, act simulator.Action) simulator.Reply {
	if r := q.scripted(act); r != nil {
		return q.refuse(r)
	}
	corp, secret := q.query.Get("corpid"), q.query.Get("corpsecret")
	var owner string
	switch {
	case secret == "":
		return q.refuse(&refusal{code: 41004, text: "corpsecret missing"})
	case corp != q.cfg.CorpID:
		return q.refuse(&refusal{code: 40013, text: "invalid corpid"})
	case secret == q.cfg.Secret:
		owner = app
	case secret == q.cfg.SyncSecret:
		owner = contact
	default:
		return q.refuse(&refusal{code: 40001, text: "invalid credential"})
	}
	renew := time.Duration(0)
	if q.cfg.FreshTokens {
		renew = tokenLife + 1
	}
	token, left := s.Tokens.Issue("", owner, tokenLife, renew)
	return q.json(tokenAnswer{success, token, int(left.Seconds())})
}
