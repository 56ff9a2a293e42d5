-- a target with several keys
CREATE TABLE targets (id integer PRIMARY KEY, code text UNIQUE, a integer, b integer, UNIQUE (a, b));
-- to a key, to a unique key, to a composite one in another order
CREATE TABLE simple (target integer REFERENCES targets, code text REFERENCES targets (code), x integer, y integer, FOREIGN KEY (y, x) REFERENCES targets (b, a));
-- every action
CREATE TABLE actions (a integer REFERENCES targets ON DELETE CASCADE, b integer REFERENCES targets ON DELETE SET NULL ON UPDATE CASCADE,
    c integer DEFAULT 0 REFERENCES targets ON DELETE SET DEFAULT, d integer REFERENCES targets ON DELETE RESTRICT ON UPDATE RESTRICT, e integer REFERENCES targets ON UPDATE SET NULL);
-- SET NULL and SET DEFAULT of some columns
CREATE TABLE some_columns (x integer, y integer DEFAULT 5, FOREIGN KEY (x, y) REFERENCES targets (a, b) ON DELETE SET NULL (x));
CREATE TABLE some_defaults (x integer, y integer DEFAULT 5, FOREIGN KEY (x, y) REFERENCES targets (a, b) ON DELETE SET DEFAULT (y));
-- deferrable, deferred, MATCH FULL
CREATE TABLE deferred (a integer REFERENCES targets DEFERRABLE, b integer REFERENCES targets DEFERRABLE INITIALLY DEFERRED, x integer, y integer, FOREIGN KEY (x, y) REFERENCES targets (a, b) MATCH FULL);
-- NOT VALID
CREATE TABLE unvalidated (a integer, b integer REFERENCES targets);
ALTER TABLE unvalidated ADD CONSTRAINT late FOREIGN KEY (a) REFERENCES targets NOT VALID;
COMMENT ON CONSTRAINT late ON unvalidated IS 'to be validated';
-- to itself
CREATE TABLE tree (id integer PRIMARY KEY, parent integer REFERENCES tree DEFERRABLE INITIALLY DEFERRED, root integer NOT NULL, FOREIGN KEY (root) REFERENCES tree (id) ON DELETE CASCADE);
-- to itself, not valid
CREATE TABLE loop (id integer PRIMARY KEY, next integer);
ALTER TABLE loop ADD FOREIGN KEY (next) REFERENCES loop NOT VALID;
-- a circle of two
CREATE TABLE hen (id integer PRIMARY KEY, egg integer);
CREATE TABLE egg (id integer PRIMARY KEY, hen integer REFERENCES hen DEFERRABLE);
ALTER TABLE hen ADD FOREIGN KEY (egg) REFERENCES egg DEFERRABLE INITIALLY DEFERRED;
-- to tables outside, valid and not
CREATE TABLE outward (country integer REFERENCES countries, iso3 char(3), u bigint, CONSTRAINT both_ FOREIGN KEY (country, iso3) REFERENCES countries (id, iso3));
ALTER TABLE outward ADD CONSTRAINT to_users FOREIGN KEY (u) REFERENCES outside.users NOT VALID;
-- to a unique index that is no constraint
CREATE TABLE indexed (a integer NOT NULL);
CREATE UNIQUE INDEX indexed_a ON indexed (a);
CREATE TABLE to_index (a integer REFERENCES indexed (a));
-- two keys of the same columns to the same table
CREATE TABLE twice (a integer REFERENCES targets, CONSTRAINT again FOREIGN KEY (a) REFERENCES targets (id) ON DELETE CASCADE);
-- columns of different types
CREATE TABLE wider (a bigint REFERENCES targets (id), b smallint REFERENCES targets (id), c varchar(5) REFERENCES targets (code));
-- a column called like the referenced table
CREATE TABLE named_like (targets integer, named_like integer PRIMARY KEY, CONSTRAINT targets FOREIGN KEY (targets) REFERENCES targets, FOREIGN KEY (targets) REFERENCES named_like);
-- a junction table
CREATE TABLE junction (target integer REFERENCES targets ON DELETE CASCADE, tree integer REFERENCES tree, PRIMARY KEY (target, tree));
-- with dropped columns on both sides
CREATE TABLE shifted_target (gone text, id integer PRIMARY KEY);
ALTER TABLE shifted_target DROP gone;
CREATE TABLE shifted (gone text, a text, target integer REFERENCES shifted_target);
ALTER TABLE shifted DROP gone;
-- a foreign key whose trigger is disabled
CREATE TABLE switched_off (a integer REFERENCES targets, b integer REFERENCES countries);
ALTER TABLE switched_off DISABLE TRIGGER ALL;
-- to a member of another owner
CREATE TABLE owned (id integer PRIMARY KEY, t integer REFERENCES targets);
ALTER TABLE owned OWNER TO zoo_owner;
GRANT REFERENCES ON owned TO PUBLIC;
CREATE TABLE to_owned (a integer REFERENCES owned);
