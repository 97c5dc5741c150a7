// Package dingtalk reads a company's directory from DingTalk's legacy API
// (oapi.dingtalk.com), the only one that lists departments and people
// (dingtalk.md §1). It turns answers into the words of package directory and
// failures into provider.Error. It stores nothing, decides nothing about what is
// to be removed, and puts no secret, token or personal data into errors or logs.
//
// # Visible range
//
// /auth/scopes says what an app may read. With department 1 in it the walk
// starts at the root. Else it starts at every granted department, below a root of
// our own that also carries the people who are granted one by one
// (dingtalk.md §5).
package dingtalk
