//! What else hangs on a table: triggers, policies, rules, grants, statistics, settings, comments.

use super::{Column, Scribe, Use};
use crate::random::statement::Pick;

impl Scribe {
    pub(super) fn trigger(&mut self, of: Pick, name: Pick, form: Pick, state: Pick) {
        let Some(table) = self.table(of, |_| true) else {
            return;
        };
        let name = self.name(name);
        let on = self.tables[table].name.clone();
        let function = "EXECUTE FUNCTION random_world.note('it''s', 'staging_t1')";
        let related = self.tables[table].has_children || self.tables[table].parent.is_some();
        let sql = match form % 6 {
            0 => format!(
                "CREATE TRIGGER {name} BEFORE INSERT ON {on} FOR EACH ROW WHEN (NEW.k > 0) {function}"
            ),
            1 => format!(
                "CREATE TRIGGER {name} AFTER UPDATE OF k ON {on} FOR EACH ROW WHEN (OLD.k <> NEW.k) {function}"
            ),
            2 => format!("CREATE TRIGGER {name} AFTER DELETE ON {on} FOR EACH STATEMENT {function}"),
            3 => format!(
                "CREATE CONSTRAINT TRIGGER {name} AFTER INSERT OR UPDATE ON {on} DEFERRABLE INITIALLY DEFERRED FOR EACH ROW {function}"
            ),
            4 if !related => format!(
                "CREATE TRIGGER {name} AFTER INSERT ON {on} REFERENCING NEW TABLE AS {name} FOR EACH STATEMENT {function}"
            ),
            _ => format!("CREATE TRIGGER {name} BEFORE TRUNCATE ON {on} {function}"),
        };
        self.say(&sql);
        let state = ["", "DISABLE", "ENABLE REPLICA", "ENABLE ALWAYS"][usize::from(state) % 4];
        if !state.is_empty() {
            self.say(&format!("ALTER TABLE {on} {state} TRIGGER {name}"));
        }
    }

    pub(super) fn policy(&mut self, of: Pick, name: Pick, form: Pick, other: Pick) {
        let (Some(table), Some(other)) = (self.table(of, |_| true), self.table(other, |_| true)) else {
            return;
        };
        let name = self.name(name);
        let (on, other) = (self.tables[table].name.clone(), self.tables[other].name.clone());
        let end = match form % 5 {
            0 => "USING (k > 0)".to_owned(),
            1 => format!(
                "FOR SELECT TO random_reader USING (EXISTS (SELECT 1 FROM {other} o WHERE o.k = {on}.k))"
            ),
            2 => format!("AS RESTRICTIVE FOR INSERT WITH CHECK (k IN (SELECT k FROM {other}))"),
            3 => format!(
                "FOR UPDATE TO random_reader, random_owner USING (k > (SELECT max({other}.k) FROM {other})) WITH CHECK (true)"
            ),
            _ => "FOR DELETE USING (false)".to_owned(),
        };
        self.say(&format!("CREATE POLICY {name} ON {on} {end}"));
    }

    pub(super) fn row_security(&mut self, of: Pick, form: Pick) {
        let Some(table) = self.table(of, |_| true) else {
            return;
        };
        let what = ["ENABLE", "FORCE"][usize::from(form) % 2];
        self.say(&format!(
            "ALTER TABLE {} {what} ROW LEVEL SECURITY",
            self.tables[table].name
        ));
    }

    pub(super) fn rule(&mut self, of: Pick, name: Pick, form: Pick, other: Pick) {
        let (Some(table), Some(other)) = (self.table(of, |_| true), self.table(other, |_| true)) else {
            return;
        };
        let name = self.name(name);
        let (on, other) = (self.tables[table].name.clone(), self.tables[other].name.clone());
        let sql = match form % 3 {
            0 => format!("CREATE RULE {name} AS ON DELETE TO {on} DO INSTEAD NOTHING"),
            1 => format!(
                "CREATE RULE {name} AS ON UPDATE TO {on} WHERE old.k <> new.k DO ALSO INSERT INTO {other} (k) VALUES (new.k)"
            ),
            _ => format!(
                "CREATE RULE {name} AS ON DELETE TO {on} DO ALSO DELETE FROM {other} WHERE {other}.k = old.k"
            ),
        };
        self.say(&sql);
        if form % 7 == 6 {
            self.say(&format!("ALTER TABLE {on} DISABLE RULE {name}"));
        }
    }

