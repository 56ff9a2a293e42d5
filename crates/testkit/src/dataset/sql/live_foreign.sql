-- What only a superuser may do, and the foreign tables over the portal. {…} are filled in by live.rs.
CREATE EXTENSION IF NOT EXISTS postgis;
CREATE EXTENSION IF NOT EXISTS postgres_fdw;
DO $$ BEGIN
    EXECUTE format('GRANT CREATE ON DATABASE %I TO wdpa_owner', current_database());
END $$;
GRANT CREATE, USAGE ON SCHEMA public TO wdpa_owner;
GRANT USAGE ON FOREIGN DATA WRAPPER postgres_fdw TO wdpa_owner;

SET LOCAL ROLE wdpa_owner;
CREATE SERVER portal FOREIGN DATA WRAPPER postgres_fdw
    OPTIONS (host {host}, port {port}, dbname {database}, fetch_size '1000', updatable 'false', extensions 'postgis');
CREATE USER MAPPING FOR wdpa_owner SERVER portal OPTIONS (user {user}, password {password});
CREATE USER MAPPING FOR {superuser} SERVER portal OPTIONS (user {user}, password {password});
CREATE SCHEMA portal_fdw;
IMPORT FOREIGN SCHEMA portal FROM SERVER portal INTO portal_fdw;
-- Takes whatever the portal sends, so that the preflight can say what is wrong with it.
ALTER FOREIGN TABLE portal_fdw.spatial_data ALTER COLUMN geom TYPE public.geometry;
RESET ROLE;
