package run

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/orgsync/orgsync/internal/service"
	"github.com/orgsync/orgsync/starter/cli"
)

type changesCommand struct {
	ID      string   `arg:"" help:"The run's id, or as much of its beginning as is unique."`
	Kind    []string `placeholder:"KIND,KIND" help:"Only changes of these kinds: created, updated, moved, restored, deactivated, deleted, linked, account_created."`
	Type    []string `placeholder:"TYPE,TYPE" help:"Only changes of these: member, department, membership."`
	Members []string `aliases:"member" placeholder:"ID,ID" help:"Only changes of these people and their memberships, by the provider's ids."`
}

// Help implements kong.HelpProvider.
func (changesCommand) Help() string {
	return `Shows each change with the name of the person or department, even if they have been deleted since. For a
held run it shows what was changed, and then what approving it would remove. The change log contains personal data:
names, e-mail addresses and phone numbers before and after.

Examples:

  orgsync runs changes 4f1c
  orgsync runs changes 4f1c --kind deleted --type member
  orgsync runs changes 4f1c --members u-7 --output json`
}

// Run implements the command. It holds one change at a time: there may be millions.
func (c changesCommand) Run(ctx context.Context, s *cli.Session) error {
	filter := service.ChangeFilter{Kinds: c.Kind, Types: c.Type, Members: c.Members}
	if err := cli.CheckIDs(nil, c.Members); err != nil {
		return err
	}
	if err := service.CheckChangeFilter(filter); err != nil {
		return err
	}
	run, err := s.Service.FindRun(ctx, c.ID)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(s.Stdout)
	if s.JSON {
		err = streamChanges(ctx, s, run, filter, out)
	} else {
		err = listChanges(ctx, s, run, filter, out)
	}
	if err != nil {
		return err
	}
	return out.Flush()
}

func streamChanges(ctx context.Context, s *cli.Session, run service.Run, filter service.ChangeFilter,
	out *bufio.Writer) error {
	before := "[\n"
	err := s.Service.ListChanges(ctx, run, filter, func(change service.Change) error {
		line, err := json.Marshal(Change(change))
		if err != nil {
			return fmt.Errorf("print change: %w", err)
		}
		s.BeginDocument()
		_, err = out.WriteString(before + string(line))
		before = ",\n"
		return err
	})
	if err != nil {
		return err
	}
	s.BeginDocument()
	if before == "[\n" {
		before = "["
	}
	_, err = out.WriteString(strings.TrimSuffix(before, ",\n") + "]\n")
	return err
}

func listChanges(ctx context.Context, s *cli.Session, run service.Run, filter service.ChangeFilter,
	out io.Writer) error {
	n, width := 0, s.Screen().Width
	err := s.Service.ListChanges(ctx, run, filter, func(change service.Change) error {
		n++
		lead := fmt.Sprintf("%-11s %-10s ", kindOf(change), change.ObjectType)
		text := strings.TrimRight(cli.Plain(change.ExternalID)+"  "+changeText(change), " ")
		_, err := fmt.Fprintln(out, strings.Join(cli.FoldBehind(lead, text, width), "\n"))
		return err
	})
	if err != nil || n > 0 {
		return err
	}
	nothing := "The run changed nothing."
	if len(filter.Kinds)+len(filter.Types)+len(filter.Members) > 0 {
		nothing = "The run made no such change."
	}
	if run.DetailsDroppedAt != nil {
		nothing = "The change log was " + detailsDropped(run) + "."
	}
	_, err = fmt.Fprintln(out, nothing)
	return err
}

func kindOf(change service.Change) string {
	if change.Planned {
		return "to remove"
	}
	return change.Kind
}

// changeText says whom or what a change is about, and what it did.
func changeText(change service.Change) string {
	about, was, is := change.Name, cli.Fields(change.Before), cli.Fields(change.After)
	nameObjects(was, change.Names)
	nameObjects(is, change.Names)
	if change.Department != "" {
		about += " in " + cmp.Or(change.DepartmentPath, change.DepartmentName) + " (" + change.Department + ")"
	}
	if change.Planned { // before is what it is now, of which this is told already
		delete(was, "name")
		if change.Department != "" {
			clear(was)
		}
	}
	return strings.TrimLeft(cli.Plain(about)+"  "+cli.Differing(was, is), " ")
}

// nameObjects puts names in the place of ids of other objects.
func nameObjects(fields map[string]json.RawMessage, names map[string]string) {
	for field, value := range fields {
		var id string
		if json.Unmarshal(value, &id) == nil && names[id] != "" {
			fields[field], _ = json.Marshal(names[id]) //nolint:errcheck // a string always can
		}
	}
}
