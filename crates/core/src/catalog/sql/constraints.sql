-- $1: relation oids. NOT NULL is a constraint of its own (contype 'n') from PostgreSQL 18 on.
SELECT k.conrelid, json_agg(json_build_object(
    'name', k.conname,
    'kind', k.contype::text,
    'definition', pg_get_constraintdef(k.oid),
    'columns', (SELECT coalesce(json_agg(a.attname ORDER BY o.ordinality), '[]')
                  FROM unnest(k.conkey) WITH ORDINALITY o (attnum, ordinality)
                  JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = o.attnum),
    'deferrable', k.condeferrable,
    'deferred', k.condeferred,
    'validated', k.convalidated,
    'no_inherit', k.connoinherit,
    -- WITHOUT OVERLAPS, PERIOD and NOT ENFORCED came with PostgreSQL 18.
    'temporal', coalesce((later.columns ->> 'conperiod')::boolean, false),
    'enforced', coalesce((later.columns ->> 'conenforced')::boolean, true),
    -- A check of no column at all has no list of them.
    'whole_row', coalesce(k.contype = 'c' AND 0 = ANY (k.conkey), false),
    'row_types', (SELECT coalesce(json_agg(DISTINCT coalesce(nullif(rt.typrelid, 0), re.typrelid)::bigint), '[]')
                    FROM pg_depend rd JOIN pg_type rt ON rt.oid = rd.refobjid
                    LEFT JOIN pg_type re ON re.oid = rt.typelem AND rt.typcategory = 'A'
                   WHERE rd.classid = 'pg_constraint'::regclass::oid AND rd.objid = k.oid AND rd.refclassid = 'pg_type'::regclass::oid
                     AND coalesce(nullif(rt.typrelid, 0), re.typrelid, 0) <> 0),
    -- A function that takes a member's row takes no other table's.
    'functions_of_rows', (SELECT coalesce(json_agg(DISTINCT p.oid::regprocedure::text), '[]')
                            FROM pg_depend fd JOIN pg_proc p ON p.oid = fd.refobjid
                            JOIN pg_type ft ON ft.oid = ANY (p.proargtypes::oid[]) OR ft.typarray = ANY (p.proargtypes::oid[])
                           WHERE k.contype = 'c' AND fd.classid = 'pg_constraint'::regclass::oid AND fd.objid = k.oid
                             AND fd.refclassid = 'pg_proc'::regclass::oid AND ft.typrelid = ANY ($1)),
    'local', k.conislocal,
    'inherit_count', k.coninhcount,
    'index', (SELECT i.relname FROM pg_class i WHERE i.oid = k.conindid AND k.contype IN ('p', 'u', 'x')),
    'references', CASE WHEN k.contype = 'f' THEN json_build_object(
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
        -- The column list of ON DELETE SET (…) came with PostgreSQL 15.
        'on_delete_columns', (SELECT coalesce(json_agg(a.attname ORDER BY o.ordinality), '[]')
                                FROM json_array_elements_text(CASE json_typeof(later.columns -> 'confdelsetcols')
                                                              WHEN 'array' THEN later.columns -> 'confdelsetcols'
                                                              ELSE '[]' END) WITH ORDINALITY o (attnum, ordinality)
                                JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = o.attnum::smallint)
    ) END,
    'comment', pg_catalog.obj_description(k.oid, 'pg_constraint')
) ORDER BY k.conname)
  FROM pg_constraint k
  LEFT JOIN pg_class f ON f.oid = k.confrelid
  LEFT JOIN pg_namespace fn ON fn.oid = f.relnamespace
 -- For columns that came with later releases; OFFSET, so that it is made once, not at each mention.
 CROSS JOIN LATERAL (SELECT to_json(k) AS columns OFFSET 0) later
 WHERE k.conrelid = ANY ($1) AND k.contype IN ('p', 'u', 'x', 'c', 'f', 'n')
   -- A key to a partitioned table has a shadow on its own table for each partition there.
   AND NOT (k.contype = 'f' AND k.conparentid <> 0
            AND EXISTS (SELECT FROM pg_constraint p WHERE p.oid = k.conparentid AND p.conrelid = k.conrelid))
 GROUP BY k.conrelid
