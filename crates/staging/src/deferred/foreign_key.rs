//! The statement that adds a foreign key.

use cutover_core::{Ident, QualifiedName, Sql};

use super::ForeignKey;
use super::step::alter_table;

impl ForeignKey {
    /// `a, b`, or `a, PERIOD b`: the period always comes last.
    fn key_columns(&self, columns: &[Ident]) -> Sql {
        match columns.split_last() {
            Some((last, [])) if self.period => Sql::text("PERIOD ").ident(last),
            Some((last, first)) if self.period => Sql::text("").idents(first).then(", PERIOD ").ident(last),
            _ => Sql::text("").idents(columns),
        }
    }

    /// `ALTER TABLE table ADD CONSTRAINT …`, without `NOT VALID`.
    pub(crate) fn add_to(&self, table: &QualifiedName) -> Sql {
        let mut sql = alter_table(table)
            .then(" ADD CONSTRAINT ")
            .ident(&self.name)
            .then(" FOREIGN KEY (")
            .append(&self.key_columns(&self.columns))
            .then(") REFERENCES ")
            .name(&self.target)
            .then(" (")
            .append(&self.key_columns(&self.target_columns))
            .then(")")
            .then(if self.match_full { " MATCH FULL" } else { "" })
            .then(match self.on_update.as_str() {
                "r" => " ON UPDATE RESTRICT",
                "c" => " ON UPDATE CASCADE",
                "n" => " ON UPDATE SET NULL",
                "d" => " ON UPDATE SET DEFAULT",
                _ => "",
            })
            .then(match self.on_delete.as_str() {
                "r" => " ON DELETE RESTRICT",
                "c" => " ON DELETE CASCADE",
                "n" => " ON DELETE SET NULL",
                "d" => " ON DELETE SET DEFAULT",
                _ => "",
            });
        if !self.on_delete_columns.is_empty() {
            sql = sql.then(" (").idents(&self.on_delete_columns).then(")");
        }
        sql.then(self.deferral.sql())
    }
}

#[cfg(test)]
mod tests {
    use cutover_core::Deparsed;
    use cutover_core::catalog::ConstraintKind;

    use super::*;
    use crate::deferred::{Deferral, DeferredAction, DeferredStep};

    fn ident(name: &str) -> Ident {
        Ident::new(name).unwrap()
    }

    fn table(name: &str) -> QualifiedName {
        QualifiedName::new(ident("s"), ident(name))
    }

    #[track_caller]
    fn check(action: DeferredAction, expected: &str) {
        let step = DeferredStep::new(&table("t"), action).step();
        assert_eq!(step.sql.as_str().replace('"', ""), expected);
    }

    fn foreign_key(columns: &[&str]) -> ForeignKey {
        ForeignKey {
            name: ident("k"),
            columns: columns.iter().map(|name| ident(name)).collect(),
            target: table("o"),
            outside: false,
            target_columns: columns.iter().map(|name| ident(name)).collect(),
            match_full: false,
            on_update: "a".to_owned(),
            on_delete: "a".to_owned(),
            on_delete_columns: Vec::new(),
            deferral: Deferral::NotDeferrable,
            period: false,
            enforced: true,
            checked_when_added: false,
            level: 0,
            partitions: Vec::new(),
        }
    }

    #[test]
    fn temporal_and_unenforced_keys_are_written_as_postgresql_18_reads_them() {
        let period = ForeignKey {
            period: true,
            ..foreign_key(&["id", "during"])
        };
        check(
            DeferredAction::AddForeignKey(period),
            "ALTER TABLE s.t ADD CONSTRAINT k FOREIGN KEY (id, PERIOD during) REFERENCES s.o (id, PERIOD during) NOT VALID",
        );
        let unenforced = ForeignKey {
            enforced: false,
            ..foreign_key(&["id"])
        };
        check(
            DeferredAction::AddForeignKey(unenforced),
            "ALTER TABLE s.t ADD CONSTRAINT k FOREIGN KEY (id) REFERENCES s.o (id) NOT ENFORCED",
        );
        let key = DeferredAction::BuildConstraint {
            name: ident("k"),
            kind: ConstraintKind::PrimaryKey,
            definition: Deparsed::from_server("PRIMARY KEY (id, during WITHOUT OVERLAPS)".to_owned()),
            tablespace: Some(ident("fast")),
        };
        check(
            key,
            "SET LOCAL default_tablespace = fast;\n\
             ALTER TABLE s.t ADD CONSTRAINT k PRIMARY KEY (id, during WITHOUT OVERLAPS);\n\
             SET LOCAL default_tablespace = ''",
        );
    }
}
