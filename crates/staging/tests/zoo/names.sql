-- reserved words, key words and type names
CREATE TABLE "user" ("user" integer PRIMARY KEY, "order" text, "table" integer REFERENCES "user");
CREATE TABLE "select" (id serial PRIMARY KEY, "from" text UNIQUE); CREATE INDEX "where" ON "select" ("from", "id") WHERE "from" <> 'select';
CREATE TABLE text (text text, integer integer DEFAULT 1, CHECK (text <> 'text'));
CREATE TABLE name (name name, "text" text); CREATE INDEX ON name (lower(name.text)); CREATE TABLE of_name (name name);
CREATE TABLE new (a integer, old integer); CREATE TRIGGER new BEFORE UPDATE ON new FOR EACH ROW WHEN (NEW.old > OLD.a) EXECUTE FUNCTION note();
CREATE TABLE old (new integer, old integer); CREATE TRIGGER old BEFORE UPDATE ON old FOR EACH ROW WHEN (NEW.new > OLD.old) EXECUTE FUNCTION note();
CREATE TABLE public (public integer); CREATE TABLE names.pg_class (oid oid, relname name); CREATE INDEX ON names.pg_class (oid);
-- quotes, dots, blanks, backslashes, dollar signs, dashes, line breaks
CREATE TABLE "say ""hi""" ("a ""b""" serial PRIMARY KEY, "c""" text DEFAULT 'say "hi"'); CREATE INDEX "i""j" ON "say ""hi""" (lower("c""")); COMMENT ON TABLE "say ""hi""" IS 'say "hi"';
CREATE TABLE "it's" ("it's" integer GENERATED ALWAYS AS IDENTITY, b integer REFERENCES "user"); CREATE TRIGGER "it's" BEFORE INSERT ON "it's" FOR EACH ROW EXECUTE FUNCTION note('it''s');
CREATE TABLE "a.b" ("c.d" serial, e integer CHECK ("c.d" > 0)); CREATE TABLE a (b integer); CREATE TABLE "names.a" (b integer);
CREATE TABLE " blanks  here " (" a " integer, CONSTRAINT " c " UNIQUE (" a ")); CREATE TABLE "back\slash" ("\" serial, b text DEFAULT '\'); CREATE TABLE "do$llar$" ("$1" text, "$$" integer UNIQUE);
CREATE TABLE "--" ("/*" integer, "*/" text DEFAULT '--'); CREATE TABLE "semi;colon" (";" integer PRIMARY KEY); CREATE TABLE "line
break" (a integer); CREATE TABLE "100% {sure} [x]" ("%s" text, "{0}" integer); CREATE TABLE "(" (")" integer, CHECK (")" > 0));
-- upper case, digits first, lookalikes that differ in case only
CREATE TABLE "Upper" (id serial PRIMARY KEY, "Id" serial, "ID" integer); CREATE TABLE upper (id serial PRIMARY KEY, u integer REFERENCES "Upper"); CREATE TABLE "1st" ("2nd" integer UNIQUE); CREATE TABLE "UPPER" (a integer REFERENCES "Upper");
-- not ASCII: combining marks, emoji, right to left, the same letters composed otherwise
CREATE TABLE "Größe" ("Straße" text, "größe" integer CHECK ("größe" > 0)); CREATE INDEX ON "Größe" (lower("Straße")); CREATE TABLE "محمية" ("اسم" text PRIMARY KEY); CREATE TABLE "保护区" (id serial, "名称" text);
CREATE TABLE "🦓" ("🐘" integer UNIQUE, "🐘🐘" text DEFAULT '🦓'); CREATE TABLE U&"\00e9" (a integer); CREATE TABLE U&"e\0301" (a integer); CREATE TABLE "ﬁn" ("ﬁ" integer);
-- names that look like staging and backups
CREATE TABLE thing (staging_thing integer, staging_x integer); CREATE TABLE bk2409010405_other (a serial); CREATE TABLE staging (staging integer PRIMARY KEY); CREATE TABLE cutover_scratch (cutover_scratch integer);
CREATE SEQUENCE thing_seq OWNED BY thing.staging_x; COMMENT ON COLUMN thing.staging_thing IS 'staging_thing';
-- 63 bytes: many that differ in the last only, of table, index, sequence, constraint, trigger, statistics
CREATE TABLE "n23456789_123456789_123456789_123456789_123456789_123456789_123" (id serial PRIMARY KEY, a integer, CONSTRAINT "c23456789_123456789_123456789_123456789_123456789_123456789_123" UNIQUE (a));
CREATE TABLE "n23456789_123456789_123456789_123456789_123456789_123456789_124" (id serial PRIMARY KEY, a integer, CONSTRAINT "c23456789_123456789_123456789_123456789_123456789_123456789_124" UNIQUE (a));
CREATE INDEX ON "n23456789_123456789_123456789_123456789_123456789_123456789_123" (lower(a::text)); CREATE INDEX ON "n23456789_123456789_123456789_123456789_123456789_123456789_124" (lower(a::text));
CREATE TRIGGER "t23456789_123456789_123456789_123456789_123456789_123456789_123" BEFORE INSERT ON "n23456789_123456789_123456789_123456789_123456789_123456789_123" EXECUTE FUNCTION note();
CREATE STATISTICS "s23456789_123456789_123456789_123456789_123456789_123456789_123" ON id, a FROM "n23456789_123456789_123456789_123456789_123456789_123456789_123";
CREATE TABLE "ñññññññññññññññññññññññññññññññn" ("ññññññññññññññññññññññññññññññññ" serial PRIMARY KEY);
-- 55 bytes: fits with nothing to spare; 56: does not
CREATE TABLE "f23456789_123456789_123456789_123456789_123456789_12345" (a integer PRIMARY KEY); CREATE TABLE "f23456789_123456789_123456789_123456789_123456789_123456" (a integer PRIMARY KEY);
-- one letter, and numbers of the server's choice
CREATE TABLE x (x integer PRIMARY KEY, y integer UNIQUE); CREATE TABLE x1 (x integer UNIQUE, y integer UNIQUE); CREATE INDEX x_ ON x (y); CREATE TABLE "_" ("_" integer);
-- a column, a function, a type and a string called like the table
CREATE TYPE outside.homonym AS (homonym integer); CREATE FUNCTION homonym(integer) RETURNS integer IMMUTABLE LANGUAGE sql AS $$SELECT $1$$;
CREATE TABLE homonym (homonym integer DEFAULT homonym(1), h outside.homonym, s text DEFAULT 'names.homonym', CONSTRAINT homonym CHECK (homonym(homonym.homonym) > 0 AND s <> 'homonym')); CREATE INDEX ON homonym (homonym(homonym), (('homonym'::text || s)));
-- two whose parts would be called alike: a key of the one, a table of the other
CREATE TABLE p (id integer PRIMARY KEY); CREATE TABLE p_pkey1 (id integer CONSTRAINT p_pkey2 PRIMARY KEY);
