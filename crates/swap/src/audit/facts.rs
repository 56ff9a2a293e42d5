//! A catalog snapshot as named facts: what serialises is compared, so a fact that the catalog learns is audited as well.

use std::collections::BTreeMap;

use cutover_core::catalog::CatalogSnapshot;
use serde::Serialize;
use serde_json::{Map, Value};

/// Facts by relation and name.
type Facts = BTreeMap<String, BTreeMap<String, String>>;

/// What differs between two relations that are the same, or is known more exactly: oids, estimates, and the rights of
/// whoever looks.
const LEFT_OUT: [&str; 17] = [
    "oid",
    "table_oid",
    "parent_oid",
    "row_types",
    "default_row_types",
    "default_sequences",
    "row_type_of",
    "reads",
    "draws_from",
    "estimated_rows",
    "may_act_as_owner",
    "may_create_in_schema",
    "refers_to",
    "relation_oid",
    "may_select",
    "bound_by_row_security",
    "relation",
];

/// Lists whose elements are called by their names, and what one of them is called.
const NAMED: [(&str, &str); 9] = [
    ("columns", "column"),
    ("constraints", "constraint"),
    ("indexes", "index"),
    ("triggers", "trigger"),
    ("sequences", "sequence"),
    ("statistics", "statistics"),
    ("policies", "policy"),
    ("rules", "rule"),
    ("publications", "publication"),
];

/// The facts of the members, and of what outside the set depends on it.
pub(super) fn of(snapshot: &CatalogSnapshot) -> Facts {
    let mut facts = Facts::new();
    for relation in &snapshot.relations {
        add(&mut facts, relation.name.name.as_str().to_owned(), relation);
    }
    for view in &snapshot.views {
        add(&mut facts, view.object().to_string(), view);
    }
    for function in &snapshot.functions {
        let name = format!("{}({})", function.object(), function.identity_arguments);
        add(&mut facts, name, function);
    }
    for rule in &snapshot.rules {
        add(&mut facts, rule.object().to_string(), rule);
    }
    for key in &snapshot.inbound_foreign_keys {
        let name = format!("foreign key {} of {}", key.name, key.table);
        add(&mut facts, name, key);
    }
    for part in &snapshot.parts {
        add(&mut facts, part.object().to_string(), part);
    }
    for other in &snapshot.other_dependents {
        add(&mut facts, other.description.clone(), other);
    }
    facts
}

fn add(facts: &mut Facts, name: String, of: &impl Serialize) {
    // Always an object: the catalog's facts are plain structs, which serialise without fail.
    if let Ok(Value::Object(fields)) = serde_json::to_value(of) {
        flatten("", &fields, facts.entry(name).or_default());
    }
}

fn flatten(prefix: &str, fields: &Map<String, Value>, facts: &mut BTreeMap<String, String>) {
    for (key, value) in fields {
        // A part's name stands before its facts already.
        if LEFT_OUT.contains(&key.as_str()) || (key == "name" && !prefix.is_empty()) {
            continue;
        }
        let name = if prefix.is_empty() {
            key.replace('_', " ")
        } else {
            format!("{prefix}: {}", key.replace('_', " "))
        };
        if key == "acl" {
            for (grant, privileges) in grants(value) {
                facts.insert(
                    if prefix.is_empty() {
                        grant
                    } else {
                        format!("{prefix}: {grant}")
                    },
                    privileges,
                );
            }
            continue;
        }
        let named = NAMED.iter().find(|(list, _)| list == key);
        match (value, named) {
            (Value::Array(elements), Some((_, one))) if elements.iter().any(Value::is_object) => {
                for element in elements {
                    let (Some(fields), Some(of)) = (element.as_object(), name_of(element)) else {
                        continue;
                    };
                    flatten(&format!("{one} {of}"), fields, facts);
                }
            }
            _ => {
                let text = print(value);
                if !text.is_empty() {
                    facts.insert(name, text);
                }
            }
        }
    }
}

/// A fact for each grantee and grantor: `privileges of app from owner` → `INSERT, SELECT*`, with a star, as psql has it,
/// where it may be granted on.
fn grants(acl: &Value) -> BTreeMap<String, String> {
    let mut grants: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for item in acl.as_array().into_iter().flatten() {
        let text = |key: &str| item.get(key).and_then(Value::as_str);
        let star = if item.get("grantable") == Some(&Value::Bool(true)) {
            "*"
        } else {
            ""
        };
        grants
            .entry(format!(
                "privileges of {} from {}",
                text("grantee").unwrap_or("PUBLIC"),
                text("grantor").unwrap_or_default()
            ))
            .or_default()
            .push(format!("{}{star}", text("privilege").unwrap_or_default()));
    }
    grants
        .into_iter()
        .map(|(name, mut privileges)| {
            privileges.sort();
            (name, privileges.join(", "))
        })
        .collect()
}

/// `"name": "x"`, or the name of a qualified one.
fn name_of(element: &Value) -> Option<&str> {
    let name = element.get("name")?;
    name.as_str().or_else(|| name.get("name")?.as_str())
}

/// What is absent, false or empty is not there at all.
fn print(value: &Value) -> String {
    match value {
        Value::Null | Value::Bool(false) => String::new(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        Value::Array(elements) => {
            let mut printed: Vec<String> = elements.iter().map(print).collect();
            // Lists of names and grants mean the same in any order; where the order means something (the columns of a
            // key), the definition beside them tells it.
            printed.sort();
            printed.join(", ")
        }
        Value::Object(fields) => {
            if let (Some(Value::String(schema)), Some(Value::String(name)), 2) =
                (fields.get("schema"), fields.get("name"), fields.len())
            {
                return format!("{schema}.{name}");
            }
            let fields = fields.iter().filter(|(key, _)| !LEFT_OUT.contains(&key.as_str()));
            let printed: Vec<String> = fields
                .map(|(key, value)| (key, print(value)))
                .filter(|(_, value)| !value.is_empty())
                .map(|(key, value)| format!("{}={value}", key.replace('_', " ")))
                .collect();
            printed.join(" ")
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn facts_are_named_as_a_reader_would() {
        let relation = json!({
            "oid": 7,
            "name": {"schema": "public", "name": "sites"},
            "row_security": false,
            "comment": null,
            "acl": [
                {"grantee": "app", "grantor": "me", "privilege": "SELECT", "grantable": true},
                {"grantee": null, "grantor": "me", "privilege": "SELECT", "grantable": false},
                {"grantee": "app", "grantor": "me", "privilege": "INSERT", "grantable": false}
            ],
            "indexes": [{"oid": 8, "name": {"schema": "public", "name": "sites_pkey"}, "valid": true}],
            "columns": [{"name": "id", "data_type": "bigint", "not_null": true, "default_sequences": [{"oid": 9}]}],
        });
        let Value::Object(fields) = relation else {
            unreachable!()
        };
        let mut facts = BTreeMap::new();
        flatten("", &fields, &mut facts);
        let facts: Vec<String> = facts
            .into_iter()
            .map(|(name, value)| format!("{name} = {value}"))
            .collect();
        assert_eq!(
            facts,
            [
                "column id: data type = bigint",
                "column id: not null = yes",
                "index sites_pkey: valid = yes",
                "name = public.sites",
                "privileges of PUBLIC from me = SELECT",
                "privileges of app from me = INSERT, SELECT*",
            ]
        );
    }
}
