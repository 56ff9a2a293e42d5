-- $1: schemas, $2: names. What these relations, with the partitions of partitioned ones, consist of: one row for each of their tables,
-- TOAST tables (with their index) and indexes, with what it takes in bytes and where its tablespace is: '' for the data directory.
WITH RECURSIVE tree AS (
    SELECT c.oid
      FROM ROWS FROM (pg_catalog.unnest($1::pg_catalog.text[]), pg_catalog.unnest($2::pg_catalog.text[])) m (schema, name)
      JOIN pg_catalog.pg_namespace n ON n.nspname = m.schema
      JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = m.name
     UNION
    SELECT i.inhrelid
      FROM tree t
      JOIN pg_catalog.pg_inherits i ON i.inhparent = t.oid
      JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid AND c.relispartition
), member AS (
    SELECT c.oid, c.reltoastrelid, c.reltablespace
      FROM tree t
      JOIN pg_catalog.pg_class c ON c.oid = t.oid AND c.relkind IN ('r', 'm')
), part AS (
    SELECT 'table' AS kind, m.reltablespace,
           pg_catalog.pg_table_size(m.oid) - coalesce(pg_catalog.pg_total_relation_size(nullif(m.reltoastrelid, 0)), 0) AS bytes
      FROM member m
     UNION ALL
    SELECT 'toast', m.reltablespace, pg_catalog.pg_total_relation_size(m.reltoastrelid)
      FROM member m
     WHERE m.reltoastrelid <> 0
     UNION ALL
    SELECT 'index', c.reltablespace, pg_catalog.pg_total_relation_size(c.oid)
      FROM member m
      JOIN pg_catalog.pg_index i ON i.indrelid = m.oid
      JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
)
-- NULL where it was dropped under our eyes.
SELECT kind, pg_catalog.pg_tablespace_location(reltablespace), bytes
  FROM part
 WHERE bytes IS NOT NULL
