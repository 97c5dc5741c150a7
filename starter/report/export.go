package report

import (
	"bufio"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/orgsync/orgsync/internal/service"
	"github.com/orgsync/orgsync/starter/cli"
)

// ExportCommand is "orgsync export".
type ExportCommand struct {
	Name   string `arg:"" help:"The provider's name."`
	Format string `enum:"json,ndjson,csv" default:"json" placeholder:"json|ndjson|csv" help:"One document, one document a line, or a table for spreadsheets. (${default})"`
	Kind   string `enum:"departments,members,groups,all" default:"all" placeholder:"departments|members|groups" help:"What to export; a table needs it. By default everything."`
	Raw    bool   `help:"Add the provider's records."`
}

// Help implements kong.HelpProvider.
func (ExportCommand) Help() string {
	return `Prints the stored directory as it is at one moment, without what was removed. It is written as it is read,
so that its size does not matter. In a table a cell that a spreadsheet would take for a formula begins with an
apostrophe. What is printed is personal data.

Examples:

  orgsync export acme
  orgsync export acme --format ndjson --kind members
  orgsync export acme --format csv --kind groups`
}

// ExportedDepartment is a department of the stored directory.
type ExportedDepartment struct {
	ObjectType       string          `json:"object_type"`
	ID               string          `json:"id"`
	ExternalID       string          `json:"external_id"`
	ParentExternalID string          `json:"parent_external_id,omitempty"`
	Name             string          `json:"name"`
	Path             string          `json:"path"`
	MemberCount      int             `json:"member_count"`
	DirectCount      int             `json:"direct_member_count"`
	SortOrder        *int64          `json:"sort_order"`
	SyncedAt         time.Time       `json:"synced_at"`
	Raw              json.RawMessage `json:"raw_data,omitempty"`
}

// ExportedMember is a person of the stored directory.
type ExportedMember struct {
	ObjectType        string `json:"object_type"`
	ID                string `json:"id"`
	ExternalID        string `json:"external_id"`
	UnionID           string `json:"unionid,omitempty"`
	OpenID            string `json:"open_id,omitempty"`
	Name              string `json:"name"`
	TranslitFull      string `json:"name_translit_full"`
	TranslitInitial   string `json:"name_translit_initial"`
	Email             string `json:"email,omitempty"`
	Phone             string `json:"phone,omitempty"`
	AvatarURL         string `json:"avatar_url,omitempty"`
	Title             string `json:"title,omitempty"`
	EmployeeNo        string `json:"employee_no,omitempty"`
	ManagerExternalID string `json:"manager_external_id,omitempty"`
	Status            string `json:"status"`
	Activated         bool   `json:"activated"`
	// DepartmentPath is the primary department's; Departments are all, the primary first.
	DepartmentPath string          `json:"department_path"`
	Departments    []ExportedPlace `json:"departments"`
	UserID         string          `json:"user_id,omitempty"`
	Attributes     json.RawMessage `json:"attributes"`
	SyncedAt       time.Time       `json:"synced_at"`
	Raw            json.RawMessage `json:"raw_data,omitempty"`
}

// ExportedPlace is a person's place in a department.
type ExportedPlace struct {
	ExternalID string `json:"external_id"`
	Path       string `json:"path"`
	Primary    bool   `json:"is_primary"`
	Leader     bool   `json:"is_leader"`
	SortOrder  *int64 `json:"sort_order"`
}

// ExportedGroup is a group of the stored directory.
type ExportedGroup struct {
	ObjectType  string `json:"object_type"`
	ID          string `json:"id"`
	ExternalID  string `json:"external_id"`
	Kind        string `json:"kind"`
	Name        string `json:"name"`
	Category    string `json:"category,omitempty"`
	MemberCount int    `json:"member_count"`
	// Members and Departments are what belongs to the group directly, by external ids.
	Members     []string        `json:"members"`
	Departments []string        `json:"departments"`
	Attributes  json.RawMessage `json:"attributes"`
	SyncedAt    time.Time       `json:"synced_at"`
	Raw         json.RawMessage `json:"raw_data,omitempty"`
}

// Exported is the whole directory in one document; a kind that was not asked for is left out.
type Exported struct {
	Departments []ExportedDepartment `json:"departments,omitempty"`
	Members     []ExportedMember     `json:"members,omitempty"`
	Groups      []ExportedGroup      `json:"groups,omitempty"`
}

