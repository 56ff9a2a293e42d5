-- $1: schemas, $2: names in them. For each pair, in order, whether a relation bears it.
-- Runs under whatever search path its session has, so everything is qualified.
SELECT EXISTS (SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
                WHERE n.nspname = m.schema AND c.relname = m.name)
  FROM ROWS FROM (pg_catalog.unnest($1::pg_catalog.text[]), pg_catalog.unnest($2::pg_catalog.text[]))
       WITH ORDINALITY m (schema, name, n)
 ORDER BY m.n
