-- a primary key
CREATE TABLE simple (id integer PRIMARY KEY);
-- a named composite key, columns in another order than the table's
CREATE TABLE composite (a integer, b text, c date, CONSTRAINT "the key" PRIMARY KEY (c, a));
-- a covering key with storage parameters
CREATE TABLE covering (a integer, b text, c text, PRIMARY KEY (a) INCLUDE (c, b) WITH (fillfactor = 60));
-- deferrable keys, of both kinds
CREATE TABLE deferrable_keys (a integer PRIMARY KEY DEFERRABLE, b integer UNIQUE DEFERRABLE INITIALLY DEFERRED, c integer UNIQUE NOT DEFERRABLE);
-- several unique keys, one over the other's columns
CREATE TABLE several (a integer, b integer, UNIQUE (a, b), UNIQUE (b, a), UNIQUE (a), CONSTRAINT named UNIQUE (b));
-- NULLS NOT DISTINCT, key and index
CREATE TABLE nulls (a integer, b text, CONSTRAINT nulls_a UNIQUE NULLS NOT DISTINCT (a, b) INCLUDE (a));
CREATE UNIQUE INDEX nulls_b ON nulls (b) NULLS NOT DISTINCT WHERE a IS NULL;
-- a key made of an index, which took the constraint's name
CREATE TABLE from_index (a integer, b text);
CREATE UNIQUE INDEX from_index_u ON from_index (b COLLATE "C" text_pattern_ops);
CREATE UNIQUE INDEX from_index_p ON from_index (a);
ALTER TABLE from_index ADD CONSTRAINT renamed_key PRIMARY KEY USING INDEX from_index_p;
-- a key over columns with collations and domains
CREATE TABLE collated (a text COLLATE german, b code, c citext, PRIMARY KEY (a, b), UNIQUE (c));
-- a renamed key and a renamed table: names no longer fit each other
CREATE TABLE was_called_so (id integer PRIMARY KEY, a integer UNIQUE);
ALTER TABLE was_called_so RENAME TO is_called_otherwise;
ALTER TABLE is_called_otherwise RENAME CONSTRAINT was_called_so_a_key TO "A KEY";
-- comments on key and on its index
CREATE TABLE commented (id integer CONSTRAINT commented_pk PRIMARY KEY, a integer CONSTRAINT commented_u UNIQUE);
COMMENT ON CONSTRAINT commented_pk ON commented IS 'the key''s \ comment'; COMMENT ON INDEX commented_pk IS 'the index''s';
COMMENT ON CONSTRAINT commented_u ON commented IS 'another';
-- a key that is replica identity, another that is the cluster mark
CREATE TABLE marked (a integer NOT NULL UNIQUE, b integer PRIMARY KEY);
ALTER TABLE marked REPLICA IDENTITY USING INDEX marked_a_key; ALTER TABLE marked CLUSTER ON marked_pkey;
-- a key in another tablespace than the table's
CREATE TABLE placed (a integer, PRIMARY KEY (a) USING INDEX TABLESPACE zoo_fast);
-- a unique index and a key over the same column
CREATE TABLE twice (a integer UNIQUE);
CREATE UNIQUE INDEX twice_too ON twice (a);
-- keys on an unlogged table
CREATE UNLOGGED TABLE unlogged (id integer PRIMARY KEY, a text UNIQUE);
-- constraints called like the table, and like each other on two tables
CREATE TABLE "same" (a integer, CONSTRAINT same_check CHECK (a > 0), CONSTRAINT a CHECK (a < 9));
CREATE TABLE same_too (a integer, CONSTRAINT same_check CHECK (a > 0), CONSTRAINT a CHECK (a < 9));
