-- $1, $2: schemas and names of the relations that the release file names as sources. postgres_fdw servers that foreign tables
-- stand for, with the fetch_size of those of their tables that have the smallest, and whether a source reads one of them, directly
-- or through views.
WITH RECURSIVE source (oid) AS (
    SELECT c.oid
      FROM ROWS FROM (pg_catalog.unnest($1::pg_catalog.text[]), pg_catalog.unnest($2::pg_catalog.text[])) AS named (nspname, relname)
      JOIN pg_catalog.pg_namespace n ON n.nspname = named.nspname
      JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = named.relname
     UNION
    SELECT d.refobjid
      FROM source r
      JOIN pg_catalog.pg_rewrite w ON w.ev_class = r.oid
      JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND d.objid = w.oid
                                 AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
)
SELECT s.srvname::pg_catalog.text,
       min(coalesce((SELECT o.option_value FROM pg_catalog.pg_options_to_table(t.ftoptions) o WHERE o.option_name = 'fetch_size'),
                    (SELECT o.option_value FROM pg_catalog.pg_options_to_table(s.srvoptions) o WHERE o.option_name = 'fetch_size'),
                    '100')::pg_catalog.int8),
       pg_catalog.bool_or(t.ftrelid IN (SELECT oid FROM source))
  FROM pg_catalog.pg_foreign_table t
  JOIN pg_catalog.pg_foreign_server s ON s.oid = t.ftserver
  JOIN pg_catalog.pg_foreign_data_wrapper w ON w.oid = s.srvfdw
 WHERE EXISTS (SELECT FROM pg_catalog.pg_depend d
                 JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid AND e.extname = 'postgres_fdw'
                WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.objid = w.fdwhandler
                  AND d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND d.deptype = 'e')
 GROUP BY s.srvname
 ORDER BY s.srvname
