package feishu

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/message"
	"github.com/orgsync/orgsync/internal/provider"
)

// graded returns the findings' checks of one level.
func graded(t *testing.T, r *provider.Report, l provider.Level) []string {
	t.Helper()
	var checks []string
	for _, f := range r.Findings {
		requireDiscreet(t, f.Check.String()+f.Detail.String()+f.Action.String())
		if f.Level != provider.Pass {
			require.NotEmpty(t, f.Action.String())
			require.NotEmpty(t, f.Detail.String())
		}
		if f.Level == l {
			checks = append(checks, f.Check.String())
		}
	}
	return checks
}

func wholeCompany(with map[string]http.HandlerFunc) map[string]http.HandlerFunc {
	routes := map[string]http.HandlerFunc{
		rootPath:     data(rootAnswer),
		tenantPath:   data(`{"tenant":{"name":"Acme"}}`),
		childrenPath: data(`{"has_more":false,"items":[` + engineering + `]}`),
		groupsPath:   data(`{"has_more":false,"grouplist":[{"id":"g1"}]}`),
		adminsPath:   data(`{"user_list":[{"open_id":"ou_1"}]}`),
		usersPath: func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Query().Get("department_id") == rootID {
				data(`{"has_more":false}`)(w, r)
				return
			}
			complete := strings.Replace(liLei, "{", `{"employee_no":"","gender":0,`, 1)
			data(`{"has_more":false,"items":[`+complete+`]}`)(w, r)
		},
	}
	maps.Copy(routes, with)
	return routes
}

func TestCheckOfACompanyInOrder(t *testing.T) {
	t.Parallel()
	c, _ := newFake(t, wholeCompany(nil))
	r, err := c.Check(t.Context())
	require.NoError(t, err)
	require.True(t, r.OK())
	require.Equal(t, "Acme", r.Company)
	require.Equal(t, provider.VisibleRange{Full: true}, r.Range)
	require.Empty(t, graded(t, r, provider.Fail))
	require.Empty(t, graded(t, r, provider.Warn))
	require.Equal(t, []string{"credentials", "visible range", "permission tenant:tenant:readonly", "departments",
		"permission contact:department.base:readonly", "permission contact:department.organize:readonly", "members",
		"permission contact:user.base:readonly", "permission contact:user.department:readonly",
		"permission contact:user.employee:readonly",
		"permission contact:user.employee_id:readonly", "permission contact:user.email:readonly",
		"permission contact:user.phone:readonly",
		"permission contact:user.employee_number:read", "permission contact:user.gender:readonly", "user groups",
		"administrators",
	}, graded(t, r, provider.Pass))
	for _, f := range r.Findings {
		if f.Check.String() == "departments" {
			require.Equal(t, "read below the root department: 1", f.Detail.String())
		}
	}
}

func TestCheckWarnsOfFieldPermissions(t *testing.T) {
	t.Parallel()
	c, _ := newFake(t, wholeCompany(map[string]http.HandlerFunc{
		childrenPath: data(`{"has_more":false,"items":[{"open_department_id":"od-1"}]}`),
		usersPath: data(
			`{"has_more":false,"items":[{"open_id":"ou_1","email":null},{"open_id":"ou_2","mobile":""}]}`),
	}))
	r, err := c.Check(t.Context())
	require.NoError(t, err)
	require.True(t, r.OK())
	require.Equal(t, []string{
		"permission contact:department.base:readonly", "permission contact:department.organize:readonly",
		"permission contact:user.base:readonly", "permission contact:user.department:readonly",
		"permission contact:user.employee:readonly",
		"permission contact:user.employee_id:readonly", "permission contact:user.email:readonly",
		"permission contact:user.employee_number:read", "permission contact:user.gender:readonly",
	}, graded(t, r, provider.Warn))
	require.Contains(t, graded(t, r, provider.Pass), "permission contact:user.phone:readonly",
		"one record that carries it is enough")
}

// Without its permission the company has no name, which costs nothing but the root's.
func TestCheckNamesThePermissionForTheCompany(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		answer       http.HandlerFunc
		says, action string
	}{
		"permission": {
			says(400,
				`{"code":99991672,"msg":"x","error":{"permission_violations":[{"subject":"tenant:tenant:readonly"}]}}`), "99991672", "Permissions & Scopes"},
		"refused": {refuses(403, 1184001), "1184001", "Permissions & Scopes"},
		"unknown": {refuses(404, 1184000), "1184000", "app_id"},
		"no name": {data(`{"tenant":{}}`), "no name was sent", "Permissions & Scopes"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, _ := newFake(t, wholeCompany(map[string]http.HandlerFunc{tenantPath: tt.answer}))
			r, err := c.Check(t.Context())
			require.NoError(t, err)
			require.True(t, r.OK())
			require.Empty(t, r.Company)
			require.Equal(t, []string{"permission tenant:tenant:readonly"}, graded(t, r, provider.Warn))
			i := slices.IndexFunc(r.Findings, func(f provider.Finding) bool { return f.Level == provider.Warn })
			require.Contains(t, r.Findings[i].Detail.String(), tt.says)
			require.Contains(t, r.Findings[i].Detail.String(), "called Root")
			require.Contains(t, r.Findings[i].Action.String(), tt.action)
		})
	}
}

