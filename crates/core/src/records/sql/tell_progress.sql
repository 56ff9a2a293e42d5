-- $1: release, $2: revision, $3: importers, $4: what kind of thing is waited for, if any, $5: the event that told it.
WITH lax AS (
    -- In this transaction only: it waits for no disk and no standby, since what is lost in a crash is told anew.
    SELECT pg_catalog.set_config('synchronous_commit', 'off', true)
), importers AS (
    UPDATE cutover.import_progress p
       SET state = n.state, way = n.way, expected_rows = n.expected_rows, rows = n.rows, bytes = n.bytes,
           rejected = n.rejected, rows_per_s = n.rows_per_s, bytes_per_s = n.bytes_per_s, left_ms = n.left_ms,
           revision = $2, updated_at = pg_catalog.clock_timestamp(),
           started_at = CASE WHEN n.state <> 'waiting' THEN coalesce(p.started_at, pg_catalog.clock_timestamp()) END,
           finished_at = CASE WHEN n.state IN ('done', 'failed') THEN coalesce(p.finished_at, pg_catalog.clock_timestamp()) END
      FROM pg_catalog.jsonb_to_recordset($3::pg_catalog.jsonb) AS n (
               importer text, state text, way text, expected_rows bigint, rows bigint, bytes bigint, rejected bigint,
               rows_per_s bigint, bytes_per_s bigint, left_ms bigint)
     WHERE p.release = $1 AND p.importer = n.importer AND p.revision <= $2
)
INSERT INTO cutover.waiting AS w (release, kind, detail, revision) SELECT $1, $4, $5, $2 FROM lax
ON CONFLICT (release) DO UPDATE
   SET kind = excluded.kind, detail = excluded.detail, revision = excluded.revision, updated_at = excluded.updated_at,
       since = CASE WHEN w.kind = excluded.kind THEN w.since ELSE excluded.since END
 WHERE w.revision <= excluded.revision
