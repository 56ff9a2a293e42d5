-- Servers that this one sends its WAL to, and physical slots that nobody reads from. Who may not see the details (no
-- pg_read_all_stats) is shown walsenders without state and positions. Logical subscribers and running base backups
-- replay nothing; nor does pg_receivewal, which never tells a replay position. Where positions are hidden, what only receives
-- is told by the name that it gives itself.
WITH log AS (
    SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_insert_lsn() END AS written
)
SELECT r.pid,
       coalesce(nullif(r.application_name, ''), s.slot_name::text, 'walsender') AS name,
       coalesce(r.client_hostname, host(r.client_addr)) AS client,
       r.state,
       r.sync_state,
       s.slot_name::text AS slot,
       pg_wal_lsn_diff(log.written, r.write_lsn)::bigint AS write_bytes,
       pg_wal_lsn_diff(log.written, r.flush_lsn)::bigint AS flush_bytes,
       pg_wal_lsn_diff(log.written, r.replay_lsn)::bigint AS replay_bytes,
       (extract(epoch FROM r.write_lag) * 1000)::bigint AS write_ms,
       (extract(epoch FROM r.flush_lag) * 1000)::bigint AS flush_ms,
       (extract(epoch FROM r.replay_lag) * 1000)::bigint AS replay_ms,
       coalesce(s.xmin, r.backend_xmin) IS NOT NULL AS feedback
  FROM log CROSS JOIN pg_stat_replication r
  LEFT JOIN pg_replication_slots s ON s.active_pid = r.pid
 WHERE s.slot_type IS DISTINCT FROM 'logical' AND r.state IS DISTINCT FROM 'backup'
   AND (r.replay_lsn IS NOT NULL OR r.state = 'startup'
        OR (r.state IS NULL AND coalesce(r.application_name, '')
                                NOT IN ('pg_receivewal', 'pg_basebackup', 'pg_recvlogical', 'barman_receive_wal')))
UNION ALL
SELECT NULL, s.slot_name::text, NULL, NULL, NULL, s.slot_name::text, NULL, NULL,
       pg_wal_lsn_diff(log.written, s.restart_lsn)::bigint, NULL, NULL, NULL, false
  FROM log CROSS JOIN pg_replication_slots s
 WHERE s.slot_type = 'physical' AND NOT s.active AND s.restart_lsn IS NOT NULL
 ORDER BY 2, 1
