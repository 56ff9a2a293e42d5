-- $1: relation oids. Triggers that constraints made for themselves are left out.
SELECT t.tgrelid, json_agg(json_build_object(
    'name', t.tgname,
    'definition', pg_get_triggerdef(t.oid, true),
    'enabled', t.tgenabled::text,
    'constraint', (t.tgconstraint <> 0),
    'constraint_comment', pg_catalog.obj_description(t.tgconstraint, 'pg_constraint'),
    'depends_on_extensions', (SELECT coalesce(json_agg(e.extname ORDER BY d.ctid), '[]')
                                FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
                               WHERE d.classid = 'pg_trigger'::regclass::oid AND d.objid = t.oid AND d.deptype = 'x'
                                 AND d.refclassid = 'pg_extension'::regclass::oid),
    'may_execute', has_function_privilege(t.tgfoid, 'EXECUTE'),
    'inherited', (coalesce((to_json(t) ->> 'tgparentid')::bigint, 0) <> 0),
    'comment', pg_catalog.obj_description(t.oid, 'pg_trigger')
) ORDER BY t.tgname)
  FROM pg_trigger t
 WHERE t.tgrelid = ANY ($1) 
   -- Up to PostgreSQL 14 the clones of a partitioned table's triggers are internal too.
   AND (NOT t.tgisinternal
        OR (coalesce((to_json(t) ->> 'tgparentid')::bigint, 0) <> 0
            AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.oid = t.tgconstraint AND k.contype = 'f')))
 GROUP BY t.tgrelid
