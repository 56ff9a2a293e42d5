-- $1: relation oids. One row a relation, its columns in order. Dropped columns are left out: position is not data.
SELECT a.attrelid, json_agg(json_build_object(
    'name', a.attname,
    'data_type', format_type(a.atttypid, a.atttypmod),
    'collation', CASE WHEN a.attcollation <> 0 AND a.attcollation <> ty.typcollation
                      THEN json_build_object('schema', cn.nspname, 'name', co.collname) END,
    'not_null', a.attnotnull,
    'default', pg_get_expr(d.adbin, d.adrelid),
    'generated', a.attgenerated::text,
    'identity', a.attidentity::text,
    'storage', CASE WHEN a.attstorage <> ty.typstorage THEN a.attstorage::text END,
    'compression', nullif(a.attcompression::text, ''),
    -- NULL from PostgreSQL 17 on, -1 before: both mean the default.
    'statistics_target', nullif(a.attstattarget, -1),
    'options', coalesce(a.attoptions, '{}'),
    'acl', (SELECT json_agg(json_build_object('grantee', CASE WHEN x.grantee <> 0 THEN pg_get_userbyid(x.grantee) END,
                                              'grantor', pg_get_userbyid(x.grantor),
                                              'privilege', x.privilege_type, 'grantable', x.is_grantable)
                            ORDER BY x.ordinality)
              FROM aclexplode(a.attacl) WITH ORDINALITY x),
    'comment', col_description(a.attrelid, a.attnum)
) ORDER BY a.attnum)
  FROM pg_attribute a
  JOIN pg_type ty ON ty.oid = a.atttypid
  LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
  LEFT JOIN pg_collation co ON co.oid = a.attcollation
  LEFT JOIN pg_namespace cn ON cn.oid = co.collnamespace
 WHERE a.attrelid = ANY ($1) AND a.attnum > 0 AND NOT a.attisdropped
 GROUP BY a.attrelid
