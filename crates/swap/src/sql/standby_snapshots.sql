-- Standbys whose feedback tells of a snapshot older than any that a session of this server could have taken now. Feedback is
-- for all databases, and as old as wal_receiver_status_interval there allows.
SELECT r.pid,
       r.usename::text AS username,
       coalesce(r.application_name, '') AS application,
       'walsender' AS backend_type,
       coalesce(extract(epoch FROM clock_timestamp() - r.backend_start) * 1000, 0)::bigint AS age_ms,
       'hot_standby_feedback tells of an old snapshot on this standby' AS query,
       'standby' AS transaction,
       coalesce(s.xmin, r.backend_xmin)::text::bigint AS xmin,
       (pg_snapshot_xmax(pg_current_snapshot())::text::numeric % 4294967296)::bigint AS next_xid
  FROM pg_stat_replication r
  LEFT JOIN pg_replication_slots s ON s.active_pid = r.pid
 WHERE coalesce(s.xmin, r.backend_xmin) IS NOT NULL
   AND age(coalesce(s.xmin, r.backend_xmin)) > age(pg_snapshot_xmin(pg_current_snapshot())::xid)
