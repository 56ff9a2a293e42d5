//! What is dropped and made anew, with all that hung on it.

use cutover_core::catalog::{CatalogSnapshot, Column, DependentFunction, DependentView, SecurityLabel};
use cutover_core::{Grants, Ident, ObjectKind, ObjectName, Sql, Step};

use super::{function, view};

/// A view with its owner, comments, defaults, triggers, labels and grants. Its rules come later: they may refer to others.
pub(super) fn view(live: &DependentView, snapshot: &CatalogSnapshot) -> Vec<Step> {
    let name = &live.name;
    let mut made = Anew::of(live.object(), view::create(live));
    let on = || Sql::text("VIEW ").name(name);
    made.owner(&on(), &live.owner, snapshot);
    made.comment(&on(), live.comment.as_deref());
    made.labels(&on(), &live.security_labels);
    for column in &live.columns {
        made.parts(column_of(live, column));
    }
    for trigger in &live.triggers {
        let object = ObjectName::part(ObjectKind::Trigger, &trigger.name, name);
        let mut part = Anew::of(object, Sql::text("").deparsed(&trigger.definition));
        let on = || Sql::text("TRIGGER ").ident(&trigger.name).then(" ON ").name(name);
        part.comment(&on(), trigger.comment.as_deref());
        part.extensions(&on(), &trigger.depends_on_extensions);
        made.parts(part.steps);
    }
    let grants = Grants {
        on: Sql::text("TABLE ").name(name),
        owner: &live.owner,
        live: &live.acl,
        given: &live.default_acl,
        creator: &snapshot.server.role,
        public_by_default: false,
    };
    made.grants(grants.statements());
    for column in &live.columns {
        made.grants(grants.on_column(&column.name, &column.acl));
    }
    made.steps
}

fn column_of(live: &DependentView, column: &Column) -> Vec<Step> {
    let object = ObjectName::part(ObjectKind::Column, &column.name, &live.name);
    let mut part = Anew {
        object: object.clone(),
        steps: Vec::new(),
    };
    if let Some(default) = &column.default {
        let sql = Sql::text("ALTER VIEW ")
            .name(&live.name)
            .then(" ALTER COLUMN ")
            .ident(&column.name)
            .then(" SET DEFAULT ")
            .deparsed(default);
        part.step("set the default of", sql);
    }
    let on = || {
        Sql::text("COLUMN ")
            .name(&live.name)
            .then(".")
            .ident(&column.name)
    };
    part.comment(&on(), column.comment.as_deref());
    part.labels(&on(), &column.security_labels);
    part.steps
}

/// The rules of a view that was made anew.
pub(super) fn rules(live: &DependentView) -> Vec<Step> {
    let rules = live.rules.iter().flat_map(|rule| {
        let object = ObjectName::part(ObjectKind::Rule, &rule.name, &live.name);
        let mut part = Anew::of(object, Sql::text("").deparsed(&rule.definition));
        let on = Sql::text("RULE ").ident(&rule.name).then(" ON ").name(&live.name);
        part.comment(&on, rule.comment.as_deref());
        part.steps
    });
    rules.collect()
}

/// A function with its owner, comment, labels, extensions and grants; where its body comes later, with an empty one.
pub(super) fn function(live: &DependentFunction, body_later: bool, snapshot: &CatalogSnapshot) -> Vec<Step> {
    let mut made = Anew {
        object: live.object(),
        steps: Vec::new(),
    };
    made.step(
        "make anew",
        if body_later {
            function::stub(live).sql
        } else {
            function::definition(live)
        },
    );
    let on = || function::named("", live);
    made.owner(&on(), &live.owner, snapshot);
    made.comment(&on(), live.comment.as_deref());
    made.labels(&on(), &live.security_labels);
    if !body_later {
        made.parts(function::depend_on_extensions(live).collect());
    }
    let grants = Grants {
        on: on(),
        owner: &live.owner,
        live: &live.acl,
        given: &live.default_acl,
        creator: &snapshot.server.role,
        public_by_default: true,
    };
    made.grants(grants.statements());
    made.steps
}

/// The steps that make one object.
struct Anew {
    object: ObjectName,
    steps: Vec<Step>,
}

impl Anew {
    fn of(object: ObjectName, create: Sql) -> Self {
        let steps = vec![Step::new("make anew", object.clone(), create)];
        Self { object, steps }
    }

    fn step(&mut self, purpose: &'static str, sql: Sql) {
        self.steps.push(Step::new(purpose, self.object.clone(), sql));
    }

    fn parts(&mut self, steps: Vec<Step>) {
        self.steps.extend(steps);
    }

    fn owner(&mut self, on: &Sql, owner: &Ident, snapshot: &CatalogSnapshot) {
        if *owner != snapshot.server.role {
            self.step(
                "give away",
                Sql::text("ALTER ").append(on).then(" OWNER TO ").ident(owner),
            );
        }
    }

    fn comment(&mut self, on: &Sql, comment: Option<&str>) {
        if let Some(comment) = comment {
            self.step(
                "comment on",
                Sql::text("COMMENT ON ").append(on).then(" IS ").literal(comment),
            );
        }
    }

    fn labels(&mut self, on: &Sql, labels: &[SecurityLabel]) {
        for label in labels {
            let sql = Sql::text("SECURITY LABEL FOR ")
                .literal(&label.provider)
                .then(" ON ")
                .append(on)
                .then(" IS ")
                .literal(&label.label);
            self.step("set the security label of", sql);
        }
    }

    fn extensions(&mut self, on: &Sql, extensions: &[Ident]) {
        for extension in extensions {
            let sql = Sql::text("ALTER ")
                .append(on)
                .then(" DEPENDS ON EXTENSION ")
                .ident(extension);
            self.step("tie to its extension", sql);
        }
    }

    fn grants(&mut self, statements: Vec<Sql>) {
        if !statements.is_empty() {
            self.step("grant what was granted on", Sql::join(statements, ";\n"));
        }
    }
}
