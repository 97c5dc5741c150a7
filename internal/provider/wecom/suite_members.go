package wecom

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"github.com/orgsync/orgsync/internal/message"
	"github.com/orgsync/orgsync/internal/provider"
	"github.com/orgsync/orgsync/internal/provider/wire"
)

// authorisedMembers reads the members who authorised the suite one by one. No call lists departments then, and
// all of them are in the root (wecom-more.md §E2).
func (c *client) authorisedMembers(ctx context.Context, q provider.Query) (provider.MemberPage, error) {
	sent, ok := strings.CutPrefix(q.Cursor, cursorAuthorised)
	if q.Cursor != "" && (!ok || sent == "") {
		return provider.MemberPage{}, unknownCursor(listMemberAuth)
	}
	users, bad, next, err := c.authorisedIDs(ctx, sent, eachPageSize)
	if err != nil {
		return provider.MemberPage{}, err
	}
	if sent == "" && len(users)+len(bad) == 0 {
		// Reading none must not remove them all.
		return provider.MemberPage{}, malformed(listMemberAuth, "the list of members who authorised the suite is empty")
	}
	page, err := c.each(ctx, users, bad, "", func(member) []string { return []string{q.Department} })
	if next != "" {
		page.Next = cursorAuthorised + next
	}
	return page, err
}

// authorisedRequest is list_member_auth's body.
type authorisedRequest struct {
	Cursor string `json:"cursor"`
	Limit  int    `json:"limit"`
}

// authorisedIDs reads a page of the ids of members who authorised the suite.
func (c *client) authorisedIDs(ctx context.Context, sent string, limit int) (users, bad []string, next string,
	err error) {
	body, err := c.call(ctx, c.app, listMemberAuth, nil, authorisedRequest{Cursor: sent, Limit: limit})
	if err != nil {
		return nil, nil, "", refusedCursor(err, sent)
	}
	records, err := decodeList(listMemberAuth, body, "member_auth_list")
	if err != nil {
		return nil, nil, "", err
	}
	answer, _ := wire.Parse(body)
	next, problem := answer.ID("next_cursor")
	if problem != "" || next != "" && next == sent {
		return nil, nil, "", malformed(listMemberAuth, "next_cursor cannot be used")
	}
	for i, raw := range records {
		r, _ := wire.Parse(raw)
		user, _ := r.ID("open_userid")
		if user == "" {
			bad = append(bad, wire.Nth(i)+": no usable open_userid")
			continue
		}
		users = append(users, user)
	}
	slices.Sort(users)
	return users, bad, next, nil
}

// checkAuthorised tells how a suite stands that members authorise one by one.
func (c *client) checkAuthorised(ctx context.Context, r *provider.Report) error {
	users, _, _, err := c.authorisedIDs(ctx, "", eachPageSize)
	if err != nil {
		return err
	}
	r.Range = provider.VisibleRange{MembersUnknown: true}
	warn(r, c.app.tried("tried.visible_range"), "found.suite_by_members", "remedy.suite_by_administrator")
	if len(users) == 0 {
		return nil
	}
	body, err := c.call(ctx, c.app, userGet, url.Values{"userid": {users[0]}}, nil)
	if err != nil {
		return err
	}
	r.Pass(c.app.tried("tried.members"), message.Of("found.members_readable", nil))
	c.checkFields(r, body)
	return nil
}
