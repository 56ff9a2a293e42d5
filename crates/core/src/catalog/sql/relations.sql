-- $1: schema, $2: names. One row a relation; definitions print with $1 on the search path.
SELECT c.oid, json_build_object(
    'oid', c.oid::bigint,
    'name', json_build_object('schema', n.nspname, 'name', c.relname),
    'printed_name', c.oid::regclass::text,
    'kind', c.relkind::text,
    'owner', pg_get_userbyid(c.relowner),
    'may_act_as_owner', pg_has_role(c.relowner, 'USAGE'),
    'may_select', has_table_privilege(c.oid, 'SELECT'),
    'persistence', c.relpersistence::text,
    'access_method', am.amname,
    'tablespace', ts.spcname,
    'options', coalesce(c.reloptions, '{}'),
    'toast_options', coalesce(t.reloptions, '{}'),
    -- An empty list (everything was revoked) is not the same as none (the built-in default).
    'acl', CASE WHEN c.relacl IS NOT NULL THEN (
        SELECT coalesce(json_agg(json_build_object('grantee', CASE WHEN a.grantee <> 0 THEN pg_get_userbyid(a.grantee) END,
                                                   'grantor', pg_get_userbyid(a.grantor),
                                                   'privilege', a.privilege_type, 'grantable', a.is_grantable)
                                 ORDER BY a.ordinality), '[]')
          FROM aclexplode(c.relacl) WITH ORDINALITY a) END,
    'comment', obj_description(c.oid, 'pg_class'),
    'row_security', c.relrowsecurity,
    'force_row_security', c.relforcerowsecurity,
    'replica_identity', c.relreplident::text,
    'of_type', (SELECT json_build_object('schema', tn.nspname, 'name', ot.typname)
                  FROM pg_type ot JOIN pg_namespace tn ON tn.oid = ot.typnamespace WHERE ot.oid = c.reloftype),
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
    -- Of the relation, its columns and the sequences that belong to them.
    'security_labels', (SELECT coalesce(json_agg(s.provider ORDER BY s.provider, s.objoid, s.objsubid), '[]')
                          FROM pg_seclabel s
                         WHERE s.classoid = 'pg_class'::regclass
                           AND (s.objoid = c.oid
                                OR s.objoid IN (SELECT d.objid FROM pg_depend d JOIN pg_class q ON q.oid = d.objid
                                                 WHERE d.classid = 'pg_class'::regclass AND q.relkind = 'S'
                                                   AND d.refclassid = 'pg_class'::regclass AND d.refobjid = c.oid
                                                   AND d.deptype IN ('a', 'i')))),
    'publications', (SELECT coalesce(json_agg(p.pubname ORDER BY p.pubname), '[]')
                       FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid WHERE r.prrelid = c.oid),
    -- FOR TABLES IN SCHEMA, PostgreSQL 15: the view knows them, the catalog table is not in every supported version.
    'schema_publications', (SELECT coalesce(json_agg(t.pubname ORDER BY t.pubname), '[]')
                              FROM pg_publication_tables t JOIN pg_publication p ON p.pubname = t.pubname
                             WHERE t.schemaname = n.nspname AND t.tablename = c.relname AND NOT p.puballtables
                               AND NOT EXISTS (SELECT FROM pg_publication_rel r
                                                WHERE r.prpubid = p.oid AND r.prrelid = c.oid)),
    -- ALTER … DEPENDS ON EXTENSION, of the relation, its indexes and its triggers.
    'extension_dependents', (SELECT coalesce(json_agg(pg_describe_object(d.classid, d.objid, d.objsubid)
                                                      ORDER BY d.classid, d.objid), '[]')
                               FROM pg_depend d
                              WHERE d.deptype = 'x'
                                AND ((d.classid = 'pg_class'::regclass
                                      AND (d.objid = c.oid
                                           OR d.objid IN (SELECT x.indexrelid FROM pg_index x WHERE x.indrelid = c.oid)))
                                     OR (d.classid = 'pg_trigger'::regclass
                                         AND d.objid IN (SELECT g.oid FROM pg_trigger g WHERE g.tgrelid = c.oid)))),
    'reads', (SELECT coalesce(json_agg(DISTINCT d.refobjid::bigint), '[]')
                FROM pg_rewrite r
                JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
                                AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> c.oid
               WHERE r.ev_class = c.oid AND r.rulename = '_RETURN'),
    'definition', CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid, true) END,
    'populated', c.relispopulated,
    -- NULL where it was dropped under our eyes.
    'bytes', coalesce(pg_total_relation_size(c.oid), 0),
    'estimated_rows', c.reltuples::bigint
)
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_class t ON t.oid = c.reltoastrelid
  LEFT JOIN pg_am am ON am.oid = c.relam
  LEFT JOIN pg_tablespace ts ON ts.oid = c.reltablespace
 WHERE n.nspname = $1 AND c.relname = ANY ($2) AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
