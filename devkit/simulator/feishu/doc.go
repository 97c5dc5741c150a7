// Package feishu serves a simulated company as Feishu's (Lark's) open platform
// does: tokens, departments, people and the contact range, with its page sizes,
// opaque page tokens, field permissions and error envelopes (feishu.md). Where the
// reference leaves something open, a field of Config chooses.
//
// It must not import the Feishu client: it is what the client is tested against.
package feishu
