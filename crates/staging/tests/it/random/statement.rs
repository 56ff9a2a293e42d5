//! A random schema is a list of statements. Each names what it works on by numbers that the [`Scribe`](super::scribe::Scribe)
//! reads as "the n-th of those that will do", so that any list is a valid one, and so is any that is left when some are
//! taken out: that is how failing cases shrink.

use proptest::collection::vec;
use proptest::prelude::*;

/// Reads as the n-th of what there is, counted round and round.
pub(crate) type Pick = u8;

#[derive(Debug, Clone)]
pub(crate) enum Statement {
    Table {
        kind: TableKind,
        name: Pick,
    },
    Partition {
        of: Pick,
        name: Pick,
        sub: bool,
        form: PartitionForm,
    },
    Column {
        of: Pick,
        name: Pick,
        data_type: Pick,
        form: ColumnForm,
    },
    DropColumn {
        of: Pick,
        column: Pick,
    },
    ColumnSetting {
        of: Pick,
        column: Pick,
        setting: Pick,
    },
    Key {
        of: Pick,
        columns: Vec<Pick>,
        primary: bool,
        form: Pick,
    },
    Check {
        of: Pick,
        column: Pick,
        form: Pick,
    },
    ForeignKey {
        of: Pick,
        column: Pick,
        to: Pick,
        form: Pick,
    },
    Index {
        of: Pick,
        columns: Vec<Pick>,
        name: Pick,
        form: Pick,
        predicate: Option<Pick>,
    },
    Exclusion {
        of: Pick,
        column: Pick,
        form: Pick,
    },
    Trigger {
        of: Pick,
        name: Pick,
        form: Pick,
        state: Pick,
    },
    Policy {
        of: Pick,
        name: Pick,
        form: Pick,
        other: Pick,
    },
    RowSecurity {
        of: Pick,
        form: Pick,
    },
    Rule {
        of: Pick,
        name: Pick,
        form: Pick,
        other: Pick,
    },
    Grant {
        of: Pick,
        column: Pick,
        form: Pick,
    },
    Owner {
        of: Pick,
    },
    Statistics {
        of: Pick,
        columns: [Pick; 2],
        form: Pick,
    },
    TableSetting {
        of: Pick,
        setting: Pick,
    },
    Comment {
        of: Pick,
        column: Pick,
        text: Pick,
    },
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum TableKind {
    Plain,
    Unlogged,
    Child(Pick),
    Range,
    List,
    Hash,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum PartitionForm {
    Made,
    Default,
    /// Made by itself, with a column that is dropped, and attached.
    Attached,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum ColumnForm {
    Bare,
    NotNull,
    Default,
    Generated(Pick),
    Identity,
    Serial,
}

/// Schemas of up to some thirty statements.
pub(crate) fn schemas() -> impl Strategy<Value = Vec<Statement>> {
    let tables = vec(table(), 1..4);
    let columns = vec(column(), 0..8);
    let rest = vec(statement(), 0..20);
    (tables, columns, rest).prop_map(|(tables, columns, rest)| [tables, columns, rest].concat())
}

fn table() -> impl Strategy<Value = Statement> {
    let kind = prop_oneof![
        3 => Just(TableKind::Plain),
        1 => Just(TableKind::Unlogged),
        1 => any::<Pick>().prop_map(TableKind::Child),
        1 => Just(TableKind::Range),
        1 => Just(TableKind::List),
        1 => Just(TableKind::Hash),
    ];
    (kind, any::<Pick>()).prop_map(|(kind, name)| Statement::Table { kind, name })
}

fn column() -> impl Strategy<Value = Statement> {
    let form = prop_oneof![
        3 => Just(ColumnForm::Bare),
        1 => Just(ColumnForm::NotNull),
        2 => Just(ColumnForm::Default),
        1 => any::<Pick>().prop_map(ColumnForm::Generated),
        1 => Just(ColumnForm::Identity),
        1 => Just(ColumnForm::Serial),
    ];
    (any::<[Pick; 3]>(), form).prop_map(|([of, name, data_type], form)| Statement::Column {
        of,
        name,
        data_type,
        form,
    })
}

fn statement() -> impl Strategy<Value = Statement> {
    let picks = any::<[Pick; 4]>;
    let columns = || vec(any::<Pick>(), 1..4);
    let partition = prop_oneof![
        3 => Just(PartitionForm::Made),
        1 => Just(PartitionForm::Default),
        1 => Just(PartitionForm::Attached),
    ];
    prop_oneof![
        1 => table(),
        3 => (any::<[Pick; 2]>(), any::<bool>(), partition)
            .prop_map(|([of, name], sub, form)| Statement::Partition { of, name, sub, form }),
        2 => column(),
        1 => any::<[Pick; 2]>().prop_map(|[of, column]| Statement::DropColumn { of, column }),
        2 => any::<[Pick; 3]>().prop_map(|[of, column, setting]| Statement::ColumnSetting { of, column, setting }),
        2 => (any::<Pick>(), columns(), any::<bool>(), any::<Pick>())
            .prop_map(|(of, columns, primary, form)| Statement::Key { of, columns, primary, form }),
        2 => any::<[Pick; 3]>().prop_map(|[of, column, form]| Statement::Check { of, column, form }),
        2 => picks().prop_map(|[of, column, to, form]| Statement::ForeignKey { of, column, to, form }),
        3 => (any::<[Pick; 3]>(), columns(), any::<Option<Pick>>()).prop_map(|([of, name, form], columns, predicate)| {
            Statement::Index { of, columns, name, form, predicate }
        }),
        1 => any::<[Pick; 3]>().prop_map(|[of, column, form]| Statement::Exclusion { of, column, form }),
        2 => picks().prop_map(|[of, name, form, state]| Statement::Trigger { of, name, form, state }),
        2 => picks().prop_map(|[of, name, form, other]| Statement::Policy { of, name, form, other }),
        1 => any::<[Pick; 2]>().prop_map(|[of, form]| Statement::RowSecurity { of, form }),
        1 => picks().prop_map(|[of, name, form, other]| Statement::Rule { of, name, form, other }),
        2 => any::<[Pick; 3]>().prop_map(|[of, column, form]| Statement::Grant { of, column, form }),
        1 => any::<Pick>().prop_map(|of| Statement::Owner { of }),
        1 => any::<[Pick; 4]>().prop_map(|[of, a, b, form]| Statement::Statistics { of, columns: [a, b], form }),
        2 => any::<[Pick; 2]>().prop_map(|[of, setting]| Statement::TableSetting { of, setting }),
        2 => any::<[Pick; 3]>().prop_map(|[of, column, text]| Statement::Comment { of, column, text }),
    ]
}
