package dingtalk

import (
	"slices"

	"github.com/orgsync/orgsync/internal/provider/wire"
)

// Request bodies. Ids of departments are JSON numbers, ids of people strings
// (dingtalk.md §2, §3).
type (
	departmentRequest struct {
		DeptID int64 `json:"dept_id"`
	}
	userRequest struct {
		UserID string `json:"userid"`
	}
	userListRequest struct {
		DeptID int64 `json:"dept_id"`
		Cursor int64 `json:"cursor"`
		Size   int   `json:"size"`
		// ContainAccessLimit is sent although false is its default, because what
		// it means is documented nowhere (dingtalk.md §3.1).
		ContainAccessLimit bool `json:"contain_access_limit"`
	}
)

type record = wire.Record

// personalFields need one permission together; with it at least one of them is sent
// (dingtalk.md §1.3, §3.1).
var personalFields = []string{"email", "org_email", "work_place", "remark", "extension"}

// personal is text of one of personalFields. Left out beside another one it is empty.
func personal(r record, key string) *string {
	if slices.ContainsFunc(personalFields, func(other string) bool { return r[other] != nil }) {
		return r.TextOrEmpty(key)
	}
	return nil
}
