-- $1: oids of functions and procedures.
SELECT json_build_object(
    'oid', p.oid::bigint,
    'name', json_build_object('schema', n.nspname, 'name', p.proname),
    'kind', CASE p.prokind WHEN 'p' THEN 'procedure' ELSE 'function' END,
    'identity_arguments', pg_get_function_identity_arguments(p.oid),
    'definition', rtrim(pg_get_functiondef(p.oid), E'\n'),
    'standard_body', p.prosqlbody IS NOT NULL,
    'owner', pg_get_userbyid(p.proowner),
    'may_act_as_owner', pg_has_role(p.proowner, 'USAGE'),
    'may_create_in_schema', has_schema_privilege(n.oid, 'CREATE'),
    'superuser_only', p.proleakproof OR p.prosupport <> 0 OR NOT l.lanpltrusted,
    'row_types', (SELECT coalesce(json_agg(DISTINCT coalesce(nullif(t.typrelid, 0), e.typrelid)::bigint), '[]')
                    FROM unnest(coalesce(p.proallargtypes, p.proargtypes::oid[]) || p.prorettype) s (oid)
                    JOIN pg_type t ON t.oid = s.oid
                    LEFT JOIN pg_type e ON e.oid = t.typelem AND t.typcategory = 'A'
                   WHERE coalesce(nullif(t.typrelid, 0), e.typrelid, 0) <> 0),
    'extension', (SELECT e.extname FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
                   WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
                     AND d.refclassid = 'pg_extension'::regclass)
)
  FROM pg_proc p
  JOIN pg_namespace n ON n.oid = p.pronamespace
  JOIN pg_language l ON l.oid = p.prolang
 WHERE p.oid = ANY ($1)
