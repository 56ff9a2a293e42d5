-- $1: relation oids. Extended statistics.
SELECT s.stxrelid, json_agg(json_build_object(
    'oid', s.oid::bigint,
    'name', json_build_object('schema', n.nspname, 'name', s.stxname),
    'may_create_in_schema', has_schema_privilege(n.oid, 'CREATE'),
    'owner_may_create_in_schema', has_schema_privilege(s.stxowner, n.oid, 'CREATE'),
    'owner', pg_get_userbyid(s.stxowner),
    'definition', pg_get_statisticsobjdef(s.oid),
    'columns', pg_get_statisticsobjdef_columns(s.oid),
    -- 'e' (expressions) comes with the columns; it cannot be asked for.
    'kinds', (SELECT coalesce(json_agg(k ORDER BY k), '[]') FROM unnest(s.stxkind::text[]) k WHERE k <> 'e'),
    'target', nullif(s.stxstattarget, -1),
    'comment', pg_catalog.obj_description(s.oid, 'pg_statistic_ext')
) ORDER BY s.stxname)
  FROM pg_statistic_ext s
  JOIN pg_namespace n ON n.oid = s.stxnamespace
 WHERE s.stxrelid = ANY ($1)
 GROUP BY s.stxrelid
