-- $1: oids of functions and procedures, $2: oids of the members.
SELECT json_build_object(
    'oid', p.oid::bigint,
    'name', json_build_object('schema', n.nspname, 'name', p.proname),
    'kind', CASE p.prokind WHEN 'p' THEN 'procedure' ELSE 'function' END,
    'identity_arguments', pg_get_function_identity_arguments(p.oid),
    -- The same arguments with no default that refers to anything; columns of TABLE (…) are told with the result.
    'stub_arguments', (
        SELECT coalesce(string_agg(CASE a.mode WHEN 'o' THEN 'OUT ' WHEN 'b' THEN 'INOUT ' WHEN 'v' THEN 'VARIADIC '
                                               ELSE 'IN ' END
                                   || CASE WHEN a.name <> '' THEN pg_catalog.quote_ident(a.name) || ' ' ELSE '' END
                                   || pg_catalog.format_type(a.type, NULL)
                                   || CASE WHEN a.mode <> 'o' AND a.inputs > p.pronargs - p.pronargdefaults
                                           THEN ' DEFAULT NULL' ELSE '' END, ', ' ORDER BY a.n), '')
          FROM (SELECT t.n, t.type, coalesce(p.proargmodes[t.n], 'i') AS mode, coalesce(p.proargnames[t.n], '') AS name,
                       count(*) FILTER (WHERE coalesce(p.proargmodes[t.n], 'i') IN ('i', 'b', 'v')) OVER (ORDER BY t.n) AS inputs
                  FROM unnest(coalesce(p.proallargtypes, p.proargtypes::oid[])) WITH ORDINALITY t (type, n)) a
         WHERE a.mode <> 't'),
    'result', pg_get_function_result(p.oid),
    'definition', rtrim(pg_get_functiondef(p.oid), E'\n'),
    'standard_body', p.prosqlbody IS NOT NULL,
    -- An argument without a name beside others with names is printed as "".
    'readable_body', p.prosqlbody IS NULL OR '' <> ALL (coalesce(p.proargnames, '{}'))
                     OR strpos(pg_get_function_sqlbody(p.oid), '""') = 0,
    'owner', pg_get_userbyid(p.proowner),
    'may_act_as_owner', pg_has_role(p.proowner, 'USAGE'),
    'may_create_in_schema', has_schema_privilege(n.oid, 'CREATE'),
    'owner_may_create_in_schema', has_schema_privilege(p.proowner, n.oid, 'CREATE'),
    -- An empty list (everything was revoked) is not the same as none (the built-in default).
    'acl', CASE WHEN p.proacl IS NOT NULL THEN (
        SELECT coalesce(json_agg(json_build_object('grantee', CASE WHEN x.grantee <> 0 THEN pg_get_userbyid(x.grantee) END,
                                                   'grantor', pg_get_userbyid(x.grantor),
                                                   'privilege', x.privilege_type, 'grantable', x.is_grantable)
                                 ORDER BY x.ordinality), '[]')
          FROM aclexplode(p.proacl) WITH ORDINALITY x) END,
    -- What a function that the session's role makes in this schema is given.
    'default_acl', (SELECT CASE WHEN count(*) > 0 THEN
        coalesce(json_agg(json_build_object('grantee', CASE WHEN x.grantee <> 0 THEN pg_get_userbyid(x.grantee) END,
                                            'grantor', pg_get_userbyid(x.grantor),
                                            'privilege', x.privilege_type, 'grantable', x.is_grantable)
                          ORDER BY x.ordinality) FILTER (WHERE x.grantee IS NOT NULL), '[]') END
          FROM pg_default_acl d
          JOIN pg_roles r ON r.oid = d.defaclrole AND r.rolname = current_user
          LEFT JOIN LATERAL aclexplode(d.defaclacl) WITH ORDINALITY x ON true
         WHERE d.defaclnamespace IN (0, n.oid) AND d.defaclobjtype = 'f'),
    'comment', pg_catalog.obj_description(p.oid, 'pg_proc'),
    'security_labels', (SELECT coalesce(json_agg(json_build_object('provider', l.provider, 'label', l.label)
                                                 ORDER BY l.provider), '[]')
                          FROM pg_seclabel l
                         WHERE l.classoid = 'pg_proc'::regclass::oid AND l.objoid = p.oid AND l.objsubid = 0),
    'depends_on_extensions', (SELECT coalesce(json_agg(e.extname ORDER BY d.ctid), '[]')
                                FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
                               WHERE d.classid = 'pg_proc'::regclass::oid AND d.objid = p.oid AND d.deptype = 'x'
                                 AND d.refclassid = 'pg_extension'::regclass::oid),
    'superuser_only', p.proleakproof OR p.prosupport <> 0 OR NOT l.lanpltrusted,
    'row_types', (SELECT coalesce(json_agg(DISTINCT coalesce(nullif(t.typrelid, 0), e.typrelid)::bigint), '[]')
                    FROM unnest(coalesce(p.proallargtypes, p.proargtypes::oid[]) || p.prorettype) s (oid)
                    JOIN pg_type t ON t.oid = s.oid
                    LEFT JOIN pg_type e ON e.oid = t.typelem AND t.typcategory = 'A'
                   WHERE coalesce(nullif(t.typrelid, 0), e.typrelid, 0) <> 0),
    'reads', (SELECT coalesce(json_agg(DISTINCT jsonb_build_object('relation', a.attrelid::bigint, 'column', a.attname)), '[]')
                FROM pg_depend d
                JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid AND a.attnum > 0
               WHERE d.classid = 'pg_proc'::regclass::oid AND d.objid = p.oid
                 AND d.refclassid = 'pg_class'::regclass::oid AND d.refobjid = ANY ($2)),
    'extension', (SELECT e.extname FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
                   WHERE d.classid = 'pg_proc'::regclass::oid AND d.objid = p.oid AND d.deptype = 'e'
                     AND d.refclassid = 'pg_extension'::regclass::oid)
)
  FROM pg_proc p
  JOIN pg_namespace n ON n.oid = p.pronamespace
  JOIN pg_language l ON l.oid = p.prolang
 WHERE p.oid = ANY ($1)
