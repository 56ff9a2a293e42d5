-- The first column of $1 to $7 that is another one in this database, and what it is here.
SELECT w.schema, w.relation, w.column, coalesce(pg_catalog.format_type(a.atttypid, a.atttypmod)
           || coalesce(' COLLATE ' || cn.nspname || '.' || co.collname, ''), 'not there')
  FROM ROWS FROM (pg_catalog.unnest($1::pg_catalog.text[]), pg_catalog.unnest($2::pg_catalog.text[]),
                  pg_catalog.unnest($3::pg_catalog.text[]), pg_catalog.unnest($4::pg_catalog.text[]),
                  pg_catalog.unnest($5::pg_catalog.text[]), pg_catalog.unnest($6::pg_catalog.int4[]),
                  pg_catalog.unnest($7::pg_catalog.text[]))
       WITH ORDINALITY AS w("schema", relation, "column", type_schema, type_name, typmod, "collation", n)
  LEFT JOIN pg_catalog.pg_namespace rn ON rn.nspname = w.schema
  LEFT JOIN pg_catalog.pg_class r ON r.relnamespace = rn.oid AND r.relname = w.relation
  LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = r.oid AND a.attname = w.column AND a.attnum > 0
  LEFT JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
  LEFT JOIN pg_catalog.pg_namespace tn ON tn.oid = t.typnamespace
  LEFT JOIN pg_catalog.pg_collation co ON co.oid = a.attcollation
  LEFT JOIN pg_catalog.pg_namespace cn ON cn.oid = co.collnamespace
 -- A modifier of the foreign table's own would change or refuse values on their way.
 WHERE (t.typname = w.type_name AND tn.nspname = w.type_schema AND w.typmod IN (-1, a.atttypmod)
        AND coalesce(cn.nspname || '.' || co.collname, '') = w.collation) IS NOT TRUE
 ORDER BY w.n LIMIT 1
