package api

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"strings"
	"time"
)

// table writes items as CSV, a column for each of their JSON keys.
type table struct {
	w       *csv.Writer
	columns []int
}

// byteOrderMark tells spreadsheets that the text is UTF-8.
const byteOrderMark = "\ufeff"

func newTable[T any](to io.Writer) *table {
	t := &table{w: csv.NewWriter(to)}
	_, _ = io.WriteString(to, byteOrderMark)
	row := reflect.TypeFor[T]()
	var names []string
	for i := range row.NumField() {
		name, _, _ := strings.Cut(row.Field(i).Tag.Get("json"), ",")
		if name != "" && name != "-" {
			names, t.columns = append(names, name), append(t.columns, i)
		}
	}
	_ = t.w.Write(names)
	return t
}

// write adds rows.
func (t *table) write(items any) error {
	rows := reflect.ValueOf(items)
	for i := range rows.Len() {
		cells := make([]string, len(t.columns))
		for n, column := range t.columns {
			cells[n] = harmless(cell(rows.Index(i).Field(column).Interface()))
		}
		if err := t.w.Write(cells); err != nil {
			return err
		}
	}
	t.w.Flush()
	return t.w.Error()
}

// cell is a value as a table has it: text as it is, lists and objects as JSON.
func cell(value any) string {
	v := reflect.ValueOf(value)
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return ""
		}
		return cell(v.Elem().Interface())
	}
	switch value := value.(type) {
	case string:
		return value
	case time.Time:
		return value.UTC().Format(time.RFC3339)
	case json.RawMessage:
		return string(value)
	}
	switch v.Kind() {
	case reflect.Slice, reflect.Map, reflect.Struct, reflect.Interface:
		text, _ := json.Marshal(value)
		return string(text)
	case reflect.String:
		return v.String()
	}
	return fmt.Sprint(value)
}

// harmless keeps a spreadsheet from taking a cell for a formula: names come from people.
func harmless(cell string) string {
	if cell == "" || !strings.ContainsRune("=+-@\t\r\n", rune(cell[0])) {
		return cell
	}
	if strings.Trim(cell, "-0123456789.") == "" && cell != "-" {
		return cell // a negative number
	}
	return "'" + cell
}
