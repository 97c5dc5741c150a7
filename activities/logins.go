package activities

import (
	"context"

	"github.com/orgsync/orgsync/db"
)

// Logins looks after what people's logins brought.
type Logins struct{ Store *db.Store }

// WaitingLogins are members of whom a login brought something that the directory lacks.
type WaitingLogins struct {
	// IDs name the wishes, Members are the members' external ids.
	IDs     []string `json:"ids"`
	Members []string `json:"members"`
}

// ListLoginsInput asks for at most so many.
type ListLoginsInput struct {
	Provider string `json:"provider"`
	Most     int    `json:"most"`
}

// ListLogins returns the members whom a run is to read.
func (a *Logins) ListLogins(ctx context.Context, in ListLoginsInput) (WaitingLogins, error) {
	var out WaitingLogins
	var err error
	out.IDs, out.Members, err = a.Store.Logins.ListMembers(ctx, in.Provider, in.Most)
	return out, classify(err)
}

// DropLogins forgets wishes that a run has dealt with, well or not: the next login of a member
// who could not be read brings the same again.
func (a *Logins) DropLogins(ctx context.Context, in WaitingLogins) error {
	return classify(a.Store.Logins.DropMembers(ctx, in.IDs))
}
