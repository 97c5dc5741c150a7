// Package feishu reads a company's directory from Feishu, or from Lark, which
// speaks the same API on another host. It turns the contact v3 API into the
// provider port and does nothing else: it stores nothing, starts nothing, and
// knows neither Postgres nor Temporal nor the other vendors.
//
// Files: config.go the settings, endpoints.go the calls and their limits,
// client.go one call from token to envelope, token.go the access token, errors.go
// every error code, wire.go what an answer looks like, record.go and attributes.go
// what a record means, range.go what the app may see, departments.go, members.go, groups.go
// and administrators.go the listings, lookup.go single objects, check.go the preflight. The
// other clients have files of the same names.
//
// # Raw records
//
// A record's Raw is everything that was sent, with arrays that have no order of their own
// sorted, but for: a department's member_count and primary_member_count, which change
// whenever a member moves and would make every such department look changed; a person's
// is_frozen beside status, which repeats it and comes with some calls only. What of a
// person is sent by some calls only (assign_info, subscription_ids) is as of the last call
// that sent it.
//
// Comments cite feishu.md, the project's reference of the API, by section.
package feishu
