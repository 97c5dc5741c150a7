package wecom

import (
	"context"
	"encoding/json"
	"net/url"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/message"
	"github.com/orgsync/orgsync/internal/provider"
	"github.com/orgsync/orgsync/internal/provider/wire"
)

// methodTag: the members and departments of a tag, in one answer.
const methodTag provider.ListMethod = "tag"

// tagCredential reads tags. Both credentials list all of them, but show of each only what is
// in their visible range (wecom-more.md §C), which is the whole company for contact sync. The
// app never stands in for it: what it does not see would look removed.
func (c *client) tagCredential() *credential {
	if c.sync != nil {
		return c.sync
	}
	return c.app
}

// ListGroups implements provider.GroupReader by tag/list, which has no pages.
func (c *client) ListGroups(ctx context.Context, cursor string) (provider.GroupPage, error) {
	if cursor != "" {
		return provider.GroupPage{}, unknownCursor(tagList)
	}
	body, err := c.call(ctx, c.tagCredential(), tagList, nil, nil)
	if err != nil {
		return provider.GroupPage{}, err
	}
	return decodeTags(body)
}

func decodeTags(body []byte) (provider.GroupPage, error) {
	records, err := decodeList(tagList, body, "taglist")
	if err != nil {
		return provider.GroupPage{}, err
	}
	var page provider.GroupPage
	for i, raw := range records {
		r, _ := wire.Parse(raw)
		id := idOf(r["tagid"])
		if id == "" {
			page.Bad = append(page.Bad, wire.Nth(i)+": no usable tagid")
			continue
		}
		page.Groups = append(page.Groups, provider.FoundGroup{MembersMethod: methodTag, Group: directory.Group{
			ExternalID: id, Kind: directory.Tag, Name: r.Text("tagname"), Raw: r.Canonical(nil, nil),
		}})
	}
	return page, nil
}

// ListGroupMembers implements provider.GroupReader by tag/get, which has no pages.
func (c *client) ListGroupMembers(ctx context.Context, q provider.GroupQuery) (provider.GroupMemberPage, error) {
	switch {
	case q.Method != methodTag:
		return provider.GroupMemberPage{}, provider.Meaning{
			Kind: provider.Invalid, Problem: "fault.listing_unknown", Action: reportBug,
		}.AsError(directory.WeCom, tagGet, message.Args{"Listing": string(q.Method)})
	case q.Cursor != "":
		return provider.GroupMemberPage{}, unknownCursor(tagGet)
	}
	body, err := c.call(ctx, c.tagCredential(), tagGet, url.Values{"tagid": {q.Group}}, nil)
	if err != nil {
		return provider.GroupMemberPage{}, err
	}
	return decodeTag(body)
}

func decodeTag(body []byte) (provider.GroupMemberPage, error) {
	users, err := decodeList(tagGet, body, "userlist")
	if err != nil {
		return provider.GroupMemberPage{}, err
	}
	departments, err := decodeList(tagGet, body, "partylist")
	if err != nil {
		return provider.GroupMemberPage{}, err
	}
	var page provider.GroupMemberPage
	for i, raw := range users {
		user := decodeUserID(raw)
		if user == "" {
			page.Bad = append(page.Bad, wire.Nth(i)+": no usable userid")
			continue
		}
		page.Members = append(page.Members, directory.GroupMember{Member: user})
	}
	for i, raw := range departments {
		department := idOf(json.Number(raw))
		if department == "" {
			page.Bad = append(page.Bad, "department "+wire.Nth(i)+": no usable id")
			continue
		}
		page.Departments = append(page.Departments, department)
	}
	return page, nil
}
