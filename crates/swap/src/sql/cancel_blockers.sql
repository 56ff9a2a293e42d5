-- $1: relation oids. Makes client sessions that hold a lock on one of them let go, where the role may: cancels their
-- statement, or ends them where they are idle in a transaction, as there is nothing to cancel then. Workers of the server
-- (autovacuum among them), prepared transactions and superusers' sessions of others are left alone. One row a session.
WITH holders AS MATERIALIZED (
    SELECT DISTINCT l.pid
      FROM pg_catalog.pg_locks l
     WHERE l.locktype = 'relation' AND l.granted AND l.relation = ANY ($1)
       AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
       AND l.pid <> pg_catalog.pg_backend_pid()
), ours AS MATERIALIZED (
    SELECT a.*, a.state LIKE 'idle in transaction%' AS idle
      FROM holders h
      JOIN pg_catalog.pg_stat_activity a ON a.pid = h.pid AND a.backend_type = 'client backend'
      JOIN pg_catalog.pg_roles r ON r.oid = a.usesysid
     WHERE (pg_catalog.pg_has_role(a.usesysid, 'USAGE') OR pg_catalog.pg_has_role('pg_signal_backend', 'USAGE'))
       AND (NOT r.rolsuper OR (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user))
)
SELECT a.pid,
       a.usename::pg_catalog.text AS username,
       coalesce(a.application_name, '') AS application,
       a.backend_type,
       coalesce(extract(epoch FROM pg_catalog.clock_timestamp() - a.xact_start) * 1000, 0)::bigint AS age_ms,
       pg_catalog.left(coalesce(a.query, ''), 200) AS query,
       a.idle,
       CASE WHEN a.idle THEN pg_catalog.pg_terminate_backend(a.pid) ELSE pg_catalog.pg_cancel_backend(a.pid) END AS signalled
  FROM ours a
 ORDER BY age_ms DESC
