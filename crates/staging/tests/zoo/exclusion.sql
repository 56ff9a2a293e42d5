-- the classic: rooms and times
CREATE TABLE bookings (room integer, during tstzrange, EXCLUDE USING gist (room WITH =, during WITH &&));
-- named, with a predicate, an included column and parameters
CREATE TABLE tuned (room integer, during tsrange, cancelled boolean, note text, CONSTRAINT "no overlap" EXCLUDE USING gist (room WITH =, during WITH &&) INCLUDE (note) WITH (fillfactor = 70, buffering = off) WHERE (NOT cancelled));
COMMENT ON CONSTRAINT "no overlap" ON tuned IS 'one at a time'; COMMENT ON INDEX "no overlap" IS 'its index';
-- deferrable
CREATE TABLE deferred (a integer, EXCLUDE (a WITH =) DEFERRABLE INITIALLY DEFERRED);
CREATE TABLE deferrable_ (a integer, EXCLUDE USING hash (a WITH =) DEFERRABLE);
-- over expressions, a function, a collation, an opclass
CREATE TABLE computed (a integer, b integer, c text, EXCLUDE USING gist (int4range(a, b) WITH &&), EXCLUDE USING btree (outside.fold(c) COLLATE "C" text_pattern_ops WITH =), EXCLUDE (c COLLATE german WITH =));
-- geometry that must not touch; SP-GiST too
CREATE TABLE parcels (geom geometry(Polygon, 4326), area box, EXCLUDE USING gist (geom WITH &&), EXCLUDE USING spgist (area WITH &&));
-- an operator of a schema off the path, several constraints beside a key
CREATE TABLE operators (id integer PRIMARY KEY, a integer, b integer, EXCLUDE USING btree (a outside.by_size WITH OPERATOR(outside.=#)), EXCLUDE (b WITH =) USING INDEX TABLESPACE zoo_fast);
-- a condition that is printed otherwise the second time
CREATE TABLE reprinted (a integer, status varchar(10), EXCLUDE (a WITH =) WHERE (status IN ('active', 'held')));
-- on an unlogged table
CREATE UNLOGGED TABLE unlogged (room integer, during tstzrange, EXCLUDE USING gist (room WITH =, during WITH &&));
-- after a dropped column, with a generated range
CREATE TABLE shifted (gone text, a integer, b integer, r int4range GENERATED ALWAYS AS (int4range(a, b)) STORED, EXCLUDE USING gist (r WITH &&));
ALTER TABLE shifted DROP gone;
-- clustered on the constraint's index
CREATE TABLE marked (a int4range, EXCLUDE USING gist (a WITH &&));
ALTER TABLE marked CLUSTER ON marked_a_excl;
-- over the whole row
CREATE TABLE whole_row (a integer, b text);
CREATE FUNCTION digest_of(whole_row) RETURNS text IMMUTABLE LANGUAGE sql AS $$SELECT md5($1.a || $1.b)$$;
ALTER TABLE whole_row ADD EXCLUDE USING btree (digest_of(whole_row) WITH =) WHERE (whole_row IS NOT NULL);
