-- Replication slots with the write-ahead log that they keep, in bytes; 0 where they keep none, or that is hidden.
SELECT slot_name::pg_catalog.text, active,
       coalesce(pg_catalog.pg_wal_lsn_diff(
           CASE WHEN NOT pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_current_wal_lsn() END, restart_lsn), 0)::pg_catalog.int8
  FROM pg_catalog.pg_replication_slots
 ORDER BY slot_name