// Run implements the command. It holds one object at a time.
func (c ExportCommand) Run(ctx context.Context, s *cli.Session) error {
	switch {
	case c.Format == "csv" && c.Kind == "all":
		return cli.UsageError("--format csv is one table; add --kind departments, members or groups")
	case c.Format != "json" && s.JSON:
		return cli.UsageError("--output json is one document; leave out --format %s", c.Format)
	}
	out := bufio.NewWriter(s.Stdout)
	var to exporter
	switch c.Format {
	case "csv":
		to = &tableExporter{csv: csv.NewWriter(out), out: out, raw: c.Raw}
	default:
		lists := []string{"departments", "members", "groups"}
		if c.Kind != "all" {
			lists = []string{c.Kind}
		}
		to = &jsonExporter{out: out, lines: c.Format == "ndjson", lists: lists}
	}
	in := service.ExportInput{Provider: c.Name, Raw: c.Raw}
	if c.Kind == "departments" || c.Kind == "all" {
		in.Departments = func(d service.ExportedDepartment) error {
			s.BeginDocument()
			return to.department(exportedDepartment(d))
		}
	}
	if c.Kind == "members" || c.Kind == "all" {
		in.Members = func(m service.ExportedMember) error {
			s.BeginDocument()
			made, err := exportedMember(m)
			if err != nil {
				return err
			}
			return to.member(made)
		}
	}
	if c.Kind == "groups" || c.Kind == "all" {
		in.Groups = func(g service.ExportedGroup) error {
			s.BeginDocument()
			made, err := exportedGroup(g)
			if err != nil {
				return err
			}
			return to.group(made)
		}
	}
	err := s.Service.Export(ctx, in)
	if err == nil {
		err = to.end(c.Kind)
	}
	if flushed := out.Flush(); err == nil && flushed != nil {
		err = fmt.Errorf("print: %w", flushed)
	}
	return err
}

// exporter writes objects in one format, one kind after the other.
type exporter interface {
	department(d ExportedDepartment) error
	member(m ExportedMember) error
	group(g ExportedGroup) error
	// end ends the output; kind is what was asked for.
	end(kind string) error
}

// jsonExporter writes one document, or one a line.
type jsonExporter struct {
	out   io.Writer
	lines bool
	// lists are those of the document that are still to be opened, list is the open one, and
	// begun says that it holds something.
	lists []string
	list  string
	begun bool
}

func (e *jsonExporter) department(d ExportedDepartment) error { return e.write("departments", d) }

func (e *jsonExporter) member(m ExportedMember) error { return e.write("members", m) }

func (e *jsonExporter) group(g ExportedGroup) error { return e.write("groups", g) }

func (e *jsonExporter) write(list string, object any) error {
	text, err := json.Marshal(object)
	if err != nil {
		return fmt.Errorf("encode: %w", err)
	}
	if e.lines {
		return e.print(string(text) + "\n")
	}
	if err := e.open(list); err != nil {
		return err
	}
	if e.begun {
		text = append([]byte(",\n"), text...)
	}
	e.begun = true
	return e.print(string(text))
}

// open opens lists up to the given one, so that those that hold nothing are there, too.
func (e *jsonExporter) open(list string) error {
	for e.list != list {
		before := "],\n"
		if e.list == "" {
			before = "{"
		}
		e.list, e.lists, e.begun = e.lists[0], e.lists[1:], false
		if err := e.print(before + `"` + e.list + "\": [\n"); err != nil {
			return err
		}
	}
	return nil
}

func (e *jsonExporter) print(text string) error {
	if _, err := io.WriteString(e.out, text); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return nil
}

func (e *jsonExporter) end(string) error {
	if e.lines {
		return nil
	}
	if len(e.lists) > 0 {
		if err := e.open(e.lists[len(e.lists)-1]); err != nil {
			return err
		}
	}
	return e.print("]}\n")
}

// tableExporter writes a table that spreadsheets read as UTF-8.
type tableExporter struct {
	csv   *csv.Writer
	out   io.Writer
	raw   bool
	begun bool
}

var (
	departmentColumns = []string{
		"external_id", "parent_external_id", "name", "path", "member_count", "direct_member_count", "sort_order", "id",
		"synced_at",
	}
	memberColumns = []string{
		"external_id", "name", "email", "phone", "title", "employee_no", "manager_external_id", "status",
		"activated", "department_path", "departments", "attributes", "unionid", "open_id", "avatar_url",
		"name_translit_full", "name_translit_initial", "user_id", "id", "synced_at",
	}
	groupColumns = []string{
		"external_id", "kind", "name", "category", "member_count", "members", "departments", "attributes", "id",
		"synced_at",
	}
)

// columnsOf are the columns of a table by its kind.
var columnsOf = map[string][]string{
	"departments": departmentColumns, "members": memberColumns, "groups": groupColumns,
}

func (e *tableExporter) department(d ExportedDepartment) error {
	order := ""
	if d.SortOrder != nil {
		order = strconv.FormatInt(*d.SortOrder, 10)
	}
	return e.row(departmentColumns, d.Raw, d.ExternalID, d.ParentExternalID, d.Name, d.Path,
		strconv.Itoa(d.MemberCount),
		strconv.Itoa(d.DirectCount), order, d.ID, d.SyncedAt.UTC().Format(time.RFC3339))
}

