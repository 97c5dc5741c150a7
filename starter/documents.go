package main

import (
	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/internal/app"
	"github.com/orgsync/orgsync/internal/replay"
	"github.com/orgsync/orgsync/workflows"
)

// What commands print with --output json. The types are public: docs/cli-json.md is
// written from them.

// failed is printed by every command that fails before it has printed a document.
type failed struct {
	Error      string `json:"error"`
	ExitStatus int    `json:"exit_status"`
	// Matches are what a text may mean that was to mean one thing.
	Matches []db.Object `json:"matches,omitempty"`
}

// removedProvider is a provider that was removed.
type removedProvider struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	Departments int64  `json:"departments_deleted"`
	Members     int64  `json:"members_deleted"`
}

// scheduleRef names a schedule.
type scheduleRef struct {
	Provider   string `json:"provider"`
	ScheduleID string `json:"schedule_id"`
}

// keysetFile is a key set that was written.
type keysetFile struct {
	File string `json:"file"`
}

// resealed is how many secrets were sealed anew.
type resealed struct {
	Secrets int `json:"secrets_resealed"`
}

// prunedKeyset is a key set without its old keys.
type prunedKeyset struct {
	File    string `json:"file"`
	Removed int    `json:"keys_removed"`
}

// completionScript lets a shell complete commands.
type completionScript struct {
	Shell  string `json:"shell"`
	Script string `json:"script"`
}

// build is which build this is.
type build struct {
	Version  string `json:"version"`
	Revision string `json:"revision"`
	Go       string `json:"go"`
}

// output is what commands print.
type output struct {
	commands []string
	// name is what the documentation calls the type.
	name string
	// value is of the type; a slice where a list is printed.
	value any
}

// outputs are all of them.
var outputs = []output{
	{[]string{"sync --wait", "runs retry --wait", "runs watch", "undo", "approve", "reject", "cancel"}, "result", workflows.SyncResult{}},
	{[]string{"sync --no-wait", "runs retry --no-wait", "undo --no-wait"}, "started", started{}},
	{[]string{"cancel --no-wait"}, "canceling", canceling{}},
	{[]string{"status"}, "standing", []standing{}},
	{[]string{"runs list"}, "run", []db.Run{}},
	{[]string{"runs show"}, "shown run", shownRun{}},
	{[]string{"runs changes"}, "change", []db.Change{}},
	{[]string{"provider list"}, "provider", []providerView{}},
	{[]string{"provider show", "provider add", "provider update"}, "provider", providerView{}},
	{[]string{"provider remove"}, "removed provider", removedProvider{}},
	{[]string{"provider test"}, "preflight", preflight{}},
	{[]string{"schedule list"}, "schedule", []scheduleView{}},
	{[]string{"schedule set", "schedule pause", "schedule resume"}, "schedule", scheduleView{}},
	{[]string{"schedule trigger", "schedule remove"}, "schedule reference", scheduleRef{}},
	{[]string{"tree"}, "branch", []*branch{}},
	{[]string{"search"}, "hit", []found{}},
	{[]string{"explain"}, "story", db.Story{}},
	{[]string{"replay"}, "verdict", replay.Verdict{}},
	{[]string{"migrate --status"}, "migration status", db.MigrationStatus{}},
	{[]string{"migrate"}, "migrated", migrated{}},
	{[]string{"keyset create", "keyset rotate"}, "key set file", keysetFile{}},
	{[]string{"keyset reseal"}, "resealed", resealed{}},
	{[]string{"keyset prune"}, "pruned key set", prunedKeyset{}},
	{[]string{"notify test"}, "webhook trial", []app.HookTrial{}},
	{[]string{"completion"}, "completion script", completionScript{}},
	{[]string{"version"}, "build", build{}},
}
