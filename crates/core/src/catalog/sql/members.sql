-- $1: schema, $2: names. The oids of the relations so called, in that order. A partitioned table is followed by its
-- partitions of all levels: parents before children, siblings by name. One that is named besides its parent comes once.
WITH RECURSIVE tree (oid, asked, path) AS (
    SELECT c.oid, a.ordinality, '{}'::name[]
      FROM unnest($2::text[]) WITH ORDINALITY a (name, ordinality)
      JOIN pg_namespace n ON n.nspname = $1
      JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = a.name
     WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
    UNION ALL
    SELECT c.oid, tree.asked, tree.path || ARRAY[c.relname, n.nspname]
      FROM tree
      JOIN pg_class p ON p.oid = tree.oid AND p.relkind = 'p'
      JOIN pg_inherits i ON i.inhparent = p.oid
      JOIN pg_class c ON c.oid = i.inhrelid
      JOIN pg_namespace n ON n.oid = c.relnamespace
)
SELECT oid
  FROM (SELECT DISTINCT ON (oid) * FROM tree ORDER BY oid, cardinality(path) DESC, asked) once
 ORDER BY asked, path
