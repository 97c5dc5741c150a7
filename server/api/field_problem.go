package api

import (
	"regexp"
	"strings"

	"github.com/danielgtaylor/huma/v2/validation"

	"github.com/orgsync/orgsync/internal/message"
)

// fieldProblem is one thing that huma says of an input that does not fit the document.
type fieldProblem struct {
	says *regexp.Regexp
	// code is that of our text in the catalogue, behind "field.".
	code string
}

// fieldProblems are those that the API's document can lead to.
var fieldProblems = func() (all []fieldProblem) {
	for _, one := range []struct{ format, code string }{
		{validation.MsgUnexpectedProperty, "unknown"},
		{"unknown query parameter", "unknown_parameter"},
		{"required %s parameter is missing", "parameter_missing"},
		{validation.MsgExpectedRequiredProperty, "missing"},
		{validation.MsgExpectedBoolean, "boolean"}, {"invalid boolean", "boolean"},
		{validation.MsgExpectedNumber, "number"}, {"invalid float", "number"},
		{validation.MsgExpectedInteger, "integer"}, {"invalid integer", "integer"},
		{validation.MsgExpectedString, "text"},
		{validation.MsgExpectedArray, "list"},
		{validation.MsgExpectedObject, "object"},
		{validation.MsgExpectedOneOf, "one_of"},
		{validation.MsgExpectedMinimumNumber, "at_least"},
		{validation.MsgExpectedMaximumNumber, "at_most"},
		{validation.MsgExpectedMinLength, "longer"},
		{validation.MsgExpectedMaxLength, "shorter"},
		{validation.MsgExpectedMinItems, "more_entries"},
		{validation.MsgExpectedMaxItems, "fewer_entries"},
		{validation.MsgExpectedRFC4122UUID, "uuid"},
		{validation.MsgExpectedRFC3339DateTime, "time"}, {"invalid date/time for format %s", "time"},
	} {
		says := regexp.MustCompile("%[a-z]").ReplaceAllLiteralString(regexp.QuoteMeta(one.format), "(.*)")
		all = append(all, fieldProblem{regexp.MustCompile("(?s)^" + says + "$"), one.code})
	}
	return all
}()

// fieldText says in the reader's language what huma says of an input.
func fieldText(l message.Language, said string) string {
	for _, one := range fieldProblems {
		if parts := one.says.FindStringSubmatch(said); parts != nil {
			return l.Text(message.Code("field."+one.code), message.Args{"Value": strings.Join(parts[1:], " ")})
		}
	}
	return l.Text("field.unlike", message.Args{"Value": said})
}
