package feishu

import (
	"time"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/normalize"
	"github.com/orgsync/orgsync/internal/provider"
)

// attributes maps the facts of a person that have no column of their own; profile says
// what becomes of those left out.
func attributes(r record, zone *time.Location) directory.Attributes {
	all := directory.Attributes{}
	all.Text(directory.EnglishName, textIf(r, showsBase(r), "en_name"))
	all.Text(directory.Alias, textIf(r, showsBase(r), "nickname"))
	all.Text(directory.WorkEmail, textIf(r, showsEmployee(r), "enterprise_email"))
	all.Text(directory.Gender, gender(r))
	all.Text(directory.City, textIf(r, showsEmployee(r), "city"))
	all.Text(directory.Country, textIf(r, showsEmployee(r), "country"))
	all.Text(directory.WorkPlace, textIf(r, showsEmployee(r), "work_station"))
	all.Text(directory.HiredAt, hiredAt(r, zone))
	all.Text(directory.EmployeeType, textIf(r, showsEmployee(r), "employee_type"))
	if own, sent := custom(r); sent {
		all.Object(directory.Custom, own)
	}
	if len(all) == 0 {
		return nil
	}
	return all
}

// manager is leader_user_id, which is an open id, as all calls ask for it.
func manager(r record) *string {
	if r["leader_user_id"] == nil {
		return textIf(r, showsPlaces(r), "leader_user_id")
	}
	id, problem := r.ID("leader_user_id")
	if problem != "" {
		return nil
	}
	return &id
}

// gender: 0 is secret, 3 any other (feishu.md §3.2).
func gender(r record) *string {
	switch n := r.Integer("gender"); {
	case n == nil:
		return nil
	case *n == 1:
		return new("male")
	case *n == 2:
		return new("female")
	default:
		return new("")
	}
}

// hiredAt reads join_time, which is in seconds (feishu.md §3.2); 0 says nothing of a day.
func hiredAt(r record, zone *time.Location) *string {
	sent := textIf(r, showsEmployee(r), "join_time")
	if sent == nil || *sent == "" || *sent == "0" {
		return clearedIf(sent != nil)
	}
	seconds := r.Integer("join_time")
	if seconds == nil {
		return nil
	}
	return provider.Date(time.Unix(*seconds, 0), zone)
}

func clearedIf(sent bool) *string {
	if !sent {
		return nil
	}
	return new("")
}

// custom are the company's own fields by their ids (feishu.md §3.2). A text field has one
// text; of the other types the whole value is kept. Empty ones are left out.
func custom(r record) (own map[string]any, sent bool) {
	entries, isList := r.List("custom_attrs")
	if !isList {
		return nil, r["custom_attrs"] == nil && showsEmployee(r)
	}
	own = map[string]any{}
	for _, entry := range entries {
		attr, _ := entry.(map[string]any)
		id, _ := record(attr).ID("id")
		value := record(attr).Object("value")
		if id == "" || normalize.Blank(value) {
			continue
		}
		own[id] = map[string]any(value)
		if kind, _ := record(attr).ID("type"); kind == "TEXT" {
			own[id] = value["text"]
		}
	}
	return own, true
}
