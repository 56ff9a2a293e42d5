-- $1: the set's schema. Facts of the server and the session that plans depend on.
SELECT json_build_object(
    'version_num', current_setting('server_version_num')::int,
    'in_recovery', pg_is_in_recovery(),
    'database', current_database(),
    'role', current_user,
    'superuser', (SELECT rolsuper FROM pg_roles WHERE rolname = current_user),
    'may_create_schemas', has_database_privilege(current_database(), 'CREATE'),
    'may_create_in_schema', coalesce((SELECT has_schema_privilege(oid, 'CREATE') FROM pg_namespace WHERE nspname = $1),
                                     false),
    'default_table_acl', (SELECT CASE WHEN count(*) > 0 THEN
        coalesce(json_agg(json_build_object('grantee', CASE WHEN a.grantee <> 0 THEN pg_get_userbyid(a.grantee) END,
                                            'grantor', pg_get_userbyid(a.grantor),
                                            'privilege', a.privilege_type, 'grantable', a.is_grantable)
                          ORDER BY a.ordinality) FILTER (WHERE a.grantee IS NOT NULL), '[]') END
          FROM pg_default_acl d
          JOIN pg_roles r ON r.oid = d.defaclrole AND r.rolname = current_user
          LEFT JOIN LATERAL aclexplode(d.defaclacl) WITH ORDINALITY a ON true
         WHERE d.defaclnamespace = 0 AND d.defaclobjtype = 'r'),
    'default_sequence_acl', (SELECT CASE WHEN count(*) > 0 THEN
        coalesce(json_agg(json_build_object('grantee', CASE WHEN a.grantee <> 0 THEN pg_get_userbyid(a.grantee) END,
                                            'grantor', pg_get_userbyid(a.grantor),
                                            'privilege', a.privilege_type, 'grantable', a.is_grantable)
                          ORDER BY a.ordinality) FILTER (WHERE a.grantee IS NOT NULL), '[]') END
          FROM pg_default_acl d
          JOIN pg_roles r ON r.oid = d.defaclrole AND r.rolname = current_user
          LEFT JOIN LATERAL aclexplode(d.defaclacl) WITH ORDINALITY a ON true
         WHERE d.defaclnamespace = 0 AND d.defaclobjtype = 'S'),
    'event_triggers', (SELECT coalesce(json_agg(evtname ORDER BY evtname), '[]')
                         FROM pg_event_trigger WHERE evtenabled <> 'D'),
    'other_temporary_schemas', (SELECT coalesce(json_agg(nspname ORDER BY nspname), '[]')
                                  FROM pg_namespace WHERE pg_is_other_temp_schema(oid)),
    'all_tables_publications', (SELECT coalesce(json_agg(pubname ORDER BY pubname), '[]')
                                  FROM pg_publication WHERE puballtables),
    'max_lock_entries', current_setting('max_locks_per_transaction')::bigint
        * (current_setting('max_connections')::bigint + current_setting('max_prepared_transactions')::bigint)
)
