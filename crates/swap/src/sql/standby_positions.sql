-- How far standbys have replayed, as numbers that can be compared. The end of the log is where its last record ends: right
-- behind a page's header nothing does, so there it is the page's start. Log that is only in memory counts, too. Whoever only
-- receives log is left out as in standbys.sql.
WITH log AS (
    SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint AS inserted,
           current_setting('wal_block_size')::bigint AS page
)
SELECT r.pid,
       coalesce(nullif(r.application_name, ''), s.slot_name::text, 'walsender') AS name,
       pg_wal_lsn_diff(r.replay_lsn, '0/0')::bigint AS replayed,
       log.inserted - CASE WHEN log.inserted % log.page <= 40 THEN log.inserted % log.page ELSE 0 END AS written
  FROM log
  LEFT JOIN (pg_stat_replication r LEFT JOIN pg_replication_slots s ON s.active_pid = r.pid)
         ON s.slot_type IS DISTINCT FROM 'logical' AND r.state IS DISTINCT FROM 'backup'
        AND (r.replay_lsn IS NOT NULL
             OR (r.state IS NULL AND coalesce(r.application_name, '')
                                     NOT IN ('pg_receivewal', 'pg_basebackup', 'pg_recvlogical', 'barman_receive_wal')))
 ORDER BY 2, 1
