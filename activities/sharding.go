package activities

import "github.com/orgsync/orgsync/internal/directory"

// Sharding is how a run's departments are divided among child workflows and activities.
// It is decided by an activity, and so stands in the history: deciding otherwise one
// day leaves the runs alone that are at work.
type Sharding struct {
	// Shard is how many departments one child workflow takes.
	Shard int `json:"shard"`
	// Shards is how many children work at a time.
	Shards int `json:"shards"`
	// Batch is how many departments one activity takes.
	Batch int `json:"batch"`
	// Batches is how many batches each child keeps in flight.
	Batches int `json:"batches"`
}

const (
	// maxShard keeps a child's history far below 10,000 events even if each of its
	// departments fails and is tried alone.
	maxShard = 800
	// minShard is how many departments are worth one more child.
	minShard = 400
	// maxShardsAtATime is how many children work at once: each is a history of its own,
	// which is what lets the server work on several at a time.
	maxShardsAtATime = 4
	// maxBatchesAtATime is the most in one history: every one is a live coroutine, which
	// each event has to pass (temporal.md §1.3).
	maxBatchesAtATime = 16
	// maxBatch keeps a batch near ten seconds at the providers' call limits.
	maxBatch = 50
	// rounds is about how many batches are read one after the other in each place, as long
	// as that does not make them too large: many enough to end at nearly the same time, and
	// few enough that waiting for Temporal does not take longer than the calls.
	rounds = 4
	// smallBatch is how many departments a batch has at least where that leaves no place
	// empty: reading so few takes no longer than waiting for Temporal.
	smallBatch = 4
	// maxUnavailableInRow is how many departments of a batch may fail in a row for want of a
	// connection before the batch counts as failed as a whole: then it is the provider or the
	// network, and waiting helps more than asking the next. A small batch never counts so: each
	// of its departments is tried alone afterwards.
	maxUnavailableInRow = smallBatch + 1
)

// shardingOf returns how to divide a number of departments of a provider. All shards are of
// one size and as many as are read in whole rounds: none begins when the others have ended,
// to be read alone.
func shardingOf(kind directory.ProviderType, departments int) Sharding {
	most := kind.Traits().ParallelReads
	least := min(smallBatch, max(1, divideUp(departments, most)))
	s := Sharding{Batch: min(maxBatch, max(least, departments/(rounds*most)))}
	// Two batches a child at least: of four, three children would use three.
	s.Shards = min(maxShardsAtATime, most/2, max(1, divideUp(departments, minShard)))
	s.Batches = min(maxBatchesAtATime, most/s.Shards)
	shards := s.Shards * max(1, divideUp(departments, s.Shards*maxShard))
	s.Shard = max(1, divideUp(departments, shards))
	return s
}

func divideUp(n, by int) int { return (n + by - 1) / by }
