-- $1: relation oids. One row a relation, its columns in order. Dropped columns are left out: position is not data.
SELECT a.attrelid, json_agg(json_build_object(
    'name', a.attname,
    'data_type', pg_catalog.format_type(a.atttypid, a.atttypmod),
    'collation', CASE WHEN a.attcollation <> 0 AND a.attcollation <> ty.typcollation
                      THEN json_build_object('schema', cn.nspname, 'name', co.collname) END,
    'not_null', a.attnotnull,
    'default', pg_get_expr(d.adbin, d.adrelid),
    'default_sequences', (SELECT coalesce(json_agg(json_build_object('oid', s.oid::bigint,
                                                                     'name', json_build_object('schema', sn.nspname,
                                                                                               'name', s.relname),
                                                                     -- As the deparsers quote: never E'…'.
                                                                     'printed', '''' || replace(s.oid::regclass::text, '''', '''''') || '''')
                                                   ORDER BY s.oid), '[]')
                            FROM pg_depend u JOIN pg_class s ON s.oid = u.refobjid AND s.relkind = 'S'
                            JOIN pg_namespace sn ON sn.oid = s.relnamespace
                           WHERE u.classid = 'pg_attrdef'::regclass::oid AND u.objid = d.oid
                             AND u.refclassid = 'pg_class'::regclass::oid AND u.deptype = 'n'),
    'default_row_types', (SELECT coalesce(json_agg(DISTINCT coalesce(nullif(rt.typrelid, 0), re.typrelid)::bigint), '[]')
                    FROM pg_depend rd JOIN pg_type rt ON rt.oid = rd.refobjid
                    LEFT JOIN pg_type re ON re.oid = rt.typelem AND rt.typcategory = 'A'
                   WHERE rd.classid = 'pg_attrdef'::regclass::oid AND rd.objid = d.oid AND rd.refclassid = 'pg_type'::regclass::oid
                     AND coalesce(nullif(rt.typrelid, 0), re.typrelid, 0) <> 0),
    'row_type_of', nullif(CASE WHEN el.oid IS NULL THEN ty.typrelid ELSE el.typrelid END, 0)::bigint,
    'local', a.attislocal,
    'inherit_count', a.attinhcount,
    'generated', a.attgenerated::text,
    'identity', a.attidentity::text,
    'storage', CASE WHEN a.attstorage <> ty.typstorage THEN a.attstorage::text END,
    'compression', nullif(a.attcompression::text, ''),
    -- NULL from PostgreSQL 17 on, -1 before: both mean the default.
    'statistics_target', nullif(a.attstattarget, -1),
    -- Some minor releases keep a version stamp of their own here, which no dump prints and no statement can set.
    'options', (SELECT coalesce(json_agg(o ORDER BY ordinality), '[]')
                  FROM unnest(a.attoptions) WITH ORDINALITY u (o, ordinality) WHERE NOT starts_with(o, 'pg_attver=')),
    -- An empty list (everything was revoked) is not the same as none (the built-in default).
    'acl', CASE WHEN a.attacl IS NOT NULL THEN (
        SELECT coalesce(json_agg(json_build_object('grantee', CASE WHEN x.grantee <> 0 THEN pg_get_userbyid(x.grantee) END,
                                                   'grantor', pg_get_userbyid(x.grantor),
                                                   'privilege', x.privilege_type, 'grantable', x.is_grantable)
                                 ORDER BY x.ordinality), '[]')
          FROM aclexplode(a.attacl) WITH ORDINALITY x) END,
    'security_labels', (SELECT coalesce(json_agg(json_build_object('provider', l.provider, 'label', l.label)
                                                 ORDER BY l.provider), '[]')
                          FROM pg_seclabel l
                         WHERE l.classoid = 'pg_class'::regclass::oid AND l.objoid = a.attrelid AND l.objsubid = a.attnum),
    'comment', pg_catalog.col_description(a.attrelid, a.attnum)
) ORDER BY a.attnum)
  FROM pg_attribute a
  JOIN pg_type ty ON ty.oid = a.atttypid
  LEFT JOIN pg_type el ON el.oid = ty.typelem AND ty.typcategory = 'A'
  LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
  LEFT JOIN pg_collation co ON co.oid = a.attcollation
  LEFT JOIN pg_namespace cn ON cn.oid = co.collnamespace
 WHERE a.attrelid = ANY ($1) AND a.attnum > 0 AND NOT a.attisdropped
 GROUP BY a.attrelid
