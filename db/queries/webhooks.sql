-- name: InsertWebhook :exec
-- A new webhook is told of what is published from now on.
INSERT INTO webhooks (id, url, content, tenant_id, provider_id, types, secret, key_id, publication, change, created_by)
SELECT @id,
    @url,
    @content,
    @tenant_id,
    @provider_id,
    @types,
    @secret,
    @key_id,
    f.newest,
    @end_of_publication::bigint,
    @created_by
FROM change_feed f;

-- name: ListWebhooks :many
-- Webhooks that a caller with these bounds may see, or the one with an id, the oldest first, with
-- how many publications wait to be delivered and since when. A provider that was removed is told by
-- its id, since an empty name stands for all.
SELECT sqlc.embed(w),
    coalesce(p.name, w.provider_id::text, '')::text AS provider,
    u.waiting,
    u.oldest_waiting::timestamptz AS oldest_waiting
FROM webhooks w
LEFT JOIN identity_providers p ON p.id = w.provider_id
CROSS JOIN LATERAL (
    SELECT count(*) AS waiting, coalesce(min(u.published_at), now()) AS oldest_waiting
    FROM publications u
    WHERE u.number >= w.publication
      AND (u.number, u.last_change) > (w.publication, w.change)
      AND (w.provider_id IS NULL OR u.provider_id = w.provider_id)
      AND (w.tenant_id IS NULL OR u.tenant_id = w.tenant_id)
) u
WHERE (sqlc.narg(id)::uuid IS NULL OR w.id = sqlc.narg(id))
  AND (sqlc.narg(tenant_id)::uuid IS NULL OR w.tenant_id = sqlc.narg(tenant_id))
  AND (sqlc.narg(provider_id)::uuid IS NULL OR w.provider_id = sqlc.narg(provider_id))
  AND (w.created_at, w.id) > (@after_time::timestamptz, @after_id::uuid)
ORDER BY w.created_at, w.id
LIMIT @max_rows;

-- name: LockWebhook :one
SELECT version FROM webhooks WHERE id = @id FOR UPDATE;

-- name: UpdateWebhook :exec
UPDATE webhooks
SET url = @url,
    content = @content,
    types = @types,
    paused_at = CASE WHEN @paused::boolean THEN coalesce(paused_at, now()) END,
    pause_reason = CASE WHEN @paused::boolean THEN coalesce(pause_reason, 'person') END,
    failing_since = CASE WHEN @paused::boolean THEN failing_since END,
    publication = @publication,
    change = @change,
    version = version + 1
WHERE id = @id;

-- name: DeleteWebhook :exec
DELETE FROM webhooks WHERE id = @id;

-- name: DropDelivery :exec
-- Ends the delivery that a webhook is at, undelivered.
UPDATE webhook_deliveries
SET status = 'dropped', finished_at = now(), attempt_until = NULL
WHERE webhook_id = @webhook_id AND status = 'sending';

-- name: WakeWebhooks :many
-- Webhooks with something new that nobody has told DeliverChanges of, or in vain. Those of them that
-- fail try again by themselves.
UPDATE webhooks w
SET woken_at = now()
FROM change_feed f
WHERE w.paused_at IS NULL
  AND w.failing_since IS NULL
  AND (w.publication, w.change) < (f.newest, @end_of_publication::bigint)
  AND (w.woken_at IS NULL OR w.woken_at < now() - @again_after::interval)
RETURNING w.id;

-- name: TakeWebhook :one
-- A webhook, which is looking for news from now on.
UPDATE webhooks SET woken_at = NULL WHERE id = @id RETURNING *;

-- name: GetDeliveryAtWork :one
SELECT * FROM webhook_deliveries WHERE webhook_id = @webhook_id AND status = 'sending';

-- name: InsertDelivery :one
INSERT INTO webhook_deliveries (webhook_id, after_publication, after_change, publication, change, events)
SELECT w.id, w.publication, w.change, @publication, @change, @events
FROM webhooks w
WHERE w.id = @webhook_id AND w.version = @version
RETURNING *;

-- name: BeginAttempt :one
-- Takes a delivery for one attempt, unless another attempt may still be under way.
UPDATE webhook_deliveries
SET attempts = attempts + 1, attempted_at = clock_timestamp(), attempt_until = clock_timestamp() + @longest::interval
WHERE id = @id
  AND status = 'sending'
  AND (attempt_until IS NULL OR attempt_until < clock_timestamp())
RETURNING attempts;

-- name: FinishDelivery :execrows
UPDATE webhook_deliveries
SET status = 'delivered',
    finished_at = clock_timestamp(),
    attempt_until = NULL,
    http_status = @http_status,
    problem = NULL,
    events = @events
WHERE id = @id AND status = 'sending';

-- name: AdvanceWebhook :exec
-- Everything up to a position is delivered, or is not told to this webhook.
UPDATE webhooks
SET publication = @publication, change = @change, failing_since = NULL
WHERE id = @id
  AND version = @version
  AND (publication, change) < (@publication::bigint, @change::bigint);

-- name: FailAttempt :exec
UPDATE webhook_deliveries
SET attempt_until = NULL, http_status = sqlc.narg(http_status), problem = @problem::text
WHERE id = @id AND status = 'sending';

-- name: FailWebhook :one
-- Notes a failure. The webhook is paused for a reason that is given, or if it has failed for too long.
UPDATE webhooks
SET failing_since = coalesce(failing_since, now()),
    paused_at = CASE WHEN @reason::text <> '' OR failing_since < now() - @give_up_after::interval THEN now() END,
    pause_reason = CASE
        WHEN @reason <> '' THEN @reason
        WHEN failing_since < now() - @give_up_after THEN 'failing'
    END
WHERE id = @id AND version = @version AND paused_at IS NULL
RETURNING (paused_at IS NOT NULL)::boolean AS paused;

-- name: ListDeliveries :many
-- A webhook's deliveries, the latest first.
SELECT *
FROM webhook_deliveries
WHERE webhook_id = @webhook_id
  AND (created_at, id) < (@before_time::timestamptz, @before_id::uuid)
ORDER BY created_at DESC, id DESC
LIMIT @max_rows;

-- name: DropOldDeliveries :execrows
DELETE FROM webhook_deliveries
WHERE id IN (
    SELECT id FROM webhook_deliveries
    WHERE finished_at < now() - @older_than::interval
    LIMIT @max_rows);

-- name: GetWebhookSecret :one
SELECT secret, key_id FROM webhooks WHERE id = @id;

-- name: ListWebhookSecrets :many
SELECT id, secret, key_id FROM webhooks ORDER BY id FOR UPDATE;

-- name: PutWebhookSecret :exec
UPDATE webhooks SET secret = @secret, key_id = @key_id WHERE id = @id;

-- name: ListDeliveryAges :many
-- For each publication of a delivery, how long ago it was published.
SELECT extract(epoch FROM clock_timestamp() - u.published_at)::float8 AS seconds, u.provider
FROM publications u
WHERE u.number BETWEEN @first::bigint AND @last::bigint
  AND (sqlc.narg(provider_id)::uuid IS NULL OR u.provider_id = sqlc.narg(provider_id))
  AND (sqlc.narg(tenant_id)::uuid IS NULL OR u.tenant_id = sqlc.narg(tenant_id))
LIMIT 1000;
