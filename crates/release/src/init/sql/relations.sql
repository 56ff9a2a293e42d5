-- $1: the schema of the live tables, $2: schemas of the portal; where there are none, what reads foreign tables is a source.
-- One row a relation that may be released, or imported from.
WITH RECURSIVE reaches (oid) AS (
    SELECT c.oid FROM pg_catalog.pg_class c WHERE c.relkind = 'f'
    UNION
    SELECT r.ev_class
      FROM reaches f
      JOIN pg_catalog.pg_depend d ON d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = f.oid
                                 AND d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
      JOIN pg_catalog.pg_rewrite r ON r.oid = d.objid
), relations AS (
    SELECT c.oid, c.relkind, n.nspname, c.relname, c.reltuples,
           n.nspname = $1 AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND n.nspname <> ALL ($2) AS is_table,
           CASE WHEN pg_catalog.cardinality($2) > 0 THEN n.nspname = ANY ($2) AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
                ELSE c.oid IN (SELECT oid FROM reaches) END AS is_source
      FROM pg_catalog.pg_class c
      JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'cutover') AND c.relpersistence <> 't'
       AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend e
                        WHERE e.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND e.objid = c.oid AND e.deptype = 'e')
)
SELECT r.oid, r.relkind::pg_catalog.text AS kind, r.nspname::pg_catalog.text AS schema, r.relname::pg_catalog.text AS name,
       r.is_table, coalesce(r.is_source, false) AS is_source, greatest(r.reltuples, 0)::bigint AS rows,
       coalesce((SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
                            'name', a.attname, 'type', pg_catalog.format_type(a.atttypid, a.atttypmod),
                            'family', t.typname, 'not_null', a.attnotnull,
                            'filled', a.atthasdef OR a.attidentity <> '', 'generated', a.attgenerated <> '')
                        ORDER BY a.attnum)
                   FROM pg_catalog.pg_attribute a
                   JOIN pg_catalog.pg_type b ON b.oid = a.atttypid
                   JOIN pg_catalog.pg_type t ON t.oid = CASE b.typtype WHEN 'd' THEN b.typbasetype ELSE b.oid END
                  WHERE a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped), '[]') AS columns,
       -- What a unique index covers, whole rows and plain columns only.
       coalesce((SELECT pg_catalog.jsonb_agg(k.columns ORDER BY k.is_primary DESC, k.name)
                   FROM (SELECT i.indisprimary AS is_primary, x.relname AS name,
                                pg_catalog.jsonb_agg(a.attname ORDER BY p.place) AS columns
                           FROM pg_catalog.pg_index i
                           JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
                          CROSS JOIN LATERAL pg_catalog.unnest(i.indkey) WITH ORDINALITY p (attnum, place)
                           JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = p.attnum
                          WHERE i.indrelid = r.oid AND i.indisunique AND i.indpred IS NULL AND i.indexprs IS NULL
                            AND p.place <= i.indnkeyatts
                          GROUP BY i.indexrelid, i.indisprimary, x.relname) k), '[]') AS keys,
       coalesce((SELECT pg_catalog.array_agg(DISTINCT f.confrelid) FROM pg_catalog.pg_constraint f
                  WHERE f.contype = 'f' AND f.conrelid = r.oid AND f.confrelid <> r.oid), '{}') AS refers_to,
       coalesce((SELECT pg_catalog.array_agg(DISTINCT d.refobjid)
                   FROM pg_catalog.pg_rewrite w
                   JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND d.objid = w.oid
                                              AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
                  WHERE w.ev_class = r.oid AND d.refobjid <> r.oid), '{}') AS reads
  FROM relations r
 WHERE r.is_table OR r.is_source
 ORDER BY r.nspname, r.relname
