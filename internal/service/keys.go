package service

import "context"

// ResealSecretsResult is how many secrets were sealed anew, and under which key.
type ResealSecretsResult struct {
	Secrets int
	KeyID   uint32
}

// ResealSecrets seals every stored secret under the newest key of the key set. It refuses
// while a worker runs that does not hold that key.
func (s *Service) ResealSecrets(ctx context.Context) (ResealSecretsResult, error) {
	vault, err := s.openVault(ctx)
	if err != nil {
		return ResealSecretsResult{}, err
	}
	result := ResealSecretsResult{KeyID: vault.Box.PrimaryKeyID()}
	if err := requireKey(ctx, vault.Store, result.KeyID); err != nil {
		return result, err
	}
	if result.Secrets, err = vault.Reseal(ctx); err != nil {
		return result, err
	}
	n, err := s.resealWebhooks(ctx, vault.Box)
	result.Secrets += n
	return result, err
}

// CheckOnlyKey returns an error while a stored secret is sealed under another key than this
// one, or a worker runs that does not hold it.
func (s *Service) CheckOnlyKey(ctx context.Context, keyID uint32) error {
	store, err := s.openStore(ctx)
	if err != nil {
		return err
	}
	others, err := store.Providers.CountSecretsUnderOtherKeys(ctx, keyID)
	if err != nil {
		return err
	}
	if others > 0 {
		return &Error{Code: SecretsUnderOtherKeys, Args: Args{KeyID: keyID, Number: float64(others)}}
	}
	return requireKey(ctx, store.Providers, keyID)
}
