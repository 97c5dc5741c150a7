package providertest

import (
	"slices"

	"github.com/orgsync/orgsync/devkit/simulator/dingtalk"
	"github.com/orgsync/orgsync/devkit/simulator/feishu"
	"github.com/orgsync/orgsync/devkit/simulator/wecom"
	"github.com/orgsync/orgsync/internal/directory"
)

// hidden are the fields that an app does not get to see: they must be nil, and
// everything else must still be there.
type hidden map[string]bool

func hide(fields ...string) hidden {
	h := hidden{}
	for _, field := range fields {
		h[field] = true
	}
	return h
}

// feishuField is what each permission brings (feishu.md §2.2, §3.3).
var feishuField = map[string][]string{
	"contact:department.base:readonly":     {"department name"},
	"contact:department.organize:readonly": {"department order", "head count", "leaders"},
	"contact:user.base:readonly":           {"name"},
	"contact:user.department:readonly":     {"order", "main"},
	"contact:user.employee:readonly":       {"status", "title", "work email"},
	"contact:user.email:readonly":          {"email"},
	"contact:user.phone:readonly":          {"phone"},
	"contact:user.employee_id:readonly":    {"user_id"},
	"tenant:tenant:readonly":               {"company"}, // feishu-more.md §D
}

// feishuFacts is what some of them bring beside that, and what others bring (feishu.md §3.3).
var feishuFacts = map[string][]string{
	"contact:user.base:readonly":       {"english_name", "alias"},
	"contact:user.department:readonly": {"manager"},
	"contact:user.employee:readonly": {"work_email", "city", "country", "work_place", "hired_at", "employee_type",
		"custom"},
	"contact:user.gender:readonly": {"gender"},
}

// factsOf are the facts that a vendor has fields for.
var factsOf = map[directory.ProviderType][]directory.Attribute{
	directory.Feishu: {directory.EnglishName, directory.Alias, directory.WorkEmail, directory.Gender, directory.City,
		directory.Country,
		directory.WorkPlace, directory.HiredAt, directory.EmployeeType, directory.Custom},
	directory.DingTalk: {directory.Alias, directory.Telephone, directory.HiredAt, directory.WorkEmail,
		directory.WorkPlace, directory.Custom},
	directory.WeCom: {directory.Alias, directory.Telephone, directory.WorkEmail, directory.WorkPlace, directory.Gender,
		directory.Custom},
}

// broad permissions bring all fields but those that have their own only.
const broad = "contact:contact:readonly_as_app"

func hiddenFromFeishu(scopes []string) hidden {
	if scopes == nil {
		return hidden{}
	}
	h := hidden{}
	for scope, fields := range feishuField {
		alone := slices.Contains([]string{"email", "phone", "user_id", "company"}, fields[0])
		if slices.Contains(scopes, scope) || !alone && slices.Contains(scopes, broad) {
			continue
		}
		for _, field := range fields {
			h[field] = true
		}
	}
	for scope, facts := range feishuFacts {
		for _, fact := range facts {
			h[fact] = !slices.Contains(scopes, scope) && !slices.Contains(scopes, broad)
		}
	}
	h["employee_no"] = h["city"] && !slices.Contains(scopes, "contact:user.employee_number:read")
	return h
}

func hiddenFromDingTalk(cfg dingtalk.Config) hidden {
	h := hidden{}
	if cfg.Points != nil {
		h["phone"] = !slices.Contains(cfg.Points, dingtalk.MobilePoint)
		h["email"] = !slices.Contains(cfg.Points, dingtalk.EmailPoint)
		h["work_email"], h["work_place"], h["custom"] = h["email"], h["email"], h["email"]
	}
	h["unset"] = cfg.OmitUnset
	return h
}

// hiddenFromWeCom: what new apps do not get, and what id lists do not say
// (wecom.md §1.4, §1.5). It sends no head counts at all.
func hiddenFromWeCom(cfg wecom.Config, m mode) hidden {
	h := hide("head count")
	if !cfg.OldApp {
		h["email"], h["phone"] = true, true
		h["work_email"], h["work_place"], h["gender"] = true, true, true
	}
	if m == syncOnly {
		h = hide("head count", "department name", "leaders", "name", "email", "phone", "title", "status", "order",
			"main", "manager",
			"alias", "telephone", "work_email", "work_place", "gender", "custom")
	}
	h["range"] = m != appOnly
	return h
}

// withoutScope is a list of Feishu permissions that lacks one and has no broad one
// that would stand in for it.
func withoutScope(scope string) []string {
	return slices.DeleteFunc(slices.Clone(feishu.AllScopes), func(s string) bool { return s == scope || s == broad })
}

func withoutPoint(point string) []string {
	return slices.DeleteFunc(slices.Clone(dingtalk.AllPoints), func(s string) bool { return s == point })
}
