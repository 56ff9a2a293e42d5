//! Keys, checks, foreign keys, indexes, exclusion constraints.

use super::{Column, Scribe, Use};
use crate::random::statement::Pick;

impl Scribe {
    pub(super) fn key(&mut self, of: Pick, columns: &[Pick], primary: bool, form: Pick) {
        let Some(table) = self.table(of, |t| !(primary && t.has_primary_key)) else {
            return;
        };
        // A primary key of k alone is what foreign keys refer to; a partition's parent may get one later.
        let mut names = vec!["k".to_owned()];
        if primary {
            if self.tables[table].is_partition
                || self.tables[table].partitioned.is_some() && self.tables[table].has_children
            {
                return;
            }
            self.tables[table].has_primary_key = true;
        } else {
            for pick in columns {
                let sortable = |c: &Column| !matches!(c.kind, Use::Json | Use::Other);
                if let Some(column) = self.column(table, *pick, sortable) {
                    let name = self.bind(column);
                    if !names.contains(&name) {
                        names.insert(0, name);
                    }
                }
            }
        }
        let kind = if primary { "PRIMARY KEY" } else { "UNIQUE" };
        let nulls = if !primary && form % 5 == 4 {
            " NULLS NOT DISTINCT"
        } else {
            ""
        };
        let end = [
            "",
            " DEFERRABLE",
            " DEFERRABLE INITIALLY DEFERRED",
            " WITH (fillfactor = 70)",
        ][usize::from(form) % 4];
        // A deferrable key is nothing to refer to.
        let end = if primary && end.contains("DEFERRABLE") {
            ""
        } else {
            end
        };
        let table = &self.tables[table].name;
        let sql = format!(
            "ALTER TABLE {table} ADD {kind}{nulls} ({}){end}",
            names.join(", ")
        );
        self.say(&sql);
    }

    pub(super) fn check(&mut self, of: Pick, column: Pick, form: Pick) {
        let Some(table) = self.table(of, |t| !t.is_partition) else {
            return;
        };
        let fits = |c: &Column| matches!(c.kind, Use::Integer | Use::Text);
        let Some(column) = self.column(table, column, fits) else {
            return;
        };
        let is_text = self.tables[column.0].own_columns[column.1].kind == Use::Text;
        let column = self.bind(column);
        let condition = if is_text {
            format!("{column} IN ('k', 'it''s', 'staging_t1') OR length({column}) < 9")
        } else {
            format!("{column} > -100 AND {column} <> {form}")
        };
        let here = &self.tables[table];
        let end = match form % 4 {
            1 => " NOT VALID",
            2 if here.partitioned.is_none() => " NO INHERIT",
            _ => "",
        };
        let name = self.name(form);
        let table = &self.tables[table].name;
        let sql = format!("ALTER TABLE {table} ADD CONSTRAINT {name} CHECK ({condition}){end}");
        self.say(&sql);
    }

    pub(super) fn foreign_key(&mut self, of: Pick, column: Pick, to: Pick, form: Pick) {
        let Some(target) = self.table(to, |t| t.has_primary_key) else {
            return;
        };
        let logged = !self.tables[target].unlogged;
        let Some(table) = self.table(of, |t| logged || t.unlogged) else {
            return;
        };
        // The server does not let a tree refer to a part of itself.
        if self.tables[target].is_partition && self.root(table) == self.root(target) {
            return;
        }
        let fits = |c: &Column| c.kind == Use::Integer && !c.generated;
        let Some(column) = self.column(table, column, fits) else {
            return;
        };
        let column = self.bind(column);
        let end = [
            "",
            " ON DELETE CASCADE",
            " DEFERRABLE INITIALLY DEFERRED",
            " NOT VALID",
            " ON UPDATE SET NULL ON DELETE RESTRICT",
        ][usize::from(form) % 5];
        let end = if end == " NOT VALID" && self.tables[table].partitioned.is_some() {
            ""
        } else {
            end
        };
        let name = self.name(form);
        let sql = format!(
            "ALTER TABLE {} ADD CONSTRAINT {name} FOREIGN KEY ({column}) REFERENCES {} (k){end}",
            self.tables[table].name, self.tables[target].name
        );
        self.say(&sql);
    }

    pub(super) fn index(
        &mut self,
        of: Pick,
        columns: &[Pick],
        name: Pick,
        form: Pick,
        predicate: Option<Pick>,
    ) {
        let Some(table) = self.table(of, |_| true) else {
            return;
        };
        let special = match form % 8 {
            5 => Some((Use::Range, "gist", "")),
            6 => Some((Use::Array, "gin", " WITH (fastupdate = off)")),
            7 => Some((Use::Json, "gin", "")),
            4 => Some((Use::Integer, "brin", " WITH (pages_per_range = 8)")),
            3 => Some((Use::Text, "hash", "")),
            _ => None,
        };
        let (method, keys, end) = if let Some((kind, method, end)) = special {
            let Some(column) = self.column(table, form, |c| c.kind == kind) else {
                return;
            };
            (method, vec![self.bind(column)], end)
        } else {
            let mut keys = Vec::new();
            for pick in columns {
                let sortable = |c: &Column| matches!(c.kind, Use::Integer | Use::Text);
                let Some(column) = self.column(table, *pick, sortable) else {
                    continue;
                };
                let is_text = self.tables[column.0].own_columns[column.1].kind == Use::Text;
                let column = self.bind(column);
                keys.push(match (pick % 5, is_text) {
                    (1, true) => format!("{column} text_pattern_ops"),
                    (2, true) => format!("lower({column})"),
                    (3, true) => format!("{column} COLLATE \"POSIX\" DESC"),
                    (1, false) => format!("{column} DESC NULLS LAST"),
                    (2, false) => format!("({column} + {pick})"),
                    _ => column,
                });
            }
            (
                "btree",
                keys,
                ["", " INCLUDE (k)", " WITH (fillfactor = 66)"][usize::from(form) % 3],
            )
        };
        if keys.is_empty() {
            return;
        }
        let condition = predicate.map_or_else(String::new, |n| format!(" WHERE k > {n} AND k IS NOT NULL"));
        let is_plain = keys.len() == 1 && condition.is_empty();
        let name = self.name(name);
        let sql = format!(
            "CREATE INDEX {name} ON {} USING {method} ({}){end}{condition}",
            self.tables[table].name,
            keys.join(", ")
        );
        self.say(&sql);
        if is_plain && method == "btree" && self.tables[table].partitioned.is_none() {
            self.tables[table].plain_indexes.push(name);
        }
    }

    pub(super) fn exclusion(&mut self, of: Pick, column: Pick, form: Pick) {
        let Some(table) = self.table(of, |t| t.partitioned.is_none()) else {
            return;
        };
        let Some(column) = self.column(table, column, |c| c.kind == Use::Range) else {
            return;
        };
        let column = self.bind(column);
        let end = ["", " WHERE (k > 0)", " DEFERRABLE"][usize::from(form) % 3];
        let sql = format!(
            "ALTER TABLE {} ADD EXCLUDE USING gist ({column} WITH &&){end}",
            self.tables[table].name
        );
        self.say(&sql);
    }
}
