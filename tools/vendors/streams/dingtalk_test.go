package streams_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/open-dingtalk/dingtalk-stream-sdk-go/client"
	"github.com/open-dingtalk/dingtalk-stream-sdk-go/event"
	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/devkit/simulator/dingtalk"
	"github.com/orgsync/orgsync/internal/directory"
)

// DingTalk's own SDK opens the simulator's stream, answers its pings and reads each event; what
// it wants later is told again. A connection whose end was announced is replaced.
func TestDingTalksClientReadsTheStream(t *testing.T) {
	t.Parallel()
	company := simulator.Generate(simulator.TypicalSpec(2, 60))
	service := dingtalk.New(company, dingtalk.Config{})
	server := httptest.NewServer(service)
	t.Cleanup(server.Close)
	told, later := &seen{}, true
	handler := event.NewDefaultEventFrameHandler(func(_ context.Context, header *event.EventHeader,
		raw []byte) (event.EventProcessStatusType, error) {
		var data struct {
			UserID []string `json:"userId"`
			DeptID []int64  `json:"deptId"`
		}
		if err := json.Unmarshal(raw, &data); err != nil {
			return "", err
		}
		if header.EventType == "user_add_org" && later {
			later = false
			return event.EventProcessStatusKLater, nil
		}
		for _, id := range data.UserID {
			told.add(header.EventType, id)
		}
		for _, id := range data.DeptID {
			told.add(header.EventType, fmt.Sprint(id))
		}
		return event.EventProcessStatusKSuccess, nil
	})
	reader := client.NewStreamClient(
		client.WithAppCredential(client.NewAppCredentialConfig("dingsim", "sim-secret")),
		client.WithOpenApiHost(server.URL),
	)
	reader.RegisterAllEventRouter(handler.OnEventReceived)
	require.NoError(t, reader.Start(t.Context()))
	t.Cleanup(reader.Close)
	require.Eventually(t, func() bool { return service.Streams.Any() != nil }, 10*time.Second, 10*time.Millisecond)
	pusher := service.SubscribeStream(simulator.Stream{Delivery: simulator.Delivery{Pace: 100}})

	userID := func(p simulator.PersonID) (id string) {
		company.View(func(v *simulator.View) {
			who, _ := v.Person(p)
			id = company.UserID(directory.DingTalk, who)
		})
		return id
	}
	var want []string
	for p := simulator.PersonID(1); p <= 20; p++ {
		require.NoError(t, company.SetTitle(p, "Chief"))
		want = append(want, "user_modify_org "+userID(p))
	}
	hired, err := company.Hire("New Person", simulator.Root)
	require.NoError(t, err)
	pusher.Wait()
	require.NoError(t, company.Leave(hired))
	made, err := company.AddDepartment(simulator.Root, "Labs")
	require.NoError(t, err)
	want = append(want, "user_add_org "+userID(hired), "user_leave_org "+userID(hired),
		"org_dept_create "+company.DepartmentID(directory.DingTalk, made))
	pusher.Wait()
	require.Equal(t, pusher.Messages.Load()+1, pusher.Sent.Load(), "one was wanted later")
	require.ElementsMatch(t, want, told.list())

	service.Disconnect()
	require.Eventually(t, func() bool { return service.Streams.Opened() == 2 }, 30*time.Second, 50*time.Millisecond)
}
