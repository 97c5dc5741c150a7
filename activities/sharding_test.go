package activities

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/directory"
)

func TestSharding(t *testing.T) {
	t.Parallel()
	for departments, want := range map[int]Sharding{
		0:       {Shard: 1, Shards: 1, Batch: 1, Batches: 16},
		16:      {Shard: 16, Shards: 1, Batch: 1, Batches: 16},
		255:     {Shard: 255, Shards: 1, Batch: 4, Batches: 16},
		1_000:   {Shard: 334, Shards: 3, Batch: 7, Batches: 10},
		10_000:  {Shard: 625, Shards: 4, Batch: 50, Batches: 8},
		100_000: {Shard: 782, Shards: 4, Batch: 50, Batches: 8},
	} {
		require.Equal(t, want, shardingOf(directory.Feishu, departments), departments)
	}
}

// WeCom refuses more than a few parallel calls, however large the company.
func TestShardingForWeCom(t *testing.T) {
	t.Parallel()
	for _, departments := range []int{1, 300, 301, 5_000, 100_000} {
		s := shardingOf(directory.WeCom, departments)
		require.LessOrEqual(t, s.Shards*s.Batches, 4, departments)
		require.Positive(t, s.Batches, departments)
	}
}

// Few batches are in flight at WeCom. Each reads several departments, whose calls would
// otherwise wait for Temporal one by one: 154 calls took 15 seconds.
func TestShardingForWeComReadsSeveralDepartmentsABatch(t *testing.T) {
	t.Parallel()
	for departments, want := range map[int]Sharding{
		0:      {Shard: 1, Shards: 1, Batch: 1, Batches: 4},
		5:      {Shard: 5, Shards: 1, Batch: 2, Batches: 4},
		16:     {Shard: 16, Shards: 1, Batch: 4, Batches: 4},
		150:    {Shard: 150, Shards: 1, Batch: 9, Batches: 4},
		2_000:  {Shard: 500, Shards: 2, Batch: 50, Batches: 2},
		30_000: {Shard: 790, Shards: 2, Batch: 50, Batches: 2},
	} {
		require.Equal(t, want, shardingOf(directory.WeCom, departments), departments)
	}
}

// No shard is read alone while the places of the others are empty.
func TestShardsAreReadInWholeRounds(t *testing.T) {
	t.Parallel()
	for _, provider := range directory.ProviderTypes() {
		for departments := 1; departments < 10_000; departments += 77 {
			s := shardingOf(provider, departments)
			shards := divideUp(departments, s.Shard)
			require.GreaterOrEqual(t, departments, (shards-1)*s.Shard, departments)
			require.Zero(t, shards%s.Shards, "%s: %d departments in %d shards", provider, departments, shards)
			require.LessOrEqual(t, s.Shard, maxShard)
		}
	}
}

// At the design's limit of 100,000 departments no history comes near 10,000 events.
func TestShardingBoundsHistories(t *testing.T) {
	t.Parallel()
	// Scheduled, started, completed, and a workflow task of three events each.
	const perActivity, perChild = 6, 8
	for _, departments := range []int{1, 300, 301, 5_000, 100_000} {
		s := shardingOf(directory.DingTalk, departments)
		shards := divideUp(departments, s.Shard)
		require.Less(t, shards*perChild, 10_000, departments)
		batches := (min(s.Shard, departments) + s.Batch - 1) / s.Batch
		worst := (2*batches + min(s.Shard, departments)) * perActivity // every department fails and is tried alone
		require.Less(t, worst, 10_000, departments)
	}
}
