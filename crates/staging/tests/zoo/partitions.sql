-- by range, with open ends and a default
CREATE TABLE by_range (a integer, b text) PARTITION BY RANGE (a);
CREATE TABLE by_range_low PARTITION OF by_range FOR VALUES FROM (MINVALUE) TO (0);
CREATE TABLE by_range_mid PARTITION OF by_range FOR VALUES FROM (0) TO (100);
CREATE TABLE by_range_high PARTITION OF by_range FOR VALUES FROM (100) TO (MAXVALUE);
CREATE TABLE by_range_rest PARTITION OF by_range DEFAULT;
-- by several columns and an expression, with collation and operator class
CREATE TABLE by_several (a integer, b text, c timestamptz) PARTITION BY RANGE (b COLLATE "C" text_pattern_ops, ((c AT TIME ZONE 'UTC')::date), a);
CREATE TABLE by_several_1 PARTITION OF by_several FOR VALUES FROM ('a', '2024-01-01', 1) TO ('m', MINVALUE, MINVALUE);
-- by list, with NULL, strings, quotes, enum
CREATE TABLE by_list (kind text, a integer) PARTITION BY LIST (kind);
CREATE TABLE by_list_some PARTITION OF by_list FOR VALUES IN ('x', 'it''s', 'by_list');
CREATE TABLE by_list_null PARTITION OF by_list FOR VALUES IN (NULL, 'none');
CREATE TABLE by_mood (m mood, a integer) PARTITION BY LIST (m);
CREATE TABLE by_mood_sad PARTITION OF by_mood FOR VALUES IN ('sad');
CREATE TABLE by_mood_rest PARTITION OF by_mood DEFAULT;
CREATE TABLE by_truth (done boolean) PARTITION BY LIST (done);
CREATE TABLE by_truth_yes PARTITION OF by_truth FOR VALUES IN (true);
-- by hash
CREATE TABLE by_hash (id uuid, a text) PARTITION BY HASH (id, a);
CREATE TABLE by_hash_0 PARTITION OF by_hash FOR VALUES WITH (MODULUS 3, REMAINDER 0);
CREATE TABLE by_hash_1 PARTITION OF by_hash FOR VALUES WITH (MODULUS 3, REMAINDER 1);
CREATE TABLE by_hash_2 PARTITION OF by_hash FOR VALUES WITH (MODULUS 3, REMAINDER 2);
-- no partitions at all
CREATE TABLE childless (a integer PRIMARY KEY, b text) PARTITION BY RANGE (a);
-- three levels of three strategies
CREATE TABLE levels (at date NOT NULL, region text, id bigint) PARTITION BY RANGE (at);
CREATE TABLE levels_2024 PARTITION OF levels FOR VALUES FROM ('2024-01-01') TO ('2025-01-01') PARTITION BY LIST (region);
CREATE TABLE levels_2024_eu PARTITION OF levels_2024 FOR VALUES IN ('eu') PARTITION BY HASH (id);
CREATE TABLE levels_2024_eu_0 PARTITION OF levels_2024_eu FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE levels_2024_eu_1 PARTITION OF levels_2024_eu FOR VALUES WITH (MODULUS 2, REMAINDER 1);
CREATE TABLE levels_2024_rest PARTITION OF levels_2024 DEFAULT;
CREATE TABLE levels_2025 PARTITION OF levels FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE INDEX ON levels (region); CREATE INDEX ON levels (at, lower(region)) WHERE id > 0;
-- keys and indexes, attached all the way down
CREATE TABLE keyed (a integer, b text, c integer, PRIMARY KEY (a), UNIQUE (a, b) INCLUDE (c) DEFERRABLE, CONSTRAINT "C" CHECK (c > 0)) PARTITION BY RANGE (a);
CREATE TABLE keyed_1 PARTITION OF keyed FOR VALUES FROM (0) TO (10);
CREATE TABLE keyed_2 PARTITION OF keyed FOR VALUES FROM (10) TO (20) PARTITION BY RANGE (a);
CREATE TABLE keyed_2_1 PARTITION OF keyed_2 FOR VALUES FROM (10) TO (15);
CREATE INDEX keyed_b ON keyed (b COLLATE "C" DESC) INCLUDE (c) WHERE c > 1; CREATE UNIQUE INDEX keyed_u ON keyed (b, a); CREATE INDEX ON keyed USING hash (c);
COMMENT ON INDEX keyed_b IS 'of all'; COMMENT ON INDEX keyed_1_pkey IS 'of one';
-- indexes of the partitions only, and on the parent only (invalid until all are attached)
CREATE TABLE uneven (a integer, b integer) PARTITION BY RANGE (a);
CREATE TABLE uneven_1 PARTITION OF uneven FOR VALUES FROM (0) TO (10);
CREATE TABLE uneven_2 PARTITION OF uneven FOR VALUES FROM (10) TO (20);
CREATE INDEX uneven_1_b ON uneven_1 (b); CREATE INDEX uneven_1_a ON uneven_1 (a) WHERE b > 0;
CREATE TABLE unfinished (a integer, b integer) PARTITION BY RANGE (a);
CREATE TABLE unfinished_1 PARTITION OF unfinished FOR VALUES FROM (0) TO (10);
CREATE INDEX unfinished_b ON ONLY unfinished (b);
-- indexes attached by hand, under names of their own, with parameters of their own
CREATE TABLE by_hand (a integer, b integer) PARTITION BY RANGE (a);
CREATE TABLE by_hand_1 PARTITION OF by_hand FOR VALUES FROM (0) TO (10);
CREATE INDEX "Parent's" ON ONLY by_hand (b); CREATE INDEX "Child's" ON by_hand_1 (b) WITH (fillfactor = 44) ; ALTER INDEX "Parent's" ATTACH PARTITION "Child's";
ALTER INDEX "Child's" SET TABLESPACE zoo_fast; ALTER TABLE by_hand_1 CLUSTER ON "Child's";
-- tables attached: other column order, dropped columns, defaults and checks of their own, a key that was there
CREATE TABLE attached (a integer NOT NULL, b text DEFAULT 'parent', c integer, PRIMARY KEY (a)) PARTITION BY RANGE (a);
CREATE TABLE attached_1 (gone date, c integer, b text DEFAULT 'child', gone2 text, a integer NOT NULL, CONSTRAINT own_key PRIMARY KEY (a), CONSTRAINT own_check CHECK (a < 100));
ALTER TABLE attached_1 DROP gone, DROP gone2;
ALTER TABLE attached ATTACH PARTITION attached_1 FOR VALUES FROM (0) TO (100);
-- detached again
CREATE TABLE detached PARTITION OF attached FOR VALUES FROM (200) TO (300);
ALTER TABLE attached DETACH PARTITION detached;
-- dropped columns in the parent, before and after partitions were made
CREATE TABLE shifted (gone integer, a integer, gone2 text, b text) PARTITION BY LIST (a);
CREATE TABLE shifted_1 PARTITION OF shifted FOR VALUES IN (1);
ALTER TABLE shifted DROP gone, DROP gone2;
CREATE TABLE shifted_2 PARTITION OF shifted FOR VALUES IN (2);
-- defaults, NOT NULL, storage, comments, statistics targets of a partition's own
CREATE TABLE tuned (a integer DEFAULT 1, b text, c text) PARTITION BY LIST (a);
CREATE TABLE tuned_1 PARTITION OF tuned (a DEFAULT 7, b DEFAULT 'one' NOT NULL, CONSTRAINT c_short CHECK (length(c) < 9)) FOR VALUES IN (1) WITH (fillfactor = 55) TABLESPACE zoo_fast;
ALTER TABLE tuned_1 ALTER b SET STORAGE EXTERNAL, ALTER c SET STATISTICS 11; COMMENT ON TABLE tuned_1 IS 'one'; COMMENT ON COLUMN tuned.b IS 'of all'; COMMENT ON COLUMN tuned_1.b IS 'of one';
ALTER TABLE ONLY tuned ALTER c SET STATISTICS 5;
-- persistence and access method differ
CREATE TABLE mixed (a integer) PARTITION BY LIST (a);
CREATE UNLOGGED TABLE mixed_1 PARTITION OF mixed FOR VALUES IN (1);
CREATE TABLE mixed_2 PARTITION OF mixed FOR VALUES IN (2) USING heap_too;
-- a tablespace of the partitioned table itself, and of its indexes
CREATE TABLE placed (a integer, PRIMARY KEY (a) USING INDEX TABLESPACE zoo_fast) PARTITION BY RANGE (a) TABLESPACE zoo_fast;
CREATE TABLE placed_1 PARTITION OF placed FOR VALUES FROM (0) TO (1) TABLESPACE pg_default;
CREATE TABLE placed_2 PARTITION OF placed FOR VALUES FROM (1) TO (2);
-- partition keys over a generated-like expression, a function and a domain
CREATE TABLE by_function (a text, c code) PARTITION BY LIST (outside.fold(a));
CREATE TABLE by_function_1 PARTITION OF by_function FOR VALUES IN ('x', 'y');
CREATE TABLE by_size (a integer) PARTITION BY RANGE (a outside.by_size);
CREATE TABLE by_size_1 PARTITION OF by_size FOR VALUES FROM (0) TO (10);
-- partition names that say nothing of the parent, in an order that is not the names'
CREATE TABLE zebra (a integer) PARTITION BY RANGE (a);
CREATE TABLE "Ant, the 1st" PARTITION OF zebra FOR VALUES FROM (0) TO (1);
CREATE TABLE bee PARTITION OF zebra FOR VALUES FROM (1) TO (2) PARTITION BY RANGE (a);
CREATE TABLE aardvark PARTITION OF bee FOR VALUES FROM (1) TO (2);
-- a partition that lives in another schema: refused
CREATE TABLE far (a integer) PARTITION BY LIST (a);
CREATE TABLE outside.far_1 PARTITION OF far FOR VALUES IN (1);
