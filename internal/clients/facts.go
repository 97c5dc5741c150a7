package clients

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/orgsync/orgsync/db/logins"
	"github.com/orgsync/orgsync/db/providers"
	"github.com/orgsync/orgsync/internal/directory"
)

// loginKey binds sealed facts to their member: no setting has this name.
func loginKey(externalID string) string { return "login/" + externalID }

// SealFacts seals what a login brought of a member, for the run that writes it.
func (o *Opener) SealFacts(providerID, externalID string, facts directory.Profile) ([]byte, error) {
	text, err := json.Marshal(facts)
	if err != nil {
		return nil, fmt.Errorf("encode what a login brought: %w", err)
	}
	sealed, _, err := o.Box.Seal(text, associated(providerID, loginKey(externalID)))
	return sealed, err
}

// LoginFacts returns what logins of a member brought that no run has written. What cannot be
// opened any more is passed over: the next login brings it again.
func (o *Opener) LoginFacts(ctx context.Context, store *logins.Store, p providers.Provider,
	externalID string) (directory.Profile, error) {
	all, err := store.ListFacts(ctx, p.ID, p.IDsIgnoreCase, externalID)
	if err != nil {
		return directory.Profile{}, err
	}
	var latest directory.Profile
	for _, sealed := range all {
		text, err := o.Box.Open(sealed, associated(p.ID, loginKey(externalID)))
		var facts directory.Profile
		if err != nil || json.Unmarshal(text, &facts) != nil {
			o.Log.WarnContext(ctx, "what a login brought cannot be opened", "provider", p.Name)
			continue
		}
		facts.Fill(externalID, latest)
		latest = facts
	}
	return latest, nil
}
