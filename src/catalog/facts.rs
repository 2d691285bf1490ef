//! The catalog as independent facts, one per object: what the fingerprint and the difference of
//! two catalogs are made of.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};

use super::constraint::{Constraint, ConstraintKind};
use super::model::Catalog;
use super::table::{Table, View};
use crate::sql::QualifiedName;

/// Fields that say nothing about the schema: identifiers, physical positions, sizes, statistics.
const INCIDENTAL: &[&str] = &[
    "oid",
    "type_oid",
    "base_oid",
    "attnum",
    "reltuples",
    "relpages",
    "table_bytes",
    "index_bytes",
    "bytes",
    "has_toast",
    "populated",
    "clustered",
    "inherit_count",
    "children",
];

/// Lists of a table or view that are facts of their own.
const PARTS: &[&str] = &[
    "columns",
    "constraints",
    "indexes",
    "triggers",
    "rules",
    "policies",
    "statistics",
];

/// What is said of each object, by its description (`column public.orders.id`). The order in which
/// objects were created plays no part.
pub(super) fn facts(catalog: &Catalog) -> BTreeMap<String, Map<String, Value>> {
    let mut facts = Facts(BTreeMap::new());
    facts.add("database".into(), &[&catalog.encoding, &catalog.collation]);
    for schema in &catalog.schemas {
        facts.add(format!("schema {}", schema.name.as_str()), schema);
    }
    for table in catalog.tables.values() {
        facts.table(table);
    }
    for view in catalog.views.values() {
        facts.view(view);
    }
    for sequence in catalog.sequences.values() {
        facts.add(format!("sequence {}", full(&sequence.name)), sequence);
    }
    for kind in catalog.types.values() {
        facts.add(format!("type {}", full(&kind.name)), kind);
    }
    for function in &catalog.functions {
        let name = full(&function.name);
        let arguments = &function.identity_arguments;
        facts.add(format!("function {name}({arguments})"), function);
    }
    for extension in &catalog.extensions {
        facts.add(format!("extension {}", extension.name.as_str()), extension);
    }
    for publication in &catalog.publications {
        let name = publication.name.as_str();
        facts.add(format!("publication {name}"), publication);
    }
    for trigger in &catalog.event_triggers {
        facts.add(format!("event trigger {}", trigger.name.as_str()), trigger);
    }
    facts.0
}

struct Facts(BTreeMap<String, Map<String, Value>>);

impl Facts {
    fn add(&mut self, object: String, value: &impl Serialize) {
        let fields = match serde_json::to_value(value) {
            Ok(Value::Object(fields)) => fields,
            Ok(other) => Map::from_iter([("value".to_owned(), other)]),
            // Texts, numbers and lists of them always become JSON; a fault would show as a change.
            Err(error) => Map::from_iter([("error".to_owned(), error.to_string().into())]),
        };
        self.0.insert(object, essential(fields));
    }

    fn add_whole(&mut self, object: String, value: &impl Serialize) {
        self.add(object.clone(), value);
        if let Some(fields) = self.0.get_mut(&object) {
            fields.retain(|name, _| !PARTS.contains(&name.as_str()));
        }
    }

    fn table(&mut self, table: &Table) {
        let of = full(&table.name);
        self.add_whole(format!("table {of}"), table);
        for column in &table.columns {
            self.add(format!("column {of}.{}", column.name.as_str()), column);
        }
        for constraint in table.constraints.iter().filter(|c| !is_implied(c)) {
            let name = constraint.name.as_str();
            self.add(format!("constraint {name} on {of}"), constraint);
        }
        for index in &table.indexes {
            self.add(format!("index {} on {of}", index.name.as_str()), index);
        }
        for trigger in &table.triggers {
            let name = trigger.name.as_str();
            self.add(format!("trigger {name} on {of}"), trigger);
        }
        for rule in &table.rules {
            self.add(format!("rule {} on {of}", rule.name.as_str()), rule);
        }
        for policy in &table.policies {
            self.add(format!("policy {} on {of}", policy.name.as_str()), policy);
        }
        for statistics in &table.statistics {
            self.add(format!("statistics {}", full(&statistics.name)), statistics);
        }
    }

    fn view(&mut self, view: &View) {
        let of = full(&view.name);
        self.add_whole(format!("view {of}"), view);
        for column in &view.columns {
            self.add(format!("column {of}.{}", column.name.as_str()), column);
        }
        for index in &view.indexes {
            self.add(format!("index {} on {of}", index.name.as_str()), index);
        }
        for trigger in &view.triggers {
            let name = trigger.name.as_str();
            self.add(format!("trigger {name} on {of}"), trigger);
        }
        for rule in &view.rules {
            self.add(format!("rule {} on {of}", rule.name.as_str()), rule);
        }
        for statistics in &view.statistics {
            self.add(format!("statistics {}", full(&statistics.name)), statistics);
        }
    }
}

/// From PostgreSQL 18 on, `NOT NULL` is a constraint with a name. When it says no more than the
/// column does, older servers say the same without it.
fn is_implied(constraint: &Constraint) -> bool {
    constraint.kind == ConstraintKind::NotNull
        && constraint.validated
        && !constraint.no_inherit
        && constraint.comment.is_none()
}

fn essential(fields: Map<String, Value>) -> Map<String, Value> {
    let mut kept: Vec<(String, Value)> = fields
        .into_iter()
        .filter(|(name, value)| !INCIDENTAL.contains(&name.as_str()) && !value.is_null())
        .map(|(name, value)| (name, essential_value(value)))
        .collect();
    kept.sort_by(|a, b| a.0.cmp(&b.0));
    kept.into_iter().collect()
}

fn essential_value(value: Value) -> Value {
    match value {
        Value::Object(fields) => Value::Object(essential(fields)),
        Value::Array(items) => items.into_iter().map(essential_value).collect(),
        other => other,
    }
}

fn full(name: &QualifiedName) -> String {
    format!("{}.{}", name.schema.as_str(), name.name.as_str())
}
