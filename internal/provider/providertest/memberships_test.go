package providertest

import (
	"encoding/json"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/internal/provider"
)

// Whatever listing brought a record, it names all departments of the member.
func TestARecordNamesAllDepartments(t *testing.T) {
	t.Parallel()
	vendors := everyVendor(quiet)
	delete(vendors, "wecom sync") // reads no records
	for vendor, setup := range vendors {
		t.Run(vendor, func(t *testing.T) {
			t.Parallel()
			w := open(t, simulator.Generate(simulator.TypicalSpec(3, 120)), setup())
			r := walk(t.Context(), w.kind, w.client)
			w.requireTruth(r)
			records := w.client.(provider.MembershipReader)
			several := 0
			for id, p := range r.people {
				var named []string
				for _, m := range records.MembershipsOf(p.Raw) {
					named = append(named, m.DepartmentID)
				}
				require.ElementsMatch(t, slices.Collect(maps.Keys(p.places)), named, id)
				if len(named) > 1 {
					several++
				}
			}
			require.Positive(t, several)
			require.Nil(t, records.MembershipsOf(json.RawMessage(`{}`)), "which is not to be in none")
		})
	}
}
