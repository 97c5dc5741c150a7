package activities

import "github.com/orgsync/orgsync/internal/directory"

// Shape is how a run's departments are divided among child workflows and activities.
// It is decided by an activity, and so stands in the history: deciding otherwise one
// day leaves the runs alone that are at work.
type Shape struct {
	// Slice is how many departments one child workflow takes.
	Slice int `json:"slice"`
	// Slices is how many children work at a time.
	Slices int `json:"slices"`
	// Batch is how many departments one activity takes.
	Batch int `json:"batch"`
	// Batches is how many batches each child keeps in flight.
	Batches int `json:"batches"`
	// Together is how many people are at most left to be applied together when a slice
	// was read, of batches in which most people were recognised.
	Together int `json:"together,omitempty"`
}

const (
	// sliceSize keeps a child's history below the 4,096 events at which the server
	// suggests to begin a new one (temporal.md §1.1), and far below 10,000 even if
	// every department is a batch of its own, fails, and is tried alone.
	sliceSize = 400
	// slicesAtATime is how many children work at once: each is a history of its own,
	// which is what lets the server work on several at a time.
	slicesAtATime = 4
	// inFlight is how many batches a run reads at a time, and so how many calls: enough
	// for 20 a second, the highest rate documented of Feishu and DingTalk for one call
	// (dingtalk.md §6), if each takes more than a second; and half of a worker's places
	// for reading are left to the runs of others.
	inFlight = 32
	// inFlightWeCom stays below the number of parallel calls that WeCom refuses with
	// 45033, which is not published (wecom.md §5: at most 4).
	inFlightWeCom = 4
	// batchesAtATime is the most in one history: every one is a live coroutine, which
	// each event has to pass (temporal.md §1.3).
	batchesAtATime = 16
	// singleUpTo is the size of company up to which every department of Feishu and
	// DingTalk is a batch of its own, which operators can see one by one.
	singleUpTo = 300
	// appliedTogether is what two full batches bring when nobody is recognised: as much
	// as one transaction is used to.
	appliedTogether = 1000
	// maxBatch keeps a batch near ten seconds at the providers' call limits.
	maxBatch = 50
	// batchesOfWeCom is about how many batches a company of WeCom is read in, as long as
	// they do not grow beyond maxBatch. With so few in flight a batch of one department
	// waits longer for Temporal, twice, than its one call takes; four rounds of four
	// still end at nearly the same time.
	batchesOfWeCom = 16
)

// shapeOf returns the shape for reading a number of departments of a provider.
func shapeOf(kind directory.ProviderType, departments int) Shape {
	most := inFlight
	if kind == directory.WeCom {
		most = inFlightWeCom
	}
	s := Shape{Slice: sliceSize, Batch: 1, Together: appliedTogether}
	switch {
	case kind == directory.WeCom:
		s.Batch = min(maxBatch, max(1, departments/batchesOfWeCom))
	case departments > singleUpTo:
		s.Batch = min(maxBatch, departments/100)
	}
	// Two batches a child at least: of WeCom's four, three children would use three.
	s.Slices = min(slicesAtATime, most/2, max(1, (departments+sliceSize-1)/sliceSize))
	s.Batches = min(batchesAtATime, most/s.Slices)
	return s
}
