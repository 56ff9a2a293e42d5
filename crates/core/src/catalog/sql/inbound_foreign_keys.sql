-- $1: oids of the members. Foreign keys of tables outside the set that point into it.
SELECT json_build_object(
    'table', json_build_object('schema', n.nspname, 'name', c.relname),
    'table_oid', c.oid::bigint,
    'partitioned', (c.relkind = 'p' OR c.relispartition),
    'name', k.conname,
    'columns', (SELECT json_agg(a.attname ORDER BY o.ordinality)
                  FROM unnest(k.conkey) WITH ORDINALITY o (attnum, ordinality)
                  JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = o.attnum),
    'deferrable', k.condeferrable,
    'deferred', k.condeferred,
    'validated', k.convalidated,
    'references', json_build_object(
        'oid', k.confrelid::bigint,
        'table', json_build_object('schema', fn.nspname, 'name', f.relname),
        'columns', (SELECT json_agg(a.attname ORDER BY o.ordinality)
                      FROM unnest(k.confkey) WITH ORDINALITY o (attnum, ordinality)
                      JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = o.attnum),
        'may_reference', has_schema_privilege(f.relnamespace, 'USAGE')
                         AND (has_table_privilege(f.oid, 'REFERENCES')
                              OR (SELECT bool_and(has_column_privilege(f.oid, u.attnum, 'REFERENCES'))
                                    FROM unnest(k.confkey) u (attnum))),
        'match', k.confmatchtype::text,
        'on_update', k.confupdtype::text,
        'on_delete', k.confdeltype::text,
        'on_delete_columns', (SELECT coalesce(json_agg(a.attname ORDER BY o.ordinality), '[]')
                                FROM json_array_elements_text(CASE json_typeof(to_json(k) -> 'confdelsetcols')
                                                              WHEN 'array' THEN to_json(k) -> 'confdelsetcols'
                                                              ELSE '[]' END) WITH ORDINALITY o (attnum, ordinality)
                                JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = o.attnum::smallint)),
    'comment', obj_description(k.oid, 'pg_constraint')
)
  FROM pg_constraint k
  JOIN pg_class c ON c.oid = k.conrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_class f ON f.oid = k.confrelid
  JOIN pg_namespace fn ON fn.oid = f.relnamespace
 WHERE k.contype = 'f' AND k.confrelid = ANY ($1) AND k.conrelid <> ALL ($1)
   AND k.conparentid = 0
 ORDER BY n.nspname, c.relname, k.conname
