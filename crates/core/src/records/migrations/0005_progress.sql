-- What a running release is at, for whoever asks from elsewhere. Its process overwrites these rows every few seconds; what is
-- committed stands in `checkpoint`.
ALTER TABLE cutover.release ADD COLUMN phase_started_at timestamptz;
CREATE TABLE cutover.import_progress (
    release       bigint NOT NULL REFERENCES cutover.release ON DELETE CASCADE,
    importer      text NOT NULL,
    -- The order in which they stand in the phases.
    place         integer NOT NULL,
    phase         text NOT NULL,
    state         text NOT NULL CHECK (state IN ('waiting', 'running', 'stopped', 'failed', 'done')),
    way           text,
    expected_rows bigint,
    rows          bigint,
    bytes         bigint,
    rejected      bigint NOT NULL DEFAULT 0,
    rows_per_s    bigint,
    bytes_per_s   bigint,
    left_ms       bigint,
    -- Counted by the process that writes: of two writes under way at once the older must not win.
    revision      bigint NOT NULL DEFAULT 0,
    started_at    timestamptz,
    updated_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished_at   timestamptz,
    PRIMARY KEY (release, importer)
);
COMMENT ON TABLE cutover.import_progress IS 'How far the importers of a release have come';
CREATE TABLE cutover.waiting (
    release    bigint PRIMARY KEY REFERENCES cutover.release ON DELETE CASCADE,
    -- None while it waits for nothing.
    kind       text CHECK (kind IN ('locks', 'snapshots', 'standbys')),
    -- What its event tells: who is in the way, at which attempt.
    detail     jsonb,
    revision   bigint NOT NULL DEFAULT 0,
    since      timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE cutover.waiting IS 'What a running release waits for, as it last told';

-- For dashboards: what `cutover status` tells. Who may read them is for the owner of the schema to say.
CREATE VIEW cutover.importer_progress AS
SELECT r.name AS release_set, p.release, r.label, p.phase, p.place, p.importer,
       CASE WHEN p.state = 'running' AND r.state <> 'running' THEN 'stopped' ELSE p.state END AS state,
       p.rows, p.expected_rows,
       least(100, pg_catalog.round(100.0 * p.rows / nullif(p.expected_rows, 0), 1)) AS percent,
       p.bytes, coalesce(c.rows, 0) AS committed_rows, greatest(p.rejected, c.rejected) AS rejected,
       p.rows_per_s, p.bytes_per_s, p.left_ms, p.way, p.started_at, p.updated_at, p.finished_at
  FROM cutover.import_progress p
  JOIN cutover.release r ON r.id = p.release
  LEFT JOIN LATERAL (SELECT pg_catalog.sum(k.rows)::bigint AS rows, pg_catalog.sum(k.rejected)::bigint AS rejected
                       FROM cutover.checkpoint k WHERE k.release = p.release AND k.importer = p.importer) c ON true;
COMMENT ON VIEW cutover.importer_progress IS 'How far each importer of each release has come; percent is of an estimate';

CREATE VIEW cutover.backup AS
SELECT s.name AS release_set, s.stamp, s.release, s.label, s.created_at, pg_catalog.count(o.oid) AS relations,
       coalesce(pg_catalog.sum(pg_catalog.pg_total_relation_size(c.oid)), 0)::bigint AS bytes
  FROM cutover.backup_set s
  LEFT JOIN cutover.backup_object o ON o.name = s.name AND o.stamp = s.stamp
                                   AND o.kind IN ('table', 'partitioned table', 'materialized view')
  LEFT JOIN pg_catalog.pg_class c ON c.oid = o.oid
 GROUP BY s.name, s.stamp;
COMMENT ON VIEW cutover.backup IS 'The backup sets that exist, with their size in bytes';

CREATE VIEW cutover.status AS
SELECT n.name AS release_set,
       CASE WHEN l.pid = n.backend_pid AND n.state = 'running' THEN 'running'
            WHEN l.pid IS NOT NULL THEN 'locked'
            WHEN n.state = 'running' THEN 'dead'
            ELSE 'idle' END AS activity,
       n.id AS release, n.label, n.kind, n.state, n.phase, n.phase_started_at, n.started_at, n.updated_at, n.finished_at,
       n.error, n.host, n.client_pid, l.pid AS holder_pid, n.abort_requested,
       h.held_since, h.waits_for_go, h.not_before, w.kind AS waits_for, w.since AS waits_since,
       coalesce(i.importers, 0) AS importers, coalesce(i.done, 0) AS importers_done, i.rows, i.bytes,
       v.id AS live_release, v.label AS live_label, v.swapped_at AS live_since, b.stamp AS undo_stamp
  FROM (SELECT DISTINCT ON (name) name, id, label, kind, state, phase, phase_started_at, started_at, updated_at, finished_at,
               error, host, client_pid, backend_pid, abort_requested
          FROM cutover.release ORDER BY name, id DESC) n
  LEFT JOIN cutover.release v ON v.name = n.name AND v.current
  LEFT JOIN cutover.backup_set b ON b.name = v.name AND b.stamp = v.backup_stamp
  -- The release lock: `Cut0`, and the first four bytes of the SHA-256 of the set's name.
  LEFT JOIN pg_catalog.pg_locks l
         ON l.locktype = 'advisory' AND l.objsubid = 2 AND l.granted AND l.mode = 'ExclusiveLock' AND l.pid IS NOT NULL
        AND l.classid::bigint = 1131770928
        AND l.objid::bigint = ('x' || pg_catalog.encode(pg_catalog.substr(pg_catalog.sha256(
                pg_catalog.convert_to(n.name, 'UTF8')), 1, 4), 'hex'))::bit(32)::bigint
        AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
  LEFT JOIN cutover.hold h ON h.release = n.id AND h.ended_at IS NULL AND l.pid = n.backend_pid AND n.state = 'running'
  LEFT JOIN cutover.waiting w ON w.release = n.id AND w.kind IS NOT NULL AND l.pid = n.backend_pid AND n.state = 'running'
  LEFT JOIN LATERAL (SELECT pg_catalog.count(*) AS importers, pg_catalog.count(*) FILTER (WHERE p.state = 'done') AS done,
                            pg_catalog.sum(coalesce(p.rows, p.committed_rows))::bigint AS rows,
                            pg_catalog.sum(p.bytes)::bigint AS bytes
                       FROM cutover.importer_progress p WHERE p.release = n.id) i ON true;
COMMENT ON VIEW cutover.status IS 'One row a release set: what is live, and what the newest release or rollback is at';
