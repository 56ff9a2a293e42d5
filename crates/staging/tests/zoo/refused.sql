-- What is refused by name, each with its remedy; nothing of a set is built when one of it is refused.
CREATE SERVER portal FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host 'localhost');
-- a foreign table
CREATE FOREIGN TABLE foreign_table (a integer) SERVER portal;
-- a foreign table that is a partition
CREATE TABLE with_foreign (a integer) PARTITION BY LIST (a);
CREATE FOREIGN TABLE foreign_partition PARTITION OF with_foreign FOR VALUES IN (1) SERVER portal;
-- a table that belongs to an extension
CREATE TABLE of_extension (a integer);
ALTER EXTENSION cube ADD TABLE of_extension;
-- a plain view
CREATE VIEW plain_view AS SELECT 1 AS one;
-- a replica identity by an index that is gone
CREATE TABLE lost_identity (a integer NOT NULL);
CREATE UNIQUE INDEX lost_identity_i ON lost_identity (a);
ALTER TABLE lost_identity REPLICA IDENTITY USING INDEX lost_identity_i;
DROP INDEX lost_identity_i;
