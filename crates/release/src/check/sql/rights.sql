-- What the role may do beside what the plans ask for.
SELECT CASE WHEN n.oid IS NULL
            THEN pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE')
            ELSE pg_catalog.has_schema_privilege(n.oid, 'USAGE')
                 AND coalesce((SELECT pg_catalog.bool_and(pg_catalog.has_table_privilege(c.oid, 'SELECT')
                                                          AND pg_catalog.has_table_privilege(c.oid, 'INSERT')
                                                          AND pg_catalog.has_table_privilege(c.oid, 'UPDATE')
                                                          AND pg_catalog.has_table_privilege(c.oid, 'DELETE'))
                                 FROM pg_catalog.pg_class c
                                WHERE c.relnamespace = n.oid AND c.relkind = 'r'), true)
       END AS may_keep_records,
       n.oid IS NOT NULL AS has_records,
       pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE') AS sees_sessions,
       pg_catalog.pg_has_role('pg_signal_backend', 'USAGE') AS may_signal,
       (SELECT pg_catalog.has_schema_privilege(p.pronamespace, 'USAGE') AND pg_catalog.has_function_privilege(p.oid, 'EXECUTE')
          FROM pg_catalog.pg_extension e
          JOIN pg_catalog.pg_proc p ON p.pronamespace = e.extnamespace AND p.proname = 'pg_prewarm'
         WHERE e.extname = 'pg_prewarm') AS may_prewarm
  FROM (SELECT) AS one
  LEFT JOIN pg_catalog.pg_namespace n ON n.nspname = 'cutover'
