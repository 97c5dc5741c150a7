package api

import (
	"context"
	"encoding/json"
	"net/http"
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/orgsync/orgsync/internal/service"
)

// Paged are the inputs of every list.
type Paged struct {
	Limit int    `query:"limit" minimum:"1" maximum:"200" doc:"How many items: 50 if left out, of a CSV all."`
	After string `query:"after" maxLength:"2000" doc:"next of the page before; left out: from the start."`
}

// defaultLimit is how many items a page has, csvLimit how many are read at a time for a CSV.
const (
	defaultLimit = 50
	csvLimit     = 1000
)

func (p Paged) page() service.Page {
	if p.Limit == 0 {
		p.Limit = defaultLimit
	}
	return service.Page{After: p.After, Limit: p.Limit}
}

// pager is an input with what is paged.
type pager interface{ paging() Paged }

func (p Paged) paging() Paged { return p }

// List is a page of a list.
type List[T any] struct {
	Items []T `json:"items"`
	// Next is null at the end of the list.
	Next *string `json:"next" doc:"Give it as after to go on; null at the end of the list."`
}

// listOf makes a page of rows.
func listOf[From, To any](rows service.Rows[From], to func(From) To) List[To] {
	out := List[To]{Items: make([]To, len(rows.Items))}
	for i, row := range rows.Items {
		out.Items[i] = to(row)
	}
	if rows.Next != "" {
		out.Next = &rows.Next
	}
	return out
}

// streamed is an answer that is written as it is read.
type streamed struct {
	Etag string `header:"ETag"`
	Body func(huma.Context)
}

// registerList adds an operation that answers with a list, as JSON by pages or as one CSV.
// fetch returns a page and, where there is one, the tag of the whole list.
func registerList[I pager, T any](a *API, op operation, fetch func(context.Context, *I, service.Page) (List[T],
	string, error)) {
	described := a.operation(op)
	described.Responses = map[string]*huma.Response{"200": {
		Description: "OK",
		Content: map[string]*huma.MediaType{
			"application/json": {Schema: a.huma.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[List[T]](), true,
				"")},
			"text/csv": {Schema: &huma.Schema{Type: huma.TypeString,
				Description: "The same columns, UTF-8 with a byte order mark."}},
		},
	}}
	huma.Register(a.huma, described, func(ctx context.Context, in *I) (*streamed, error) {
		asked := (*in).paging()
		page := asked.page()
		table := ctx.Value(tableKey) != nil
		whole := table && asked.Limit == 0
		if whole {
			page.Limit = csvLimit
		}
		first, tag, err := fetch(ctx, in, page)
		if err != nil {
			return nil, failure(ctx, err)
		}
		out := &streamed{Etag: tag}
		out.Body = func(to huma.Context) {
			if !table {
				to.SetHeader("Content-Type", "application/json")
				to.SetStatus(http.StatusOK)
				_ = json.NewEncoder(to.BodyWriter()).Encode(first)
				return
			}
			writeCSV(to, first.Items, func() ([]T, bool) {
				if !whole || first.Next == nil {
					return nil, false
				}
				page.After = *first.Next
				if first, _, err = fetch(ctx, in, page); err != nil {
					panic(http.ErrAbortHandler) // the reader must see that the table is not whole
				}
				return first.Items, true
			})
		}
		return out, nil
	})
}

// writeCSV writes a table: items, and whatever more brings.
func writeCSV[T any](to huma.Context, items []T, more func() ([]T, bool)) {
	_, w := humago.Unwrap(to)
	to.SetHeader("Content-Type", "text/csv; charset=utf-8")
	to.SetHeader("Content-Disposition", `attachment; filename="`+string(to.Operation().OperationID)+`.csv"`)
	to.SetStatus(http.StatusOK)
	table := newTable[T](w)
	for ok := true; ok; items, ok = more() {
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(chunkTimeout))
		if table.write(items) != nil {
			return // the reader has gone
		}
	}
}

// chunkTimeout is how long a reader may take for one part of a stream.
const chunkTimeout = 30 * time.Second
