-- $1: schemas, $2: names of what REFRESH MATERIALIZED VIEW CONCURRENTLY is to be run on. What exists of it, and whether it can be: the
-- last as RefreshMatViewByOid looks for it, a unique index of plain columns and all rows.
SELECT n.nspname::pg_catalog.text, c.relname::pg_catalog.text,
       c.relkind = 'm' AS is_matview,
       pg_catalog.pg_has_role(c.relowner, 'USAGE')
       OR CASE WHEN pg_catalog.current_setting('server_version_num')::pg_catalog.int4 >= 170000
               THEN pg_catalog.has_table_privilege(c.oid, 'MAINTAIN') ELSE false END AS is_allowed,
       c.relispopulated AS is_populated,
       EXISTS (SELECT FROM pg_catalog.pg_index i
                WHERE i.indrelid = c.oid AND i.indisunique AND i.indimmediate AND i.indisvalid AND i.indpred IS NULL
                  AND 0 <> ALL (i.indkey::pg_catalog.int2[])) AS has_key
  FROM ROWS FROM (pg_catalog.unnest($1::pg_catalog.text[]), pg_catalog.unnest($2::pg_catalog.text[])) WITH ORDINALITY m (schema, name, place)
  JOIN pg_catalog.pg_namespace n ON n.nspname = m.schema
  JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = m.name
 ORDER BY m.place
