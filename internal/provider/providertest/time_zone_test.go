package providertest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/internal/directory"
)

// The day of hiring is that of the provider's time zone, and a time zone that does not exist
// is refused before anything is read.
func TestDatesAreThoseOfTheTimeZone(t *testing.T) {
	t.Parallel()
	newYork, err := time.LoadLocation("America/New_York")
	require.NoError(t, err)
	for vendor, setup := range everyVendor(quiet) {
		t.Run(vendor, func(t *testing.T) {
			t.Parallel()
			s := setup()
			s.settings["time_zone"] = "Mars/Olympus"
			require.ErrorContains(t, s.vendor.Validate(s.settings), "time_zone must be a name")
			_, err := s.vendor.Open(s.settings, nil)
			require.ErrorContains(t, err, "time_zone must be a name")

			s.settings["time_zone"] = "America/New_York"
			w := open(t, simulator.Generate(simulator.TypicalSpec(3, 80)), s)
			r := walk(t.Context(), w.kind, w.client)
			require.Empty(t, r.errs)
			truth, other := w.company.Truth(w.kind), 0
			w.company.View(func(v *simulator.View) {
				for p := range v.People() {
					id := w.externalID(p)
					got, sent := r.people[r.key(id)].Attributes[directory.HiredAt]
					if w.kind == directory.WeCom {
						require.False(t, sent)
						continue
					}
					if p.Joined == 0 {
						require.Nil(t, got)
						continue
					}
					require.Equal(t, time.Unix(p.Joined, 0).In(newYork).Format(time.DateOnly), got)
					if got != truth.Members[id].Attributes[directory.HiredAt] {
						other++
					}
				}
			})
			require.Equal(t, w.kind != directory.WeCom, other > 0, "some days are others in China")
		})
	}
}
