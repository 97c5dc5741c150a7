package e2e

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/workflows"
)

// disk is one that can be full for some tables of a world's database.
type disk struct{ *world }

// newDisk refuses what is written to the tables as Postgres does when there is no room.
// Each refusal counts in a sequence, since the transaction it ends takes back all else.
func newDisk(w *world, tables ...string) disk {
	w.t.Helper()
	d := disk{w}
	d.exec(`CREATE TABLE full_tables (name text);
		CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN
			IF EXISTS (SELECT FROM full_tables WHERE name = TG_TABLE_NAME) THEN
				PERFORM nextval('refused_' || TG_TABLE_NAME);
				RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100';
			END IF;
			RETURN NULL;
		END $$`)
	for _, table := range tables {
		d.exec(fmt.Sprintf(`CREATE SEQUENCE refused_%[1]s;
			CREATE TRIGGER refuse BEFORE INSERT
			OR UPDATE ON %[1]s FOR EACH STATEMENT EXECUTE FUNCTION refuse()`, table))
	}
	return d
}

func (d disk) exec(statement string) {
	d.t.Helper()
	_, err := d.pool.Exec(d.t.Context(), statement)
	require.NoError(d.t, err)
}

func (d disk) fill(table string) {
	d.t.Helper()
	d.exec(fmt.Sprintf("SELECT setval('refused_%[1]s', 1, false); INSERT INTO full_tables VALUES ('%[1]s')", table))
}

// makeRoom waits until writing to the table was refused and tried again, and then no longer
// refuses it.
func (d disk) makeRoom(table string) {
	d.t.Helper()
	require.Eventually(d.t, func() bool {
		var refused int
		err := d.pool.QueryRow(d.t.Context(), "SELECT last_value FROM refused_"+table).Scan(&refused)
		return err == nil && refused > 1
	}, time.Minute, 50*time.Millisecond, table)
	d.exec("DELETE FROM full_tables WHERE name = '" + table + "'")
}

// A run that meets a full disk, in whatever it does, waits until there is room, and ends as
// if there had always been.
func TestRunWaitsForRoomOnTheDisk(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := newStaff(w)
	c.change()
	// In the order in which a run comes to write them, at its begin and then.
	begin, then := []string{"sync_runs", "provider_call_slots"}, []string{
		"staged_departments", "org_departments", "staged_members", "org_members", "org_member_departments",
		"sync_run_removals", "sync_run_lookups", "identity_providers",
	}
	disk := newDisk(w, append(begin, then...)...)
	for _, table := range append(begin, then[:len(then)-1]...) {
		disk.fill(table)
	}
	run := w.start(workflows.SyncInput{Provider: c.name})
	for _, table := range begin {
		disk.makeRoom(table)
	}
	disk.fill("identity_providers") // which a run writes when it begins, too
	for _, table := range then {
		disk.makeRoom(table)
	}
	result := w.wait(run)
	require.Equal(t, "succeeded", result.Status, result.Errors)
	require.Empty(t, result.Errors)
	require.Equal(t, 1, result.Members.Deleted)
	w.requireEqual(c.source)
}
