-- Roles belong to the cluster, where several databases may be made at once: whoever comes first creates them.
DO $$
DECLARE
    role text;
BEGIN
    FOREACH role IN ARRAY '{wdpa_owner,wdpa_reader,portal_reader}'::text[] LOOP
        BEGIN
            IF role = 'wdpa_owner' THEN
                -- Sees which sessions are in its way, as a release should.
                EXECUTE format('CREATE ROLE %I LOGIN PASSWORD %L IN ROLE pg_read_all_stats', role, role);
                -- May make itself the victim of a deadlock. Before PostgreSQL 15 that right cannot be given.
                IF current_setting('server_version_num')::int >= 150000 THEN
                    EXECUTE format('GRANT SET ON PARAMETER deadlock_timeout TO %I', role);
                END IF;
            ELSE
                EXECUTE format('CREATE ROLE %I LOGIN PASSWORD %L', role, role);
            END IF;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;
        END;
    END LOOP;
END $$;
