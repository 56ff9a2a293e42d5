-- DO INSTEAD NOTHING, for three events
CREATE TABLE frozen (a integer);
CREATE RULE no_update AS ON UPDATE TO frozen DO INSTEAD NOTHING;
CREATE RULE no_delete AS ON DELETE TO frozen WHERE old.a > 0 DO INSTEAD NOTHING;
-- DO ALSO into another member, into itself's sister and outside
CREATE TABLE log (a integer, what text);
CREATE TABLE logged (id integer, a integer, log text);
CREATE RULE note_insert AS ON INSERT TO logged DO ALSO INSERT INTO log (a, what) VALUES (new.a, 'log');
CREATE RULE note_update AS ON UPDATE TO logged WHERE old.a IS DISTINCT FROM new.a DO ALSO INSERT INTO log SELECT new.a, 'logged' || old.log;
-- several statements, sub-selects on members, outside tables, CTE
CREATE TABLE several (a integer, b integer);
CREATE RULE many AS ON DELETE TO several DO ALSO (DELETE FROM log WHERE log.a = old.a; UPDATE logged SET log = 'several' WHERE logged.id IN (SELECT s.a FROM several s WHERE s.b = old.b); NOTIFY several);
CREATE RULE outward AS ON UPDATE TO several DO ALSO INSERT INTO outside.users (id, login) SELECT new.a, u.login FROM outside.users u WHERE u.id = old.a;
-- INSTEAD into the table itself under a condition
CREATE TABLE rerouted (a integer, b text);
CREATE RULE reroute AS ON INSERT TO rerouted WHERE new.a < 0 DO INSTEAD INSERT INTO log VALUES (new.a, new.b);
-- every state, comments
CREATE TABLE states (a integer);
CREATE RULE off AS ON DELETE TO states DO INSTEAD NOTHING;
CREATE RULE always AS ON UPDATE TO states DO INSTEAD NOTHING;
CREATE RULE replica AS ON INSERT TO states WHERE new.a = 1 DO INSTEAD NOTHING;
ALTER TABLE states DISABLE RULE off; ALTER TABLE states ENABLE ALWAYS RULE always; ALTER TABLE states ENABLE REPLICA RULE replica;
COMMENT ON RULE off ON states IS 'switched off';
-- a rule called like its table, on a table with dropped columns
CREATE TABLE named (gone integer, a integer, gone2 text, b text);
ALTER TABLE named DROP gone, DROP gone2;
CREATE RULE named AS ON INSERT TO named WHERE new.b = 'named' DO ALSO INSERT INTO log (a, what) SELECT named.a, 'rules.named' FROM named;
-- RETURNING, ON CONFLICT, whole rows
CREATE TABLE upserted (a integer PRIMARY KEY, b text);
CREATE TABLE front (a integer, b text);
CREATE RULE upsert AS ON INSERT TO front DO INSTEAD INSERT INTO upserted AS u VALUES (new.a, new.b) ON CONFLICT (a) DO UPDATE SET b = excluded.b WHERE u.b <> excluded.b RETURNING u.a, u.b;
-- a rule with identity, trigger and policy beside it
CREATE TABLE mixed (id integer GENERATED ALWAYS AS IDENTITY, a text);
CREATE RULE mixed_rule AS ON DELETE TO mixed DO ALSO INSERT INTO log VALUES (old.id, old.a);
CREATE TRIGGER mixed_trigger BEFORE INSERT ON mixed FOR EACH ROW EXECUTE FUNCTION note();
ALTER TABLE mixed ENABLE ROW LEVEL SECURITY;
CREATE POLICY mixed_policy ON mixed USING (id IN (SELECT log.a FROM log));
