package simulator_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/devkit/simulator/dingtalk"
)

// target is a simulated DingTalk with 30 people in its only department.
type target struct {
	t     *testing.T
	srv   *dingtalk.Server
	url   string
	token string
}

func newTarget(t *testing.T, faults ...simulator.Fault) *target {
	t.Helper()
	c := simulator.Generate(simulator.Spec{Seed: 1, Departments: 1, Members: 30})
	srv := dingtalk.New(c, dingtalk.Config{})
	ts := httptest.NewServer(srv)
	t.Cleanup(ts.Close)
	token, _ := srv.Tokens.Issue("", "dingsim", time.Hour, 0)
	srv.Faults.Add(faults...)
	return &target{t: t, srv: srv, url: ts.URL, token: token}
}

// get reads a page of ten and returns what came, whole or in part.
func (a *target) get(ctx context.Context, cursor string) (status int, body string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, a.url+"/topapi/v2/user/list?access_token="+a.token,
		strings.NewReader(`{"dept_id":1,"size":10,"cursor":`+cursor+`}`))
	require.NoError(a.t, err)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(raw), err
}

type page struct {
	Errcode int    `json:"errcode"`
	SubCode string `json:"sub_code"`
	Result  struct {
		More bool             `json:"has_more"`
		Next *int             `json:"next_cursor"`
		List []map[string]any `json:"list"`
	} `json:"result"`
}

func (a *target) page(cursor string) page {
	a.t.Helper()
	_, body, err := a.get(a.t.Context(), cursor)
	require.NoError(a.t, err)
	var p page
	require.NoError(a.t, json.Unmarshal([]byte(body), &p), body)
	return p
}

func fault(kind simulator.Kind) simulator.Fault {
	return simulator.Fault{Endpoint: "user/list", Action: simulator.Action{Kind: kind}}
}

func TestTransportFaults(t *testing.T) {
	t.Parallel()
	html, gone := fault(simulator.HTML), fault(simulator.HTTPStatus)
	gone.Action.Status = 503
	a := newTarget(t, html, fault(simulator.EmptyBody), gone, fault(simulator.Truncate), fault(simulator.Cut),
		fault(simulator.Reset))
	status, body, err := a.get(t.Context(), "0")
	require.NoError(t, err)
	require.Equal(t, 200, status)
	require.Contains(t, body, "<html>")
	_, body, err = a.get(t.Context(), "0")
	require.NoError(t, err)
	require.Empty(t, body)
	status, _, err = a.get(t.Context(), "0")
	require.NoError(t, err)
	require.Equal(t, 503, status)
	_, body, err = a.get(t.Context(), "0")
	require.NoError(t, err)
	require.False(t, json.Valid([]byte(body)))
	_, body, err = a.get(t.Context(), "0")
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.NotEmpty(t, body)
	_, _, err = a.get(t.Context(), "0")
	require.ErrorContains(t, err, "connection reset")
	require.Empty(t, a.srv.Faults.Pending())
	require.Len(t, a.page("0").Result.List, 10)
}

func TestHangAndSlow(t *testing.T) {
	t.Parallel()
	slow := fault(simulator.Slow)
	slow.Action.Delay = time.Millisecond
	a := newTarget(t, fault(simulator.Hang), slow)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	answered := make(chan error, 1)
	go func() {
		_, _, err := a.get(ctx, "0")
		answered <- err
	}()
	// Given up only once the fault has struck: it would strike the next call otherwise.
	require.Eventually(t, func() bool { return len(a.srv.Faults.Pending()) == 1 }, 30*time.Second, time.Millisecond)
	cancel()
	require.ErrorIs(t, <-answered, context.Canceled)
	require.Len(t, a.page("0").Result.List, 10)
}

func TestGateFaults(t *testing.T) {
	t.Parallel()
	for kind, want := range map[simulator.Kind]page{
		simulator.Throttle:    {Errcode: 88, SubCode: "90018"},
		simulator.Forbidden:   {Errcode: 88, SubCode: "60011"},
		simulator.OutOfRange:  {Errcode: 50004},
		simulator.Code:        {Errcode: 60019},
		simulator.ExpireToken: {Errcode: 88, SubCode: "40014"},
	} {
		f := fault(kind)
		if kind == simulator.Code {
			f.Action.Code = 60019
		}
		require.Equal(t, want, newTarget(t, f).page("0"), kind)
	}
	a := newTarget(t, fault(simulator.Throttle))
	good := a.token
	a.token = "wrong"
	require.Equal(t, "40014", a.page("0").SubCode, "the token is checked before")
	a.token = good
	require.Zero(t, a.page("0").Errcode, "but the fault has struck")
}

