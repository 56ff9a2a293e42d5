-- btree: order, nulls, parameters, several columns
CREATE TABLE ordered (a integer, b text, c date, "D" numeric);
CREATE INDEX plain ON ordered (a);
CREATE INDEX directions ON ordered (a DESC, b NULLS FIRST, c DESC NULLS LAST, "D" ASC);
CREATE INDEX parameters ON ordered (a) WITH (fillfactor = 50, deduplicate_items = off);
-- the name that the server gave, and two indexes of the same definition
CREATE TABLE doubled (a integer, b text);
CREATE INDEX ON doubled (a, b); CREATE INDEX ON doubled (a, b); CREATE UNIQUE INDEX ON doubled (b);
-- covering
CREATE TABLE covering (a integer, b text, c date, d text);
CREATE INDEX covering_i ON covering (a) INCLUDE (c, b);
CREATE UNIQUE INDEX covering_u ON covering (d) INCLUDE (a) WHERE a > 0;
-- expressions: functions, casts, JSON, arrays, whole rows, of the table's own name
CREATE TABLE computed (a integer, b text, doc jsonb, tags text[], at timestamptz, computed integer);
CREATE INDEX e1 ON computed (lower(b)); CREATE INDEX e2 ON computed ((doc ->> 'a'), ((doc -> 'n')::integer));
CREATE INDEX e3 ON computed ((a + 1), outside.fold(b) text_pattern_ops, lower(b) COLLATE "C" DESC);
CREATE INDEX e4 ON computed (((at AT TIME ZONE 'UTC')::date)); CREATE INDEX e5 ON computed ((tags[1]), cardinality(tags));
CREATE INDEX e6 ON computed ((CASE WHEN a > 0 THEN b ELSE 'computed' END)); CREATE INDEX e7 ON computed ((computed.computed));
CREATE INDEX e8 ON computed ((coalesce(b, 'x') || a)) WHERE computed > 0;
ALTER INDEX e3 ALTER COLUMN 1 SET STATISTICS 300; ALTER INDEX e3 ALTER COLUMN 3 SET STATISTICS 0;
-- a function over the whole row
CREATE TABLE whole_row (a integer, b text);
CREATE FUNCTION digest_of(whole_row) RETURNS text IMMUTABLE LANGUAGE sql AS $$SELECT md5($1.a || $1.b)$$;
CREATE INDEX whole_row_digest ON whole_row (digest_of(whole_row));
CREATE INDEX whole_row_partial ON whole_row (a) WHERE whole_row IS NOT NULL;
-- partial: every look of predicate
CREATE TABLE partial (a integer, b text, c varchar(10), d boolean, e mood, f timestamptz);
CREATE INDEX p1 ON partial (a) WHERE d; CREATE INDEX p2 ON partial (a) WHERE NOT d AND b IS NOT NULL;
CREATE INDEX p3 ON partial (a) WHERE c = 'x'; CREATE INDEX p4 ON partial (b) WHERE e = 'sad' OR e IS NULL;
CREATE INDEX p5 ON partial (a) WHERE b ~ '^partial' AND b <> 'indexes.partial'; CREATE INDEX p6 ON partial (f) WHERE f > '2020-01-01 00:00:00+00';
CREATE UNIQUE INDEX p7 ON partial (a) NULLS NOT DISTINCT WHERE d IS TRUE; CREATE INDEX p8 ON partial (a) WHERE a IN (1, 2, 3) AND b IN ('x', 'y');
-- predicates that the server prints otherwise when it reads its own print
CREATE TABLE reprinted (a integer, c varchar(10), d char(3));
CREATE INDEX r1 ON reprinted (a) WHERE c IN ('x', 'y'); CREATE INDEX r2 ON reprinted ((c IN ('x', 'y'))); CREATE UNIQUE INDEX r3 ON reprinted (a) WHERE c NOT IN ('x', 'y') OR d BETWEEN 'a' AND 'b';
-- collations that are not the column's
CREATE TABLE collated (a text, b text COLLATE "C", c varchar(10) COLLATE german, d text COLLATE nocase);
CREATE INDEX c1 ON collated (a COLLATE "C"); CREATE INDEX c2 ON collated (b COLLATE "default"); CREATE INDEX c3 ON collated (b, c COLLATE "POSIX", d);
CREATE INDEX c4 ON collated (a COLLATE german DESC) WHERE b COLLATE german > 'a';
-- operator classes that are not the type's
CREATE TABLE classes (a text, b integer, c varchar(9), d integer[], e jsonb, f inet, g char(5));
CREATE INDEX o1 ON classes (a text_pattern_ops, c varchar_pattern_ops, g bpchar_pattern_ops); CREATE INDEX o2 ON classes (b outside.by_size DESC);
CREATE INDEX o3 ON classes USING gin (d gin__int_ops); CREATE INDEX o4 ON classes USING gin (e jsonb_path_ops); CREATE INDEX o5 ON classes USING gist (f inet_ops);
CREATE INDEX o6 ON classes USING gist (d gist__intbig_ops (siglen = 2020)); CREATE INDEX o7 ON classes USING gin (a gin_trgm_ops, b int4_ops);
-- hash
CREATE TABLE hashed (a text, b uuid);
CREATE INDEX h1 ON hashed USING hash (a) WITH (fillfactor = 33); CREATE INDEX h2 ON hashed USING hash (b) WHERE a IS NOT NULL; CREATE INDEX h3 ON hashed USING hash ((a || 'x') COLLATE "C");
-- GiST, with parameters of method and of class
CREATE TABLE gist (a box, b point, c int4range, d text, e tsvector, f ltree, g integer, h cube);
CREATE INDEX g1 ON gist USING gist (a) WITH (buffering = on, fillfactor = 40); CREATE INDEX g2 ON gist USING gist (b, g); CREATE INDEX g3 ON gist USING gist (c) INCLUDE (g);
CREATE INDEX g4 ON gist USING gist (d gist_trgm_ops (siglen = 64)); CREATE INDEX g5 ON gist USING gist (e tsvector_ops (siglen = 100)); CREATE INDEX g6 ON gist USING gist (f gist_ltree_ops (siglen = 32), h);
-- SP-GiST
CREATE TABLE spgist (a point, b box, c text, d inet, e int8range);
CREATE INDEX s1 ON spgist USING spgist (a kd_point_ops) WITH (fillfactor = 77); CREATE INDEX s2 ON spgist USING spgist (a quad_point_ops); CREATE INDEX s3 ON spgist USING spgist (b) INCLUDE (c);
CREATE INDEX s4 ON spgist USING spgist (c COLLATE "C"); CREATE INDEX s5 ON spgist USING spgist (d); CREATE INDEX s6 ON spgist USING spgist (e) WHERE c <> '';
-- GIN
CREATE TABLE gin (a integer[], b jsonb, c tsvector, d text, e hstore);
CREATE INDEX n1 ON gin USING gin (a, b) WITH (fastupdate = off); CREATE INDEX n2 ON gin USING gin (c) WITH (gin_pending_list_limit = 128); CREATE INDEX n3 ON gin USING gin (to_tsvector('outside.plain'::regconfig, d));
CREATE INDEX n4 ON gin USING gin (e, d gin_trgm_ops) WHERE d <> ''; CREATE INDEX n5 ON gin USING gin ((b -> 'tags') jsonb_path_ops);
-- BRIN
CREATE TABLE brin (a integer, b timestamptz, c inet, d text, e int4range);
CREATE INDEX b1 ON brin USING brin (a) WITH (pages_per_range = 16, autosummarize = on); CREATE INDEX b2 ON brin USING brin (a int4_minmax_multi_ops (values_per_range = 64), b timestamptz_bloom_ops (n_distinct_per_range = 500, false_positive_rate = 0.05));
CREATE INDEX b3 ON brin USING brin (c inet_inclusion_ops, d) WHERE a > 0; CREATE INDEX b4 ON brin USING brin (e range_inclusion_ops, (a + 1));
-- an access method of an extension
CREATE TABLE bloomy (a integer, b text, c integer);
CREATE INDEX bloomy_i ON bloomy USING bloom (a, b, c) WITH (length = 120, col1 = 3, col2 = 4);
-- in another tablespace than the table, and the other way round
CREATE TABLE placed (a integer, b integer) TABLESPACE zoo_fast;
CREATE INDEX here ON placed (a) TABLESPACE pg_default; CREATE INDEX there ON placed (b) TABLESPACE zoo_fast;
-- marks: clustered, replica identity
CREATE TABLE marked (a integer NOT NULL, b integer, c integer NOT NULL);
CREATE UNIQUE INDEX m1 ON marked (a); CREATE INDEX m2 ON marked (b); CREATE UNIQUE INDEX m3 ON marked (c, a);
ALTER TABLE marked CLUSTER ON m2; ALTER TABLE marked REPLICA IDENTITY USING INDEX m3;
-- comments
CREATE TABLE commented (a integer);
CREATE INDEX commented_a ON commented (a);
COMMENT ON INDEX commented_a IS E'an index''s\ncomment \\ on "commented"';
-- an index named like a column of its table, and one named like another table
CREATE TABLE named (a integer, b integer);
CREATE INDEX a ON named (b); CREATE INDEX b ON named (a);
-- over dropped columns' neighbours
CREATE TABLE shifted (gone text, a integer, gone2 text, b text);
CREATE INDEX shifted_i ON shifted (b, (a + 1)) WHERE a > 0;
ALTER TABLE shifted DROP gone, DROP gone2;
-- a generated column under a partial index with a collation
CREATE TABLE generated (a text, g text COLLATE german GENERATED ALWAYS AS (outside.fold(a)) STORED, n integer);
CREATE INDEX generated_i ON generated (g COLLATE "C" DESC) INCLUDE (n) WHERE g <> 'generated' AND n IS NOT NULL;
-- an invalid index: reported, to be rebuilt or dropped
CREATE TABLE broken (a integer);
INSERT INTO broken VALUES (1), (1);
CREATE INDEX broken_i ON broken (a);
UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'broken_i'::regclass;
-- on an unlogged table
CREATE UNLOGGED TABLE unlogged (a integer, b jsonb);
CREATE INDEX ON unlogged (a DESC); CREATE INDEX ON unlogged USING gin (b); CREATE INDEX ON unlogged USING brin (a); CREATE INDEX ON unlogged ((a + 1));
