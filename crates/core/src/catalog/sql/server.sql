-- Facts of the server and the session that plans depend on.
SELECT json_build_object(
    'version_num', current_setting('server_version_num')::int,
    'in_recovery', pg_is_in_recovery(),
    'database', current_database(),
    'role', current_user,
    'superuser', (SELECT rolsuper FROM pg_roles WHERE rolname = current_user),
    'event_triggers', (SELECT coalesce(json_agg(evtname ORDER BY evtname), '[]')
                         FROM pg_event_trigger WHERE evtenabled <> 'D'),
    'all_tables_publications', (SELECT coalesce(json_agg(pubname ORDER BY pubname), '[]')
                                  FROM pg_publication WHERE puballtables),
    'max_lock_entries', current_setting('max_locks_per_transaction')::bigint
        * (current_setting('max_connections')::bigint + current_setting('max_prepared_transactions')::bigint)
)
