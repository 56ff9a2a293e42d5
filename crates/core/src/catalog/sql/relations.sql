-- $1: oids. One row a relation; definitions print with the set's schema on the search path.
SELECT c.oid, json_build_object(
    'oid', c.oid::bigint,
    'name', json_build_object('schema', n.nspname, 'name', c.relname),
    'printed_name', c.oid::regclass::text,
    'visible', pg_table_is_visible(c.oid),
    'kind', c.relkind::text,
    'owner', pg_get_userbyid(c.relowner),
    'may_act_as_owner', pg_has_role(c.relowner, 'USAGE'),
    'may_select', has_table_privilege(c.oid, 'SELECT'),
    'persistence', c.relpersistence::text,
    'access_method', am.amname,
    'tablespace', ts.spcname,
    'may_use_tablespace', CASE WHEN ts.oid IS NULL THEN true ELSE has_tablespace_privilege(ts.oid, 'CREATE') END,
    'options', coalesce(c.reloptions, '{}'),
    'toast_options', coalesce(t.reloptions, '{}'),
    -- An empty list (everything was revoked) is not the same as none (the built-in default).
    'acl', CASE WHEN c.relacl IS NOT NULL THEN (
        SELECT coalesce(json_agg(json_build_object('grantee', CASE WHEN a.grantee <> 0 THEN pg_get_userbyid(a.grantee) END,
                                                   'grantor', pg_get_userbyid(a.grantor),
                                                   'privilege', a.privilege_type, 'grantable', a.is_grantable)
                                 ORDER BY a.ordinality), '[]')
          FROM aclexplode(c.relacl) WITH ORDINALITY a) END,
    'built_in_acl', (SELECT json_agg(json_build_object('grantee', CASE WHEN x.grantee <> 0 THEN pg_get_userbyid(x.grantee) END,
                                                       'grantor', pg_get_userbyid(x.grantor),
                                                       'privilege', x.privilege_type, 'grantable', x.is_grantable)
                                      ORDER BY x.ordinality)
                       FROM aclexplode(acldefault('r', c.relowner)) WITH ORDINALITY x),
    'system_columns', (SELECT coalesce(json_agg(json_build_object('name', y.attname, 'acl', acl.items) ORDER BY y.attname), '[]')
                         FROM pg_attribute y
                        CROSS JOIN LATERAL (
                           SELECT coalesce(json_agg(json_build_object('grantee', CASE WHEN x.grantee <> 0 THEN pg_get_userbyid(x.grantee) END,
                                                                      'grantor', pg_get_userbyid(x.grantor),
                                                                      'privilege', x.privilege_type, 'grantable', x.is_grantable)
                                                    ORDER BY x.ordinality), '[]') AS items
                             FROM aclexplode(y.attacl) WITH ORDINALITY x) acl
                        WHERE y.attrelid = c.oid AND y.attnum < 0 AND y.attacl IS NOT NULL),
    'comment', pg_catalog.obj_description(c.oid, 'pg_class'),
    'row_security', c.relrowsecurity,
    'force_row_security', c.relforcerowsecurity,
    'bound_by_row_security', row_security_active(c.oid),
    'replica_identity', c.relreplident::text,
    'of_type', (SELECT json_build_object('schema', tn.nspname, 'name', ot.typname)
                  FROM pg_type ot JOIN pg_namespace tn ON tn.oid = ot.typnamespace WHERE ot.oid = c.reloftype),
    -- Citus keeps the truth in tables of its own, which are not there everywhere; its trigger is.
    'distributed', EXISTS (SELECT FROM pg_trigger g JOIN pg_proc p ON p.oid = g.tgfoid
                            WHERE g.tgrelid = c.oid AND p.proname = 'citus_truncate_trigger'),
    'partition_key', CASE WHEN c.relkind = 'p' THEN pg_get_partkeydef(c.oid) END,
    'partition', CASE WHEN c.relispartition THEN (
        SELECT json_build_object('parent_oid', i.inhparent::bigint,
                                 'bound', pg_get_expr(c.relpartbound, c.oid),
                                 'detaching', i.inhdetachpending)
          FROM pg_inherits i WHERE i.inhrelid = c.oid) END,
    'inherits_from', (SELECT coalesce(json_agg(json_build_object('oid', k.oid::bigint,
                                                                 'name', json_build_object('schema', kn.nspname,
                                                                                           'name', k.relname))
                                               ORDER BY i.inhseqno), '[]')
                        FROM pg_inherits i JOIN pg_class k ON k.oid = i.inhparent
                        JOIN pg_namespace kn ON kn.oid = k.relnamespace WHERE i.inhrelid = c.oid),
    'inherited_by', (SELECT coalesce(json_agg(json_build_object('oid', k.oid::bigint,
                                                                'name', json_build_object('schema', kn.nspname,
                                                                                          'name', k.relname))
                                              ORDER BY kn.nspname, k.relname), '[]')
                       FROM pg_inherits i JOIN pg_class k ON k.oid = i.inhrelid
                       JOIN pg_namespace kn ON kn.oid = k.relnamespace WHERE i.inhparent = c.oid),
    'extension', (SELECT e.extname FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
                   WHERE d.classid = 'pg_class'::regclass::oid AND d.objid = c.oid AND d.deptype = 'e'
                     AND d.refclassid = 'pg_extension'::regclass::oid),
    'security_labels', (SELECT coalesce(json_agg(json_build_object('provider', l.provider, 'label', l.label)
                                                 ORDER BY l.provider), '[]')
                          FROM pg_seclabel l
                         WHERE l.classoid = 'pg_class'::regclass::oid AND l.objoid = c.oid AND l.objsubid = 0),
    -- FOR TABLES IN SCHEMA, PostgreSQL 15: the view knows them, the catalog table is not in every supported version.
    'schema_publications', (SELECT coalesce(json_agg(t.pubname ORDER BY t.pubname), '[]')
                              FROM pg_publication_tables t JOIN pg_publication p ON p.pubname = t.pubname
                             WHERE t.schemaname = n.nspname AND t.tablename = c.relname AND NOT p.puballtables
                               AND NOT EXISTS (SELECT FROM pg_publication_rel r
                                                WHERE r.prpubid = p.oid AND r.prrelid = c.oid)),
    -- By a view: of pg_subscription itself a plain role may not read every column in every supported version.
    'subscriptions', (SELECT coalesce(json_agg(DISTINCT s.subname ORDER BY s.subname), '[]')
                        FROM pg_subscription_rel r JOIN pg_stat_subscription s ON s.subid = r.srsubid
                       WHERE r.srrelid = c.oid),
    'depends_on_extensions', (SELECT coalesce(json_agg(e.extname ORDER BY d.ctid), '[]')
                                FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
                               WHERE d.classid = 'pg_class'::regclass::oid AND d.objid = c.oid AND d.deptype = 'x'
                                 AND d.refclassid = 'pg_extension'::regclass::oid),
    -- Parts that call functions over the row type of some relation, or an array of it; checks tell it themselves.
    'row_type_calls', (SELECT coalesce(json_agg(DISTINCT jsonb_build_object(
                                  'part', pg_describe_object(p.classid, p.oid, 0),
                                  'function', d.refobjid::regprocedure::text,
                                  'row_type_of', coalesce(nullif(t.typrelid, 0), e.typrelid)::bigint)), '[]')
                         FROM (SELECT 'pg_attrdef'::regclass::oid, a.oid FROM pg_attrdef a WHERE a.adrelid = c.oid
                               UNION ALL
                               SELECT 'pg_class'::regclass::oid, x.indexrelid FROM pg_index x WHERE x.indrelid = c.oid
                               UNION ALL
                               SELECT 'pg_trigger'::regclass::oid, g.oid FROM pg_trigger g WHERE g.tgrelid = c.oid
                               UNION ALL
                               SELECT 'pg_policy'::regclass::oid, y.oid FROM pg_policy y WHERE y.polrelid = c.oid
                               UNION ALL
                               SELECT 'pg_rewrite'::regclass::oid, r.oid FROM pg_rewrite r WHERE r.ev_class = c.oid
                               UNION ALL
                               SELECT 'pg_statistic_ext'::regclass::oid, s.oid FROM pg_statistic_ext s WHERE s.stxrelid = c.oid
                              ) p (classid, oid)
                         JOIN pg_depend d ON d.classid = p.classid AND d.objid = p.oid AND d.refclassid = 'pg_proc'::regclass::oid
                         JOIN pg_depend f ON f.classid = d.refclassid AND f.objid = d.refobjid
                                         AND f.refclassid = 'pg_type'::regclass::oid
                         JOIN pg_type t ON t.oid = f.refobjid
                         LEFT JOIN pg_type e ON e.oid = t.typelem AND t.typcategory = 'A'
                        WHERE coalesce(nullif(t.typrelid, 0), e.typrelid, 0) <> 0),
    'reads', (SELECT coalesce(json_agg(DISTINCT d.refobjid::bigint), '[]')
                FROM pg_rewrite r
                JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass::oid AND d.objid = r.oid
                                AND d.refclassid = 'pg_class'::regclass::oid AND d.refobjid <> c.oid
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
 WHERE c.oid = ANY ($1)
