package activities

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/directory"
)

func TestShape(t *testing.T) {
	t.Parallel()
	for departments, want := range map[int]Shape{
		0:       {Slice: 400, Slices: 1, Batch: 1, Batches: 16},
		255:     {Slice: 400, Slices: 1, Batch: 1, Batches: 16},
		256:     {Slice: 400, Slices: 1, Batch: 2, Batches: 16},
		1_000:   {Slice: 400, Slices: 3, Batch: 7, Batches: 10},
		10_000:  {Slice: 400, Slices: 4, Batch: 50, Batches: 8},
		100_000: {Slice: 400, Slices: 4, Batch: 50, Batches: 8},
	} {
		require.Equal(t, want, shapeOf(directory.Feishu, departments), departments)
	}
}

// WeCom refuses more than a few parallel calls, however large the company.
func TestShapeForWeCom(t *testing.T) {
	t.Parallel()
	for _, departments := range []int{1, 300, 301, 5_000, 100_000} {
		s := shapeOf(directory.WeCom, departments)
		require.LessOrEqual(t, s.Slices*s.Batches, 4, departments)
		require.Positive(t, s.Batches, departments)
	}
}

// Few batches are in flight at WeCom. Each reads several departments, whose calls would
// otherwise wait for Temporal one by one: 154 calls took 15 seconds.
func TestShapeForWeComReadsSeveralDepartmentsABatch(t *testing.T) {
	t.Parallel()
	for departments, want := range map[int]Shape{
		0:      {Slice: 400, Slices: 1, Batch: 1, Batches: 4},
		17:     {Slice: 400, Slices: 1, Batch: 1, Batches: 4},
		150:    {Slice: 400, Slices: 1, Batch: 9, Batches: 4},
		1_000:  {Slice: 400, Slices: 2, Batch: 50, Batches: 2},
		30_000: {Slice: 400, Slices: 2, Batch: 50, Batches: 2},
	} {
		require.Equal(t, want, shapeOf(directory.WeCom, departments), departments)
	}
}

// At the design's limit of 100,000 departments no history comes near 10,000 events.
func TestShapeBoundsHistories(t *testing.T) {
	t.Parallel()
	// Scheduled, started, completed, and a workflow task of three events each.
	const perActivity, perChild = 6, 8
	for _, departments := range []int{1, 300, 301, 5_000, 100_000} {
		s := shapeOf(directory.DingTalk, departments)
		slices := (departments + s.Slice - 1) / s.Slice
		require.Less(t, slices*perChild, 10_000, departments)
		batches := (min(s.Slice, departments) + s.Batch - 1) / s.Batch
		worst := (2*batches + min(s.Slice, departments)) * perActivity // every department fails and is tried alone
		require.Less(t, worst, 10_000, departments)
	}
}
