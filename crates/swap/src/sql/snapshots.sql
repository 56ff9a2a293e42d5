-- Transactions of this database that hold a snapshot now. backend_xmin and virtual transaction ids are shown to every
-- role, backend_type is not: autovacuum, which looks nothing up by name, is left out by its having no user. A prepared
-- transaction holds no snapshot and reads nothing any more.
SELECT a.pid,
       a.usename::pg_catalog.text AS username,
       coalesce(a.application_name, '') AS application,
       coalesce(a.backend_type, '') AS backend_type,
       coalesce(extract(epoch FROM pg_catalog.clock_timestamp() - a.xact_start) * 1000, 0)::bigint AS age_ms,
       pg_catalog.left(coalesce(a.query, ''), 200) AS query,
       coalesce(l.virtualxid, '') AS transaction,
       a.backend_xmin::pg_catalog.text::bigint AS xmin,
       (pg_catalog.pg_snapshot_xmax(pg_catalog.pg_current_snapshot())::pg_catalog.text::numeric % 4294967296)::bigint AS next_xid
  FROM pg_catalog.pg_stat_activity a
  LEFT JOIN pg_catalog.pg_locks l ON l.pid = a.pid AND l.locktype = 'virtualxid' AND l.granted
                      AND l.virtualtransaction = l.virtualxid
 WHERE a.datname = pg_catalog.current_database() AND a.pid <> pg_catalog.pg_backend_pid() AND a.backend_xmin IS NOT NULL
   AND a.usesysid IS NOT NULL
 ORDER BY age_ms DESC, a.pid
