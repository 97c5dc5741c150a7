package simulator

import (
	"fmt"
	"slices"
)

// Facts are what vendors send of a person beside what every directory needs. They follow
// from the person's number until they are changed. Empty ones the person does not have.
type Facts struct {
	// EmployeeNo is the company's own number of the person; several can have the same.
	EmployeeNo string
	// WorkEmail is the address in the company's own mail service.
	WorkEmail string
	// Alias is what colleagues call the person, EnglishName their name in Latin letters.
	Alias, EnglishName string
	// Telephone is the landline.
	Telephone string
	// Picture is the number of the person's picture, 0 for none.
	Picture PersonID
	// Gender is male or female.
	Gender string
	// City, Country (a code) and WorkPlace are where the person sits.
	City, Country, WorkPlace string
	// EmployeeType is 1 for regular, 2 for interns, 3 for those of another company
	// (feishu.md §3.2).
	EmployeeType int
	// Level and Family are the ids of the person's job level and job family.
	Level, Family string
	// Custom are the values of the company's own fields, in the order of CustomFields.
	Custom []CustomValue
}

// CustomValue is one of the company's own fields with the person's value, which is a text
// or the address of a link.
type CustomValue struct {
	Field, Value string
	Link         bool
}

// CustomFields are the fields that a company has added.
var CustomFields = [...]string{"工位", "T-Shirt", "Badge"}

var (
	cities     = [...]string{"杭州", "Hangzhou", "Berlin", "", "上海"}
	countries  = [...]string{"CN", "CN", "DE", "", "CN"} // of the cities
	workPlaces = [...]string{"杭州", "N-H34", "Haus 3 / 2. OG", "", "B座12层"}
	levels     = [...]string{"mga5oa8ayjlp9rb", "mga5oa8ayjlp9rc", ""}
	families   = [...]string{"mga5oa8ayjlpzjq", "", "mga5oa8ayjlpkzy"}
	aliases    = [...]string{"", "", "小王", "Leo", "老张", "Mia-7"}
	genders    = [...]string{"male", "female", "female", "male", ""}
	sizes      = [...]string{"S", "M", "XL"}
)

// Facts returns what is known of a person beside the rest.
func (v *View) Facts(p PersonID) Facts {
	pick := func(salt uint64, from []string) string { return from[v.c.mix(salt, int(p), 0)%uint64(len(from))] }
	has := func(salt uint64, oneIn uint64) bool { return v.c.mix(salt, int(p), 1)%oneIn == 0 }
	f := Facts{
		EmployeeNo: v.c.employeeNo(p), Alias: pick(saltAlias, aliases[:]),
		City: pick(saltPlace, cities[:]), Country: pick(saltPlace, countries[:]),
		WorkPlace: pick(saltPlace, workPlaces[:]),
		Gender: pick(
			saltGender,
			genders[:],
		), EmployeeType: 1, Level: pick(saltLevel, levels[:]), Family: pick(saltLevel, families[:]),
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
		f.Custom = []CustomValue{
			{Field: CustomFields[0], Value: fmt.Sprintf("A-%d", p)},
			{Field: CustomFields[1], Value: pick(saltCustom, sizes[:])},
		}
	}
	if v.c.mix(saltCustom, int(p), 2)%5 == 0 {
		f.Custom = append(f.Custom, CustomValue{
			Field: CustomFields[2], Value: fmt.Sprintf("https://badges.example/%d", p), Link: true,
		})
	}
	if rec := v.c.person(p); rec != nil && rec.changed != nil {
		replace(&f.EmployeeNo, rec.changed.EmployeeNo)
		replace(&f.City, rec.changed.City)
	}
	return f
}

// replace puts in what was changed.
func replace(value, changed *string) {
	if changed != nil {
		*value = *changed
	}
}

// Enterprise reports whether the person has an account that the company owns, which alone
// can be switched off and has a nickname of its own (dingtalk.md §3.1).
func (p Person) Enterprise() bool { return p.Frozen || p.ID%5 == 0 }

// FeishuField is the id of one of the company's own fields; it says nothing (feishu.md §3.2).
func FeishuField(name string) string {
	return fmt.Sprintf("C-696545742900%d", 1748507+slices.Index(CustomFields[:], name))
}

// Manager is whom the person reports to: whom SetManager named, else who leads their main department or, if that is
// themselves or nobody, the nearest one above. The one at the top has none.
func (v *View) Manager(p Person) (Person, bool) {
	if len(p.Departments) == 0 {
		return Person{}, false
	}
	if rec := v.c.person(p.ID); rec.changed != nil && rec.changed.Manager != nil {
		named, ok := v.Person(*rec.changed.Manager)
		return named, ok && !named.Left
	}
	for _, d := range slices.Concat(p.Departments[:1], v.Ancestors(p.Departments[0])) {
		if leaders := v.Leaders(d); len(leaders) > 0 && !v.Leads(p.ID, d) {
			return v.Person(leaders[0])
		}
	}
	return Person{}, false
}
