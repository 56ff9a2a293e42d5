-- $1: release.
SELECT importer, phase, state, way, rows, expected_rows, bytes, committed_rows, rejected, rows_per_s, bytes_per_s, left_ms,
       started_at, updated_at, finished_at
  FROM cutover.importer_progress
 WHERE release = $1
 ORDER BY phase, place
