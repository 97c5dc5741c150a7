// Package activities holds the side effects of a sync, one struct a step: Runs
// opens and ends runs, Reader reads from providers into staging, Apply makes the
// directory equal to what was staged, Reconcile removes what is gone. Every
// activity is idempotent, since Temporal may run it again after a crash, and takes
// and returns ids, cursors and counts only: names, e-mails, phones and raw records
// go straight from the provider into Postgres, secrets are opened inside. Errors
// leave through classify, the one place that decides about retries.
//
// It may not import vendors, workflows or settings.
package activities
