package provider

import (
	"context"

	"github.com/orgsync/orgsync/internal/directory"
)

// GroupReader reads a company's groups: DingTalk's roles,
// Feishu's user groups, WeCom's tags. The list of groups is one listing, and what belongs
// to each group is another. Each is complete or not by itself. A listing whose permission
// is missing fails as Forbidden, which concerns groups alone and says nothing of members.
type GroupReader interface {
	// ListGroups returns one page of the list of all groups that the credentials can see.
	ListGroups(ctx context.Context, cursor string) (GroupPage, error)
	// ListGroupMembers returns one page of what belongs to a group. A group that was
	// deleted since it was listed is NotFound, one outside the visible range OutOfRange.
	ListGroupMembers(ctx context.Context, q GroupQuery) (GroupMemberPage, error)
}

// AdministratorReader lists the company's administrators. A
// missing permission fails as Forbidden, which concerns administrators alone.
type AdministratorReader interface {
	// ListAdministrators returns one page of the administrators, each once.
	ListAdministrators(ctx context.Context, cursor string) (AdministratorPage, error)
}

// FoundGroup is a group together with how to read what belongs to it.
type FoundGroup struct {
	directory.Group
	// MembersMethod is how what belongs to the group is listed.
	MembersMethod ListMethod
}

// GroupQuery asks for one page of what belongs to a group.
type GroupQuery struct {
	Group  string
	Method ListMethod
	// Cursor is empty for the first page and the previous page's Next after that.
	Cursor string
}

// GroupPage is one page of groups.
type GroupPage struct {
	Groups []FoundGroup
	// Next is the cursor of the next page; empty means that this was the last.
	Next string
	// EndsList: Next begins another list, such as that of departments, which may be empty.
	EndsList bool
	// Bad describes records that could not be used, without personal data.
	Bad []string
	// Request is the provider's id of the answer that brought the page, where it gives one.
	Request string
}

// GroupMemberPage is one page of what belongs to a group.
type GroupMemberPage struct {
	Members []directory.GroupMember
	// Departments are the external ids of departments that belong as a whole: all members
	// in them and in everything below them belong.
	Departments []string
	// Next is the cursor of the next page; empty means that this was the last.
	Next string
	// EndsList: Next begins another list, such as that of departments, which may be empty.
	EndsList bool
	// Bad describes records that could not be used, without personal data.
	Bad []string
	// Request is the provider's id of the answer that brought the page, where it gives one.
	Request string
}

// AdministratorPage is one page of administrators.
type AdministratorPage struct {
	Administrators []directory.Administrator
	// Next is the cursor of the next page; empty means that this was the last.
	Next string
	// Truncated: the provider may have left administrators out, so that none is missing
	// for not being among these. What was read holds all the same.
	Truncated bool
	// Bad describes records that could not be used, without personal data.
	Bad []string
	// Request is the provider's id of the answer that brought the page, where it gives one.
	Request string
}
