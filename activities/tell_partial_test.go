package activities

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/db"
)

func TestWhenPeopleAreToldOfPartialRuns(t *testing.T) {
	t.Parallel()
	usual := TellPartial{After: 3, AfterMostUnread: 1}
	for _, c := range []struct {
		setting  TellPartial
		most     bool
		inARow   int
		expected bool
	}{
		{usual, false, 0, false}, {usual, false, 1, false}, {usual, false, 2, false}, {usual, false, 3, true},
		{usual, false, 4, false}, {usual, false, 6, true},
		{usual, true, 0, false}, {usual, true, 1, true}, {usual, true, 2, true},
		{TellPartial{}, false, 3, false}, {TellPartial{}, true, 1, false},
	} {
		require.Equal(t, c.expected, c.setting.due(db.Partials{InARow: c.inARow, MostUnread: c.most}), c)
	}
}
