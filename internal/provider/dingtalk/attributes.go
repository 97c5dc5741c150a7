package dingtalk

import (
	"time"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/provider"
	"github.com/orgsync/orgsync/internal/provider/wire"
)

// attributes maps the facts of a person that have no column of their own; profile says what
// becomes of those left out.
func attributes(r record, zone *time.Location) directory.Attributes {
	all := directory.Attributes{}
	all.Text(directory.Alias, r.TextOrEmpty("nickname"))
	all.Text(directory.Telephone, r.TextOrEmpty("telephone"))
	all.Text(directory.HiredAt, hiredAt(r, zone))
	all.Text(directory.WorkEmail, personal(r, "org_email"))
	all.Text(directory.WorkPlace, personal(r, "work_place"))
	if own, sent := custom(r); sent {
		all.Object(directory.Custom, own)
	}
	return all
}

// hiredAt reads hired_date, which is in milliseconds (dingtalk.md §3.1).
func hiredAt(r record, zone *time.Location) *string {
	if r["hired_date"] == nil {
		return new("")
	}
	milliseconds := r.Number("hired_date")
	if milliseconds == nil {
		return nil
	}
	return provider.Date(time.UnixMilli(*milliseconds), zone)
}

// custom are the company's own fields by their names: a string that holds JSON
// (dingtalk.md §3.1). Empty ones are left out.
func custom(r record) (own map[string]any, sent bool) {
	text := personal(r, "extension")
	if text == nil || *text == "" {
		return nil, text != nil
	}
	own, sent = wire.Parse([]byte(*text))
	for name, value := range own {
		if value == nil || value == "" {
			delete(own, name)
		}
	}
	return own, sent
}
