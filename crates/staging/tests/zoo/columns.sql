-- no columns at all
CREATE TABLE nothing ();
-- columns of the common types, with modifiers
CREATE TABLE common (
    a smallint, b integer, c bigint, d numeric, e numeric(10, 3), f numeric(5), g real, h double precision, i money,
    j boolean, k "char", l char, m char(7), n varchar, o varchar(20), p text, q bytea, r uuid, s json, t jsonb, u xml
);
-- times with precision
CREATE TABLE times (
    a date, b time, c time(2), d timetz(3), e timestamp(0), f timestamptz, g interval, h interval(2), i interval year to month,
    j interval day to second(4)
);
-- geometric, network, bit and text search types
CREATE TABLE rarer (
    a point, b line, c lseg, d box, e path, f polygon, g circle, h inet, i cidr, j macaddr, k macaddr8, l bit, m bit(8),
    n varbit, o varbit(12), p tsvector, q tsquery, r pg_lsn, s oid, t regclass, u name, v xid8, w txid_snapshot
);
-- ranges and multiranges
CREATE TABLE ranges (
    a int4range, b int8range, c numrange DEFAULT '[1,2)', d tsrange, e tstzrange, f daterange, g int4multirange,
    h datemultirange DEFAULT '{[2020-01-01,2021-01-01)}', i outside.floats, j outside.many_floats
);
-- arrays, of several declared dimensions
CREATE TABLE arrays (a integer[], b text[][] DEFAULT '{{a,b},{c,"it''s"}}', c varchar(3)[], d numeric(4, 1)[4], e positive[], f mood[] DEFAULT '{sad,ok}');
-- enums, domains, composites, a domain over a composite and over an array
CREATE TABLE made_types (a mood DEFAULT 'it''s "fine"', b positive DEFAULT 3, c code, d codes, e address, f address[] , g home DEFAULT ROW('x', 1, NULL));
-- constant defaults of every look
CREATE TABLE constants (
    a integer DEFAULT -7, b text DEFAULT 'it''s \ a "t"', c text DEFAULT E'tab\tline\n', d boolean DEFAULT true,
    e numeric DEFAULT 1e100, f bytea DEFAULT '\xdeadbeef', g jsonb DEFAULT '{"constants": [1]}', h text[] DEFAULT ARRAY['a', NULL],
    i date DEFAULT '2024-02-29', j interval DEFAULT '1 mon -3 days', k double precision DEFAULT 'NaN', l text DEFAULT NULL, m bit(3) DEFAULT B'101',
    n regclass DEFAULT 'outside.users'::regclass, o char(4) DEFAULT 'ab', p text DEFAULT ''
);
-- defaults that call functions, in and outside of pg_catalog
CREATE TABLE calls (
    a timestamptz DEFAULT now(), b timestamptz DEFAULT CURRENT_TIMESTAMP(2), c text DEFAULT CURRENT_USER, d text DEFAULT next_code(),
    e text DEFAULT outside.next_code('x', 1, 2), f uuid DEFAULT gen_random_uuid(), g uuid DEFAULT uuid_generate_v4(),
    h text DEFAULT encode(gen_random_bytes(8), 'hex'), i date DEFAULT (now() AT TIME ZONE 'UTC')::date, j integer DEFAULT (random() * 10)::integer,
    k text DEFAULT lpad(to_hex(nextval('outside.numbers')), 8, '0'), l text DEFAULT current_setting('app.tenant', true),
    m text DEFAULT CASE WHEN random() < 0.5 THEN 'heads' ELSE 'tails' END, n tstzrange DEFAULT tstzrange(now(), NULL), o text DEFAULT session_user
);
-- generated columns: of others, with casts, functions, collation
CREATE TABLE computed (
    a integer NOT NULL, b text COLLATE "C", twice integer GENERATED ALWAYS AS (a * 2) STORED,
    folded text COLLATE german GENERATED ALWAYS AS (outside.fold(b)) STORED, words tsvector GENERATED ALWAYS AS (to_tsvector('outside.plain', coalesce(b, ''))) STORED,
    label text GENERATED ALWAYS AS (CASE WHEN a > 0 THEN 'computed' ELSE b END) STORED NOT NULL,
    weight numeric(10, 2) GENERATED ALWAYS AS (weigh(a, 2.5)) STORED
);
-- dropped columns at the start, in the middle and at the end
CREATE TABLE dropped (gone1 integer, a integer, gone2 text DEFAULT 'x', b text, gone3 numeric, c integer GENERATED ALWAYS AS (a + 1) STORED, gone4 integer);
ALTER TABLE dropped DROP gone1, DROP gone2, DROP gone3, DROP gone4;
-- a dropped column before keys, checks, foreign keys, indexes, statistics and column grants
CREATE TABLE dropped_and_used (gone1 text, a integer, gone2 text, b integer NOT NULL, c integer, gone3 text, d text, PRIMARY KEY (b, a),
    CHECK (a < b), FOREIGN KEY (c) REFERENCES countries (id));
