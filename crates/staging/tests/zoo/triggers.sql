CREATE FUNCTION triggers() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NEW; END$$;
-- every time and event, per row
CREATE TABLE rows (a integer, b text);
CREATE TRIGGER before_insert BEFORE INSERT ON rows FOR EACH ROW EXECUTE FUNCTION note();
CREATE TRIGGER after_all AFTER INSERT OR DELETE OR UPDATE ON rows FOR EACH ROW EXECUTE FUNCTION note();
CREATE TRIGGER before_delete BEFORE DELETE ON rows FOR EACH ROW EXECUTE FUNCTION note();
-- per statement, TRUNCATE
CREATE TABLE statements (a integer);
CREATE TRIGGER s1 BEFORE INSERT OR UPDATE ON statements EXECUTE FUNCTION note();
CREATE TRIGGER s2 AFTER TRUNCATE ON statements EXECUTE FUNCTION note();
CREATE TRIGGER s3 BEFORE TRUNCATE ON statements FOR EACH STATEMENT EXECUTE FUNCTION note();
-- of columns, some called like the table
CREATE TABLE columns (a integer, columns text, "C d" text);
CREATE TRIGGER u1 BEFORE UPDATE OF columns, "C d" ON columns FOR EACH ROW EXECUTE FUNCTION note();
-- WHEN: of old and new, whole rows, strings with the table's name
CREATE TABLE conditions (a integer, conditions text);
CREATE TRIGGER w1 BEFORE UPDATE ON conditions FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION note();
CREATE TRIGGER w2 BEFORE INSERT ON conditions FOR EACH ROW WHEN (NEW.conditions <> ' ON conditions ' AND NEW.a > 0) EXECUTE FUNCTION note();
CREATE TRIGGER w3 AFTER UPDATE ON conditions FOR EACH ROW WHEN (OLD.a IS DISTINCT FROM NEW.a AND pg_trigger_depth() = 0) EXECUTE FUNCTION note();
CREATE TRIGGER w4 AFTER DELETE ON conditions FOR EACH ROW WHEN (OLD.conditions IN ('a', 'b')) EXECUTE FUNCTION note();
CREATE TRIGGER w5 BEFORE UPDATE ON conditions FOR EACH ROW WHEN (OLD IS DISTINCT FROM NEW) EXECUTE FUNCTION note();
-- a condition that the server prints otherwise when it reads its own print
CREATE TABLE reprinted (status varchar(10));
CREATE TRIGGER r1 BEFORE INSERT ON reprinted FOR EACH ROW WHEN (NEW.status IN ('a', 'b')) EXECUTE FUNCTION note();
-- arguments
CREATE TABLE arguments (a integer);
CREATE TRIGGER a1 BEFORE INSERT ON arguments FOR EACH ROW EXECUTE FUNCTION note('a', 'it''s', 'back\slash', '', 'triggers.arguments', '{"json": [1]}');
-- transition tables, called like tables of the set
CREATE TABLE transitions (a integer);
CREATE TRIGGER t1 AFTER UPDATE ON transitions REFERENCING OLD TABLE AS transitions NEW TABLE AS "New rows" FOR EACH STATEMENT EXECUTE FUNCTION note();
CREATE TRIGGER t2 AFTER INSERT ON transitions REFERENCING NEW TABLE AS rows FOR EACH STATEMENT EXECUTE FUNCTION note();
CREATE TRIGGER t3 AFTER DELETE ON transitions REFERENCING OLD TABLE AS gone FOR EACH ROW EXECUTE FUNCTION note();
-- every state
CREATE TABLE states (a integer);
CREATE TRIGGER origin BEFORE INSERT ON states FOR EACH ROW EXECUTE FUNCTION note();
CREATE TRIGGER disabled BEFORE INSERT ON states FOR EACH ROW EXECUTE FUNCTION note();
CREATE TRIGGER replica BEFORE INSERT ON states FOR EACH ROW EXECUTE FUNCTION note();
CREATE TRIGGER always BEFORE INSERT ON states FOR EACH ROW EXECUTE FUNCTION note();
ALTER TABLE states DISABLE TRIGGER disabled, ENABLE REPLICA TRIGGER replica, ENABLE ALWAYS TRIGGER always;
-- constraint triggers, deferrable and deferred, with WHEN and FROM
CREATE TABLE constraint_triggers (a integer, b integer);
CREATE CONSTRAINT TRIGGER c1 AFTER INSERT ON constraint_triggers FOR EACH ROW EXECUTE FUNCTION note();
CREATE CONSTRAINT TRIGGER c2 AFTER UPDATE OF a OR DELETE ON constraint_triggers DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (OLD.a > 0) EXECUTE FUNCTION note('x');
CREATE CONSTRAINT TRIGGER c3 AFTER INSERT ON constraint_triggers FROM outside.users DEFERRABLE FOR EACH ROW EXECUTE FUNCTION note();
CREATE CONSTRAINT TRIGGER c4 AFTER INSERT ON constraint_triggers FROM rows NOT DEFERRABLE INITIALLY IMMEDIATE FOR EACH ROW EXECUTE FUNCTION note();
ALTER TABLE constraint_triggers ENABLE ALWAYS TRIGGER c2, DISABLE TRIGGER c1;
COMMENT ON TRIGGER c2 ON constraint_triggers IS 'late'; COMMENT ON CONSTRAINT c1 ON constraint_triggers IS 'a constraint';
-- comments and names: quoted, like the table, like a function
CREATE TABLE named (a integer);
CREATE TRIGGER named BEFORE INSERT ON named FOR EACH ROW EXECUTE FUNCTION note();
CREATE TRIGGER "It's ON named" BEFORE INSERT ON named FOR EACH ROW EXECUTE FUNCTION note();
COMMENT ON TRIGGER named ON named IS 'named'; COMMENT ON TRIGGER "It's ON named" ON named IS 'quoted';
-- a table called like its trigger function
CREATE TABLE triggers (triggers integer);
CREATE TRIGGER triggers BEFORE INSERT ON triggers FOR EACH ROW WHEN (NEW.triggers > 0) EXECUTE FUNCTION triggers('triggers.triggers');
-- updated_at, as everybody has it
CREATE TABLE touched (id serial PRIMARY KEY, updated_at timestamptz NOT NULL DEFAULT now());
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN NEW.updated_at := now(); RETURN NEW; END$$;
CREATE TRIGGER set_updated_at BEFORE UPDATE ON touched FOR EACH ROW EXECUTE PROCEDURE touch();
-- the server's own trigger functions
CREATE TABLE searched (title text, words tsvector, doc text);
CREATE TRIGGER words BEFORE INSERT OR UPDATE ON searched FOR EACH ROW EXECUTE FUNCTION tsvector_update_trigger(words, 'pg_catalog.english', title, doc);
CREATE TRIGGER same BEFORE UPDATE ON searched FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();
-- with a generated column, dropped columns and an identity
CREATE TABLE shifted (gone integer, id integer GENERATED ALWAYS AS IDENTITY, gone2 integer, a integer, g integer GENERATED ALWAYS AS (a + 1) STORED);
CREATE TRIGGER g1 AFTER UPDATE OF a ON shifted FOR EACH ROW WHEN (OLD.g <> NEW.g) EXECUTE FUNCTION note();
ALTER TABLE shifted DROP gone, DROP gone2;
-- all switched off at once
CREATE TABLE off (a integer REFERENCES outside.countries, b integer PRIMARY KEY);
CREATE TRIGGER o1 BEFORE INSERT ON off FOR EACH ROW EXECUTE FUNCTION note();
CREATE TRIGGER o2 AFTER INSERT ON off EXECUTE FUNCTION note();
ALTER TABLE off DISABLE TRIGGER ALL;
-- a condition with a row type of the table and one of another member
CREATE FUNCTION is_heavy(rows) RETURNS boolean IMMUTABLE LANGUAGE sql AS $$SELECT $1.a > 10$$;
CREATE TRIGGER heavy BEFORE INSERT ON rows FOR EACH ROW WHEN (is_heavy(NEW)) EXECUTE FUNCTION note();
-- published (the swap, not the clone, has to see to it); a trigger and an index that depend on an extension
CREATE TABLE published (a integer PRIMARY KEY);
CREATE PUBLICATION zoo_publication FOR TABLE published;
CREATE TABLE dependent (a integer);
CREATE TRIGGER dependent_t BEFORE INSERT ON dependent FOR EACH ROW EXECUTE FUNCTION note();
ALTER TRIGGER dependent_t ON dependent DEPENDS ON EXTENSION cube;
CREATE INDEX dependent_i ON dependent (a); ALTER INDEX dependent_i DEPENDS ON EXTENSION cube;
