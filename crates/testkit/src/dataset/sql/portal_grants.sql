GRANT USAGE ON SCHEMA portal TO portal_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA portal TO portal_reader;