ALTER TABLE dropped_and_used DROP gone1, DROP gone2, DROP gone3;
CREATE INDEX ON dropped_and_used (d, lower(d)) WHERE c > a;
CREATE STATISTICS dropped_stats ON a, c FROM dropped_and_used;
GRANT SELECT (d), UPDATE (c, a) ON dropped_and_used TO zoo_reader;
-- all columns dropped
CREATE TABLE hollow (a integer, b text);
ALTER TABLE hollow DROP a, DROP b;
-- columns added to rows that were there: values are kept in the catalog
CREATE TABLE grown (id integer);
INSERT INTO grown SELECT generate_series(1, 10);
ALTER TABLE grown ADD added text NOT NULL DEFAULT 'older', ADD stamped timestamptz DEFAULT now();
-- storage, compression, statistics targets and options of columns
CREATE TABLE tuned (a text, b bytea COMPRESSION pglz, c jsonb COMPRESSION lz4, d text, e text, f integer, g integer, h text COMPRESSION lz4);
ALTER TABLE tuned ALTER a SET STORAGE EXTERNAL, ALTER b SET STORAGE MAIN, ALTER d SET STORAGE PLAIN;
ALTER TABLE tuned ALTER a SET STATISTICS 1000, ALTER e SET STATISTICS 0, ALTER f SET (n_distinct = -0.25, n_distinct_inherited = 100), ALTER g SET (n_distinct = 12);
-- collations other than the default, on types and domains
CREATE TABLE collated (a text COLLATE "C", b varchar(9) COLLATE "POSIX", c text COLLATE german, d text COLLATE nocase, e text[] COLLATE "C", f code COLLATE "POSIX", g citext COLLATE "C");
-- columns renamed and retyped after the fact
CREATE TABLE changed (a integer, b text, c integer CHECK (c > 0));
ALTER TABLE changed RENAME a TO "A new name"; ALTER TABLE changed ALTER b TYPE integer USING b::integer; ALTER TABLE changed ALTER c TYPE bigint;
-- columns called like the table, keywords, system-like things
CREATE TABLE odd (odd text, "select" integer, "from" text DEFAULT 'odd', "Odd" integer, ctid_ tid);
-- every column not null and with a default
CREATE TABLE strict (a integer NOT NULL DEFAULT 1, b text NOT NULL DEFAULT 'strict', c mood NOT NULL DEFAULT 'ok', d hstore NOT NULL DEFAULT '"a"=>"b"');
-- types of extensions
CREATE TABLE extended (a hstore, b citext, c ltree, d lquery, e cube, f query_int, g gtrgm, h integer[] , i ltree[]);
-- many columns
CREATE TABLE wide ();
DO $$BEGIN FOR i IN 1..300 LOOP EXECUTE format('ALTER TABLE wide ADD c%s %s', i, CASE i % 3 WHEN 0 THEN 'integer DEFAULT ' || i WHEN 1 THEN 'text' ELSE 'numeric(8,2)' END); END LOOP; END$$;