    pub(super) fn grant(&mut self, of: Pick, column: Pick, form: Pick) {
        let Some(table) = self.table(of, |_| true) else {
            return;
        };
        let Some(column) = self.column(table, column, |_| true) else {
            return;
        };
        let column = &self.tables[column.0].own_columns[column.1].name;
        let on = &self.tables[table].name;
        let sql = match form % 6 {
            0 => format!("GRANT SELECT, INSERT ON {on} TO random_reader"),
            1 => format!("GRANT ALL ON {on} TO random_reader WITH GRANT OPTION"),
            2 => format!("GRANT SELECT ({column}), UPDATE ({column}) ON {on} TO random_reader"),
            3 => format!("GRANT SELECT ON {on} TO PUBLIC"),
            4 => format!("REVOKE DELETE ON {on} FROM CURRENT_USER"),
            _ => format!("REVOKE ALL ON {on} FROM random_reader"),
        };
        self.say(&sql);
    }

    pub(super) fn owner(&mut self, of: Pick) {
        let Some(table) = self.table(of, |t| !t.owned) else {
            return;
        };
        self.tables[table].owned = true;
        self.say(&format!(
            "ALTER TABLE {} OWNER TO random_owner",
            self.tables[table].name
        ));
    }

    pub(super) fn statistics(&mut self, of: Pick, columns: [Pick; 2], form: Pick) {
        let Some(table) = self.table(of, |_| true) else {
            return;
        };
        let sortable = |c: &Column| matches!(c.kind, Use::Integer | Use::Text);
        let picked = columns.map(|pick| self.column(table, pick, sortable));
        let [Some(a), Some(b)] = picked else {
            return;
        };
        let (a, b) = (self.bind(a), self.bind(b));
        let what = if a == b {
            format!("(k + {form}), {a}")
        } else {
            format!("{a}, {b}")
        };
        let kinds = ["", " (ndistinct)", " (mcv, dependencies)"][usize::from(form) % 3];
        let name = self.name(form);
        let sql = format!(
            "CREATE STATISTICS {name}{kinds} ON {what} FROM {}",
            self.tables[table].name
        );
        self.say(&sql);
        if form % 4 == 3 {
            self.say(&format!("ALTER STATISTICS {name} SET STATISTICS {form}"));
        }
    }

    pub(super) fn set_table(&mut self, of: Pick, setting: Pick) {
        let Some(table) = self.table(of, |_| true) else {
            return;
        };
        let text = self.column(table, setting, |c| c.kind == Use::Text);
        let has_text = text.map(|column| self.bind(column)).is_some();
        let here = &self.tables[table];
        let setting = match setting % 6 {
            0 if here.partitioned.is_none() => format!("SET (fillfactor = {})", 10 + setting % 90),
            1 if here.partitioned.is_none() => "SET (autovacuum_enabled = off)".to_owned(),
            // A TOAST table that only dropped columns needed has no twin.
            5 if has_text && here.partitioned.is_none() => "SET (toast.autovacuum_enabled = off)".to_owned(),
            2 => "REPLICA IDENTITY FULL".to_owned(),
            3 => "REPLICA IDENTITY NOTHING".to_owned(),
            4 if !here.plain_indexes.is_empty() && !here.clustered => {
                format!(
                    "CLUSTER ON {}",
                    here.plain_indexes[usize::from(setting) % here.plain_indexes.len()]
                )
            }
            _ => return,
        };
        self.tables[table].clustered |= setting.starts_with("CLUSTER");
        self.say(&format!("ALTER TABLE {} {setting}", self.tables[table].name));
    }

    pub(super) fn comment(&mut self, of: Pick, pick: Pick, text: Pick) {
        let Some(table) = self.table(of, |_| true) else {
            return;
        };
        let on = &self.tables[table].name;
        let text =
            ["it''s", "staging_t1", "back\\slash", "two\nlines -- and \"more\""][usize::from(text) % 4];
        let column = self
            .column(table, pick, |_| true)
            .filter(|_| !pick.is_multiple_of(3));
        let object = match column {
            Some((made_in, column)) => {
                format!("COLUMN {on}.{}", self.tables[made_in].own_columns[column].name)
            }
            None => format!("TABLE {on}"),
        };
        self.say(&format!("COMMENT ON {object} IS '{text}'"));
    }
}
