package workflows

import "github.com/orgsync/orgsync/activities"

// leftover is what of a slice's batches is not applied at once. Where most people were
// recognised, applying the others batch by batch would cost more than the work itself.
type leftover struct {
	in SliceInput
	// people is how many are to be compared of the batches that wait.
	people int
	// batches are all of the slice, in order.
	batches []standing
}

type standing int

const (
	// appliedAtOnce is any batch that was not taken.
	appliedAtOnce standing = iota
	nothingToApply
	waiting
)

func newLeftover(in SliceInput) leftover {
	return leftover{in: in, batches: make([]standing, (in.Last-in.First)/in.Batch+1)}
}

// take reports whether a batch need not be applied at once.
func (l *leftover) take(batch activities.Range, pulled activities.PulledMembers) bool {
	at := (batch.First - l.in.First) / l.in.Batch
	switch {
	case pulled.Recognised:
		l.batches[at] = nothingToApply
	case l.in.Together > 0 && len(pulled.Failed) == 0 && 2*pulled.Compared < pulled.People && l.people+pulled.Compared <= l.in.Together:
		l.batches[at] = waiting
		l.people += pulled.Compared
	default:
		return false
	}
	return true
}

// ranges are the batches that wait, as few ranges as there can be without one that was
// applied already.
func (l *leftover) ranges() []activities.Range {
	var out []activities.Range
	open := false
	for at, standing := range l.batches {
		switch standing {
		case appliedAtOnce:
			open = false
		case waiting:
			batch := activities.Range{RunID: l.in.RunID, First: l.in.First + at*l.in.Batch, Last: min(l.in.First+(at+1)*l.in.Batch-1, l.in.Last)}
			if !open {
				out = append(out, batch)
			}
			open = true
			out[len(out)-1].Last = batch.Last
		}
	}
	return out
}
