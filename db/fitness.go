package db

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/orgsync/orgsync/db/internal/dbsqlc"
	"github.com/orgsync/orgsync/db/internal/pg"
)

// UnfitError says in words why a database cannot be used, whatever is migrated in it, and
// how to mend that.
type UnfitError struct{ Problems []string }

// Error implements error.
func (e *UnfitError) Error() string {
	return "the database that DATABASE_URL names cannot be used: " + strings.Join(e.Problems, "; ")
}

// fit returns *UnfitError if the database could not hold the directory, or if accounts that
// are there could not be linked.
func fit(ctx context.Context, conn *pgx.Conn) error {
	facts, err := dbsqlc.New().GetDatabaseFacts(ctx, conn)
	if err != nil {
		return fmt.Errorf("look at the database: %w", err)
	}
	var problems []string
	if facts.Encoding != "UTF8" {
		problems = append(problems,
			fmt.Sprintf("its encoding is %s, which cannot store every name; create another database with: "+
				"CREATE DATABASE orgsync ENCODING 'UTF8' LOCALE 'C' TEMPLATE template0", facts.Encoding))
	}
	if facts.ReadOnly {
		problems = append(problems, "it is read-only, as a standby is; name the primary server, "+
			"or set default_transaction_read_only to off")
	}
	wrong, err := wrongAccounts(ctx, conn, facts.Migrated)
	if err != nil {
		return err
	}
	if len(wrong) > 0 {
		problems = append(problems, strings.Join(wrong, ", ")+
			"; correct your platform's tables, put views with these names "+
			"in front of them, or give orgsync a database of its own, in which it creates both tables")
	}
	if len(problems) > 0 {
		return &UnfitError{problems}
	}
	return nil
}

// wrongAccounts tells what is wrong with the tables users and identities. Before the
// first migration they need not be there.
func wrongAccounts(ctx context.Context, conn *pgx.Conn, migrated bool) ([]string, error) {
	columns, err := dbsqlc.New().ListAccountColumns(ctx, conn)
	if err != nil {
		return nil, fmt.Errorf("look at the accounts: %w", err)
	}
	var wrong []string
	for _, c := range columns {
		name := c.TableName + "." + c.ColumnName
		switch missing := "table " + c.TableName + " is missing"; {
		case !c.TableExists && migrated && !slices.Contains(wrong, missing):
			wrong = append(wrong, missing)
		case !c.TableExists:
		case c.Has == "":
			wrong = append(wrong, fmt.Sprintf("%s is missing; it must be %s", name, c.Type))
		case !c.Serves:
			wrong = append(wrong, fmt.Sprintf("%s is %s instead of %s", name, c.Has, c.Type))
		case !c.Writable:
			wrong = append(wrong, name+" cannot be written")
		}
	}
	return wrong, nil
}

// Ready returns *UnfitError if a worker's role may not do with the platform's accounts what
// every run does. Who migrates need not have these rights.
func Ready(ctx context.Context, databaseURL string) error {
	conn, err := pgx.Connect(ctx, databaseURL)
	if err != nil {
		return pg.ConnectProblem(err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	columns, err := dbsqlc.New().ListAccountColumns(ctx, conn)
	if err != nil {
		return fmt.Errorf("look at the accounts: %w", err)
	}
	if !slices.ContainsFunc(columns, func(c dbsqlc.ListAccountColumnsRow) bool { return !c.Allowed }) {
		return nil
	}
	role, err := dbsqlc.New().GetRole(ctx, conn)
	if err != nil {
		return fmt.Errorf("look at the role: %w", err)
	}
	return &UnfitError{
		[]string{
			fmt.Sprintf("role %s may not read users and identities, or may not write email and phone of identities; "+
				"let their owner run: GRANT "+
				"SELECT ON users, identities TO %[1]s; GRANT UPDATE (email, phone) ON identities TO %[1]s", role)}}
}
