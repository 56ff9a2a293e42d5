-- $1: the swap's process, $2: relation oids. Who waits for a lock on one of them behind one that the swap holds or waits
-- for itself, the longest first: how many there are, and up to five of them.
WITH locks AS MATERIALIZED (
    SELECT l.pid, l.relation, l.granted, l.mode, l.waitstart
      FROM pg_locks l
     WHERE l.locktype = 'relation' AND l.relation = ANY ($2)
       AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
), waiting AS (
    SELECT w.pid, min(w.waitstart) AS since
      FROM locks w
      JOIN locks s ON s.relation = w.relation AND s.pid = $1 AND s.mode <> 'AccessShareLock'
     WHERE NOT w.granted AND w.pid <> $1
       -- A wait that has just begun has no start yet.
       AND (s.granted OR s.waitstart IS NULL OR w.waitstart IS NULL OR w.waitstart >= s.waitstart)
     GROUP BY w.pid
)
SELECT count(*) OVER () AS waiting,
       w.pid,
       a.usename::text AS username,
       coalesce(a.application_name, '') AS application,
       coalesce(extract(epoch FROM clock_timestamp() - w.since) * 1000, 0)::bigint AS waited_ms,
       left(coalesce(a.query, ''), 200) AS query
  FROM waiting w
  LEFT JOIN pg_stat_activity a ON a.pid = w.pid
 ORDER BY waited_ms DESC
 LIMIT 5
