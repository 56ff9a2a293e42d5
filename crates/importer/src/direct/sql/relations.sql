-- What a view ($1) reads, through however many views, as whom, and what each relation is.
-- "depth" is the longest way down from the view: in falling order each view comes after what it reads.
WITH RECURSIVE reads AS (
    SELECT $1::pg_catalog.oid AS relation, r.oid AS role, 0 AS depth
      FROM pg_catalog.pg_roles r WHERE r.rolname = CURRENT_USER
     UNION
    SELECT d.refobjid,
           -- A view reads as its owner, unless it is a view of its invoker (PostgreSQL 15).
           CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_options_to_table(v.reloptions) o
                              WHERE o.option_name = 'security_invoker' AND o.option_value::pg_catalog.bool)
                THEN reads.role ELSE v.relowner END,
           reads.depth + 1
      FROM reads
      JOIN pg_catalog.pg_class v ON v.oid = reads.relation AND v.relkind = 'v'
      JOIN pg_catalog.pg_rewrite w ON w.ev_class = v.oid
      JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND d.objid = w.oid
       AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid <> v.oid
     -- The planner has refused a view that reads itself; were it changed meanwhile, this ends all the same.
     WHERE reads.depth < 100)
SELECT c.oid, n.nspname::pg_catalog.text, c.relname::pg_catalog.text, c.relkind = 'v', s.srvname::pg_catalog.text,
       h.proname = 'postgres_fdw_handler',
       EXISTS (SELECT FROM pg_catalog.pg_inherits i WHERE i.inhparent = c.oid),
       pg_catalog.array_agg(DISTINCT role.rolname::pg_catalog.text),
       coalesce((SELECT o.option_value FROM pg_catalog.pg_options_to_table(f.ftoptions) o
                  WHERE o.option_name = 'schema_name'), n.nspname::pg_catalog.text),
       coalesce((SELECT o.option_value FROM pg_catalog.pg_options_to_table(f.ftoptions) o
                  WHERE o.option_name = 'table_name'), c.relname::pg_catalog.text)
  FROM reads
  JOIN pg_catalog.pg_class c ON c.oid = reads.relation
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_roles role ON role.oid = reads.role
  LEFT JOIN pg_catalog.pg_foreign_table f ON f.ftrelid = c.oid
  LEFT JOIN pg_catalog.pg_foreign_server s ON s.oid = f.ftserver
  LEFT JOIN pg_catalog.pg_foreign_data_wrapper w ON w.oid = s.srvfdw
  LEFT JOIN pg_catalog.pg_proc h ON h.oid = w.fdwhandler
 GROUP BY c.oid, n.nspname, c.relname, c.relkind, s.srvname, h.proname, f.ftoptions
 ORDER BY pg_catalog.max(reads.depth) DESC, c.oid
