-- The columns of foreign tables ($1), in their order: here, there, and of what type and collation.
-- Whether one is used tells whether its type must be the same there; the views that may use them are $2.
SELECT a.attrelid, a.attname::pg_catalog.text,
       coalesce((SELECT o.option_value FROM pg_catalog.pg_options_to_table(a.attfdwoptions) o
                  WHERE o.option_name = 'column_name'), a.attname::pg_catalog.text),
       EXISTS (SELECT FROM pg_catalog.pg_rewrite w
                 JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND d.objid = w.oid
                WHERE w.ev_class = ANY ($2::pg_catalog.oid[])
                  AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
                  AND d.refobjid = a.attrelid AND d.refobjsubid = a.attnum),
       tn.nspname::pg_catalog.text, t.typname::pg_catalog.text, a.atttypmod,
       coalesce(cn.nspname || '.' || co.collname, '')
  FROM pg_catalog.pg_attribute a
  JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
  JOIN pg_catalog.pg_namespace tn ON tn.oid = t.typnamespace
  LEFT JOIN pg_catalog.pg_collation co ON co.oid = a.attcollation
  LEFT JOIN pg_catalog.pg_namespace cn ON cn.oid = co.collnamespace
 WHERE a.attrelid = ANY ($1::pg_catalog.oid[]) AND a.attnum > 0 AND NOT a.attisdropped
 ORDER BY a.attrelid, a.attnum
