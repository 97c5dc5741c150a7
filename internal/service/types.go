package service

import (
	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/db/audit"
	"github.com/orgsync/orgsync/db/providers"
	"github.com/orgsync/orgsync/db/report"
	"github.com/orgsync/orgsync/internal/clients"
	"github.com/orgsync/orgsync/internal/provider"
	"github.com/orgsync/orgsync/workflows"
)

// What reports return are the store's own rows: plain data without tags or behaviour. An
// edge that writes them out has types of its own for that.
type (
	// By is who changes something, as the audit log has it.
	By = audit.By
	// Run is one run of the run history.
	Run = report.Run
	// RunDepartment is how completely a run read one department.
	RunDepartment = db.CompletenessRecord
	// Progress is how far a run has come.
	Progress = report.Progress
	// Change is one line of a run's change log, ChangeFilter limits which are told.
	Change       = report.Change
	ChangeFilter = report.ChangeFilter
	// PlannedRemovals are by name what a held run would remove, RemovalsLimit bounds how many are read.
	PlannedRemovals   = db.PlannedRemovals
	PlannedMember     = db.PlannedMember
	PlannedDepartment = db.PlannedDepartment
	LostMembership    = db.PlannedMembership
	// PlannedGroup, LostGroupMembership and PlannedAdministrator are the same of groups.
	PlannedGroup         = db.PlannedGroup
	LostGroupMembership  = db.PlannedGroupMembership
	PlannedAdministrator = db.PlannedAdministrator
	RemovalsLimit        = db.RemovalsLimit
	// Department is a department as the tree shows it.
	Department = report.TreeDepartment
	// FoundDepartment is what a search finds.
	FoundDepartment = report.FoundDepartment
	// Object is a member or department, ObjectHistory everything on record of one.
	Object        = db.Object
	ObjectHistory = db.ObjectHistory
	ObjectRun     = db.ObjectRun
	ObjectRunHead = db.ObjectRunHead
	ObjectChange  = db.ObjectChange
	Evidence      = db.Evidence
	Listing       = db.Listing
	Presence      = db.Presence
	LookupResult  = db.LookupResult
	// Holdings are what removing a provider would take.
	Holdings = providers.Holdings
	// MigrationStatus tells how far a database is.
	MigrationStatus = db.MigrationStatus
	// Finding is one thing that testing a provider found.
	Finding = provider.Finding
)

// What became of looking up an object that a run missed.
const (
	LookupExists     = db.LookupExists
	LookupNotVisible = db.LookupNotVisible
	LookupIDReused   = db.LookupIDReused
	LookupNotListed  = db.LookupNotListed
	LookupFailed     = db.LookupFailed
	LookupNotAsked   = db.LookupNotAsked
	LookupOutOfScope = db.LookupOutOfScope
)

// Levels of findings.
const (
	Pass = provider.Pass
	Warn = provider.Warn
	Fail = provider.Fail
)

// Modes of a run, and ways to treat removals.
const (
	ModeApply     = workflows.ModeApply
	ModePlan      = workflows.ModePlan
	RemovalsHold  = workflows.RemovalsHold
	RemovalsApply = workflows.RemovalsApply
	RemovalsSkip  = workflows.RemovalsSkip
)

// Hidden stands for a secret in settings that are shown.
const Hidden = clients.Hidden
