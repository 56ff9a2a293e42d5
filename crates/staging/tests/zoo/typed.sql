CREATE TYPE thing AS (id integer, name text COLLATE "C", made date);
CREATE TYPE outside.other_thing AS (a integer, b text);
-- of a type, bare
CREATE TABLE bare OF thing;
-- with options: key, default, check, NOT NULL
CREATE TABLE options OF thing (PRIMARY KEY (id), name DEFAULT 'options' NOT NULL, made WITH OPTIONS DEFAULT now() CHECK (made > '2000-01-01'), UNIQUE (name, made));
-- of a type of another schema, with storage parameters, index, grants, comments
CREATE TABLE far OF outside.other_thing (b WITH OPTIONS CONSTRAINT short CHECK (length(b) < 9)) WITH (fillfactor = 66);
CREATE INDEX ON far (lower(b)); GRANT SELECT (a) ON far TO zoo_reader; COMMENT ON COLUMN far.b IS 'of the type'; ALTER TABLE far ALTER b SET STORAGE EXTERNAL, ALTER a SET STATISTICS 9;
-- with a rule and a policy and a trigger
CREATE TABLE ruled OF thing;
CREATE RULE no_delete AS ON DELETE TO ruled WHERE old.name = 'ruled' DO INSTEAD NOTHING; ALTER TABLE ruled ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON ruled USING (id IN (SELECT b.id FROM bare b));
CREATE TRIGGER t BEFORE INSERT ON ruled FOR EACH ROW WHEN (NEW.name <> '') EXECUTE FUNCTION note();
-- two tables of one type, one refers to the other
CREATE TABLE referring OF thing (FOREIGN KEY (id) REFERENCES options);
-- a sequence in a typed table, and an exclusion constraint
CREATE TABLE numbered OF thing (id DEFAULT 1, EXCLUDE (name WITH =));
CREATE SEQUENCE numbered_id_seq OWNED BY numbered.id; ALTER TABLE numbered ALTER id SET DEFAULT nextval('numbered_id_seq');
-- typed and partitioned
CREATE TABLE split OF thing PARTITION BY RANGE (id);
CREATE TABLE split_1 PARTITION OF split FOR VALUES FROM (0) TO (9);
-- unlogged, in a tablespace, with another owner
CREATE UNLOGGED TABLE placed OF thing TABLESPACE zoo_fast;
ALTER TABLE placed OWNER TO zoo_owner;
-- made typed later, by ALTER TABLE … OF
CREATE TABLE later (id integer, name text COLLATE "C", made date);
ALTER TABLE later OF thing;
-- a type that lost an attribute
CREATE TYPE shrunk AS (a integer, gone text, b text);
CREATE TABLE of_shrunk OF shrunk;
ALTER TYPE shrunk DROP ATTRIBUTE gone CASCADE;
