-- all kinds, some kinds, one kind
CREATE TABLE kinds (a integer, b integer, c text);
CREATE STATISTICS k1 ON a, b FROM kinds; CREATE STATISTICS k2 (ndistinct) ON a, b, c FROM kinds; CREATE STATISTICS k3 (dependencies, mcv) ON c, a FROM kinds;
-- on expressions only, on one expression, on both
CREATE TABLE computed (a integer, b text, computed text);
CREATE STATISTICS e1 ON (a + 1) FROM computed; CREATE STATISTICS e2 ON lower(b), (a % 10) FROM computed; CREATE STATISTICS e3 (mcv) ON a, outside.fold(b), (b || 'computed'), computed FROM computed;
-- expressions that the server prints otherwise when it reads its own print
CREATE TABLE reprinted (a integer, status varchar(10));
CREATE STATISTICS r1 ON a, (status IN ('x', 'y')) FROM reprinted;
-- targets, comments, owners, names
CREATE TABLE dressed (a integer, b integer);
CREATE STATISTICS d1 ON a, b FROM dressed; CREATE STATISTICS "D 2's" ON b, a FROM dressed; CREATE STATISTICS dressed ON a, b FROM dressed;
ALTER STATISTICS d1 SET STATISTICS 500; ALTER STATISTICS "D 2's" SET STATISTICS 0; COMMENT ON STATISTICS "D 2's" IS 'two''s'; ALTER STATISTICS d1 OWNER TO zoo_owner;
-- in another schema than the table's
CREATE TABLE apart (a integer, b integer);
CREATE STATISTICS outside.apart_stats ON a, b FROM apart;
-- with dropped columns and a generated one
CREATE TABLE shifted (gone text, a integer, gone2 text, g integer GENERATED ALWAYS AS (a + 1) STORED);
ALTER TABLE shifted DROP gone, DROP gone2;
CREATE STATISTICS s1 ON g, a FROM shifted;
