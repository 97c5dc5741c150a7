package main

import (
	"context"
	"errors"
	"net/http"
	"time"

	"go.temporal.io/api/serviceerror"

	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/internal/directory"
)

// endpoints are the calls by which each provider lists departments, people, and groups and
// administrators, and its code for "try again later".
var endpoints = map[directory.ProviderType]struct {
	departments, members string
	groups               []string
	busy                 int
}{
	directory.Feishu: {"departments/children", "users/find_by_department",
		[]string{"group/simplelist", "group/member/simplelist"}, 40003},
	directory.DingTalk: {"department/listsub", "user/list",
		[]string{"role/list", "role/simplelist", "user/listadmin"}, -1},
	directory.WeCom: {"department/list", "user/list", []string{"tag/list", "tag/get"}, -1},
}

// transport are the faults that every call may meet.
func (t *turn) transport() []simulator.Action {
	return []simulator.Action{
		{Kind: simulator.Reset}, {Kind: simulator.Cut}, {Kind: simulator.Truncate}, {Kind: simulator.HTML},
		{Kind: simulator.EmptyBody},
		{Kind: simulator.HTTPStatus, Status: http.StatusBadGateway}, {Kind: simulator.Hang},
		{Kind: simulator.Code, Code: endpoints[t.kind].busy},
	}
}

// lying are answers that are well-formed and wrong in a way that must be noticed.
func lying() []simulator.Action {
	return []simulator.Action{
		{Kind: simulator.NoItems}, {Kind: simulator.EmptyPage}, {Kind: simulator.SameToken},
		{Kind: simulator.CycleToken},
		{Kind: simulator.NoID}, {Kind: simulator.WrongType}, {Kind: simulator.Duplicate},
	}
}

func (t *turn) one(of []simulator.Action) simulator.Action { return of[t.rng.IntN(len(of))] }

func (t *turn) strike(ctx context.Context, faults ...simulator.Fault) error {
	return t.Control(ctx, http.MethodPost, "/faults", map[string]any{"vendor": t.Trial.Vendor, "faults": faults}, nil)
}

// passing are faults that strike a few calls: fewer than any of them is tried.
func passing(ctx context.Context, t *turn) error {
	actions := append(t.transport(), simulator.Action{Kind: simulator.Throttle, Delay: time.Second},
		simulator.Action{Kind: simulator.Slow, Delay: time.Second}, simulator.Action{Kind: simulator.ExpireToken})
	var faults []simulator.Fault
	for range 1 + t.rng.IntN(3) {
		at := endpoints[t.kind].members
		switch groups := endpoints[t.kind].groups; t.rng.IntN(4) {
		case 0:
			at = endpoints[t.kind].departments
		case 1:
			at = groups[t.rng.IntN(len(groups))]
		}
		faults = append(faults, simulator.Fault{Endpoint: at, From: 1 + t.rng.IntN(10), Action: t.one(actions)})
	}
	return t.strike(ctx, faults...)
}

// broken lets the listings of a few departments fail for good.
func broken(ctx context.Context, t *turn) error {
	actions := append(t.transport(), append(lying(), simulator.Action{Kind: simulator.OutOfRange})...)
	var faults []simulator.Fault
	for _, id := range draw(t.rng, 1+t.rng.IntN(3), t.company.Departments) {
		faults = append(faults, simulator.Fault{Endpoint: endpoints[t.kind].members, Department: id,
			Times: simulator.Forever, Action: t.one(actions)})
	}
	return t.strike(ctx, faults...)
}

// brokenTree lets listings of departments fail for good from some call on.
func brokenTree(ctx context.Context, t *turn) error {
	return t.strike(ctx, simulator.Fault{
		Endpoint: endpoints[t.kind].departments, From: 2 + t.rng.IntN(10), Times: simulator.Forever,
		Action: t.one(append(t.transport(), lying()...)),
	})
}

// brokenGroups lets listings of groups or administrators fail for good from some call on. An
// empty answer is asked for once more and counts then, so that it is not among the faults.
func brokenGroups(ctx context.Context, t *turn) error {
	var actions []simulator.Action
	for _, action := range append(t.transport(), append(lying(), simulator.Action{Kind: simulator.Forbidden})...) {
		if action.Kind != simulator.NoItems && action.Kind != simulator.EmptyPage {
			actions = append(actions, action)
		}
	}
	groups := endpoints[t.kind].groups
	return t.strike(ctx, simulator.Fault{
		Endpoint: groups[t.rng.IntN(len(groups))], From: 1 + t.rng.IntN(5), Times: simulator.Forever,
		Action: t.one(actions),
	})
}

// outage lets every call fail for a while.
func outage(ctx context.Context, t *turn) error {
	return t.strike(ctx, simulator.Fault{
		From: 10 + t.rng.IntN(100), Times: 50 + t.rng.IntN(100),
		Action: simulator.Action{Kind: simulator.HTTPStatus, Status: http.StatusServiceUnavailable},
	})
}

// forbidden takes a permission away in the middle.
func forbidden(ctx context.Context, t *turn) error {
	return t.strike(ctx, simulator.Fault{
		Endpoint: endpoints[t.kind].members, From: 1 + t.rng.IntN(len(t.company.Departments)),
		Times: simulator.Forever, Action: simulator.Action{Kind: simulator.Forbidden},
	})
}

// overtaken is what becomes of asking a run to stop that has ended meanwhile.
func overtaken(err error) error {
	var gone *serviceerror.NotFound
	if errors.As(err, &gone) {
		return nil
	}
	return err
}
