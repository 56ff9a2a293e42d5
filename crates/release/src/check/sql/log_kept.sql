-- What decides how much of the write-ahead log stays on disk, in bytes; the data directory is NULL where the role may not know it.
SELECT pg_catalog.current_setting('wal_level') <> 'minimal' AS is_written,
       greatest(pg_catalog.pg_size_bytes(pg_catalog.current_setting('max_wal_size')),
                pg_catalog.pg_size_bytes(pg_catalog.current_setting('wal_keep_size'))) AS usual,
       pg_catalog.pg_size_bytes(pg_catalog.current_setting('max_slot_wal_keep_size')) AS most_by_slots,
       pg_catalog.current_setting('archive_mode') <> 'off' AS is_archived,
       EXISTS (SELECT FROM pg_catalog.pg_replication_slots) AS has_slots,
       EXISTS (SELECT FROM pg_catalog.pg_replication_slots WHERE NOT active) AS has_idle_slots,
       pg_catalog.current_setting('archive_mode') <> 'off'
       AND coalesce(a.last_failed_time > coalesce(a.last_archived_time, '-infinity'), false) AS archiver_fails,
       (SELECT setting FROM pg_catalog.pg_settings WHERE name = 'data_directory') AS data_directory
  FROM pg_catalog.pg_stat_archiver a
