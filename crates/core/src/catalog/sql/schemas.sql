-- $1: schemas, $2: roles. What is known of each schema, in that order, whether it exists or not.
-- Runs under whatever search path its session has, so everything is qualified.
SELECT pg_catalog.json_build_object(
    'name', s.name,
    'owner', pg_catalog.pg_get_userbyid(n.nspowner),
    'may_use', coalesce(pg_catalog.has_schema_privilege(n.oid, 'USAGE'), false),
    'may_create', coalesce(pg_catalog.has_schema_privilege(n.oid, 'CREATE'), false),
    'roles', (SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
                         'name', r.rolname,
                         'may_use', coalesce(pg_catalog.has_schema_privilege(r.oid, n.oid, 'USAGE'), false),
                         'may_create', coalesce(pg_catalog.has_schema_privilege(r.oid, n.oid, 'CREATE'), false))
                     ORDER BY r.rolname), '[]')
                FROM pg_catalog.pg_roles r WHERE r.rolname = ANY ($2)),
    -- Who else may look names up in it; 0 is PUBLIC.
    'granted_to', (SELECT coalesce(pg_catalog.json_agg(DISTINCT CASE WHEN a.grantee = 0 THEN 'PUBLIC'
                                                                    ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(a.grantee)) END), '[]')
                     FROM pg_catalog.aclexplode(coalesce(n.nspacl, pg_catalog.acldefault('n', n.nspowner))) a
                    WHERE a.privilege_type = 'USAGE' AND a.grantee <> n.nspowner
                      AND pg_catalog.pg_get_userbyid(a.grantee) <> ALL ($2 || current_user::pg_catalog.text)),
    -- To whom default privileges give something on every new schema of the role.
    'given_to', (SELECT coalesce(pg_catalog.json_agg(DISTINCT CASE WHEN a.grantee <> 0 THEN pg_catalog.pg_get_userbyid(a.grantee) END), '[]')
                   FROM pg_catalog.pg_default_acl d
                   JOIN pg_catalog.pg_roles r ON r.oid = d.defaclrole AND r.rolname = current_user
                  CROSS JOIN LATERAL pg_catalog.aclexplode(d.defaclacl) a
                  WHERE d.defaclnamespace = 0 AND d.defaclobjtype = 'n' AND a.grantee <> d.defaclrole),
    -- FOR TABLES IN SCHEMA came with PostgreSQL 15, and its catalog, which is asked for by name.
    'publications', (SELECT coalesce(pg_catalog.json_agg(p.pubname ORDER BY p.pubname), '[]')
                       FROM pg_catalog.pg_depend d
                       JOIN pg_catalog.pg_depend o ON o.classid = d.classid AND o.objid = d.objid
                           AND o.refclassid = 'pg_catalog.pg_publication'::pg_catalog.regclass::pg_catalog.oid
                       JOIN pg_catalog.pg_publication p ON p.oid = o.refobjid
                      WHERE d.refclassid = 'pg_catalog.pg_namespace'::pg_catalog.regclass::pg_catalog.oid AND d.refobjid = n.oid
                        AND d.classid = pg_catalog.to_regclass('pg_catalog.pg_publication_namespace')::pg_catalog.oid)
)
  FROM pg_catalog.unnest($1::pg_catalog.text[]) WITH ORDINALITY s (name, position)
  LEFT JOIN pg_catalog.pg_namespace n ON n.nspname = s.name
 ORDER BY s.position
