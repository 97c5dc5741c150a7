// Package dingtalk serves a simulated company as DingTalk's open platform does to
// an internal app: the token endpoints of both hosts and the directory reads of
// the legacy one, with their error shapes, 18-digit orders, offset cursors and
// contact scope (dingtalk.md). Where the reference leaves something open, a field
// of Config or a comment says what was chosen.
//
// It must not import the DingTalk client: it is what the client is tested against.
package dingtalk
