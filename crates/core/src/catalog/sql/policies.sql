-- $1: relation oids. Row-level security policies.
SELECT p.polrelid, json_agg(json_build_object(
    'name', p.polname,
    'permissive', p.polpermissive,
    'command', p.polcmd::text,
    -- 0 is PUBLIC.
    'roles', (SELECT json_agg(CASE WHEN u.role <> 0 THEN pg_get_userbyid(u.role) END ORDER BY u.ordinality)
                FROM unnest(p.polroles) WITH ORDINALITY u (role, ordinality)),
    'using', pg_get_expr(p.polqual, p.polrelid),
    'with_check', pg_get_expr(p.polwithcheck, p.polrelid),
    'comment', pg_catalog.obj_description(p.oid, 'pg_policy')
) ORDER BY p.polname)
  FROM pg_policy p
 WHERE p.polrelid = ANY ($1)
 GROUP BY p.polrelid
