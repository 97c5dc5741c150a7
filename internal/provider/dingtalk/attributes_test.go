package dingtalk

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/directory"
)

const without = `"alias":null,"telephone":null,"hired_at":null`

// A fact that needs no permission is cleared where it is left out; one that needs it only
// where another field of that permission is sent.
func TestFactsOfAPerson(t *testing.T) {
	t.Parallel()
	shanghai, err := time.LoadLocation("Asia/Shanghai")
	require.NoError(t, err)
	for name, c := range map[string]struct {
		record, number, want string
	}{
		"everything": {
			`"nickname":"小王","telephone":"8001","hired_date":1735689600000,"org_email":"Lin@Corp.example","work_place":"杭州","job_number":"00017","extension":"{\"工位\":\"A-12\"}"`, "00017",
			`{"alias":"小王","telephone":"8001","hired_at":"2025-01-01","work_email":"Lin@Corp.example","work_place":"杭州","custom":{"工位":"A-12"}}`},
		"nothing": {``, "", `{` + without + `}`},
		"the evening before": {`"hired_date":1735660800000,"nickname":"x","telephone":"1"`, "",
			`{"alias":"x","telephone":"1","hired_at":"2025-01-01"}`},
		"empty with the permission": {`"remark":""`, "",
			`{` + without + `,"work_email":null,"work_place":null,"custom":null}`},
		"unset with the permission": {`"extension":"{}","email":"lin@example.com"`, "",
			`{` + without + `,"work_email":null,"work_place":null,"custom":null}`},
		"null": {
			`"nickname":null,"telephone":null,"hired_date":null,"job_number":null,"org_email":null,"extension":null`,
			"", `{` + without + `}`},
		"own fields of any kind": {
			`"extension":"{\"a\":1.50,\"b\":{\"c\":[1]},\"d\":\"\",\"e\":null,\"f\":true}"`, "",
			`{` + without + `,"work_email":null,"work_place":null,"custom":{"a":1.50,"b":{"c":[1]},"f":true}}`},
		"own fields that are no JSON": {`"extension":"{nonsense"`, "",
			`{` + without + `,"work_email":null,"work_place":null}`},
		"own fields that are a list": {`"extension":"[1]"`, "",
			`{` + without + `,"work_email":null,"work_place":null}`},
		"a day beyond reason":       {`"hired_date":9007199254740993000`, "", `{"alias":null,"telephone":null}`},
		"a day that is none":        {`"hired_date":"soon"`, "", `{"alias":null,"telephone":null}`},
		"a number that is a number": {`"job_number":17`, "17", `{` + without + `}`},
		"own fields that are an object": {`"extension":{"a":"b"}`, "",
			`{` + without + `,"work_email":null,"work_place":null}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, problem := toMember(mustRecord(t, strings.TrimSuffix(`{"userid":"u1",`+c.record, ",")+`}`), shanghai)
			require.Empty(t, problem)
			body, err := json.Marshal(m.Attributes)
			require.NoError(t, err)
			require.JSONEq(t, c.want, string(body))
			require.Equal(t, &c.number, m.EmployeeNo)
		})
	}
}

// The manager stands in the record of user/get alone, which leaves it out of who has none.
func TestManager(t *testing.T) {
	t.Parallel()
	for record, want := range map[string]*string{
		`{"userid":"u1","manager_userid":"boss"}`:                             new("boss"),
		`{"userid":"u1"}`:                                                     new(""),
		`{"userid":"u1","manager_userid":{}}`:                                 nil,
		`{"userid":"u1","manager_userid":"` + strings.Repeat("x", 600) + `"}`: nil,
	} {
		m, problem := toMemberAlone(mustRecord(t, record), time.UTC)
		require.Empty(t, problem)
		require.Equal(t, want, m.Manager)
		m, _ = toMember(mustRecord(t, record), time.UTC)
		require.Nil(t, m.Manager, "lists say nothing of managers")
	}
}

// An address that is left out beside another personal field has been taken away.
func TestEmailTakenAway(t *testing.T) {
	t.Parallel()
	for record, want := range map[string]*string{
		`{}`: nil, `{"work_place":""}`: new(""), `{"extension":"{}"}`: new(""),
		`{"org_email":"a@corp.example"}`: new("a@corp.example"),
	} {
		require.Equal(t, want, email(mustRecord(t, record)), record)
	}
	require.Equal(t, directory.Attributes{directory.Alias: nil, directory.Telephone: nil, directory.HiredAt: nil},
		attributes(record{}, time.UTC))
}
