-- $1: relation oids. Who holds a lock on any of them, oldest transaction first. ACCESS EXCLUSIVE conflicts with them all.
SELECT * FROM (
    SELECT DISTINCT ON (l.virtualtransaction)
           coalesce(l.pid, 0) AS pid,
           a.usename::pg_catalog.text AS username,
           coalesce(a.application_name, '') AS application,
           CASE WHEN l.pid IS NULL THEN 'prepared transaction' ELSE coalesce(a.backend_type, '') END AS backend_type,
           coalesce(extract(epoch FROM pg_catalog.clock_timestamp() - coalesce(a.xact_start, p.prepared)) * 1000, 0)::bigint AS age_ms,
           pg_catalog.left(coalesce(a.query, p.gid, ''), 200) AS query
      FROM pg_catalog.pg_locks l
      LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
      -- A prepared transaction has no process; the lock on its own xid tells which it is.
      LEFT JOIN pg_catalog.pg_locks x ON l.pid IS NULL AND x.pid IS NULL AND x.locktype = 'transactionid' AND x.granted
                          AND x.virtualtransaction = l.virtualtransaction
      LEFT JOIN pg_catalog.pg_prepared_xacts p ON p.transaction = x.transactionid
     WHERE l.locktype = 'relation' AND l.granted AND l.relation = ANY ($1)
       AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
       AND l.pid IS DISTINCT FROM pg_catalog.pg_backend_pid()
) holders
 ORDER BY age_ms DESC LIMIT 20
