package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"go.temporal.io/sdk/client"
)

// cronField is one of the five of a cron expression. Names count from first on.
type cronField struct {
	name       string
	first, end int
	names      []string
}

var cronFields = [5]cronField{
	{"minute", 0, 59, nil},
	{"hour", 0, 23, nil},
	{"day of month", 1, 31, nil},
	{"month", 1, 12, []string{"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}},
	{"day of week", 0, 7, []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}},
}

// sunday may be written as the last day of the week too.
const sunday = 7

// parseCron reads a cron expression as Temporal does. It is read here to tell what is
// wrong with it, and because Temporal keeps the ranges and not the text: what is set can
// then be compared with what is asked for.
func parseCron(expr string) (client.ScheduleCalendarSpec, error) {
	texts := strings.Fields(expr)
	if len(texts) != len(cronFields) {
		return client.ScheduleCalendarSpec{}, misuse("--cron is %q; it must have five fields: minute, hour, day of month, month, day of week, such as '10 2 * * 1-5'", expr)
	}
	var parsed [len(cronFields)][]client.ScheduleRange
	for i, f := range cronFields {
		for _, part := range strings.Split(texts[i], ",") {
			ranges, ok := f.parse(part)
			if !ok {
				return client.ScheduleCalendarSpec{}, misuse("--cron: the %s is %q; it must be within %d-%d, such as %d, %d-%d, %d,%d or */%d",
					f.name, texts[i], f.first, f.end, f.first+1, f.first+1, f.first+5, f.first+1, f.first+3, 2)
			}
			parsed[i] = append(parsed[i], ranges...)
		}
	}
	return client.ScheduleCalendarSpec{
		Second: []client.ScheduleRange{{Step: 1}}, Minute: parsed[0], Hour: parsed[1], DayOfMonth: parsed[2], Month: parsed[3], DayOfWeek: parsed[4],
	}, nil
}

// parse reads one part of a field: *, a value or a range, with or without a step. A
// value with a step goes on to the end.
func (f cronField) parse(part string) ([]client.ScheduleRange, bool) {
	part, step, stepped := strings.Cut(part, "/")
	from, to, isRange := strings.Cut(part, "-")
	r := client.ScheduleRange{Start: f.first, End: f.end, Step: 1}
	ok := true
	if stepped {
		r.Step, ok = number(step)
		ok = ok && r.Step > 0
	}
	if part != "*" {
		var valid bool
		r.Start, valid = f.value(from)
		ok = ok && valid
		switch {
		case isRange:
			r.End, valid = f.value(to)
			ok = ok && valid && r.Start <= r.End
		case !stepped:
			r.End = r.Start
		}
	}
	if r.End <= f.last() {
		return []client.ScheduleRange{r}, ok
	}
	// Temporal knows Sunday as 0 only.
	var ranges []client.ScheduleRange
	if r.Start > 0 && (sunday-r.Start)%max(r.Step, 1) == 0 {
		ranges = append(ranges, client.ScheduleRange{Step: 1})
	}
	if r.End = f.last(); r.Start <= r.End {
		ranges = append(ranges, r)
	}
	return ranges, ok
}

// last is the greatest value that Temporal knows.
func (f cronField) last() int {
	if f.end == sunday {
		return sunday - 1
	}
	return f.end
}

func (f cronField) value(text string) (int, bool) {
	if i := slices.Index(f.names, strings.ToLower(text)); i >= 0 {
		return f.first + i, true
	}
	n, ok := number(text)
	return n, ok && n >= f.first && n <= f.end
}

// number reads digits alone.
func number(text string) (int, bool) {
	n, err := strconv.ParseUint(text, 10, 16)
	return int(n), err == nil
}

// cronOf writes a calendar as a cron expression, and whether it can be one.
func cronOf(c client.ScheduleCalendarSpec) (string, bool) {
	if !slices.Equal(filled(c.Second), []client.ScheduleRange{{Step: 1}}) || len(c.Year) > 0 {
		return "", false
	}
	var texts []string
	for i, ranges := range [len(cronFields)][]client.ScheduleRange{c.Minute, c.Hour, c.DayOfMonth, c.Month, c.DayOfWeek} {
		var parts []string
		for _, r := range filled(ranges) {
			parts = append(parts, cronFields[i].write(r))
		}
		texts = append(texts, strings.Join(parts, ","))
	}
	return strings.Join(texts, " "), true
}

func (f cronField) write(r client.ScheduleRange) string {
	text := fmt.Sprintf("%d-%d", r.Start, r.End)
	switch {
	case r.Start == r.End:
		return strconv.Itoa(r.Start)
	case r.Start == f.first && r.End == f.last():
		text = "*"
	}
	if r.Step > 1 {
		text += "/" + strconv.Itoa(r.Step)
	}
	return text
}

// filled has what Temporal leaves out of ranges written in.
func filled(ranges []client.ScheduleRange) []client.ScheduleRange {
	whole := slices.Clone(ranges)
	for i := range whole {
		whole[i].End, whole[i].Step = max(whole[i].End, whole[i].Start), max(whole[i].Step, 1)
	}
	return whole
}
