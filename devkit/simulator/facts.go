package simulator

import (
	"fmt"
	"slices"
)

// Facts are what vendors send of a person beside what every directory needs. They
// follow from the person's number and never change. Empty ones the person does not have.
type Facts struct {
	// WorkEmail is the address in the company's own mail service.
	WorkEmail string
	// Alias is what colleagues call the person, EnglishName their name in Latin letters.
	Alias, EnglishName string
	// Telephone is the landline.
	Telephone string
	// Picture is the number of the person's picture, 0 for none.
	Picture PersonID
	// Male is the gender on record.
	Male bool
	// City and WorkPlace are where the person sits.
	City, WorkPlace string
	// EmployeeType is 1 for regular, 2 for interns, 3 for those of another company
	// (feishu.md §3.2).
	EmployeeType int
	// Level and Family are the ids of the person's job level and job family.
	Level, Family string
	// Custom are the values of the company's own fields, in the order of CustomFields.
	Custom []CustomValue
}

// CustomValue is one of the company's own fields with the person's value.
type CustomValue struct{ Field, Value string }

// CustomFields are the fields that a company has added.
var CustomFields = [...]string{"工位", "T-Shirt", "Badge"}

var (
	cities     = [...]string{"杭州", "Hangzhou", "Berlin", "", "上海"}
	workPlaces = [...]string{"杭州", "N-H34", "Haus 3 / 2. OG", "", "B座12层"}
	levels     = [...]string{"mga5oa8ayjlp9rb", "mga5oa8ayjlp9rc", ""}
	families   = [...]string{"mga5oa8ayjlpzjq", "", "mga5oa8ayjlpkzy"}
	aliases    = [...]string{"", "", "小王", "Leo", "老张", "Mia-7"}
	sizes      = [...]string{"S", "M", "XL"}
)

// Facts returns what is known of a person beside the rest.
func (v *View) Facts(p PersonID) Facts {
	pick := func(salt uint64, from []string) string { return from[v.c.mix(salt, int(p), 0)%uint64(len(from))] }
	has := func(salt uint64, oneIn uint64) bool { return v.c.mix(salt, int(p), 1)%oneIn == 0 }
	f := Facts{
		Alias: pick(saltAlias, aliases[:]), City: pick(saltPlace, cities[:]), WorkPlace: pick(saltPlace, workPlaces[:]),
		Male: has(saltGender, 2), EmployeeType: 1, Level: pick(saltLevel, levels[:]), Family: pick(saltLevel, families[:]),
	}
	if !has(saltWorkEmail, 3) {
		f.WorkEmail = fmt.Sprintf("p%d@corp.example.com", p)
	}
	if has(saltAlias, 4) {
		f.EnglishName = fmt.Sprintf("Person %d", p)
	}
	if has(saltPhoneExtension, 3) {
		f.Telephone = fmt.Sprintf("0571-8800%04d", p%10_000)
	}
	if !has(saltPicture, 4) {
		f.Picture = p
	}
	if has(saltEmployment, 12) {
		f.EmployeeType = 2 + int(v.c.mix(saltEmployment, int(p), 2)%2)
	}
	if has(saltCustom, 2) {
		f.Custom = []CustomValue{{CustomFields[0], fmt.Sprintf("A-%d", p)}, {CustomFields[1], pick(saltCustom, sizes[:])}}
	}
	return f
}

// Manager is whom the person reports to: who leads their main department or, if that is
// themselves or nobody, the nearest one above. The one at the top has none.
func (v *View) Manager(p Person) (Person, bool) {
	if len(p.Departments) == 0 {
		return Person{}, false
	}
	for _, d := range slices.Concat(p.Departments[:1], v.Ancestors(p.Departments[0])) {
		if leaders := v.Leaders(d); len(leaders) > 0 && !v.Leads(p.ID, d) {
			return v.Person(leaders[0])
		}
	}
	return Person{}, false
}
