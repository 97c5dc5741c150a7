package service

import (
	"context"
	"errors"
	"sync"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/internal/clients"
	"github.com/orgsync/orgsync/internal/provider"
	"github.com/orgsync/orgsync/workflows"
)

// Intake takes what providers tell of, at the callback address of a server and by the streams
// of a worker. A message is verified and stored before it is acknowledged; what follows the
// events is woken after that, and again by Run if that failed. A message that is refused costs
// a counter.
type Intake struct {
	openStore    func(context.Context) (*db.Store, error)
	openVault    func(context.Context) (*clients.Opener, error)
	openTemporal func(context.Context) (client.Client, error)
	taskQueue    string
	// Refused is told of each message that was refused, Stored of events that are new.
	Refused func(provider string, reason provider.Refusal)
	Stored  func(provider string, events int)
	// Failed is told of what could not be done beside the answer.
	Failed func(doing string, err error)

	// receivers are all of them, by provider.
	receivers loaded[map[string]receiver]

	mu      sync.Mutex
	refused map[refusedKey]int64
	woken   map[string]*waking
	// looked is when events of a provider were last found forgotten.
	looked map[string]time.Time
}

// receiver takes the messages of one provider. Callback is nil where its settings do not allow
// it.
type receiver struct {
	providerID string
	callback   provider.Callback
}

type refusedKey struct {
	providerID string
	reason     provider.Refusal
}

// waking keeps the signals of one provider apart.
type waking struct{ again bool }

// Times of intake.
const (
	// receiversFor is how long it may take until a changed setting counts.
	receiversFor = 5 * time.Second
	// wakeEvery is how often what follows events is told of more at most.
	wakeEvery = 500 * time.Millisecond
	// lookAfter is how often refusals are stored and forgotten events looked for, which have
	// waited for forgottenAfter.
	lookAfter      = 5 * time.Second
	forgottenAfter = 15 * time.Second
	signalTimeout  = 5 * time.Second
	// wakeAgainAfter keeps signals few while a run takes long that events wait for.
	wakeAgainAfter = time.Minute
)

// NewIntake returns an intake on the connections of the use cases.
func (s *Service) NewIntake() *Intake {
	i := newIntake(s.taskQueue())
	i.openStore, i.openVault, i.openTemporal = s.openStore, s.openVault, s.openTemporal
	return i
}

// NewWorkerIntake returns an intake on the connections of a worker.
func NewWorkerIntake(store *db.Store, opener *clients.Opener, temporal client.Client, taskQueue string) *Intake {
	i := newIntake(taskQueue)
	i.openStore = func(context.Context) (*db.Store, error) { return store, nil }
	i.openVault = func(context.Context) (*clients.Opener, error) { return opener, nil }
	i.openTemporal = func(context.Context) (client.Client, error) { return temporal, nil }
	return i
}

func newIntake(taskQueue string) *Intake {
	return &Intake{
		taskQueue: taskQueue,
		Refused:   func(string, provider.Refusal) {}, Stored: func(string, int) {}, Failed: func(string, error) {},
		refused: map[refusedKey]int64{}, woken: map[string]*waking{}, looked: map[string]time.Time{},
	}
}

// ErrNoReceiver: no provider of that name takes events at the callback address.
var ErrNoReceiver = errors.New("no provider of that name takes events by callback")

// Knows returns ErrNoReceiver unless the provider takes events by callback.
func (i *Intake) Knows(ctx context.Context, name string) error {
	_, err := i.receiver(ctx, name)
	return err
}

// Receive takes one request to a provider's callback address. What is refused is a
// *provider.RefusedError.
func (i *Intake) Receive(ctx context.Context, name string,
	request provider.CallbackRequest) (provider.CallbackResult, error) {
	r, err := i.receiver(ctx, name)
	if err != nil {
		return provider.CallbackResult{}, err
	}
	result, err := r.callback.Receive(request)
	var refused *provider.RefusedError
	if errors.As(err, &refused) {
		i.CountRefused(ctx, name, refused.Reason)
	}
	if err != nil || len(result.Events) == 0 {
		return result, err
	}
	return result, i.Keep(ctx, name, r.providerID, result.Events)
}

// Keep stores events of a provider and wakes what follows them.
func (i *Intake) Keep(ctx context.Context, name, providerID string, events []provider.Event) error {
	store, err := i.openStore(ctx)
	if err != nil {
		return err
	}
	added, err := store.AddEvents(ctx, providerID, storedEvents(events))
	if err == nil && added > 0 {
		i.Stored(name, added)
		i.wake(name)
	}
	return err
}

// storedEvents are events as they are stored, one row for each object.
func storedEvents(events []provider.Event) (rows []db.Event) {
	for _, e := range events {
		row := db.Event{ID: e.ID, Kind: e.Kind, ObjectType: string(e.Object), HappenedAt: e.At}
		if len(e.IDs) == 0 {
			rows = append(rows, row)
		}
		for _, id := range e.IDs {
			row.ObjectID = id
			rows = append(rows, row)
		}
	}
	return rows
}

// CountRefused counts a message to the callback address that was refused.
func (i *Intake) CountRefused(ctx context.Context, name string, reason provider.Refusal) {
	if r, err := i.receiver(ctx, name); err == nil {
		i.Refuse(name, r.providerID, reason)
	}
}

// Refuse counts a message that was refused. It costs no statement by itself.
func (i *Intake) Refuse(name, providerID string, reason provider.Refusal) {
	i.Refused(name, reason)
	i.mu.Lock()
	defer i.mu.Unlock()
	i.refused[refusedKey{providerID, reason}]++
}

