package access_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/access"
)

func TestReach(t *testing.T) {
	t.Parallel()
	mine, other := "t1", "t2"
	for _, c := range []struct {
		reach    access.Reach
		tenant   *string
		provider string
		covers   bool
	}{
		{access.Reach{}, nil, "p1", true},
		{access.Reach{}, &other, "p1", true},
		{access.Reach{TenantID: "t1"}, &mine, "p1", true},
		{access.Reach{TenantID: "t1"}, &other, "p1", false},
		{access.Reach{TenantID: "t1"}, nil, "p1", false},
		{access.Reach{ProviderID: "p1"}, nil, "p1", true},
		{access.Reach{ProviderID: "p1"}, &mine, "p2", false},
		{access.Reach{TenantID: "t1", ProviderID: "p1"}, &other, "p1", false},
	} {
		require.Equal(t, c.covers, c.reach.Covers(c.tenant, c.provider), "%+v", c)
	}
	tenant, provider := access.Reach{TenantID: "t1"}, access.Reach{TenantID: "t1", ProviderID: "p1"}
	require.True(t, access.Reach{}.Includes(tenant))
	require.True(t, tenant.Includes(provider))
	require.False(t, tenant.Includes(access.Reach{}), "nobody gives more than they have")
	require.False(t, provider.Includes(tenant))
	require.False(t, tenant.Includes(access.Reach{TenantID: "t2"}))
}

func TestWhoeverIsNotInTheTableMayNot(t *testing.T) {
	t.Parallel()
	for _, role := range access.Roles {
		require.Equal(t, access.RoleTooLow, access.Check(access.Caller{Role: role}, "conjure-provider"))
	}
	require.Equal(t, access.RoleTooLow, access.Check(access.Caller{}, "list-providers"))
	bound := access.Caller{Role: access.Admin, Reach: access.Reach{ProviderID: "p1"}}
	require.Equal(t, access.ReachTooNarrow, access.Check(bound, "create-provider"))
	require.Equal(t, access.Allowed, access.Check(bound, "get-provider"))
}

func TestTokens(t *testing.T) {
	t.Parallel()
	token, hash := access.NewToken()
	again, other := access.NewToken()
	require.Regexp(t, `^org_[a-z2-7]{52}$`, token)
	require.NotEqual(t, token, again)
	require.NotEqual(t, hash, other)
	same, ok := access.HashToken(token)
	require.True(t, ok)
	require.Equal(t, hash, same)
	for _, wrong := range []string{"", "org_", token[:20], token + "a", token[4:], "Bearer " + token} {
		_, ok := access.HashToken(wrong)
		require.False(t, ok, wrong)
	}
}