func TestListFaults(t *testing.T) {
	t.Parallel()
	p := newTarget(t, fault(simulator.NoItems)).page("0")
	require.Zero(t, p.Errcode)
	require.Empty(t, p.Result.List)
	require.False(t, p.Result.More)
	require.Nil(t, p.Result.Next)

	p = newTarget(t, fault(simulator.EmptyPage)).page("20")
	require.Empty(t, p.Result.List)
	require.True(t, p.Result.More)
	require.NotNil(t, p.Result.Next)

	p = newTarget(t, fault(simulator.SameToken)).page("20")
	require.Len(t, p.Result.List, 10)
	require.True(t, p.Result.More)
	require.Equal(t, 20, *p.Result.Next)

	require.Equal(t, 0, *newTarget(t, fault(simulator.CycleToken)).page("20").Result.Next)
}

func TestRecordFaults(t *testing.T) {
	t.Parallel()
	clean := newTarget(t).page("0").Result.List
	third := clean[2]["userid"].(string)

	f := fault(simulator.Duplicate)
	f.Action.Record = third
	list := newTarget(t, f).page("0").Result.List
	require.Equal(t, append(clean, clean[2]), list)

	require.NotContains(t, newTarget(t, fault(simulator.NoID)).page("0").Result.List[0], "userid")
	require.IsType(t, map[string]any{}, newTarget(t, fault(simulator.WrongType)).page("0").Result.List[0]["userid"])

	f = fault(simulator.WrongType)
	f.Action.Field, f.Action.Record = "active", third
	require.IsType(t, []any{}, newTarget(t, f).page("0").Result.List[2]["active"])

	f = fault(simulator.SetField)
	f.Action.Field, f.Action.Value = "name", nil
	list = newTarget(t, f).page("0").Result.List
	require.Contains(t, list[0], "name")
	require.Nil(t, list[0]["name"])

	f = fault(simulator.DropField)
	f.Action.Field = "$.result"
	_, body, err := newTarget(t, f).get(t.Context(), "0")
	require.NoError(t, err)
	require.NotContains(t, body, "result")
	f.Action.Field = "$.result.has_more"
	_, body, err = newTarget(t, f).get(t.Context(), "0")
	require.NoError(t, err)
	require.NotContains(t, body, "has_more")
	_, untouched, err := newTarget(t).get(t.Context(), "0")
	require.NoError(t, err)
	orders := regexp.MustCompile(`"dept_order":\d+`)
	require.Equal(t, orders.FindAllString(untouched, -1), orders.FindAllString(body, -1), "18 digits survive")
}

func TestFaultsMatch(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault simulator.Fault
		hits  []bool // for the cursors 0, 10, 20, 10
	}{
		"once":             {simulator.Fault{}, []bool{true, false, false, false}},
		"twice":            {simulator.Fault{Times: 2}, []bool{true, true, false, false}},
		"for ever":         {simulator.Fault{Times: simulator.Forever}, []bool{true, true, true, true}},
		"from the third":   {simulator.Fault{From: 3, Times: simulator.Forever}, []bool{false, false, true, true}},
		"a page":           {simulator.Fault{Page: 2, Times: simulator.Forever}, []bool{false, true, false, true}},
		"a department":     {simulator.Fault{Department: "1", Page: 3}, []bool{false, false, true, false}},
		"other department": {simulator.Fault{Department: "2"}, []bool{false, false, false, false}},
		"other endpoint":   {simulator.Fault{Endpoint: "user/get"}, []bool{false, false, false, false}},
		"second of a page": {simulator.Fault{Page: 2, From: 2}, []bool{false, false, false, true}},
	} {
		c.fault.Action = simulator.Action{Kind: simulator.NoItems}
		a := newTarget(t, c.fault)
		for i, cursor := range []string{"0", "10", "20", "10"} {
			require.Equal(t, c.hits[i], len(a.page(cursor).Result.List) == 0, "%s, call %d", name, i+1)
		}
		a.srv.Faults.Clear()
		require.Len(t, a.page("0").Result.List, 10)
	}
}

func TestFaultsAreJSON(t *testing.T) {
	t.Parallel()
	in := simulator.Fault{Endpoint: "user/list", Page: 2, Times: simulator.Forever,
		Action: simulator.Action{Kind: simulator.Throttle, Delay: 1500 * time.Millisecond}}
	raw, err := json.Marshal(in)
	require.NoError(t, err)
	require.JSONEq(t, `{"endpoint":"user/list","page":2,"times":-1,"action":{"kind":"throttle","delay":"1.5s"}}`,
		string(raw))
	var out simulator.Fault
	require.NoError(t, json.Unmarshal(raw, &out))
	require.Equal(t, in, out)
	for _, bad := range []string{`{"kind":"explode"}`, `{"kind":"slow","delay":"soon"}`, `{"kind":"slow","delay":3}`} {
		require.Error(t, json.Unmarshal([]byte(bad), &out.Action), bad)
	}
	require.ErrorContains(t, json.Unmarshal([]byte(`{"kind":"explode"}`), &out.Action),
		`"explode" is unknown; it must be one of http_status html `)
}