// A range that withholds people is not one without people: it is said, the range's
// people count as unknown, and only with no department either there is nothing to read.
func TestCheckOfARangeThatWithholdsPeople(t *testing.T) {
	t.Parallel()
	anonymous := data(`{"has_more":false,"items":[{"open_id":"ou_1","name":"Li Lei"}]}`)
	c, _ := newFake(t, limitedTo(data(`{"has_more":false,"department_ids":["od-1"]}`),
		data(`{"items":[`+engineering+`]}`),
		usersPath, anonymous, contact+"/departments/od-1/children", data(`{"has_more":false}`)))
	r, err := c.Check(t.Context())
	require.NoError(t, err)
	require.True(t, r.OK())
	require.Equal(t, provider.VisibleRange{Departments: []string{"od-1"}, MembersUnknown: true}, r.Range)
	require.Contains(t, r.Findings, provider.Finding{
		Level: provider.Warn, Check: triedPermission("contact:user.employee_id:readonly"),
		Detail: message.Of("found.feishu_granted_unread", nil), Action: message.Of(grantScope, nil),
	})

	c, _ = newFake(t, limitedTo(data(`{"has_more":false}`), nil))
	r, err = c.Check(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"visible range"}, graded(t, r, provider.Fail))
	_, _, err = c.ListRoots(t.Context())
	require.Equal(t, provider.Forbidden, failure(t, err).Kind)
	require.ErrorContains(t, err, "contact:user.employee_id:readonly")
}

func TestCheckFailsWherePermissionsAreMissing(t *testing.T) {
	t.Parallel()
	denied := says(400,
		`{"code":99991672,"msg":"x","error":{"permission_violations":[{"subject":"contact:contact.base:readonly"}]}}`)
	for path, check := range map[string]string{rootPath: "visible range", childrenPath: "departments",
		usersPath: "members"} {
		t.Run(check, func(t *testing.T) {
			t.Parallel()
			c, _ := newFake(t, wholeCompany(map[string]http.HandlerFunc{path: denied}))
			r, err := c.Check(t.Context())
			require.NoError(t, err)
			require.False(t, r.OK())
			require.Equal(t, []string{check}, graded(t, r, provider.Fail))
			last := r.Findings[len(r.Findings)-1]
			require.Contains(t, last.Detail.String(), "contact:contact.base:readonly")
			require.Contains(t, last.Detail.String(), "99991672")
			require.Contains(t, last.Action.String(), "Permissions & Scopes")
		})
	}
}

func TestCheckErrsWhereItCannotTell(t *testing.T) {
	t.Parallel()
	for path, answer := range map[string]http.HandlerFunc{
		rootPath: refuses(400, 99991401), childrenPath: says(503, ""), usersPath: data(`{}`), tenantPath: says(502, ""),
	} {
		c, _ := newFake(t, wholeCompany(map[string]http.HandlerFunc{path: answer}))
		_, err := c.Check(t.Context())
		failure(t, err)
	}
}

func TestCheckOfALargeCompanyReadsALevel(t *testing.T) {
	t.Parallel()
	c, _ := newFake(t, wholeCompany(map[string]http.HandlerFunc{
		childrenPath: inTurn(refuses(400, 43010), data(`{"has_more":false,"items":[`+engineering+`]}`)),
	}))
	r, err := c.Check(t.Context())
	require.NoError(t, err)
	require.True(t, r.OK())
	require.Contains(t, graded(t, r, provider.Pass), "departments")
}

func TestCheckOfALimitedRange(t *testing.T) {
	t.Parallel()
	c, _ := newFake(t, limitedTo(
		data(`{"has_more":false,"department_ids":["od-2","od-1"],"user_ids":["ou_2","ou_1"],"group_ids":["g1"]}`),
		data(`{"items":[`+engineering+`]}`),
		contact+"/departments/od-2", refuses(403, 40004),
		contact+"/departments/od-1/children", refuses(403, 40004),
		contact+"/departments/od-2/children", data(`{"has_more":false}`),
		batchUsersPath, data(`{"items":[`+liLei+`]}`),
		contact+"/users/ou_2", refuses(400, 41012),
		groupsPath, data(`{"has_more":false}`), adminsPath, data(`{}`),
	))
	r, err := c.Check(t.Context())
	require.NoError(t, err)
	require.True(t, r.OK())
	require.Equal(t, provider.VisibleRange{Departments: []string{"od-1", "od-2"}, Members: []string{"ou_1", "ou_2"}},
		r.Range)
	require.Equal(t, []string{
		"visible range", "visible range", "permission tenant:tenant:readonly", "departments",
		"permission contact:user.employee_number:read", "permission contact:user.gender:readonly",
	}, graded(t, r, provider.Warn), "limited, a group, no name, one department unreadable, two fields that nobody has")
	require.Contains(t, graded(t, r, provider.Pass), "members")
}

func TestCheckOfAnEmptyRangeFails(t *testing.T) {
	t.Parallel()
	c, _ := newFake(t, limitedTo(data(`{"has_more":false}`), nil))
	r, err := c.Check(t.Context())
	require.NoError(t, err)
	require.False(t, r.OK())
	require.Equal(t, []string{"visible range"}, graded(t, r, provider.Fail))
}
