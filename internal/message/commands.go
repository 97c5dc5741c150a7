package message

// The commands that people are told to run, which are the same in every language.

// ShowRunCommand shows a run.
func ShowRunCommand(run string) string { return "orgsync runs show " + run }

// RetryRunCommand reads what a run could not read.
func RetryRunCommand(run string) string { return "orgsync runs retry " + run }

// SyncCommand syncs a provider.
func SyncCommand(provider string) string { return "orgsync sync " + provider }

// ApproveCommand carries out the removals of a held run.
func ApproveCommand(provider, run string) string { return "orgsync approve " + provider + " " + run }

// RejectCommand drops the removals of a held run.
func RejectCommand(provider, run string) string { return "orgsync reject " + provider + " " + run }
