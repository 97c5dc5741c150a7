-- name: RunIDsByPrefix :many
-- The prefix consists of hexadecimal digits and dashes.
SELECT id FROM sync_runs WHERE id::text LIKE @prefix::text || '%' ORDER BY started_at DESC LIMIT @max_rows;

-- name: RunHeld :one
SELECT id FROM sync_runs WHERE provider_id = @provider_id AND status = 'held' ORDER BY generation DESC LIMIT 1;
