package directory

import "strings"

// Traits are the facts about a provider type that the engine goes by. Whatever else is
// particular to a provider stays in its client.
type Traits struct {
	// DisplayName is the type's name for people.
	DisplayName string
	// ParallelReads is how many listings a run reads at the same time.
	ParallelReads int
	// TreeByDepartment says that reading the tree takes a call for each department, as
	// reading its members does. Both are then read at the same time, and groups, too.
	TreeByDepartment bool
	// AdministratorFlag is the boolean field of a member's raw record that marks main
	// administrators, where the list of administrators lacks them.
	AdministratorFlag string
	// DetailsByLookup says that no listing tells a member's manager and a department's order,
	// and that a lookup of the single object does.
	DetailsByLookup bool
	// EventStream says that it tells of changes by a connection that we open, too.
	EventStream bool
}

// traits has what is known of each provider type.
var traits = map[ProviderType]Traits{
	// Enough parallel reads for 20 calls a second, the highest rate documented for one
	// call (dingtalk.md §6), if each takes more than a second. Half of a worker's places
	// for reading are left to other runs.
	// Feishu lists only administrators of apps; a super administrator's own record says so
	// (feishu-more.md §D).
	Feishu: {DisplayName: "Feishu", ParallelReads: 32, AdministratorFlag: "is_tenant_manager",
		EventStream: true},
	// user/list lacks manager_userid, department/listsub lacks order (dingtalk.md §2, §3.1).
	DingTalk: {DisplayName: "DingTalk", ParallelReads: 32, TreeByDepartment: true, DetailsByLookup: true,
		EventStream: true},
	// WeCom refuses too many parallel calls with 45033. How many is not published: at
	// most 4 (wecom.md §5.1).
	WeCom: {DisplayName: "WeCom", ParallelReads: 4},
}

// ProviderTypes are the supported types, in the order in which people are told of them.
func ProviderTypes() []ProviderType { return []ProviderType{Feishu, DingTalk, WeCom} }

// Traits returns the traits of the type; of an unknown one its value as the name, and one
// read at a time.
func (t ProviderType) Traits() Traits {
	if known, ok := traits[t]; ok {
		return known
	}
	return Traits{DisplayName: string(t), ParallelReads: 1}
}

// MemberKey returns the form in which two ids of one member are equal.
func MemberKey(externalID string, ignoreCase bool) string {
	if ignoreCase {
		return strings.ToLower(externalID)
	}
	return externalID
}
