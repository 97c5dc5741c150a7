package workflows

import (
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/message"
)

// removalRow is a line of the table of planned removals.
type removalRow struct {
	Name           string
	Planned, There int
	// Limit is nil where there is none.
	Limit *int
	IDs   string
}

// details is the page of a held run: why it waits, what is to be decided, and how.
func (h *hold) details() string {
	l := h.in.Language
	args := message.Args{
		"Provider": h.in.Provider, "Run": h.in.RunID, "Reason": h.in.Reason, "Kinds": h.removalRows(),
		"Decision": "", "DecidedBy": "", "Ended": "", "Removed": "",
		"ApproveUpdate": ApproveUpdate, "RejectUpdate": RejectUpdate, "ExpiresAt": "",
		"WorkflowID": HoldWorkflowID(h.in.Provider, h.in.RunID), "Problems": problems(l, h.reasons),
	}
	if h.in.ExpiresAt != nil {
		args["ExpiresAt"] = message.Time(*h.in.ExpiresAt)
	}
	if h.decision != "" {
		args["Decision"] = l.Status(h.decision)
	}
	if (h.decision == approved || h.decision == rejected) && h.request == "" {
		args["DecidedBy"] = h.decidedBy
	}
	if r := h.result; r != nil {
		args["Ended"] = l.Status(r.Status)
		var removed directory.PerKind
		for _, kind := range directory.Kinds() {
			*removed.Of(kind.Kind) = r.Counts.Get(kind.Kind, "deleted")
		}
		args["Removed"] = l.Numbers(removed)
	}
	return l.Text(message.HoldPage, args)
}

// removalRows are what would go, by kind.
func (h *hold) removalRows() (rows []removalRow) {
	if h.in.Removals == nil {
		return nil
	}
	for _, kind := range directory.Kinds() {
		removal := h.in.Removals.Of(kind.Kind)
		if removal.Planned+removal.There == 0 { // the company has none of the kind
			continue
		}
		row := removalRow{
			Name: h.in.Language.Kind(kind.Plural), Planned: removal.Planned, There: removal.There, Limit: removal.Limit,
		}
		if len(removal.IDs) > 0 {
			row.IDs = idList(h.in.Language, removal.IDs, removal.More())
		}
		rows = append(rows, row)
	}
	return rows
}
