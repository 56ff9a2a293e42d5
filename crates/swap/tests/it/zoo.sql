-- What follows a swap of release_set.sql besides what stands there, one of every kind: views, functions and rules that
-- name the set by oid. Each tells the month of what it reads.
DO $$ BEGIN CREATE ROLE zoo_owner; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$;
DO $$ BEGIN CREATE ROLE zoo_friend; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$;
CREATE SCHEMA zoo;
GRANT USAGE, CREATE ON SCHEMA zoo TO zoo_owner;
GRANT USAGE ON SCHEMA zoo TO zoo_friend;
GRANT SELECT ON sites, sources, named_sites TO zoo_owner WITH GRANT OPTION;

-- Functions with SQL-standard bodies.
CREATE FUNCTION site_month() RETURNS text STABLE RETURN (SELECT max(left(name, 2)) FROM sites);
CREATE FUNCTION zoo.sources_like(pattern text DEFAULT '%;%', OUT month text, OUT n bigint) RETURNS SETOF record
    LANGUAGE sql STABLE ROWS 3 PARALLEL SAFE SECURITY DEFINER SET search_path = zoo, pg_temp
    BEGIN ATOMIC
        SELECT left(title, 2), count(*) FROM sources WHERE title || ';' LIKE pattern GROUP BY 1;
    END;
COMMENT ON FUNCTION zoo.sources_like IS 'counts sources';
GRANT EXECUTE ON FUNCTION zoo.sources_like TO zoo_friend WITH GRANT OPTION;
SET ROLE zoo_friend;
GRANT EXECUTE ON FUNCTION zoo.sources_like TO swap_reader;
RESET ROLE;
REVOKE ALL ON FUNCTION zoo.sources_like FROM PUBLIC;
ALTER FUNCTION zoo.sources_like OWNER TO zoo_owner;
-- Over a view of the set, and over another function over the set.
CREATE FUNCTION named_month() RETURNS text RETURN (SELECT min(left(name, 2)) FROM named_sites);
CREATE FUNCTION both_months() RETURNS text[] RETURN ARRAY[site_month(), named_month()];
-- A whole row inside a body, a sequence of the set in a default, an argument of the same name as a member.
CREATE FUNCTION whole_row(sites text DEFAULT currval('sources_id_seq')::text) RETURNS text
    RETURN (SELECT left((s).name, 2) FROM sites s ORDER BY id LIMIT 1);
-- A body that is a string, with nothing but a default that names the set.
CREATE FUNCTION by_name(of regclass DEFAULT 'sites') RETURNS text LANGUAGE plpgsql
    AS $$ DECLARE month text; BEGIN EXECUTE format('SELECT max(left(name, 2)) FROM %s', of) INTO month; RETURN month; END $$;
-- Each calls the other.
CREATE FUNCTION odd(n integer) RETURNS text RETURN NULL;
CREATE FUNCTION even(n integer) RETURNS text RETURN CASE WHEN n > 0 THEN odd(n - 1) ELSE (SELECT min(left(title, 2)) FROM sources) END;
CREATE OR REPLACE FUNCTION odd(n integer) RETURNS text RETURN CASE WHEN n > 0 THEN even(n - 1) ELSE (SELECT min(left(name, 2)) FROM sites) END;
CREATE PROCEDURE zoo.add_source(title text) BEGIN ATOMIC
    INSERT INTO sources (title) VALUES (title || '; by hand') ON CONFLICT (title) DO NOTHING;
    DELETE FROM sources WHERE sources.title LIKE '%; by hand';
END;

-- Views over functions, over views in other schemas, over nothing of the set but a sequence or a type.
CREATE VIEW zoo.by_function AS SELECT month FROM zoo.sources_like() UNION SELECT site_month();
CREATE VIEW zoo.grouped WITH (security_barrier) AS SELECT id, name FROM sites GROUP BY id;
ALTER VIEW zoo.grouped OWNER TO zoo_owner;
CREATE VIEW zoo.over_grouped AS SELECT left(g.name, 2) AS month FROM zoo.grouped g JOIN site_report r USING (id);
CREATE VIEW last_source AS SELECT last_value FROM sources_id_seq;
CREATE VIEW typed AS SELECT (NULL::sites).name IS NULL AS is_null, NULL::sites IS NULL AS nothing;
GRANT SELECT ON zoo.grouped TO zoo_friend WITH GRANT OPTION;
SET ROLE zoo_friend;
GRANT SELECT (id) ON zoo.grouped TO swap_reader;
RESET ROLE;

-- Rules: on a view over the set, and on one that reads none of it.
CREATE VIEW zoo.countries AS SELECT id, name FROM countries;
CREATE RULE "one; two" AS ON INSERT TO zoo.countries DO INSTEAD (
    UPDATE sites SET name = 'visited; ' || name WHERE country_id = new.id;
    DELETE FROM "sites & countries" WHERE country_id = new.id RETURNING country_id AS id, ''::text AS name
);
COMMENT ON RULE "one; two" ON zoo.countries IS 'two; one';
CREATE RULE quiet AS ON DELETE TO titled_sources WHERE old.id > (SELECT max(id) FROM sources) DO INSTEAD NOTHING;
CREATE RULE own AS ON UPDATE TO zoo.over_grouped DO INSTEAD NOTHING;
