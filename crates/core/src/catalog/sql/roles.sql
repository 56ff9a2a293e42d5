-- $1: role names, $2: the set's schema. What the session may do in the name of these roles.
WITH server AS (
    -- Before PostgreSQL 16 every member may become the role.
    SELECT CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'MEMBER' END AS become
)
SELECT json_build_object(
    'name', r.rolname,
    'superuser', r.rolsuper,
    'may_become', pg_has_role(session_user, r.oid, s.become),
    'may_be_given', pg_has_role(r.oid, s.become),
    'may_use_schema', coalesce(has_schema_privilege(r.oid, n.oid, 'USAGE'), false),
    'may_create_in_schema', coalesce(has_schema_privilege(r.oid, n.oid, 'CREATE'), false)
)
  FROM pg_roles r CROSS JOIN server s LEFT JOIN pg_namespace n ON n.nspname = $2
 WHERE r.rolname = ANY ($1)
 ORDER BY r.rolname
