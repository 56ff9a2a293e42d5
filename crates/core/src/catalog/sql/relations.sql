-- $1: schema, $2: names. One row a relation; definitions print with $1 on the search path.
SELECT c.oid, json_build_object(
    'oid', c.oid::bigint,
    'name', json_build_object('schema', n.nspname, 'name', c.relname),
    'kind', c.relkind::text,
    'owner', pg_get_userbyid(c.relowner),
    'persistence', c.relpersistence::text,
    'access_method', am.amname,
    'tablespace', ts.spcname,
    'options', coalesce(c.reloptions, '{}'),
    'toast_options', coalesce(t.reloptions, '{}'),
    'acl', (SELECT json_agg(json_build_object('grantee', CASE WHEN a.grantee <> 0 THEN pg_get_userbyid(a.grantee) END,
                                              'grantor', pg_get_userbyid(a.grantor),
                                              'privilege', a.privilege_type, 'grantable', a.is_grantable)
                            ORDER BY a.ordinality)
              FROM aclexplode(c.relacl) WITH ORDINALITY a),
    'comment', obj_description(c.oid, 'pg_class'),
    'row_security', c.relrowsecurity,
    'force_row_security', c.relforcerowsecurity,
    'replica_identity', c.relreplident::text,
    'of_type', (c.reloftype <> 0),
    'is_partition', c.relispartition,
    'inherits_from', (SELECT coalesce(json_agg(i.inhparent::regclass::text ORDER BY i.inhseqno), '[]')
                        FROM pg_inherits i WHERE i.inhrelid = c.oid),
    'inherited_by', (SELECT coalesce(json_agg(i.inhrelid::regclass::text ORDER BY i.inhrelid::regclass::text), '[]')
                       FROM pg_inherits i WHERE i.inhparent = c.oid),
    'extension', (SELECT e.extname FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
                   WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
                     AND d.refclassid = 'pg_extension'::regclass),
    'policies', (SELECT coalesce(json_agg(p.polname ORDER BY p.polname), '[]')
                   FROM pg_policy p WHERE p.polrelid = c.oid),
    'rules', (SELECT coalesce(json_agg(r.rulename ORDER BY r.rulename), '[]')
                FROM pg_rewrite r WHERE r.ev_class = c.oid AND r.rulename <> '_RETURN'),
    'security_labels', (SELECT coalesce(json_agg(s.provider ORDER BY s.provider, s.objsubid), '[]')
                          FROM pg_seclabel s WHERE s.classoid = 'pg_class'::regclass AND s.objoid = c.oid),
    'publications', (SELECT coalesce(json_agg(p.pubname ORDER BY p.pubname), '[]')
                       FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid WHERE r.prrelid = c.oid),
    'definition', CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid, true) END,
    'populated', c.relispopulated,
    'bytes', pg_total_relation_size(c.oid),
    'estimated_rows', c.reltuples::bigint
)
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_class t ON t.oid = c.reltoastrelid
  LEFT JOIN pg_am am ON am.oid = c.relam
  LEFT JOIN pg_tablespace ts ON ts.oid = c.reltablespace
 WHERE n.nspname = $1 AND c.relname = ANY ($2) AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
