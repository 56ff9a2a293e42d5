-- $1: application name. Which sessions of it wait for a lock, the longest first, and each who is in its way: a row for both.
WITH waiting AS MATERIALIZED (
    SELECT a.pid, a.query_start
      FROM pg_catalog.pg_stat_activity a
     WHERE a.application_name = $1 AND a.datname = pg_catalog.current_database() AND a.wait_event_type = 'Lock'
), wanted AS (
    SELECT DISTINCT ON (l.pid) l.pid, l.locktype, l.mode, n.nspname, c.relname,
           coalesce(extract(epoch FROM pg_catalog.clock_timestamp() - coalesce(l.waitstart, w.query_start)) * 1000, 0)::bigint AS waited_ms
      FROM waiting w
      JOIN pg_catalog.pg_locks l ON l.pid = w.pid AND NOT l.granted
      LEFT JOIN pg_catalog.pg_class c
             ON c.oid = l.relation AND l.database = (SELECT oid FROM pg_catalog.pg_database
                                                      WHERE datname = pg_catalog.current_database())
      LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     ORDER BY l.pid
)
SELECT w.pid AS waiting_pid, w.locktype AS lock, w.mode, w.nspname::pg_catalog.text, w.relname::pg_catalog.text, w.waited_ms,
       b.pid, a.usename::pg_catalog.text AS username,
       coalesce(a.application_name, '') AS application,
       -- 0 stands for prepared transactions.
       CASE WHEN b.pid = 0 THEN 'prepared transaction' ELSE coalesce(a.backend_type, '') END AS backend_type,
       coalesce(extract(epoch FROM pg_catalog.clock_timestamp() - a.xact_start) * 1000, 0)::bigint AS age_ms,
       pg_catalog.left(coalesce(a.query, ''), 200) AS query
  FROM wanted w
  LEFT JOIN LATERAL (SELECT DISTINCT pid FROM pg_catalog.unnest(pg_catalog.pg_blocking_pids(w.pid)) b (pid)) b ON true
  LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = b.pid
 ORDER BY w.waited_ms DESC, w.pid, age_ms DESC
 LIMIT 50
