package streams_test

import (
	"context"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	larkcore "github.com/larksuite/oapi-sdk-go/v3/core"
	"github.com/larksuite/oapi-sdk-go/v3/event/dispatcher"
	larkcontact "github.com/larksuite/oapi-sdk-go/v3/service/contact/v3"
	larkws "github.com/larksuite/oapi-sdk-go/v3/ws"
	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/devkit/simulator/feishu"
	"github.com/orgsync/orgsync/internal/directory"
)

// seen collects what a client was told of.
type seen struct {
	mu   sync.Mutex
	told []string
}

func (s *seen) add(kind, id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.told = append(s.told, kind+" "+id)
}

func (s *seen) list() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.told...)
}

func text(of *string) string {
	if of == nil {
		return ""
	}
	return *of
}

// Lark's own SDK opens the simulator's long connection and reads each event once, into its own
// types; it acknowledges them so that none is told again.
func TestLarksClientReadsTheStream(t *testing.T) {
	t.Parallel()
	company := simulator.Generate(simulator.TypicalSpec(1, 60))
	service := feishu.New(company, feishu.Config{PingSeconds: 1})
	server := httptest.NewServer(service)
	t.Cleanup(server.Close)
	t.Cleanup(func() { // the client has no end of its own
		for _, c := range service.Streams.Connections() {
			c.Cut()
		}
	})
	told := &seen{}
	user := func(kind string, u *larkcontact.UserEvent) error {
		told.add(kind, text(u.OpenId))
		return nil
	}
	department := func(kind string, d *larkcontact.DepartmentEvent) error {
		told.add(kind, text(d.OpenDepartmentId))
		return nil
	}
	handler := dispatcher.NewEventDispatcher("", "").
		OnP2UserCreatedV3(func(_ context.Context, e *larkcontact.P2UserCreatedV3) error {
			return user("created", e.Event.Object)
		}).
		OnP2UserUpdatedV3(func(_ context.Context, e *larkcontact.P2UserUpdatedV3) error {
			return user("updated", e.Event.Object)
		}).
		OnP2UserDeletedV3(func(_ context.Context, e *larkcontact.P2UserDeletedV3) error {
			return user("deleted", &larkcontact.UserEvent{OpenId: e.Event.Object.OpenId})
		}).
		OnP2DepartmentCreatedV3(func(_ context.Context, e *larkcontact.P2DepartmentCreatedV3) error {
			return department("created", e.Event.Object)
		}).
		OnP2DepartmentUpdatedV3(func(_ context.Context, e *larkcontact.P2DepartmentUpdatedV3) error {
			return department("updated", e.Event.Object)
		})
	client := larkws.NewClient("cli_sim", "sim-secret", larkws.WithEventHandler(handler),
		larkws.WithDomain(server.URL), larkws.WithAutoReconnect(false), larkws.WithLogLevel(larkcore.LogLevelError))
	go func() { _ = client.Start(t.Context()) }()
	require.Eventually(t, func() bool { return service.Streams.Any() != nil }, 10*time.Second, 10*time.Millisecond)
	pusher, err := service.SubscribeStream(simulator.Stream{Split: 0.5, Delivery: simulator.Delivery{Seed: 1}})
	require.NoError(t, err)

	var want []string
	person := func(kind string, p simulator.PersonID) { want = append(want, kind+" "+service.OpenID(p)) }
	dept := func(kind string, d simulator.Dept) {
		want = append(want, kind+" "+company.DepartmentID(directory.Feishu, d))
	}
	for p := simulator.PersonID(1); p <= 20; p++ {
		require.NoError(t, company.SetTitle(p, "Chief"))
		person("updated", p)
	}
	hired, err := company.Hire("New Person", simulator.Root)
	require.NoError(t, err)
	person("created", hired)
	require.NoError(t, company.Leave(hired))
	person("deleted", hired)
	made, err := company.AddDepartment(simulator.Root, "Labs")
	require.NoError(t, err)
	dept("created", made)
	require.NoError(t, company.RenameDepartment(made, "Laboratories"))
	dept("updated", made)
	pusher.Wait()
	require.Equal(t, pusher.Messages.Load(), pusher.Sent.Load(), "each was acknowledged the first time")
	require.ElementsMatch(t, want, told.list())
}
