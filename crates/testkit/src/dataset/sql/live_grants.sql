GRANT USAGE ON SCHEMA public TO wdpa_reader;
DO $$
DECLARE
    relation regclass;
BEGIN
    -- All that the application reads, and nothing of PostGIS.
    FOR relation IN
        SELECT c.oid FROM pg_class c
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'v', 'm') AND c.relowner = 'wdpa_owner'::regrole
        ORDER BY c.oid
    LOOP
        EXECUTE format('GRANT SELECT ON %s TO wdpa_reader', relation);
    END LOOP;
END $$;
