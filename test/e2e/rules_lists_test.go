package e2e

import (
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/workflows"
)

// Lists of ids that prove that everybody was read, WeCom's of all members and DingTalk's of one
// department, name excluded people and departments, too. Nobody comes in by them, nobody goes
// for them, and who really leaves is still told from who was not listed. Whoever moves to an
// excluded department goes in the same run, although a lookup shows them.
func TestExclusionsWhereIDListsProveCompleteness(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		kind     directory.ProviderType
		settings map[string]string
	}{
		"feishu":            {directory.Feishu, nil},
		"dingtalk":          {directory.DingTalk, nil},
		"wecom app secret":  {directory.WeCom, nil},
		"wecom sync secret": {directory.WeCom, map[string]string{"sync_secret": "sim-sync-secret"}},
		"wecom both secrets": {directory.WeCom, map[string]string{"sync_secret": "sim-sync-secret",
			"secret": "sim-app-secret"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			d := newDivided(w, c.kind)
			if c.settings != nil {
				settings := maps.Clone(c.settings)
				settings["corp_id"], settings["base_url"] = "wwsim", d.url
				d.name = w.add(c.kind, settings)
				require.Equal(t, directory.RunSucceeded, w.sync(d.name).Status)
			}
			require.Len(t, w.members(d.name), len(d.Truth(c.kind).Members))

			w.rules(d.source, `scope: { departments: { exclude: ["`+d.department(d.outside)+`"] } }`, false)
			held := w.sync(d.name)
			require.Equal(t, directory.RunHeld, held.Status, held.Errors)
			require.Contains(t, held.HoldReason, "members 5, departments 2")
			approved, err := w.decide(held, workflows.ApproveUpdate)
			require.NoError(t, err)
			require.Equal(t, directory.RunSucceeded, approved.Status, approved.Errors)
			stay := func() []string {
				ids := slices.Sorted(maps.Keys(d.Truth(c.kind).Members))
				return slices.DeleteFunc(ids, func(id string) bool {
					return slices.Contains(d.ids(d.outsiders...), id)
				})
			}
			require.Equal(t, stay(), slices.Sorted(maps.Keys(w.members(d.name))))
			require.Equal(t, []string{d.department(d.inside)}, w.members(d.name)[d.member(d.both)].Departments)
			synced, written := w.lastSynced(d.name), w.writes()
			again := w.sync(d.name)
			require.Equal(t, directory.RunSucceeded, again.Status, again.Errors)
			require.Equal(t, written, w.writes(), "unchanged means untouched")
			require.NotEqual(t, synced, w.lastSynced(d.name), "such a run is complete")

			// Shorter listings let the ids be asked for once more.
			d.must(d.Leave(d.insiders[0]), d.Leave(d.outsiders[0]))
			moved, come := d.insiders[1], d.hire(d.inside)
			d.must(d.Move(moved, d.inside, d.deep))
			d.outsiders = append(d.outsiders, moved)
			changed := w.sync(d.name)
			require.Equal(t, directory.RunSucceeded, changed.Status, changed.Errors)
			require.Equal(t, 2, changed.Members.Deleted, "who left, and who moved out of scope")
			require.Equal(t, stay(), slices.Sorted(maps.Keys(w.members(d.name))))
			require.Contains(t, w.members(d.name), d.member(come))

			w.rules(d.source, "", false)
			back := w.sync(d.name)
			require.Equal(t, directory.RunSucceeded, back.Status, back.Errors)
			require.Len(t, w.members(d.name), len(d.Truth(c.kind).Members))
		})
	}
}
