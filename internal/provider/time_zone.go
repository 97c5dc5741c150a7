package provider

import (
	"cmp"
	"errors"
	"time"
	_ "time/tzdata" // the image has no time zones of its own
)

// TimeZone is the setting of every vendor that says where the company's days begin.
var TimeZone = Key{Name: "time_zone", Default: "Asia/Shanghai",
	Help: "time zone in which a moment that the provider sends is a date, such as the day of hiring"}

// Zone returns the time zone of the settings.
func (s Settings) Zone() (*time.Location, error) {
	name := cmp.Or(s[TimeZone.Name], TimeZone.Default)
	zone, err := time.LoadLocation(name)
	if err != nil || name == "Local" { // which would hang on the machine
		return nil, errors.New("time_zone must be a name of the IANA time zone database, such as Asia/Shanghai " +
			"or Europe/Berlin")
	}
	return zone, nil
}

// Date returns the day on which a moment falls in a time zone, such as 2024-03-01; nil if
// it is none of the years 1 to 9999, which says that no date was meant.
func Date(moment time.Time, zone *time.Location) *string {
	moment = moment.In(zone)
	if moment.Year() < 1 || moment.Year() > 9999 {
		return nil
	}
	return new(moment.Format(time.DateOnly))
}
