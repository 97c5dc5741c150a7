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

// ShowWebhookCommand shows a webhook.
func ShowWebhookCommand(webhook string) string { return "orgsync webhook show " + webhook }

// ResumeWebhookCommand has a paused webhook told of changes again.
func ResumeWebhookCommand(webhook string) string { return "orgsync webhook resume " + webhook }

// PausedBecause says why a webhook is paused: for one of the reasons of package webhooks.
func (l Language) PausedBecause(reason string) string { return l.Text(Code("webhook."+reason), nil) }
