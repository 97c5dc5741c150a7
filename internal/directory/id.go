package directory

import "strings"

// MaxID is how many bytes an external id may have, and a page's cursor. The longest documented ids have 64
// (dingtalk.md §3.1, wecom.md §3.3); what is longer than this does not fit an index row of Postgres (2,704 bytes)
// together with others.
const MaxID = 512

// IDProblem says why a text cannot be an id or a cursor, or "" if it can. Whoever decodes one asks: an id that Postgres
// cannot store or index would end the run instead of costing the one record.
func IDProblem(text string) string {
	switch {
	case len(text) > MaxID:
		return "is longer than 512 bytes"
	case strings.Contains(text, "\x00"):
		return "contains U+0000"
	default:
		return ""
	}
}
