package feed

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/orgsync/orgsync/db/internal/pg"
)

// Listen calls wake after each publication, until ctx is done or the connection is lost. It has a
// connection of its own. Where notifications do not arrive, as behind some poolers, the newest
// position is looked at every so often.
func (s *Store) Listen(ctx context.Context, every time.Duration, wake func()) error {
	conn, err := pgx.ConnectConfig(ctx, s.pool.Config().ConnConfig)
	if err != nil {
		return pg.Interpret("listen for changes", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if _, err := conn.Exec(ctx, "LISTEN "+Channel); err != nil {
		return pg.Interpret("listen for changes", err)
	}
	wake() // for what was published before it listened
	seen, err := s.FindNewest(ctx)
	for err == nil {
		waiting, stop := context.WithTimeout(ctx, every)
		_, err = conn.WaitForNotification(waiting)
		stop()
		if err == nil {
			wake()
			continue
		}
		if ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded) {
			break
		}
		var now Position
		if now, err = s.FindNewest(ctx); err == nil && now != seen {
			seen = now
			wake()
		}
	}
	return pg.Interpret("listen for changes", err)
}
