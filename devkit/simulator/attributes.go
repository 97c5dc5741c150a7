package simulator

import (
	"strconv"
	"time"

	"github.com/orgsync/orgsync/internal/directory"
)

// china has been eight hours ahead, summer and winter, since before anybody here was hired.
var china = time.FixedZone("China", 8*60*60)

// attributes are the facts of a person that a vendor has a field for.
func (v *View) attributes(t directory.ProviderType, p Person) map[directory.Attribute]any {
	f := v.Facts(p.ID)
	hired := ""
	if p.Joined != 0 {
		hired = time.Unix(p.Joined, 0).In(china).Format(time.DateOnly)
	}
	var texts map[directory.Attribute]string
	switch t {
	case directory.Feishu: // feishu.md §3.2
		texts = map[directory.Attribute]string{
			directory.EnglishName: f.EnglishName, directory.Alias: f.Alias, directory.Gender: f.Gender,
			directory.City: f.City, directory.Country: f.Country, directory.WorkPlace: f.WorkPlace,
			directory.HiredAt:      hired,
			directory.EmployeeType: strconv.Itoa(f.EmployeeType),
		}
		if p.Email == "" { // the mail service is on for those without an address of their own (a choice)
			texts[directory.WorkEmail] = f.WorkEmail
		}
	case directory.DingTalk: // dingtalk.md §3.1
		texts = map[directory.Attribute]string{
			directory.WorkEmail: f.WorkEmail, directory.Telephone: f.Telephone,
			directory.WorkPlace: f.WorkPlace, directory.HiredAt: hired,
		}
		if p.Enterprise() {
			texts[directory.Alias] = f.Alias
		}
	case directory.WeCom: // wecom.md §3.3
		texts = map[directory.Attribute]string{
			directory.Alias: f.Alias, directory.WorkEmail: f.WorkEmail, directory.Telephone: f.Telephone,
			directory.Gender: f.Gender, directory.WorkPlace: f.WorkPlace,
		}
	}
	made := map[directory.Attribute]any{}
	for name, text := range texts {
		if text != "" {
			made[name] = text
		}
	}
	own := map[string]any{}
	for _, c := range f.Custom {
		key, value := custom(t, c)
		own[key] = value
	}
	if len(own) > 0 {
		made[directory.Custom] = own
	}
	return made
}

// custom is one of the company's own fields as a vendor has it: a text, or what it has of a link.
func custom(t directory.ProviderType, c CustomValue) (key string, value any) {
	switch {
	case t == directory.Feishu && c.Link:
		return FeishuField(c.Field), map[string]any{"text": c.Field, "url": c.Value, "pc_url": c.Value}
	case t == directory.Feishu:
		return FeishuField(c.Field), c.Value
	case t == directory.WeCom && c.Link:
		return c.Field, map[string]any{"url": c.Value, "title": c.Field}
	default:
		return c.Field, c.Value
	}
}
