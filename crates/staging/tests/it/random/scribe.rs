//! Writes the SQL of random schemas; knows what there is already, so that every statement is one that the server accepts.

mod keys; // constraints and indexes
mod rules; // triggers, policies, rules, settings

use super::statement::{ColumnForm, PartitionForm, Pick, Statement, TableKind};

/// What every name starts with; a number makes it unique.
const NAMES: [&str; 10] = [
    "t",
    "Upper ",
    "user",
    "with \"quotes\" ",
    "it's.",
    "größe",
    "保护区",
    "back\\slash",
    "staging_",
    "a_name_that_is_nearly_sixty-three_bytes_long_and_then_",
];

/// Types with a constant default.
const TYPES: [(&str, &str); 14] = [
    ("integer", "-7"),
    ("bigint", "8000000000"),
    ("text", "'it''s \\ \"text\"'"),
    ("varchar(12)", "'x'"),
    ("numeric(10,2)", "1.50"),
    ("boolean", "true"),
    ("timestamptz", "now()"),
    ("date", "CURRENT_DATE"),
    ("jsonb", "'{\"a\": [1]}'"),
    ("integer[]", "'{1,2}'"),
    ("int4range", "'[1,5)'"),
    ("uuid", "gen_random_uuid()"),
    ("text COLLATE \"C\"", "'c'"),
    ("random_world.mood", "'ok'"),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    Integer,
    Text,
    Range,
    Json,
    Array,
    Other,
}

#[derive(Debug)]
struct Column {
    name: String,
    kind: Use,
    generated: bool,
    /// Something was made of it, or it came from a parent: it stays.
    bound: bool,
}

#[derive(Debug, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each says by itself what may be done to the table"
)]
struct Table {
    name: String,
    /// The table it inherits from, or is a partition of.
    parent: Option<usize>,
    is_partition: bool,
    has_children: bool,
    /// `RANGE`, `LIST`, `HASH`.
    partitioned: Option<&'static str>,
    partitions: usize,
    has_default: bool,
    unlogged: bool,
    own_columns: Vec<Column>,
    has_primary_key: bool,
    has_identity: bool,
    plain_indexes: Vec<String>,
    clustered: bool,
    owned: bool,
}

/// Writes statements for one schema.
#[derive(Debug, Default)]
pub(crate) struct Scribe {
    tables: Vec<Table>,
    sql: String,
    names: usize,
}

impl Scribe {
    /// The statements as SQL, to be run with the schema on the search path.
    pub(crate) fn write(statements: &[Statement]) -> String {
        let mut scribe = Self::default();
        for statement in statements {
            scribe.statement(statement);
        }
        scribe.sql
    }

    fn say(&mut self, sql: &str) {
        self.sql.push_str(sql);
        self.sql.push_str(";\n");
    }

    /// A new name, quoted.
    fn name(&mut self, pick: Pick) -> String {
        self.names += 1;
        let name = format!("{}{}", NAMES[usize::from(pick) % NAMES.len()], self.names);
        format!("\"{}\"", name.replace('"', "\"\""))
    }

    fn table(&self, pick: Pick, fits: impl Fn(&Table) -> bool) -> Option<usize> {
        let fitting: Vec<usize> = (0..self.tables.len())
            .filter(|at| fits(&self.tables[*at]))
            .collect();
        (!fitting.is_empty()).then(|| fitting[usize::from(pick) % fitting.len()])
    }

    fn root(&self, table: usize) -> usize {
        match self.tables[table].parent {
            Some(parent) => self.root(parent),
            None => table,
        }
    }

    /// The columns of a table, with the tables that they were made in.
    fn columns(&self, table: usize) -> Vec<(usize, usize)> {
        let above = self.tables[table]
            .parent
            .map_or_else(Vec::new, |parent| self.columns(parent));
        let own = (0..self.tables[table].own_columns.len()).map(|column| (table, column));
        above.into_iter().chain(own).collect()
    }

    fn column(&self, table: usize, pick: Pick, fits: impl Fn(&Column) -> bool) -> Option<(usize, usize)> {
        let fitting: Vec<_> = self
            .columns(table)
            .into_iter()
            .filter(|(table, column)| fits(&self.tables[*table].own_columns[*column]))
            .collect();
        (!fitting.is_empty()).then(|| fitting[usize::from(pick) % fitting.len()])
    }

    /// Uses a column, so that it stays; returns its name.
    fn bind(&mut self, (table, column): (usize, usize)) -> String {
        let column = &mut self.tables[table].own_columns[column];
        column.bound = true;
        column.name.clone()
    }