// loaded is something that all requests share and that is read anew after receiversFor. All of
// it is read at once, so that a name that nobody has costs nothing.
type loaded[T any] struct {
	mu    sync.Mutex
	value T
	at    time.Time
}

func (l *loaded[T]) get(ctx context.Context, load func(context.Context) (T, error)) (T, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if time.Since(l.at) > receiversFor {
		value, err := load(ctx)
		if err != nil {
			return value, err
		}
		l.value, l.at = value, time.Now()
	}
	return l.value, nil
}

// receiver returns what takes a provider's messages.
func (i *Intake) receiver(ctx context.Context, name string) (receiver, error) {
	receivers, err := i.receivers.get(ctx, i.load)
	r, ok := receivers[name]
	if err == nil && !ok {
		err = ErrNoReceiver
	}
	return r, err
}

func (i *Intake) load(ctx context.Context) (map[string]receiver, error) {
	opener, err := i.openVault(ctx)
	if err != nil {
		return nil, err
	}
	store, err := i.openStore(ctx)
	if err != nil {
		return nil, err
	}
	settings, err := store.ListEventSettings(ctx, true)
	if err != nil {
		return nil, err
	}
	receivers := map[string]receiver{}
	for _, one := range settings {
		if one.Mode != db.EventsByCallback {
			continue
		}
		p, err := store.Providers.FindByName(ctx, one.Provider)
		if errors.Is(err, db.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		callback, err := opener.OpenCallback(ctx, p)
		if err != nil {
			i.Failed("open the callback of "+one.Provider, err)
			continue
		}
		receivers[one.Provider] = receiver{providerID: p.ID, callback: callback}
	}
	return receivers, nil
}

// wake tells what follows a provider's events that there are some: at once, and again at most
// every wakeEvery.
func (i *Intake) wake(name string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if w := i.woken[name]; w != nil {
		w.again = true
		return
	}
	i.woken[name] = &waking{}
	go i.signal(name)
}

func (i *Intake) signal(name string) {
	for {
		ctx, cancel := context.WithTimeout(context.Background(), signalTimeout)
		if err := i.signalFollower(ctx, name); err != nil {
			i.Failed("wake what follows the events of "+name, err)
		}
		cancel()
		time.Sleep(wakeEvery)
		i.mu.Lock()
		if w := i.woken[name]; !w.again {
			delete(i.woken, name)
			i.mu.Unlock()
			return
		}
		i.woken[name].again = false
		i.mu.Unlock()
	}
}

func (i *Intake) signalFollower(ctx context.Context, name string) error {
	temporal, err := i.openTemporal(ctx)
	if err != nil {
		return err
	}
	return wakeFollower(ctx, temporal, i.taskQueue, name)
}

// wakeFollower starts FollowChanges of a provider, or tells it that events wait.
func wakeFollower(ctx context.Context, temporal client.Client, taskQueue, name string) error {
	id := workflows.EventsWorkflowID(name)
	_, err := temporal.SignalWithStartWorkflow(ctx, id, workflows.EventsSignal, nil, client.StartWorkflowOptions{
		ID: id, TaskQueue: taskQueue,
	}, workflows.FollowChangesName, workflows.FollowInput{Provider: name})
	return err
}

// startListener starts what keeps a provider's stream, unless that is there.
func startListener(ctx context.Context, temporal client.Client, taskQueue, name string) error {
	_, err := temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: workflows.StreamWorkflowID(name), TaskQueue: taskQueue,
		WorkflowIDConflictPolicy: enums.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
	}, workflows.KeepStreamName, workflows.StreamInput{Provider: name})
	return err
}

// Run stores how much was refused, wakes what follows events that were forgotten, and starts
// what keeps streams where that is missing, until ctx is done.
func (i *Intake) Run(ctx context.Context) {
	tick := time.NewTicker(lookAfter)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), signalTimeout)
			defer cancel()
			i.storeRefused(closing)
			return
		case <-tick.C:
			i.storeRefused(ctx)
			i.wakeForgotten(ctx)
			i.startListeners(ctx)
		}
	}
}

// storeRefused stores what was counted since the last time.
func (i *Intake) storeRefused(ctx context.Context) {
	i.mu.Lock()
	counted := i.refused
	i.refused = map[refusedKey]int64{}
	i.mu.Unlock()
	for key, n := range counted {
		store, err := i.openStore(ctx)
		if err == nil {
			err = store.AddEventRefusals(ctx, key.providerID, string(key.reason), n)
		}
		if err != nil {
			i.Failed("count refused messages", err)
		}
	}
}

// wakeForgotten wakes what should have followed events that wait: the signal was lost, or the
// process that was to send it.
func (i *Intake) wakeForgotten(ctx context.Context) {
	store, err := i.openStore(ctx)
	if err != nil {
		return
	}
	names, err := store.ListProvidersWithWaitingEvents(ctx, forgottenAfter)
	if err != nil {
		i.Failed("look for forgotten events", err)
		return
	}
	for _, name := range names {
		if time.Since(i.looked[name]) >= wakeAgainAfter {
			i.looked[name] = time.Now()
			i.wake(name)
		}
	}
}

// startListeners starts what keeps the streams that no worker keeps: it was ended by hand, or
// Temporal was away when events were switched on.
func (i *Intake) startListeners(ctx context.Context) {
	store, err := i.openStore(ctx)
	if err != nil {
		return
	}
	names, err := store.ListUnheardStreams(ctx)
	if err != nil || len(names) == 0 {
		return
	}
	temporal, err := i.openTemporal(ctx)
	for _, name := range names {
		if err == nil {
			err = startListener(ctx, temporal, i.taskQueue, name)
		}
	}
	if err != nil {
		i.Failed("start what keeps streams", err)
	}
}
