-- $1: oids of views and materialized views, $2: oids of the members.
SELECT json_build_object(
    'oid', c.oid::bigint,
    'name', json_build_object('schema', n.nspname, 'name', c.relname),
    'kind', c.relkind::text,
    'owner', pg_get_userbyid(c.relowner),
    'may_act_as_owner', pg_has_role(c.relowner, 'USAGE'),
    'may_create_in_schema', has_schema_privilege(n.oid, 'CREATE'),
    'options', coalesce(c.reloptions, '{}'),
    'definition', pg_get_viewdef(c.oid, true),
    'reads', (SELECT coalesce(json_agg(DISTINCT jsonb_build_object('relation', a.attrelid::bigint, 'column', a.attname)), '[]')
                FROM pg_rewrite r
                JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
                                AND d.refclassid = 'pg_class'::regclass AND d.refobjid = ANY ($2)
                JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid AND a.attnum > 0
               WHERE r.ev_class = c.oid AND r.rulename = '_RETURN'),
    'extension', (SELECT e.extname FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
                   WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
                     AND d.refclassid = 'pg_extension'::regclass)
)
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.oid = ANY ($1)
