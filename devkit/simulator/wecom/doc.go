// Package wecom serves a simulated company as WeCom does to an internal app and
// to the contact-sync credential: tokens, departments, people and the id list,
// with what each credential may see, hidden fields and errors at HTTP 200
// (wecom.md). Where the reference leaves something open, a field of Config or a
// comment says what was chosen.
//
// It must not import the WeCom client: it is what the client is tested against.
package wecom
