-- $1: schemas, $2: names that relations will get in them, $3: names that extended statistics will get, $4: scratch schema.
-- What bears one of these names already. A table's name is its row type's too, so types count.
SELECT kind || ' ' || name
  FROM (
    SELECT 1 AS place, (pg_catalog.pg_identify_object('pg_catalog.pg_class'::pg_catalog.regclass, c.oid, 0)).type AS kind,
           (pg_catalog.pg_identify_object('pg_catalog.pg_class'::pg_catalog.regclass, c.oid, 0)).identity AS name
      FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = ANY ($1) AND c.relname = ANY ($2)
    UNION ALL
    -- Types of their own; the server moves an array type out of the way by itself.
    SELECT 2, 'type', (pg_catalog.pg_identify_object('pg_catalog.pg_type'::pg_catalog.regclass, t.oid, 0)).identity
      FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
     WHERE n.nspname = ANY ($1) AND t.typname = ANY ($2) AND t.typrelid = 0
       AND NOT EXISTS (SELECT FROM pg_catalog.pg_type e WHERE e.typarray = t.oid)
    UNION ALL
    SELECT 3, 'statistics object',
           (pg_catalog.pg_identify_object('pg_catalog.pg_statistic_ext'::pg_catalog.regclass, s.oid, 0)).identity
      FROM pg_catalog.pg_statistic_ext s JOIN pg_catalog.pg_namespace n ON n.oid = s.stxnamespace
     WHERE n.nspname = ANY ($1) AND s.stxname = ANY ($3)
    UNION ALL
    SELECT 4, 'schema', pg_catalog.quote_ident(n.nspname) FROM pg_catalog.pg_namespace n WHERE n.nspname = $4
  ) taken
 ORDER BY place, name
