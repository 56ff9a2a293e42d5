-- $1: oids of the members. Foreign keys of tables outside the set that point into it.
SELECT json_build_object(
    'table', json_build_object('schema', n.nspname, 'name', c.relname),
    'table_oid', c.oid::bigint,
    'owner', pg_get_userbyid(c.relowner),
    'may_act_as_owner', pg_has_role(c.relowner, 'USAGE'),
    'partitioned', c.relkind = 'p',
    'bound_by_row_security', row_security_active(c.oid),
    'name', k.conname,
    'columns', (SELECT json_agg(a.attname ORDER BY o.ordinality)
                  FROM unnest(k.conkey) WITH ORDINALITY o (attnum, ordinality)
                  JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = o.attnum),
    'deferrable', k.condeferrable,
    'deferred', k.condeferred,
    'validated', k.convalidated,
    'triggers_as_made', NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgconstraint = k.oid AND t.tgenabled <> 'O'),
    -- NOT ENFORCED and PERIOD came with PostgreSQL 18.
    'enforced', coalesce((later.columns ->> 'conenforced')::boolean, true),
    'temporal', coalesce((later.columns ->> 'conperiod')::boolean, false),
    'comparisons', (SELECT json_agg(json_build_object(
                        'operator', format('OPERATOR(%I.%s)', opn.nspname, op.oprname),
                        -- Where the two columns' differ, it is the referenced one's that counts.
                        'collation', CASE WHEN theirs.attcollation <> ours.attcollation AND theirs.attcollation <> 0 THEN
                            (SELECT json_build_object('schema', cn.nspname, 'name', co.collname)
                               FROM pg_collation co JOIN pg_namespace cn ON cn.oid = co.collnamespace
                              WHERE co.oid = theirs.attcollation) END) ORDER BY o.ordinality)
                      FROM unnest(k.conpfeqop, k.conkey, k.confkey) WITH ORDINALITY o (operator, our, their, ordinality)
                      JOIN pg_operator op ON op.oid = o.operator
                      JOIN pg_namespace opn ON opn.oid = op.oprnamespace
                      JOIN pg_attribute ours ON ours.attrelid = k.conrelid AND ours.attnum = o.our
                      JOIN pg_attribute theirs ON theirs.attrelid = k.confrelid AND theirs.attnum = o.their),
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
                                FROM json_array_elements_text(CASE json_typeof(later.columns -> 'confdelsetcols')
                                                              WHEN 'array' THEN later.columns -> 'confdelsetcols'
                                                              ELSE '[]' END) WITH ORDINALITY o (attnum, ordinality)
                                JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = o.attnum::smallint)),
    'comment', pg_catalog.obj_description(k.oid, 'pg_constraint')
)
  FROM pg_constraint k
  JOIN pg_class c ON c.oid = k.conrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_class f ON f.oid = k.confrelid
  JOIN pg_namespace fn ON fn.oid = f.relnamespace
 -- For columns that came with later releases.
 CROSS JOIN LATERAL (SELECT to_json(k) AS columns OFFSET 0) later
 WHERE k.contype = 'f' AND k.confrelid = ANY ($1) AND k.conrelid <> ALL ($1)
   AND k.conparentid = 0
 ORDER BY n.nspname, c.relname, k.conname
