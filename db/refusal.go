package db

// Refusal is of what kind the reason is for which a run cannot be retried or undone.
type Refusal string

const (
	// RefusedAtWork: the run has not ended as far as the database knows. Its workflow may
	// be gone, which beginning another run finds out.
	RefusedAtWork Refusal = "at work"
	// RefusedUndecided: the run waits for a decision.
	RefusedUndecided Refusal = "undecided"
	// RefusedEmpty: there is nothing to be done.
	RefusedEmpty Refusal = "empty"
	// RefusedForGood: it can never be done, or not of this run.
	RefusedForGood Refusal = "for good"
)
