package main

import (
	"github.com/orgsync/orgsync/internal/app"
	"github.com/orgsync/orgsync/internal/replay"
	"github.com/orgsync/orgsync/starter/account"
	"github.com/orgsync/orgsync/starter/application"
	"github.com/orgsync/orgsync/starter/change"
	"github.com/orgsync/orgsync/starter/console"
	"github.com/orgsync/orgsync/starter/event"
	"github.com/orgsync/orgsync/starter/group"
	"github.com/orgsync/orgsync/starter/maintenance"
	"github.com/orgsync/orgsync/starter/member"
	"github.com/orgsync/orgsync/starter/provider"
	"github.com/orgsync/orgsync/starter/report"
	"github.com/orgsync/orgsync/starter/rules"
	"github.com/orgsync/orgsync/starter/run"
	"github.com/orgsync/orgsync/starter/schedule"
	"github.com/orgsync/orgsync/starter/token"
	"github.com/orgsync/orgsync/starter/webhook"
)

// What commands print with --output json. The types are public: docs/cli-json.md is
// written from them.

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
	{[]string{"sync --wait", "runs retry --wait", "rules set --plan --wait", "accounts apply --wait",
		"member offline --wait",
		"member online --wait", "runs watch", "undo", "approve", "reject", "cancel"}, "result",
		run.Result{}},
	{[]string{"sync --no-wait", "runs retry --no-wait", "rules set --plan --no-wait", "accounts apply --no-wait",
		"member offline --no-wait", "member online --no-wait", "undo --no-wait"}, "started", run.Started{}},
	{[]string{"cancel --no-wait"}, "canceling", run.Canceling{}},
	{[]string{"status"}, "standing", []report.Standing{}},
	{[]string{"runs list"}, "run", []run.Run{}},
	{[]string{"runs show"}, "shown run", run.Shown{}},
	{[]string{"runs changes"}, "change", []run.Change{}},
	{[]string{"changes"}, "changes", change.Page{}},
	{[]string{"provider list"}, "provider", []provider.View{}},
	{[]string{"provider show", "provider add", "provider update"}, "provider", provider.View{}},
	{[]string{"provider install", "provider add --suite"}, "installation", provider.Installation{}},
	{[]string{"events enable", "events disable", "events show"}, "events", event.State{}},
	{[]string{"events retry"}, "retried events", event.Retried{}},
	{[]string{"provider remove"}, "removed provider", provider.Removed{}},
	{[]string{"provider test"}, "preflight", provider.Preflight{}},
	{[]string{"provider dump"}, "dumped record", provider.Dumped{}},
	{[]string{"rules show"}, "rules", rules.Shown{}},
	{[]string{"rules set", "rules remove"}, "rules version", rules.Version{}},
	{[]string{"rules try"}, "tried rules", rules.Tried{}},
	{[]string{"schedule list"}, "schedule", []schedule.View{}},
	{[]string{"schedule set", "schedule pause", "schedule resume"}, "schedule", schedule.View{}},
	{[]string{"schedule trigger", "schedule remove"}, "schedule reference", schedule.Ref{}},
	{[]string{"tree"}, "branch", []*report.Branch{}},
	{[]string{"search"}, "hit", []report.Found{}},
	{[]string{"explain"}, "history", report.ObjectHistory{}},
	{[]string{"audit"}, "audit entry", []report.AuditEntry{}},
	{[]string{"export"}, "exported directory", report.Exported{}},
	{[]string{"member show"}, "member", member.Shown{}},
	{[]string{"member signature"}, "signature", member.Signature{}},
	{[]string{"accounts report"}, "account report", account.Report{}},
	{[]string{"accounts decide"}, "account decision", account.Decided{}},
	{[]string{"groups"}, "group", []group.Group{}},
	{[]string{"groups"}, "shown group", group.Shown{}},
	{[]string{"admins"}, "administrator", []group.Administrator{}},
	{[]string{"app add"}, "registered application", application.Added{}},
	{[]string{"app list"}, "application", []application.View{}},
	{[]string{"app remove"}, "removed application", application.Removed{}},
	{[]string{"webhook add"}, "added webhook", webhook.Added{}},
	{[]string{"webhook list"}, "webhook", []webhook.View{}},
	{[]string{"webhook pause", "webhook resume"}, "webhook", webhook.View{}},
	{[]string{"webhook show"}, "shown webhook", webhook.Shown{}},
	{[]string{"webhook test"}, "webhook test", webhook.Tested{}},
	{[]string{"webhook remove"}, "removed webhook", webhook.Removed{}},
	{[]string{"token create"}, "created token", token.Created{}},
	{[]string{"console"}, "sign-in link", console.Link{}},
	{[]string{"console --sign-out"}, "sessions that were ended", console.SignedOut{}},
	{[]string{"token list"}, "token", []token.View{}},
	{[]string{"token revoke"}, "revoked token", token.Revoked{}},
	{[]string{"replay"}, "verdict", replay.Verdict{}},
	{[]string{"migrate --status"}, "migration status", maintenance.MigrationStatus{}},
	{[]string{"migrate"}, "migrated", maintenance.Migrated{}},
	{[]string{"keyset create", "keyset rotate"}, "key set file", maintenance.KeysetFile{}},
	{[]string{"keyset reseal"}, "resealed", maintenance.Resealed{}},
	{[]string{"keyset prune"}, "pruned key set", maintenance.PrunedKeyset{}},
	{[]string{"notify test"}, "webhook trial", []app.HookTrial{}},
	{[]string{"completion"}, "completion script", completionScript{}},
	{[]string{"version"}, "build", build{}},
}