    fn statement(&mut self, statement: &Statement) {
        match statement {
            Statement::Table { kind, name } => self.create_table(*kind, *name),
            Statement::Partition { of, name, sub, form } => self.partition(*of, *name, *sub, *form),
            Statement::Column {
                of,
                name,
                data_type,
                form,
            } => self.add_column(*of, *name, *data_type, *form),
            Statement::DropColumn { of, column } => self.drop_column(*of, *column),
            Statement::ColumnSetting { of, column, setting } => self.set_column(*of, *column, *setting),
            Statement::Key {
                of,
                columns,
                primary,
                form,
            } => self.key(*of, columns, *primary, *form),
            Statement::Check { of, column, form } => self.check(*of, *column, *form),
            Statement::ForeignKey { of, column, to, form } => self.foreign_key(*of, *column, *to, *form),
            Statement::Index {
                of,
                columns,
                name,
                form,
                predicate,
            } => {
                self.index(*of, columns, *name, *form, *predicate);
            }
            Statement::Exclusion { of, column, form } => self.exclusion(*of, *column, *form),
            Statement::Trigger {
                of,
                name,
                form,
                state,
            } => self.trigger(*of, *name, *form, *state),
            Statement::Policy {
                of,
                name,
                form,
                other,
            } => self.policy(*of, *name, *form, *other),
            Statement::RowSecurity { of, form } => self.row_security(*of, *form),
            Statement::Rule {
                of,
                name,
                form,
                other,
            } => self.rule(*of, *name, *form, *other),
            Statement::Grant { of, column, form } => self.grant(*of, *column, *form),
            Statement::Owner { of } => self.owner(*of),
            Statement::Statistics { of, columns, form } => self.statistics(*of, *columns, *form),
            Statement::TableSetting { of, setting } => self.set_table(*of, *setting),
            Statement::Comment { of, column, text } => self.comment(*of, *column, *text),
        }
    }

    /// Every table has an integer `k`, which partitions, keys and conditions can rely on.
    fn create_table(&mut self, kind: TableKind, name: Pick) {
        let name = self.name(name);
        let mut table = Table {
            name: name.clone(),
            ..Table::default()
        };
        let k = Column {
            name: "k".to_owned(),
            kind: Use::Integer,
            generated: false,
            bound: true,
        };
        match kind {
            TableKind::Plain => self.say(&format!("CREATE TABLE {name} (gone text, k integer)")),
            TableKind::Unlogged => {
                table.unlogged = true;
                self.say(&format!("CREATE UNLOGGED TABLE {name} (k integer)"));
            }
            TableKind::Child(parent) => {
                let Some(parent) = self.table(parent, |t| t.partitioned.is_none() && !t.is_partition) else {
                    return;
                };
                self.say(&format!(
                    "CREATE TABLE {name} () INHERITS ({})",
                    self.tables[parent].name
                ));
                self.tables[parent].has_children = true;
                table.parent = Some(parent);
            }
            TableKind::Range | TableKind::List | TableKind::Hash => {
                let strategy = match kind {
                    TableKind::Range => "RANGE",
                    TableKind::List => "LIST",
                    _ => "HASH",
                };
                self.say(&format!(
                    "CREATE TABLE {name} (k integer, gone text) PARTITION BY {strategy} (k)"
                ));
                self.say(&format!("ALTER TABLE {name} DROP gone"));
                table.partitioned = Some(strategy);
            }
        }
        if matches!(kind, TableKind::Plain) {
            self.say(&format!("ALTER TABLE {name} DROP gone"));
        }
        if table.parent.is_none() {
            table.own_columns.push(k);
        }
        self.tables.push(table);
    }

