-- over tables outside, with options, owner, grants, comments, column settings
CREATE MATERIALIZED VIEW people WITH (fillfactor = 80, autovacuum_enabled = false, toast.autovacuum_enabled = false) AS SELECT u.id, u.login, u.boss IS NULL AS "is Boss", 'people'::text AS people FROM outside.users u;
CREATE UNIQUE INDEX people_id ON people (id) WITH (fillfactor = 70); CREATE INDEX people_login ON people (lower(login) text_pattern_ops) WHERE "is Boss";
ALTER MATERIALIZED VIEW people CLUSTER ON people_id; ALTER MATERIALIZED VIEW people ALTER login SET STATISTICS 55, ALTER login SET STORAGE EXTERNAL, ALTER id SET (n_distinct = -1), ALTER people SET COMPRESSION pglz;
COMMENT ON MATERIALIZED VIEW people IS 'people'; COMMENT ON COLUMN people."is Boss" IS 'boss'; COMMENT ON INDEX people_id IS 'id'; GRANT SELECT ON people TO zoo_reader; GRANT SELECT (id) ON people TO PUBLIC; CREATE STATISTICS people_s ON id, login FROM people;
-- over another of the set, by several ways
CREATE MATERIALIZED VIEW bosses AS WITH b AS (SELECT p.* FROM people p WHERE p."is Boss") SELECT b.id, b.login, (SELECT count(*) FROM people people2 WHERE people2.id > b.id) AS n FROM b;
CREATE UNIQUE INDEX ON bosses (id) NULLS NOT DISTINCT;
-- over both, set operations, windows, grouping sets, lateral, renamed columns
CREATE MATERIALIZED VIEW "Third one" (a, "B b") AS SELECT id, row_number() OVER (ORDER BY login) FROM bosses UNION ALL SELECT p.id, count(*) FROM people p, LATERAL (SELECT p.id + 1 AS x) l GROUP BY GROUPING SETS ((p.id), ());
ALTER MATERIALIZED VIEW "Third one" RENAME COLUMN a TO renamed; CREATE INDEX ON "Third one" ("B b" DESC, renamed);
-- not populated, in a tablespace, of another access method, of another owner
CREATE MATERIALIZED VIEW empty TABLESPACE zoo_fast AS SELECT c.id, c.name COLLATE "C" AS name FROM outside.countries c WITH NO DATA;
CREATE MATERIALIZED VIEW methodical USING heap_too AS SELECT 1 AS one;
CREATE MATERIALIZED VIEW owned AS SELECT c.id FROM outside.countries c;
ALTER MATERIALIZED VIEW owned OWNER TO zoo_owner;
-- of geometry, with indexes of several kinds
CREATE MATERIALIZED VIEW grid AS SELECT g.i, st_setsrid(st_makepoint(g.i, g.i), 4326)::geometry(Point, 4326) AS geom, ARRAY[g.i] AS is_, to_tsvector('simple', 'grid ' || g.i) AS words FROM generate_series(1, 3) g(i);
CREATE INDEX ON grid USING gist (geom); CREATE INDEX ON grid USING gin (words); CREATE INDEX ON grid USING brin (i) WITH (pages_per_range = 2); CREATE INDEX ON grid USING hash (i); CREATE INDEX ON grid USING spgist (geom);
-- values, functions, no table at all
CREATE MATERIALIZED VIEW constants AS VALUES (1, 'constants'), (2, 'x');
CREATE MATERIALIZED VIEW functions AS SELECT f.* FROM regexp_split_to_table('a b', ' ') WITH ORDINALITY f(word, n);
-- replica identity
CREATE MATERIALIZED VIEW replicated AS SELECT 1 AS id; CREATE UNIQUE INDEX replicated_i ON replicated (id);
ALTER MATERIALIZED VIEW replicated CLUSTER ON replicated_i;
-- over a table of the set: refused, its rows come after it
CREATE TABLE base (id integer);
CREATE MATERIALIZED VIEW over_base AS SELECT id FROM base;
