package db

import (
	"context"
	"fmt"
	"strings"

	"github.com/orgsync/orgsync/db/internal/dbsqlc"
	"github.com/orgsync/orgsync/db/internal/pg"
	"github.com/orgsync/orgsync/internal/directory"
)

// maxLeftAlone bounds how many are named one by one.
const maxLeftAlone = 1000

// recordLeftAlone records what is left alone, and returns how many objects.
func (u *undo) recordLeftAlone(ctx context.Context) (int, error) {
	n, err := u.s.q.CountLeftAlone(ctx, u.tx, u.runID)
	if err != nil {
		return 0, err
	}
	left, err := u.s.q.ListLeftAlone(ctx, u.tx, dbsqlc.ListLeftAloneParams{RunID: u.runID, MaxRows: maxLeftAlone})
	if err != nil {
		return 0, err
	}
	missing, err := u.s.q.ListLostMemberships(ctx, u.tx, dbsqlc.ListLostMembershipsParams{
		RunID: u.runID, MaxRows: maxLeftAlone,
	})
	if err != nil {
		return 0, err
	}
	var perKind directory.PerKind
	for _, row := range n {
		*perKind.Of(directory.Kind(row.ObjectType)) = int(row.Objects)
	}
	total := directory.Sum(perKind)
	if total > 0 {
		if err := u.warn(ctx, "", "left unchanged: "+counted(perKind)); err != nil {
			return 0, err
		}
	}
	for _, x := range left {
		if err := u.warn(ctx, x.ExternalID, fmt.Sprintf("%s %s: left alone: %s", directory.Kind(x.ObjectType),
			x.ExternalID, whyLeftAlone(pg.OrZero(x.LeftAlone), pg.OrZero(x.ChangedBy)))); err != nil {
			return 0, err
		}
	}
	for _, m := range missing {
		text := fmt.Sprintf("member %s: is not put back into department %s, which is deleted", m.ExternalID,
			m.Department)
		if err := u.warn(ctx, m.ExternalID, text); err != nil {
			return 0, err
		}
	}
	return total, nil
}

// counted says how many objects of each kind, of which there are some.
func counted(n directory.PerKind) string {
	var parts []string
	for _, kind := range directory.Kinds() {
		switch objects := *n.Of(kind.Kind); objects {
		case 0:
		case 1:
			parts = append(parts, "1 "+kind.Kind.String())
		default:
			parts = append(parts, fmt.Sprintf("%d %s", objects, kind.Plural))
		}
	}
	if len(parts) > 2 {
		parts = []string{strings.Join(parts[:len(parts)-1], ", "), parts[len(parts)-1]}
	}
	return strings.Join(parts, " and ")
}

func (u *undo) warn(ctx context.Context, externalID, message string) error {
	return u.s.addRunError(ctx, u.tx, u.runID, "warning", externalID, message)
}

func whyLeftAlone(reason, changedBy string) string {
	switch reason {
	case "changed":
		return "changed since by run " + changedBy
	case "ids":
		return "its former ids now belong to another member"
	case "inhabited":
		return "there are still people or departments in it"
	default: // circle
		return "it stays below its present parent, which by now is below it"
	}
}
