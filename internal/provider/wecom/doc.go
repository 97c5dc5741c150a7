// Package wecom reads a company's directory from WeCom (企业微信). It speaks the
// HTTP API directly and turns its records into the words of package directory;
// it stores nothing, knows neither Postgres nor Temporal, and never writes to
// the provider.
//
// WeCom splits what is to be read over two kinds of credential (wecom.md §1.4):
// an app's secret reads names and details, but only inside the app's visible
// range; the contact-sync secret reads the whole company, but only ids. The
// client works with either alone. With both, the id list proves completeness and
// the app's secret adds the details.
//
// A record's Raw is everything that was sent, with lists of ids that have no order of
// their own sorted, but for: a person's isleader, which speaks of the department that was
// asked, so that each of a person's listings would say something else; errcode and errmsg,
// which user/get puts beside a person's fields and which are none of them.
package wecom
