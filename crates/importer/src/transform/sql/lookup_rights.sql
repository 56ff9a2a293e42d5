-- Whether the role may add rows to a table that bring nothing but one column; the sequences that other columns would draw from and
-- the role may not; the column's collation; a deferrable constraint, by which no conflict can be seen.
SELECT pg_catalog.has_column_privilege(c.oid, a.attnum, 'INSERT'),
       ARRAY(SELECT DISTINCT s.oid::pg_catalog.regclass::pg_catalog.text
               FROM pg_catalog.pg_attrdef f
               JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass AND d.objid = f.oid
                                          AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
               JOIN pg_catalog.pg_class s ON s.oid = d.refobjid
              WHERE f.adrelid = c.oid AND f.adnum <> a.attnum
                -- An error of what is no sequence, and conditions are asked in any order.
                AND CASE WHEN s.relkind = 'S' THEN NOT pg_catalog.has_sequence_privilege(s.oid, 'USAGE, UPDATE') ELSE false END
              ORDER BY 1),
       ln.nspname::pg_catalog.text, l.collname::pg_catalog.text,
       (SELECT i.indexrelid::pg_catalog.regclass::pg_catalog.text FROM pg_catalog.pg_index i
         WHERE i.indrelid = c.oid AND i.indisunique AND NOT i.indimmediate AND i.indpred IS NULL
           AND i.indnkeyatts = 1 AND i.indkey[0] = a.attnum
         ORDER BY 1 LIMIT 1)
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attname = $3 AND NOT a.attisdropped
  LEFT JOIN pg_catalog.pg_collation l ON l.oid = a.attcollation
  LEFT JOIN pg_catalog.pg_namespace ln ON ln.oid = l.collnamespace
 WHERE n.nspname = $1 AND c.relname = $2
