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
ALTER FUNCTION site_month() DEPENDS ON EXTENSION plpgsql;
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

-- What is made of row types of the set, and so is dropped and made anew.
CREATE FUNCTION all_sites() RETURNS SETOF sites LANGUAGE sql STABLE ROWS 60 AS 'SELECT * FROM sites';
CREATE FUNCTION zoo.label(site sites) RETURNS text STABLE SECURITY DEFINER SET search_path = zoo, pg_temp RETURN left(site.name, 2);
COMMENT ON FUNCTION zoo.label IS 'it''s the month';
ALTER FUNCTION zoo.label OWNER TO zoo_owner;
ALTER FUNCTION zoo.label DEPENDS ON EXTENSION plpgsql;
REVOKE ALL ON FUNCTION zoo.label FROM PUBLIC;
GRANT EXECUTE ON FUNCTION zoo.label TO zoo_friend WITH GRANT OPTION;
SET ROLE zoo_friend;
GRANT EXECUTE ON FUNCTION zoo.label TO swap_reader;
RESET ROLE;
CREATE FUNCTION zoo.first_of(many sites[], INOUT n integer DEFAULT 1, VARIADIC "more of" text[] DEFAULT '{}', OUT site sites)
    LANGUAGE plpgsql AS $$ BEGIN site := many[n]; END $$;
CREATE FUNCTION zoo.listed(sep text DEFAULT ';') RETURNS TABLE (site sites, month text)
    BEGIN ATOMIC SELECT s, zoo.label(s) || rtrim(sep, ';') FROM sites s; END;
CREATE PROCEDURE zoo.take(site sites, INOUT month text DEFAULT NULL) LANGUAGE plpgsql AS $$ BEGIN month := zoo.label(site); END $$;

-- A view of whole rows with everything that can hang on a view.
CREATE VIEW zoo.whole WITH (security_barrier = true, security_invoker = false) AS SELECT s.id, s AS site, zoo.label(s) AS month FROM sites s;
ALTER VIEW zoo.whole OWNER TO zoo_owner;
ALTER VIEW zoo.whole ALTER COLUMN id SET DEFAULT nextval('sites_id_seq');
COMMENT ON VIEW zoo.whole IS 'whole rows';
COMMENT ON COLUMN zoo.whole.site IS 'a whole row';
CREATE TRIGGER "keep; it" INSTEAD OF INSERT OR UPDATE ON zoo.whole FOR EACH ROW EXECUTE FUNCTION keep_site();
COMMENT ON TRIGGER "keep; it" ON zoo.whole IS 'keeps it';
CREATE RULE gone AS ON DELETE TO zoo.whole DO INSTEAD DELETE FROM sites WHERE sites.id = old.id;
COMMENT ON RULE gone ON zoo.whole IS 'lets it go';
GRANT SELECT ON zoo.whole TO zoo_friend WITH GRANT OPTION;
GRANT UPDATE (id, month) ON zoo.whole TO swap_reader;
SET ROLE zoo_friend;
GRANT SELECT (month) ON zoo.whole TO swap_reader;
RESET ROLE;
-- Made of that view's own row type.
CREATE FUNCTION zoo.wholes() RETURNS SETOF zoo.whole LANGUAGE sql AS 'SELECT * FROM zoo.whole';
CREATE VIEW zoo.whole_rows AS SELECT w FROM zoo.whole w;
CREATE RULE across AS ON INSERT TO zoo.whole_rows DO INSTEAD DELETE FROM zoo.whole;

-- What reads those and keeps its shape: detached for the moment, and everything above it left alone.
CREATE VIEW zoo.above AS SELECT w.id, w.month COLLATE "C" AS month FROM zoo.wholes() w;
COMMENT ON VIEW zoo.above IS 'above';
CREATE VIEW zoo.far_above AS SELECT max(month) AS month FROM zoo.above;
CREATE VIEW zoo.checked AS SELECT id, country_id, name FROM sites s WHERE zoo.label(s) IS NOT NULL WITH LOCAL CHECK OPTION;
CREATE FUNCTION zoo.over_rows(month text DEFAULT zoo.label(NULL::sites)) RETURNS text
    RETURN (SELECT max(zoo.label(s)) FROM all_sites() s);
COMMENT ON FUNCTION zoo.over_rows IS 'over rows';
CREATE VIEW zoo.over_function AS SELECT zoo.over_rows() AS month;
CREATE TABLE zoo.notes (id integer, month text DEFAULT zoo.over_rows());
CREATE RULE via AS ON UPDATE TO zoo.countries DO INSTEAD
    UPDATE zoo.checked SET name = zoo.label(s) || ' renamed' FROM sites s WHERE s.country_id = new.id AND checked.id = s.id;
