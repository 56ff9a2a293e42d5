-- $1: relation oids.
SELECT x.indrelid, json_agg(json_build_object(
    'oid', i.oid::bigint,
    'name', json_build_object('schema', n.nspname, 'name', i.relname),
    'definition', def.text,
    'tail', CASE WHEN starts_with(def.text, def.head) THEN substr(def.text, length(def.head) + 1) ELSE def.text END,
    'computed', (x.indexprs IS NOT NULL OR x.indpred IS NOT NULL),
    -- In a node tree, spaces within names are escaped, so this is nothing else than a variable that is the whole row.
    'of_rows', (concat(x.indexprs, x.indpred) ~ ':varattno 0 '
                OR EXISTS (SELECT FROM pg_depend d
                             JOIN pg_type t ON t.oid = d.refobjid LEFT JOIN pg_type e ON e.oid = t.typelem AND t.typcategory = 'A'
                            WHERE d.classid = 'pg_class'::regclass::oid AND d.objid = i.oid AND d.refclassid = 'pg_type'::regclass::oid
                              AND coalesce(nullif(t.typrelid, 0), e.typrelid) = ANY ($1))),
    'unique', x.indisunique,
    'primary', x.indisprimary,
    'valid', x.indisvalid,
    'clustered', x.indisclustered,
    'replica_identity', x.indisreplident,
    'constraint', (SELECT k.conname FROM pg_constraint k
                    WHERE k.conindid = i.oid AND k.conrelid = x.indrelid AND k.contype IN ('p', 'u', 'x')),
    'tablespace', ts.spcname,
    'may_use_tablespace', CASE WHEN ts.oid IS NULL THEN true ELSE has_tablespace_privilege(ts.oid, 'CREATE') END,
    'options', coalesce(i.reloptions, '{}'),
    'depends_on_extensions', (SELECT coalesce(json_agg(e.extname ORDER BY d.ctid), '[]')
                                FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
                               WHERE d.classid = 'pg_class'::regclass::oid AND d.objid = i.oid AND d.deptype = 'x'
                                 AND d.refclassid = 'pg_extension'::regclass::oid),
    'parent', (SELECT json_build_object('oid', p.oid::bigint, 'name', json_build_object('schema', pn.nspname, 'name', p.relname))
                 FROM pg_inherits h JOIN pg_class p ON p.oid = h.inhparent
                 JOIN pg_namespace pn ON pn.oid = p.relnamespace WHERE h.inhrelid = i.oid),
    'included', (SELECT coalesce(json_agg(a.attname ORDER BY u.position), '[]')
                   FROM unnest(x.indkey::smallint[]) WITH ORDINALITY u (attnum, position)
                   JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = u.attnum
                  WHERE u.position > x.indnkeyatts),
    -- PostgreSQL 15.
    'nulls_not_distinct', coalesce((to_json(x) ->> 'indnullsnotdistinct')::boolean, false),
    'statistics_targets', (SELECT coalesce(json_object_agg(a.attnum, a.attstattarget ORDER BY a.attnum), '{}')
                             FROM pg_attribute a WHERE a.attrelid = i.oid AND nullif(a.attstattarget, -1) IS NOT NULL),
    'comment', pg_catalog.obj_description(i.oid, 'pg_class'),
    'bytes', coalesce(pg_relation_size(i.oid), 0)
) ORDER BY i.relname)
  FROM pg_index x
  JOIN pg_class i ON i.oid = x.indexrelid
  JOIN pg_namespace n ON n.oid = i.relnamespace
  LEFT JOIN pg_tablespace ts ON ts.oid = i.reltablespace
 CROSS JOIN LATERAL (SELECT pg_get_indexdef(i.oid, 0, true) AS text,
                           format('CREATE %sINDEX %I ON %s%s ', CASE WHEN x.indisunique THEN 'UNIQUE ' END,
                                  i.relname, CASE WHEN i.relkind = 'I' THEN 'ONLY ' END, x.indrelid::regclass) AS head
                     -- So that it is printed once, not at each mention.
                    OFFSET 0) def
 WHERE x.indrelid = ANY ($1)
 GROUP BY x.indrelid