func (e *tableExporter) member(m ExportedMember) error {
	places := make([]string, len(m.Departments))
	for i, place := range m.Departments {
		places[i] = place.Path + " (" + place.ExternalID + ")"
	}
	return e.row(memberColumns, m.Raw, m.ExternalID, m.Name, m.Email, m.Phone, m.Title, m.EmployeeNo,
		m.ManagerExternalID,
		m.Status, strconv.FormatBool(m.Activated), m.DepartmentPath, strings.Join(places, "; "), string(m.Attributes),
		m.UnionID, m.OpenID, m.AvatarURL, m.TranslitFull, m.TranslitInitial, m.UserID, m.ID,
		m.SyncedAt.UTC().Format(time.RFC3339))
}

func (e *tableExporter) group(g ExportedGroup) error {
	return e.row(groupColumns, g.Raw, g.ExternalID, g.Kind, g.Name, g.Category, strconv.Itoa(g.MemberCount),
		strings.Join(g.Members, "; "), strings.Join(g.Departments, "; "), string(g.Attributes), g.ID,
		g.SyncedAt.UTC().Format(time.RFC3339))
}

// row writes a row, before the first one the columns' names.
func (e *tableExporter) row(columns []string, raw json.RawMessage, cells ...string) error {
	if err := e.begin(columns); err != nil {
		return err
	}
	if e.raw {
		cells = append(cells, string(raw))
	}
	for i := range cells {
		cells[i] = noFormula(cells[i])
	}
	return e.csv.Write(cells)
}

func (e *tableExporter) begin(columns []string) error {
	if e.begun {
		return nil
	}
	e.begun, e.csv.UseCRLF = true, true
	if _, err := io.WriteString(e.out, "\ufeff"); err != nil { // else Excel takes it for another encoding
		return err
	}
	if e.raw {
		columns = append(columns[:len(columns):len(columns)], "raw_data")
	}
	return e.csv.Write(columns)
}

// noFormula is a cell that no spreadsheet takes for a formula, which could send the table
// elsewhere: https://owasp.org/www-community/attacks/CSV_Injection
func noFormula(cell string) string {
	if cell != "" && strings.ContainsRune("=+-@\t\r\n＝＋－＠", []rune(cell)[0]) {
		return "'" + cell
	}
	return cell
}

func (e *tableExporter) end(kind string) error {
	if err := e.begin(columnsOf[kind]); err != nil {
		return err
	}
	e.csv.Flush()
	return e.csv.Error()
}

func exportedDepartment(d service.ExportedDepartment) ExportedDepartment {
	return ExportedDepartment{
		ObjectType: "department", ID: d.ID, ExternalID: d.ExternalID, ParentExternalID: d.ParentExternalID,
		Name: d.Name,
		Path: d.Path, MemberCount: d.MemberCount, DirectCount: d.DirectCount, SortOrder: d.SortOrder,
		SyncedAt: d.SyncedAt,
		Raw:      d.Raw,
	}
}

func exportedMember(m service.ExportedMember) (ExportedMember, error) {
	made := ExportedMember{
		ObjectType: "member", ID: m.ID, ExternalID: m.ExternalID, UnionID: m.UnionID, OpenID: m.OpenID, Name: m.Name,
		TranslitFull: m.Translit, TranslitInitial: m.TranslitInitials, Email: m.Email, Phone: m.Phone,
		AvatarURL: m.AvatarURL, Title: m.Title, EmployeeNo: m.EmployeeNo, ManagerExternalID: m.ManagerExternalID,
		Status: m.Status, Activated: m.Activated, DepartmentPath: m.DepartmentPath, UserID: m.AccountID,
		Attributes: m.Attributes, SyncedAt: m.SyncedAt, Raw: m.Raw,
	}
	if err := json.Unmarshal(m.InDepartments, &made.Departments); err != nil {
		return made, fmt.Errorf("read departments of member %s: %w", m.ExternalID, err)
	}
	return made, nil
}

func exportedGroup(g service.ExportedGroup) (ExportedGroup, error) {
	made := ExportedGroup{
		ObjectType: "group", ID: g.ID, ExternalID: g.ExternalID, Kind: g.Kind, Name: g.Name, Category: g.Category,
		MemberCount: g.MemberCount, Attributes: g.Attributes, SyncedAt: g.SyncedAt, Raw: g.Raw,
	}
	for _, list := range []struct {
		from json.RawMessage
		into *[]string
	}{{g.Members, &made.Members}, {g.Departments, &made.Departments}} {
		if err := json.Unmarshal(list.from, list.into); err != nil {
			return made, fmt.Errorf("read what belongs to group %s: %w", g.ExternalID, err)
		}
	}
	return made, nil
}
