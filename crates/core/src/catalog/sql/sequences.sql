-- $1: relation oids. Sequences that belong to a column: of serial columns ('a') and of identity columns ('i').
SELECT d.refobjid, json_agg(json_build_object(
    'oid', c.oid::bigint,
    'name', json_build_object('schema', n.nspname, 'name', c.relname),
    'column', a.attname,
    'identity', (d.deptype = 'i'),
    'owner', pg_get_userbyid(c.relowner),
    'may_select', has_sequence_privilege(c.oid, 'SELECT'),
    'persistence', c.relpersistence::text,
    'data_type', pg_catalog.format_type(s.seqtypid, NULL),
    'start', s.seqstart,
    'increment', s.seqincrement,
    'min', s.seqmin,
    'max', s.seqmax,
    'cache', s.seqcache,
    'cycle', s.seqcycle,
    -- An empty list (everything was revoked) is not the same as none (the built-in default).
    'acl', CASE WHEN c.relacl IS NOT NULL THEN (
        SELECT coalesce(json_agg(json_build_object('grantee', CASE WHEN x.grantee <> 0 THEN pg_get_userbyid(x.grantee) END,
                                                   'grantor', pg_get_userbyid(x.grantor),
                                                   'privilege', x.privilege_type, 'grantable', x.is_grantable)
                                 ORDER BY x.ordinality), '[]')
          FROM aclexplode(c.relacl) WITH ORDINALITY x) END,
    'built_in_acl', (SELECT json_agg(json_build_object('grantee', CASE WHEN x.grantee <> 0 THEN pg_get_userbyid(x.grantee) END,
                                                       'grantor', pg_get_userbyid(x.grantor),
                                                       'privilege', x.privilege_type, 'grantable', x.is_grantable)
                                      ORDER BY x.ordinality)
                       FROM aclexplode(acldefault('s', c.relowner)) WITH ORDINALITY x),
    'security_labels', (SELECT coalesce(json_agg(json_build_object('provider', l.provider, 'label', l.label)
                                                 ORDER BY l.provider), '[]')
                          FROM pg_seclabel l
                         WHERE l.classoid = 'pg_class'::regclass::oid AND l.objoid = c.oid AND l.objsubid = 0),
    'comment', pg_catalog.obj_description(c.oid, 'pg_class'),
    'last_value', CASE WHEN has_sequence_privilege(c.oid, 'USAGE,SELECT') THEN pg_sequence_last_value(c.oid) END
) ORDER BY a.attnum)
  FROM pg_depend d
  JOIN pg_class c ON c.oid = d.objid AND c.relkind = 'S'
  JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_sequence s ON s.seqrelid = c.oid
  JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
 WHERE d.classid = 'pg_class'::regclass::oid AND d.refclassid = 'pg_class'::regclass::oid
   AND d.refobjid = ANY ($1) AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i')
 GROUP BY d.refobjid
