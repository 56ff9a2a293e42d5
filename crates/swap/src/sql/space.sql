-- $1: schemas, $2: names. One row a relation that exists, the partitions of partitioned ones included; sizes in bytes.
WITH RECURSIVE named AS (
    SELECT c.oid
      FROM ROWS FROM (pg_catalog.unnest($1::pg_catalog.text[]), pg_catalog.unnest($2::pg_catalog.text[])) m (schema, name)
      JOIN pg_catalog.pg_namespace n ON n.nspname = m.schema
      JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = m.name
     WHERE c.relkind IN ('r', 'p', 'v', 'm')
), tree AS (
    SELECT oid FROM named
    UNION
    SELECT c.oid
      FROM tree t
      JOIN pg_catalog.pg_inherits i ON i.inhparent = t.oid
      JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid AND c.relispartition AND c.relkind IN ('r', 'p')
)
SELECT n.nspname, c.relname, c.relkind::pg_catalog.text,
       -- NULL where it was dropped under our eyes.
       coalesce(pg_catalog.pg_table_size(c.oid) - coalesce(pg_catalog.pg_total_relation_size(nullif(c.reltoastrelid, 0)), 0), 0),
       coalesce(pg_catalog.pg_indexes_size(c.oid), 0),
       coalesce(pg_catalog.pg_total_relation_size(nullif(c.reltoastrelid, 0)), 0),
       greatest(c.reltuples, 0)::pg_catalog.int8
  FROM tree t
  JOIN pg_catalog.pg_class c ON c.oid = t.oid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 ORDER BY n.nspname, c.relname
