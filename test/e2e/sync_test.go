package e2e

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/internal/directory"
)

// companies are shapes that the engine was not made around.
func companies() map[string]simulator.Spec {
	deep := simulator.TypicalSpec(11, 120)
	deep.Departments, deep.MaxDepth = 30, 14
	odd := simulator.TypicalSpec(7, 90)
	odd.SlashedNames, odd.Namesakes, odd.SeveralDepartments = true, 0.3, 0.4
	return map[string]simulator.Spec{"typical": simulator.TypicalSpec(3, 150), "deep": deep, "odd": odd,
		"one": {Seed: 5, Departments: 1, Members: 1, RootMembers: 1}}
}

var kinds = []directory.ProviderType{directory.Feishu, directory.DingTalk, directory.WeCom}

func TestFirstLoadChangeAndUnchangedRun(t *testing.T) {
	t.Parallel()
	for name, spec := range companies() {
		for _, kind := range kinds {
			t.Run(name+"/"+string(kind), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				s := w.simulate(kind, simulator.Generate(spec))

				first := w.sync(s.name)
				require.Equal(t, directory.RunSucceeded, first.Status, first.Errors)
				w.requireEqual(s)

				before := w.writes()
				again := w.sync(s.name)
				require.Equal(t, directory.RunSucceeded, again.Status, again.Errors)
				require.Equal(t, before, w.writes(), "an unchanged company writes no row")
				require.Equal(t, again.Members.Read, again.Members.Unchanged)
				require.Equal(t, again.Departments.Read, again.Departments.Unchanged)

				s.company.Drift(99, 0.1)
				changed := w.sync(s.name)
				require.Equal(t, directory.RunSucceeded, changed.Status, changed.Errors)
				w.requireEqual(s)

				before = w.writes()
				again = w.sync(s.name)
				require.Equal(t, directory.RunSucceeded, again.Status, again.Errors)
				require.Equal(t, before, w.writes(), "what has changed is not written again")
				w.requireEqual(s)
			})
		}
	}
}
