package main

import (
	"context"
	"crypto/sha256"
	"runtime"
	"sync"
)

// underLoad does something while every processor is kept busy, as a run keeps them: the
// worker, Temporal and the simulator work beside Postgres. Processors that are shared take
// longer for the same work, so a comparison on idle ones would flatter plain SQL.
func underLoad(do func() error) error {
	ctx, stop := context.WithCancel(context.Background())
	var busy sync.WaitGroup
	for range runtime.NumCPU() {
		busy.Go(func() { hash(ctx) })
	}
	defer busy.Wait()
	defer stop()
	return do()
}

// hash works through more memory than a processor's nearest caches hold until it is told
// to stop.
func hash(ctx context.Context) {
	block := make([]byte, 4<<20)
	for ctx.Err() == nil {
		sum := sha256.Sum256(block)
		copy(block, sum[:])
	}
}
