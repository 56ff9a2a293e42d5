-- columns of the row type of another member, and arrays of it
CREATE TABLE points (x integer, y integer);
CREATE TABLE uses (a points, b points[] DEFAULT '{}', c integer);
-- of a table outside
CREATE TABLE outward (u outside.users, us outside.users[] DEFAULT ARRAY[]::outside.users[]);
-- a function with the row type in a default, a check, an index, of itself and of another member
CREATE FUNCTION total(points) RETURNS integer IMMUTABLE LANGUAGE sql AS $$SELECT $1.x + $1.y$$;
CREATE TABLE totals (p points DEFAULT ROW(1, 2)::points, n integer DEFAULT total(ROW(1, 2)::points), CHECK (total(p) > 0));
CREATE INDEX totals_p ON totals (total(p)); CREATE INDEX totals_x ON totals (((p).x));
CREATE INDEX points_total ON points (total(points)); ALTER TABLE points ADD CONSTRAINT small CHECK (total(points) < 100);
-- a domain over the row type of a table outside
CREATE DOMAIN known_user AS outside.users CHECK ((VALUE).id > 0);
CREATE TABLE of_domain (u known_user);
-- a composite type that holds a member's row type
CREATE TYPE line AS (start points, finish points);
CREATE TABLE lines (l line, ls line[]);
-- a generated column that takes a member's row apart
CREATE TABLE apart (p points, x integer GENERATED ALWAYS AS ((p).x) STORED);
-- whole rows of itself in policy, rule, trigger and index
CREATE TABLE itself (a integer, b text);
CREATE FUNCTION describe(itself) RETURNS text IMMUTABLE LANGUAGE sql AS $$SELECT $1.b$$;
CREATE INDEX itself_i ON itself (describe(itself)); CREATE POLICY p ON itself USING (describe(itself) <> ''); CREATE RULE r AS ON INSERT TO itself WHERE describe(new) = '' DO INSTEAD NOTHING;
CREATE TRIGGER t BEFORE INSERT ON itself FOR EACH ROW WHEN (describe(NEW) IS NOT NULL) EXECUTE FUNCTION note();
