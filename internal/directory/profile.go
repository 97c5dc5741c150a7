package directory

import "reflect"

// Profile is the list of a member's profile fields, and the only one: a field is staged,
// compared, written, logged, planned, undone and explained because it stands here. The tag
// names its column in org_members, which a migration adds.
//
// nil means that the provider did not send the field, so that the stored value stays. A
// pointer to an empty text clears the stored value.
type Profile struct {
	Name      *string `column:"name"`
	Email     *string `column:"email"`
	Phone     *string `column:"phone"`
	AvatarURL *string `column:"avatar_url"`
	Title     *string `column:"title"`
	Status    *Status `column:"status"`
	Activated *bool   `column:"activated"`
	// EmployeeNo is the number by which the company itself knows the member.
	EmployeeNo *string `column:"employee_no"`
	// Manager is the direct manager's id as the provider gives it: an external id or, at
	// Feishu, an open id.
	Manager *string `column:"manager_external_id"`
	// Attributes are the facts that have no column of their own.
	Attributes Attributes `column:"attributes"`
}

// Attributes are facts of a member by name. One that is not among them was not sent; one
// that is nil was sent empty, which clears the stored value.
type Attributes map[Attribute]any

// Attribute names a fact in org_members.attributes.
type Attribute string

// The attributes that providers send. Values are text, but Custom: an object of the
// company's own fields by their own key.
const (
	EnglishName  Attribute = "english_name"
	Alias        Attribute = "alias"
	WorkEmail    Attribute = "work_email"
	Telephone    Attribute = "telephone"
	Gender       Attribute = "gender" // male or female
	City         Attribute = "city"
	Country      Attribute = "country"
	WorkPlace    Attribute = "work_place"
	HiredAt      Attribute = "hired_at" // a date, such as 2024-03-01
	EmployeeType Attribute = "employee_type"
	Custom       Attribute = "custom"
)

// Sent reports whether it is one of those that providers send.
func (a Attribute) Sent() bool {
	switch a {
	case EnglishName, Alias, WorkEmail, Telephone, Gender, City, Country, WorkPlace, HiredAt, EmployeeType, Custom:
		return true
	default:
		return false
	}
}

// Text puts a text among the attributes; nil leaves it out as not sent.
func (a Attributes) Text(name Attribute, text *string) {
	switch {
	case text == nil:
	case *text == "":
		a[name] = nil
	default:
		a[name] = *text
	}
}

// Object puts a fact of several fields among the attributes, empty if there are none.
func (a Attributes) Object(name Attribute, fields map[string]any) {
	a[name] = nil
	if len(fields) > 0 {
		a[name] = fields
	}
}

// profileColumns are the tags of Profile, in its order.
var profileColumns = func() []string {
	profile := reflect.TypeFor[Profile]()
	columns := make([]string, profile.NumField())
	for i := range columns {
		columns[i] = profile.Field(i).Tag.Get("column")
	}
	return columns
}()

// ProfileColumns returns the columns of all profile fields.
func ProfileColumns() []string { return append([]string(nil), profileColumns...) }

// Sent returns the fields that the provider sent, by column; nil is one sent empty.
func (p Profile) Sent() map[string]any {
	sent := map[string]any{}
	fields := reflect.ValueOf(p)
	for i, column := range profileColumns {
		field := fields.Field(i)
		switch {
		case field.IsNil():
		case field.Kind() == reflect.Pointer && field.Elem().Kind() == reflect.String && field.Elem().Len() == 0:
			sent[column] = nil
		default:
			sent[column] = field.Interface()
		}
	}
	return sent
}
