-- What stands around the families and is in no release set: roles, extensions, types, functions, tables referred to.
-- Each family is loaded into a schema called like its file, with that schema, `outside` and `public` on the search path.

CREATE ROLE zoo_owner;
CREATE ROLE zoo_reader;
CREATE ROLE zoo_writer;
CREATE ROLE "zoo Ada";

CREATE EXTENSION postgis_raster;
CREATE EXTENSION btree_gist;
CREATE EXTENSION btree_gin;
CREATE EXTENSION pg_trgm;
CREATE EXTENSION hstore;
CREATE EXTENSION citext;
CREATE EXTENSION ltree;
CREATE EXTENSION intarray;
CREATE EXTENSION "uuid-ossp";
CREATE EXTENSION pgcrypto;
CREATE EXTENSION bloom;
CREATE EXTENSION cube;

CREATE ACCESS METHOD heap_too TYPE TABLE HANDLER heap_tableam_handler;

CREATE SCHEMA outside;
GRANT USAGE ON SCHEMA outside TO zoo_owner, zoo_reader;
SET search_path = outside, public;

CREATE TYPE mood AS ENUM ('sad', 'ok', 'it''s "fine"');
CREATE DOMAIN positive AS integer CONSTRAINT is_positive CHECK (VALUE > 0);
CREATE DOMAIN code AS varchar(8) COLLATE "C" DEFAULT 'none' NOT NULL;
CREATE DOMAIN codes AS text[] CHECK (array_length(VALUE, 1) < 10);
CREATE TYPE address AS (street text COLLATE "C", "house no." smallint, lived tstzrange);
CREATE DOMAIN home AS address CHECK ((VALUE).street <> '');
CREATE TYPE floats AS RANGE (subtype = float8, subtype_diff = float8mi, multirange_type_name = many_floats);
CREATE COLLATION german (provider = icu, locale = 'de-u-co-phonebk');
CREATE COLLATION nocase (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TEXT SEARCH CONFIGURATION plain (COPY = simple);

CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN coalesce(NEW, OLD); END$$;
CREATE FUNCTION fold(text) RETURNS text IMMUTABLE PARALLEL SAFE LANGUAGE sql AS $$SELECT lower($1)$$;
CREATE FUNCTION next_code(prefix text DEFAULT 'c', VARIADIC integer[] DEFAULT '{}') RETURNS text VOLATILE LANGUAGE sql
    AS $$SELECT prefix || clock_timestamp()$$;
CREATE FUNCTION may_see(integer) RETURNS boolean STABLE LANGUAGE sql AS $$SELECT $1 > 0$$;
CREATE FUNCTION weigh(numeric, numeric) RETURNS numeric IMMUTABLE LANGUAGE sql RETURN $1 * $2;

CREATE FUNCTION compare_by_size(integer, integer) RETURNS integer IMMUTABLE LANGUAGE sql AS $$SELECT abs($1) - abs($2)$$;
CREATE FUNCTION smaller(integer, integer) RETURNS boolean IMMUTABLE LANGUAGE sql AS $$SELECT abs($1) < abs($2)$$;
CREATE FUNCTION as_big(integer, integer) RETURNS boolean IMMUTABLE LANGUAGE sql AS $$SELECT abs($1) = abs($2)$$;
CREATE OPERATOR <# (FUNCTION = smaller, LEFTARG = integer, RIGHTARG = integer);
CREATE OPERATOR =# (FUNCTION = as_big, LEFTARG = integer, RIGHTARG = integer, COMMUTATOR = =#, MERGES);
CREATE FUNCTION no_bigger(integer, integer) RETURNS boolean IMMUTABLE LANGUAGE sql AS $$SELECT abs($1) <= abs($2)$$;
CREATE FUNCTION no_smaller(integer, integer) RETURNS boolean IMMUTABLE LANGUAGE sql AS $$SELECT abs($1) >= abs($2)$$;
CREATE FUNCTION bigger(integer, integer) RETURNS boolean IMMUTABLE LANGUAGE sql AS $$SELECT abs($1) > abs($2)$$;
CREATE OPERATOR <=# (FUNCTION = no_bigger, LEFTARG = integer, RIGHTARG = integer);
CREATE OPERATOR >=# (FUNCTION = no_smaller, LEFTARG = integer, RIGHTARG = integer);
CREATE OPERATOR ># (FUNCTION = bigger, LEFTARG = integer, RIGHTARG = integer);
CREATE OPERATOR CLASS by_size FOR TYPE integer USING btree AS
    OPERATOR 1 <#, OPERATOR 2 <=#, OPERATOR 3 =#, OPERATOR 4 >=#, OPERATOR 5 >#, FUNCTION 1 compare_by_size(integer, integer);

CREATE TABLE countries (id integer PRIMARY KEY, iso3 char(3) UNIQUE, name text, UNIQUE (id, iso3));
CREATE TABLE users (id bigint PRIMARY KEY, login text UNIQUE, boss bigint);
GRANT SELECT, REFERENCES ON countries, users TO zoo_owner, zoo_reader;
CREATE SEQUENCE numbers;
GRANT USAGE ON SEQUENCE numbers TO zoo_owner;
CREATE VIEW bosses AS SELECT id, login FROM users WHERE boss IS NULL;
