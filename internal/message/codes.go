package message

// What a run is to do.
const (
	Summary            Code = "sync.summary"
	SummaryPlan        Code = "sync.summary_plan"
	SummaryScheduled   Code = "sync.summary_scheduled"
	PurposeHold        Code = "sync.purpose_hold"
	PurposeApply       Code = "sync.purpose_apply"
	PurposeSkip        Code = "sync.purpose_skip"
	PurposePlan        Code = "sync.purpose_plan"
	LimitedDepartments Code = "sync.limited_departments"
	LimitedMembers     Code = "sync.limited_members"
	LimitedRetry       Code = "sync.limited_retry"
	SyncDetails        Code = "sync.details"
)

// What an administrator reads who comes back from installing a suite.
const (
	SuiteInstalled     Code = "suite.installed"
	InstallLinkUnknown Code = "suite.link_unknown"
	InstallTryAgain    Code = "suite.try_again"
)

// Pages of Temporal's Web UI, in Markdown.
const (
	RunPage             Code = "page.run"
	HoldPage            Code = "page.hold"
	DepartmentsPage     Code = "page.departments"
	UndoPage            Code = "page.undo"
	ScheduleSummary     Code = "page.schedule_summary"
	SchedulePage        Code = "page.schedule"
	ScheduledChild      Code = "page.scheduled_child"
	ScheduledSkipped    Code = "page.scheduled_skipped"
	HoldSummary         Code = "page.hold_summary"
	NotificationSummary Code = "page.notification_summary"
	PausedSummary       Code = "page.paused_summary"
	Problems            Code = "page.problems"
	UndoSummary         Code = "page.undo_summary"
	UndoSummaryPlan     Code = "page.undo_summary_plan"
)

// Parts of these pages.
const (
	TookSince         Code = "run.took_since"
	PhaseDepartments  Code = "run.phase_departments"
	PhaseMembers      Code = "run.phase_members"
	PhaseMembersByID  Code = "run.phase_members_by_id"
	PhaseRemovals     Code = "run.phase_removals"
	NextRunning       Code = "run.next_running"
	NextHeld          Code = "run.next_held"
	NextSucceeded     Code = "run.next_succeeded"
	NextPlanned       Code = "run.next_planned"
	NextRetry         Code = "run.next_retry"
	NextSync          Code = "run.next_sync"
	NumberOfKind      Code = "list.number_of_kind"
	ChangesOfKind     Code = "list.changes_of_kind"
	ReasonTimes       Code = "list.reason_times"
	ReasonOfOne       Code = "list.reason_of_one"
	ReasonOfMany      Code = "list.reason_of_many"
	NoChanges         Code = "list.no_changes"
	IDsAndMore        Code = "list.and_more"
	ListSeparator     Code = "list.separator"
	SentenceSeparator Code = "list.sentence_separator"
)

// Why a run is held.
const (
	HoldRangeShrunk  Code = "hold.range_shrunk"
	HoldAfterEvents  Code = "hold.after_events"
	RemovalsWithheld Code = "events.removals_withheld"
	FollowDetails    Code = "events.details"
	NoEventWaits     Code = "events.nothing_waits"
	HoldBeyondLimit  Code = "hold.beyond_limit"
	HoldRulesChanged Code = "hold.rules_changed"
	HoldRulesFailing Code = "hold.rules_failing"
	HoldAccounts     Code = "hold.accounts"
)

// Why a decision about a member's account, or a signature, is refused.
const (
	AccountLinked     Code = "account_decision.linked"
	AccountUnlinked   Code = "account_decision.unlinked"
	AccountMemberLeft Code = "account_decision.left"
	AccountUnknown    Code = "account_decision.unknown"
	AccountTaken      Code = "account_decision.taken"
	AccountIDWrong    Code = "account_decision.id_wrong"
	AccountIDUnneeded Code = "account_decision.id_unneeded"
	SignatureURLWrong Code = "account_decision.signature_wrong"
)

// Notifications.
const (
	NotifyTest    Code = "notify.test"
	NotifyHeld    Code = "notify.held"
	NotifyExpired Code = "notify.expired"
	NotifyPartial Code = "notify.partial"
	NotifyPaused  Code = "notify.webhook_paused"
	NotifyEnded   Code = "notify.ended"
	NotifyInARow  Code = "notify.in_a_row"
	NotifyPlanned Code = "notify.planned"
	NotifyUntil   Code = "notify.until"
	NotifyCounts  Code = "notify.counts"
)

// Why a run is not begun, or what it could not do.
const (
	ProviderSwitchedOff   Code = "activity.provider_switched_off"
	RulesVersionUnknown   Code = "activity.rules_version_unknown"
	RulesUnreadable       Code = "activity.rules_unreadable"
	ProviderNotStored     Code = "activity.provider_not_stored"
	RunNotStored          Code = "activity.run_not_stored"
	RunBusy               Code = "activity.run_busy"
	RunCarryingOut        Code = "activity.run_carrying_out"
	ScheduleRemoved       Code = "activity.schedule_removed"
	UndoRefused           Code = "activity.undo_refused"
	MembersByIDImpossible Code = "activity.members_by_id_impossible"
	MemberUnknown         Code = "activity.member_unknown"
	PreflightFailed       Code = "activity.preflight_failed"
)

// What keeps a run from coming along.
const (
	TemporalAway Code = "trouble.temporal_away"
	TemporalBack Code = "trouble.temporal_back"
	NoWorker     Code = "trouble.no_worker"
	WorkerIdle   Code = "trouble.worker_idle"

	// The page of a sign-in that failed.
	LoginTitle      Code = "login.title"
	LoginUnknown    Code = "login.unknown"
	ProgressUnknown Code = "trouble.progress_unknown"
)

// How the events of a provider stand, line by line.
const (
	EventsOn           Code = "events.on"
	EventsOff          Code = "events.off"
	EventsAddress      Code = "events.address"
	EventsConnected    Code = "events.connected"
	EventsNotConnected Code = "events.not_connected"
	EventsLast         Code = "events.last"
	EventsNoneYet      Code = "events.none_yet"
	EventsFigures      Code = "events.figures"
	EventsOldest       Code = "events.oldest"
	EventsRefusals     Code = "events.refusals"
	EventsSetAside     Code = "events.set_aside"
	EventsRetry        Code = "events.retry"
	EventsRetried      Code = "events.retried"
	EventsWithout      Code = "events.without"
)

// What is wrong with a workflow's input.
const (
	InputProviderMissing       Code = "input.provider_missing"
	InputRunMissing            Code = "input.run_missing"
	InputOneOf                 Code = "input.one_of"
	InputRulesNumber           Code = "input.rules_number"
	InputRulesPlanOnly         Code = "input.rules_plan_only"
	InputOneTarget             Code = "input.one_target"
	InputEventsApplyOnly       Code = "input.events_apply_only"
	InputTooManyMembers        Code = "input.too_many_members"
	InputTooManyNamed          Code = "input.too_many_named"
	InputMembersMissing        Code = "input.members_missing"
	InputIDsEmpty              Code = "input.ids_empty"
	InputIDBlank               Code = "input.id_blank"
	InputIDWrong               Code = "input.id_wrong"
	InputActorWrong            Code = "input.actor_wrong"
	InputAdministratorsMissing Code = "input.administrators_missing"
	InputAdministratorTwice    Code = "input.administrator_twice"
	InputOtherRun              Code = "input.other_run"
)