    fn partition(&mut self, of: Pick, name: Pick, sub: bool, form: PartitionForm) {
        let Some(parent) = self.table(of, |t| t.partitioned.is_some() && t.partitions < 4) else {
            return;
        };
        let is_top = !self.tables[parent].is_partition;
        let strategy = self.tables[parent].partitioned.unwrap_or_default();
        let number = self.tables[parent].partitions;
        let wants_default = matches!(form, PartitionForm::Default) && strategy != "HASH";
        if wants_default && self.tables[parent].has_default {
            return;
        }
        // What is below the top divides the numbers of its own bounds by remainders.
        let (from, to) = (number * 10, number * 10 + 10);
        let bounds = match strategy {
            _ if wants_default => "DEFAULT".to_owned(),
            "RANGE" => format!("FOR VALUES FROM ({from}) TO ({to})"),
            "LIST" => format!("FOR VALUES IN ({number}, {})", number + 100),
            _ => format!("FOR VALUES WITH (MODULUS 4, REMAINDER {number})"),
        };
        let name = self.name(name);
        let sub = sub && is_top && !wants_default;
        let below = if sub { " PARTITION BY HASH (k)" } else { "" };
        let above = self.tables[parent].name.clone();
        if matches!(form, PartitionForm::Attached) && !sub {
            self.say(&format!(
                "CREATE TABLE {name} (gone text, LIKE {above} INCLUDING CONSTRAINTS INCLUDING GENERATED)"
            ));
            self.say(&format!("ALTER TABLE {name} DROP gone"));
            self.say(&format!("ALTER TABLE {above} ATTACH PARTITION {name} {bounds}"));
        } else {
            self.say(&format!(
                "CREATE TABLE {name} PARTITION OF {above} {bounds}{below}"
            ));
        }
        let parent_table = &mut self.tables[parent];
        parent_table.partitions += usize::from(!wants_default);
        parent_table.has_default |= wants_default;
        parent_table.has_children = true;
        let has_primary_key = parent_table.has_primary_key;
        self.tables.push(Table {
            name,
            parent: Some(parent),
            is_partition: true,
            partitioned: sub.then_some("HASH"),
            has_primary_key,
            ..Table::default()
        });
    }

    fn add_column(&mut self, of: Pick, name: Pick, data_type: Pick, form: ColumnForm) {
        let Some(table) = self.table(of, |t| !t.is_partition) else {
            return;
        };
        let (mut data_type, default) = TYPES[usize::from(data_type) % TYPES.len()];
        let has_relatives = self.tables[table].has_children;
        let clause = match form {
            ColumnForm::Bare => String::new(),
            ColumnForm::NotNull => " NOT NULL".to_owned(),
            ColumnForm::Default => format!(" DEFAULT {default}"),
            ColumnForm::Generated(source) => {
                let Some(source) = self.column(table, source, |c| c.kind == Use::Integer && !c.generated)
                else {
                    return;
                };
                data_type = "integer";
                let source = self.bind(source);
                format!(" GENERATED ALWAYS AS ({source} * 2) STORED")
            }
            // The server takes identities to children of some kinds only.
            ColumnForm::Identity if has_relatives => return,
            ColumnForm::Identity => {
                data_type = "integer";
                self.tables[table].has_identity = true;
                " GENERATED BY DEFAULT AS IDENTITY (START 5 CACHE 3)".to_owned()
            }
            ColumnForm::Serial => {
                data_type = "serial";
                String::new()
            }
        };
        let name = self.name(name);
        self.say(&format!(
            "ALTER TABLE {} ADD {name} {data_type}{clause}",
            self.tables[table].name
        ));
        let kind = match data_type {
            "integer" | "bigint" | "serial" => Use::Integer,
            "text" | "text COLLATE \"C\"" => Use::Text,
            "int4range" => Use::Range,
            "jsonb" => Use::Json,
            "integer[]" => Use::Array,
            _ => Use::Other,
        };
        self.tables[table].own_columns.push(Column {
            name,
            kind,
            generated: matches!(form, ColumnForm::Generated(_)),
            bound: matches!(form, ColumnForm::Identity),
        });
    }

    fn drop_column(&mut self, of: Pick, column: Pick) {
        let Some(table) = self.table(of, |t| t.own_columns.iter().any(|c| !c.bound)) else {
            return;
        };
        let unbound: Vec<usize> = (0..self.tables[table].own_columns.len())
            .filter(|at| !self.tables[table].own_columns[*at].bound)
            .collect();
        let at = unbound[usize::from(column) % unbound.len()];
        let column = self.tables[table].own_columns.remove(at);
        self.say(&format!(
            "ALTER TABLE {} DROP {}",
            self.tables[table].name, column.name
        ));
    }

    fn set_column(&mut self, of: Pick, column: Pick, setting: Pick) {
        let Some(table) = self.table(of, |_| true) else {
            return;
        };
        let Some(column) = self.column(table, column, |c| setting % 4 != 3 || c.kind == Use::Text) else {
            return;
        };
        let generated = self.tables[column.0].own_columns[column.1].generated;
        let name = self.tables[column.0].own_columns[column.1].name.clone();
        let setting = match setting % 4 {
            0 => format!("SET STATISTICS {setting}"),
            1 => format!("SET (n_distinct = {setting})"),
            2 if generated || name != "k" => "SET NOT NULL".to_owned(),
            2 => "SET DEFAULT 3".to_owned(),
            _ => "SET STORAGE EXTERNAL".to_owned(),
        };
        self.say(&format!(
            "ALTER TABLE {} ALTER {name} {setting}",
            self.tables[table].name
        ));
    }
}
