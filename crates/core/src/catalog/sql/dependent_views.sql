-- $1: oids of views and materialized views, $2: oids of the members.
SELECT json_build_object(
    'oid', c.oid::bigint,
    'name', json_build_object('schema', n.nspname, 'name', c.relname),
    'kind', c.relkind::text,
    'owner', pg_get_userbyid(c.relowner),
    'may_act_as_owner', pg_has_role(c.relowner, 'USAGE'),
    'may_create_in_schema', has_schema_privilege(n.oid, 'CREATE'),
    'owner_may_create_in_schema', has_schema_privilege(c.relowner, n.oid, 'CREATE'),
    -- An empty list (everything was revoked) is not the same as none (the built-in default).
    'acl', CASE WHEN c.relacl IS NOT NULL THEN (
        SELECT coalesce(json_agg(json_build_object('grantee', CASE WHEN x.grantee <> 0 THEN pg_get_userbyid(x.grantee) END,
                                                   'grantor', pg_get_userbyid(x.grantor),
                                                   'privilege', x.privilege_type, 'grantable', x.is_grantable)
                                 ORDER BY x.ordinality), '[]')
          FROM aclexplode(c.relacl) WITH ORDINALITY x) END,
    -- What a view that the session's role makes in this schema is given.
    'default_acl', (SELECT CASE WHEN count(*) > 0 THEN
        coalesce(json_agg(json_build_object('grantee', CASE WHEN x.grantee <> 0 THEN pg_get_userbyid(x.grantee) END,
                                            'grantor', pg_get_userbyid(x.grantor),
                                            'privilege', x.privilege_type, 'grantable', x.is_grantable)
                          ORDER BY x.ordinality) FILTER (WHERE x.grantee IS NOT NULL), '[]') END
          FROM pg_default_acl d
          JOIN pg_roles r ON r.oid = d.defaclrole AND r.rolname = current_user
          LEFT JOIN LATERAL aclexplode(d.defaclacl) WITH ORDINALITY x ON true
         WHERE d.defaclnamespace IN (0, n.oid) AND d.defaclobjtype = 'r'),
    'comment', pg_catalog.obj_description(c.oid, 'pg_class'),
    'security_labels', (SELECT coalesce(json_agg(json_build_object('provider', l.provider, 'label', l.label)
                                                 ORDER BY l.provider), '[]')
                          FROM pg_seclabel l
                         WHERE l.classoid = 'pg_class'::regclass::oid AND l.objoid = c.oid AND l.objsubid = 0),
    'options', coalesce(c.reloptions, '{}'),
    'definition', pg_get_viewdef(c.oid, true),
    'reads', (SELECT coalesce(json_agg(DISTINCT jsonb_build_object('relation', a.attrelid::bigint, 'column', a.attname)), '[]')
                FROM pg_rewrite r
                JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass::oid AND d.objid = r.oid
                                AND d.refclassid = 'pg_class'::regclass::oid AND d.refobjid = ANY ($2)
                JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid AND a.attnum > 0
               WHERE r.ev_class = c.oid AND r.rulename = '_RETURN'),
    'extension', (SELECT e.extname FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
                   WHERE d.classid = 'pg_class'::regclass::oid AND d.objid = c.oid AND d.deptype = 'e'
                     AND d.refclassid = 'pg_extension'::regclass::oid)
)
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.oid = ANY ($1)
