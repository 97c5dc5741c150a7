-- name: RecordWorker :exec
-- Notes that a worker is at work, by Postgres' own clock: those of machines differ.
INSERT INTO sync_workers (id, name, key_ids) VALUES (@id, @name, @key_ids)
ON CONFLICT (id) DO UPDATE SET seen_at = now();

-- name: DeleteWorker :exec
DELETE FROM sync_workers WHERE id = @id;

-- name: DeleteUnseenWorkers :exec
DELETE FROM sync_workers WHERE NOT seen_at BETWEEN now() - @unseen::interval AND now() + @unseen::interval;

-- name: ListWorkersWithoutKey :many
-- Who was seen long from now was killed before the clock was set back: a worker at work
-- has been seen since.
SELECT name FROM sync_workers
WHERE NOT @key_id::bigint = ANY (key_ids) AND seen_at BETWEEN now() - @unseen::interval AND now() + @unseen::interval
ORDER BY name;
