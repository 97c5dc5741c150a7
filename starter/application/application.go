// Package application holds the commands about the applications that people sign in to.
package application

import (
	"context"
	"strings"

	"github.com/orgsync/orgsync/starter/cli"
)

// Commands are those below "orgsync app".
type Commands struct {
	Add    addCommand    `cmd:"" help:"Register where an application may have people sent back to."`
	List   listCommand   `cmd:"" help:"List the applications with their return addresses."`
	Remove removeCommand `cmd:"" help:"Remove an application with its return addresses."`
}

// Help implements kong.HelpProvider.
func (Commands) Help() string {
	return `People sign in to an application in a browser at SERVER/login/PROVIDER?app=NAME&return_to=URL&state=…

They are sent back with a code, for the API's login-exchange, to addresses registered here and to no others.

Examples:

  orgsync app add wiki --return-to https://wiki.example.com/login
  orgsync app list
  orgsync app remove wiki`
}

type addCommand struct {
	Name     string   `arg:"" help:"The application's name."`
	ReturnTo []string `required:"" placeholder:"URL" sep:"none" help:"The very address that it gives as return_to; may be repeated."`
}

// Help implements kong.HelpProvider.
func (addCommand) Help() string {
	return `An application that is there already gets the address as well. It has to be https; http is for localhost.

Examples:

  orgsync app add wiki --return-to https://wiki.example.com/login`
}

// Run implements the command.
func (c addCommand) Run(ctx context.Context, s *cli.Session) error {
	if err := s.Service.AddApp(ctx, c.Name, c.ReturnTo, cli.By()); err != nil {
		return err
	}
	if s.JSON {
		return s.PrintJSON(Added(c))
	}
	s.Printf("Application %s may have people sent back to: %s", cli.Plain(c.Name), strings.Join(c.ReturnTo, ", "))
	return nil
}

type listCommand struct{}

// Help implements kong.HelpProvider.
func (listCommand) Help() string {
	return `Examples:

  orgsync app list`
}

// Run implements the command.
func (listCommand) Run(ctx context.Context, s *cli.Session) error {
	apps, err := s.Service.ListApps(ctx)
	if err != nil {
		return err
	}
	views := make([]View, len(apps))
	for i, a := range apps {
		views[i] = View{Name: a.Name, ReturnTo: a.ReturnTo, CreatedAt: a.CreatedAt, CreatedBy: a.CreatedBy}
	}
	if s.JSON {
		return s.PrintJSON(views)
	}
	if len(views) == 0 {
		s.Printf("There are no applications; register one with: orgsync app add NAME --return-to URL")
		return nil
	}
	t := cli.NewTable("name", "return to")
	for _, v := range views {
		for _, address := range v.ReturnTo {
			t.AppendRow([]any{cli.Plain(v.Name), cli.Plain(address)})
		}
	}
	s.PrintTable(t)
	return nil
}

type removeCommand struct {
	Name string `arg:"" help:"The application's name."`
}

// Help implements kong.HelpProvider.
func (removeCommand) Help() string {
	return `Nobody can sign in to it any more.

Examples:

  orgsync app remove wiki`
}

// Run implements the command.
func (c removeCommand) Run(ctx context.Context, s *cli.Session) error {
	if err := s.Service.RemoveApp(ctx, c.Name, cli.By()); err != nil {
		return err
	}
	if s.JSON {
		return s.PrintJSON(Removed(c))
	}
	s.Printf("Application %s is removed.", cli.Plain(c.Name))
	return nil
}
