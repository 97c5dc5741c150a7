package feishu

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// What is left out beside another field of the same permission is empty, and clears what is
// stored; else the permission may be missing, and it stays.
func TestFactsOfAPerson(t *testing.T) {
	t.Parallel()
	shanghai, err := time.LoadLocation("Asia/Shanghai")
	require.NoError(t, err)
	const base, employee = `"english_name":null,"alias":null`, `"work_email":null,"city":null,"country":null,"work_place":null,"hired_at":null,"employee_type":null,"custom":null`
	for name, c := range map[string]struct {
		record, number, manager, want string // "-" and "null" stand for what was not sent
	}{
		"everything": {
			`"name":"Li Lei","en_name":"Leo Li","nickname":"Leo","gender":1,"status":{"is_frozen":false},"department_ids":["0"],"leader_user_id":"ou_b","city":"Hangzhou",
			"country":"CN","work_station":"N-H34","join_time":1615381702,"employee_no":"E001","employee_type":1,"enterprise_email":"leo@corp.example.com",
			"custom_attrs":[{"type":"TEXT","id":"C-1","value":{"text":"Blue team"}},{"type":"HREF","id":"C-2","value":{"text":"x","url":"https://example.com","pc_url":""}}]`, "E001", "ou_b",
			`{"english_name":"Leo Li","alias":"Leo","gender":"male","work_email":"leo@corp.example.com","city":"Hangzhou","country":"CN","work_place":"N-H34","hired_at":"2021-03-10",
			"employee_type":"1","custom":{"C-1":"Blue team","C-2":{"text":"x","url":"https://example.com","pc_url":""}}}`},
		"no permission for fields":  {``, "-", "-", `null`},
		"the base permission":       {`"name":"Li Lei"`, "-", "-", `{` + base + `}`},
		"the employee permission":   {`"status":{}`, "", "-", `{` + employee + `}`},
		"the department permission": {`"department_ids":["0"]`, "-", "", `null`},
		"sent empty": {
			`"en_name":"","nickname":"","gender":0,"city":"","country":"","work_station":"","join_time":0,"employee_no":"","employee_type":"","enterprise_email":"","leader_user_id":"","custom_attrs":[]`, "", "", `{` + base + `,"gender":null,` + employee + `}`},
		"a woman":          {`"gender":2`, "-", "-", `{"gender":"female"}`},
		"any other gender": {`"gender":3`, "-", "-", `{"gender":null}`},
		"of wrong types": {
			`"name":"x","status":{},"department_ids":["0"],"en_name":{},"nickname":[],"gender":{},"city":{},"country":{},"work_station":{},"join_time":{},"employee_no":{},"employee_type":{},"enterprise_email":{},"leader_user_id":{},"custom_attrs":{}`, "-", "-", `null`},
		"a day that is none":      {`"join_time":"soon"`, "-", "-", `null`},
		"a day beyond reason":     {`"join_time":9007199254740993`, "-", "-", `null`},
		"the evening before":      {`"join_time":1735660800`, "-", "-", `{"hired_at":"2025-01-01"}`},
		"a manager beyond reason": {`"leader_user_id":"` + strings.Repeat("x", 600) + `"`, "-", "-", `null`},
		"own fields without a value": {
			`"custom_attrs":[{"type":"TEXT","id":"C-1","value":{"text":""}},{"type":"TEXT","id":"","value":{"text":"x"}},{"id":"C-2"},7]`, "-", "-", `{"custom":null}`},
		"an own field to choose": {
			`"custom_attrs":[{"type":"ENUMERATION","id":"C-3","value":{"option_id":"o1","option_value":"Blue"}}]`, "-",
			"-", `{"custom":{"C-3":{"option_id":"o1","option_value":"Blue"}}}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, problem := toMember(read(t, strings.TrimSuffix(`{"open_id":"ou_1",`+c.record, ",")+`}`), shanghai)
			require.Empty(t, problem)
			body, err := json.Marshal(m.Attributes)
			require.NoError(t, err)
			require.JSONEq(t, c.want, string(body))
			requireSent(t, c.number, m.EmployeeNo)
			requireSent(t, c.manager, m.Manager)
		})
	}
}

func requireSent(t *testing.T, want string, got *string) {
	t.Helper()
	if want == "-" {
		require.Nil(t, got)
		return
	}
	require.Equal(t, &want, got)
}

// A title that is left out beside the status has been taken away.
func TestTitleTakenAway(t *testing.T) {
	t.Parallel()
	for object, want := range map[string]string{`{}`: "-", `{"status":{}}`: "",
		`{"job_title":"CTO","status":{}}`: "CTO", `{"job_title":""}`: ""} {
		requireSent(t, want, profile(read(t, object), time.UTC).Title)
	}
}
