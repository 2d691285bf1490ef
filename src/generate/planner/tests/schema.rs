//! Schemas as values, built in memory, and random ones.

use crate::catalog::{
    Action, Catalog, Column, Constraint, ConstraintKind, ForeignKey, Index, IndexColumn, IndexKey,
    Match, Persistence, ReplicaIdentity, Storage, Table, TableKind, Type, TypeKind,
};
use crate::generate::stream::{Stream, StreamKey};
use crate::sql::{Ident, QualifiedName};

#[cfg(test)]
pub(super) fn ident(name: &str) -> Ident {
    Ident::new(name).unwrap()
}

#[cfg(test)]
pub(super) fn name(table: &str) -> QualifiedName {
    QualifiedName::new(ident("public"), ident(table))
}

/// `public.table` with columns written as `name type [not null]`.
#[cfg(test)]
pub(in crate::generate) fn table(table: &str, columns: &[&str]) -> Table {
    Table {
        name: name(table),
        oid: 0,
        kind: TableKind::Ordinary,
        parents: Vec::new(),
        children: Vec::new(),
        partition_of: None,
        partition_bound: None,
        partition_key: None,
        columns: columns.iter().map(|text| column(text)).collect(),
        constraints: Vec::new(),
        indexes: Vec::new(),
        triggers: Vec::new(),
        rules: Vec::new(),
        policies: Vec::new(),
        statistics: Vec::new(),
        owner: ident("postgres"),
        grants: Vec::new(),
        owner_lacks: Vec::new(),
        comment: None,
        options: Vec::new(),
        persistence: Persistence::Permanent,
        row_security: false,
        force_row_security: false,
        replica_identity: ReplicaIdentity::Default,
        access_method: None,
        tablespace: None,
        typed: false,
        has_toast: false,
        foreign: None,
        reltuples: -1.0,
        relpages: 0,
        table_bytes: 0,
        index_bytes: 0,
    }
}

#[cfg(test)]
fn column(text: &str) -> Column {
    let (column, kind) = text.split_once(' ').unwrap();
    let bare = kind.strip_suffix(" not null");
    Column {
        name: ident(column),
        attnum: 0,
        data_type: bare.unwrap_or(kind).to_owned(),
        type_oid: 0,
        not_null: bare.is_some(),
        default: None,
        identity: None,
        generated: None,
        collation: None,
        storage: Storage::Plain,
        compression: None,
        statistics_target: None,
        options: Vec::new(),
        local: true,
        inherit_count: 0,
        grants: Vec::new(),
        comment: None,
    }
}

#[cfg(test)]
fn constraint(constraint: &str, kind: ConstraintKind, columns: &[&str]) -> Constraint {
    Constraint {
        oid: 0,
        name: ident(constraint),
        kind,
        columns: columns.iter().map(|column| ident(column)).collect(),
        definition: String::new(),
        validated: true,
        enforced: true,
        deferrable: false,
        deferred: false,
        no_inherit: false,
        inherited: false,
        index: None,
        comment: None,
    }
}

#[cfg(test)]
pub(super) fn primary_key(table: &mut Table, columns: &[&str]) {
    for column in &mut table.columns {
        column.not_null |= columns.contains(&column.name.as_str());
    }
    let key = format!("{}_pkey", table.name.name.as_str());
    let key = constraint(&key, ConstraintKind::PrimaryKey, columns);
    table.constraints.push(key);
}

#[cfg(test)]
pub(super) fn unique(table: &mut Table, columns: &[&str]) {
    let key = format!("{}_{}_key", table.name.name.as_str(), columns.join("_"));
    table
        .constraints
        .push(constraint(&key, ConstraintKind::Unique, columns));
}

/// A unique index over columns and expressions.
#[cfg(test)]
pub(super) fn unique_index(table: &mut Table, keys: &[&str], nulls_not_distinct: bool) {
    let columns = keys.iter().map(|key| IndexColumn {
        key: if key.contains('(') {
            IndexKey::Expression((*key).to_owned())
        } else {
            IndexKey::Column(ident(key))
        },
        opclass: None,
        collation: None,
        descending: false,
        nulls_first: false,
    });
    table.indexes.push(Index {
        oid: 0,
        name: ident(&format!(
            "{}_{}",
            table.name.name.as_str(),
            table.indexes.len()
        )),
        method: "btree".to_owned(),
        columns: columns.collect(),
        included: Vec::new(),
        unique: true,
        primary: false,
        valid: true,
        ready: true,
        clustered: false,
        replica_identity: false,
        immediate: true,
        nulls_not_distinct,
        predicate: None,
        definition: String::new(),
        constraint: None,
        parent: None,
        options: Vec::new(),
        tablespace: None,
        reltuples: -1.0,
        relpages: 0,
        bytes: 0,
        comment: None,
    });
}

#[cfg(test)]
pub(super) fn foreign_key(table: &mut Table, own: &[&str], to: &str, columns: &[&str]) {
    foreign_key_matching(table, (own, to, columns), Match::Simple);
}

#[cfg(test)]
pub(super) fn foreign_key_matching(
    table: &mut Table,
    (own, to, columns): (&[&str], &str, &[&str]),
    matching: Match,
) {
    let kind = ConstraintKind::ForeignKey(ForeignKey {
        table: name(to),
        columns: columns.iter().map(|column| ident(column)).collect(),
        on_delete: Action::NoAction,
        on_update: Action::NoAction,
        matching,
    });
    let number = table.constraints.len();
    let key = format!(
        "{}_{}_fkey{number}",
        table.name.name.as_str(),
        own.join("_")
    );
    table.constraints.push(constraint(&key, kind, own));
}

#[cfg(test)]
pub(super) fn exclude(table: &mut Table, definition: &str) {
    let number = table.constraints.len();
    let key = format!("{}_excl{number}", table.name.name.as_str());
    let mut made = constraint(&key, ConstraintKind::Exclusion, &[]);
    definition.clone_into(&mut made.definition);
    table.constraints.push(made);
}

#[cfg(test)]
pub(super) fn check(table: &mut Table, expression: &str) {
    let number = table.constraints.len();
    let key = format!("{}_check{number}", table.name.name.as_str());
    let kind = ConstraintKind::Check {
        expression: expression.to_owned(),
    };
    table.constraints.push(constraint(&key, kind, &[]));
}

#[cfg(test)]
pub(super) fn catalog(tables: Vec<Table>) -> Catalog {
    let mood = Type {
        oid: 1,
        name: name("mood"),
        owner: ident("postgres"),
        kind: TypeKind::Enum {
            labels: ["sad", "ok", "happy"].map(str::to_owned).to_vec(),
        },
        grants: Vec::new(),
        comment: None,
    };
    Catalog {
        database: "random".to_owned(),
        tables: tables.into_iter().map(|t| (t.name.clone(), t)).collect(),
        types: [(mood.name.clone(), mood)].into(),
        ..Catalog::default()
    }
}

#[cfg(test)]
const TYPES: [&str; 13] = [
    "integer",
    "smallint",
    "bigint",
    "boolean",
    "text",
    "character varying(6)",
    "character(3)",
    "date",
    "timestamp with time zone",
    "numeric(8,2)",
    "numeric(3,1)",
    "uuid",
    "public.mood",
];

/// A schema that `seed` decides.
#[cfg(test)]
pub(super) fn random(seed: u64) -> Vec<Table> {
    let mut draw = StreamKey::new(seed, "schema", "").row(0, 0);
    if seed % 4 == 2 {
        return tenants(&mut draw);
    }
    let count = 1 + draw.below(6) as usize;
    let mut tables: Vec<Table> = (0..count).map(|index| columns(&mut draw, index)).collect();
    for index in 0..count {
        references(&mut draw, &mut tables, index);
    }
    for table in &mut tables {
        uniques(&mut draw, table);
        checks(&mut draw, table);
    }
    tables
}

/// Attributes, and mostly a primary key.
#[cfg(test)]
fn columns(draw: &mut Stream, index: usize) -> Table {
    let mut columns = Vec::new();
    let key = *draw
        .pick(&["integer", "bigint", "uuid", "text", "smallint", ""])
        .unwrap();
    if !key.is_empty() {
        columns.push(format!("id {key} not null"));
    }
    for attribute in 0..1 + draw.below(5) {
        let kind = draw.pick(&TYPES).unwrap();
        let not_null = if draw.chance(0.5) { " not null" } else { "" };
        columns.push(format!("a{attribute} {kind}{not_null}"));
    }
    let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
    let mut table = table(&format!("t{index}"), &columns);
    if !key.is_empty() {
        primary_key(&mut table, &["id"]);
    }
    table
}

/// The keys that can be referred to.
#[cfg(test)]
fn keys(table: &Table) -> Vec<Vec<String>> {
    let keys = table
        .constraints
        .iter()
        .filter(|c| matches!(c.kind, ConstraintKind::PrimaryKey | ConstraintKind::Unique));
    let text = |c: &Constraint| c.columns.iter().map(|c| c.as_str().to_owned()).collect();
    keys.map(text).collect()
}

#[cfg(test)]
fn references(draw: &mut Stream, tables: &mut [Table], index: usize) {
    for number in 0..draw.below(4) {
        let to = draw.below(tables.len() as u64) as usize;
        let found = keys(&tables[to]);
        let Some(key) = draw.pick(&found).cloned() else {
            continue;
        };
        let target = tables[to].clone();
        let own_name = target.name.name.as_str().to_owned();
        let mut own = Vec::new();
        for column in &key {
            let kind = &target.column(column).unwrap().data_type;
            // Now and then a column of an earlier reference serves this one too.
            let shared = tables[index]
                .columns
                .iter()
                .find(|c| c.name.as_str().starts_with('r') && c.data_type == *kind);
            let taken = shared.map(|c| c.name.as_str().to_owned());
            match taken.filter(|name| draw.chance(0.4) && !own.contains(name)) {
                Some(name) => own.push(name),
                None => {
                    let name = format!("r{number}_{own_name}_{column}");
                    let not_null = if draw.chance(0.5) { " not null" } else { "" };
                    let text = format!("{name} {kind}{not_null}");
                    tables[index].columns.push(self::column(&text));
                    own.push(name);
                }
            }
        }
        let own: Vec<&str> = own.iter().map(String::as_str).collect();
        let key: Vec<&str> = key.iter().map(String::as_str).collect();
        let matching = if draw.chance(0.2) {
            Match::Full
        } else {
            Match::Simple
        };
        foreign_key_matching(&mut tables[index], (&own, &own_name, &key), matching);
        // A key of several columns to be referred to by later tables.
        if draw.chance(0.4) && tables[index].column("id").is_some() && own[0] != "id" {
            unique(&mut tables[index], &[own[0], "id"]);
        }
    }
}

#[cfg(test)]
fn uniques(draw: &mut Stream, table: &mut Table) {
    let names: Vec<String> = table
        .columns
        .iter()
        .map(|c| c.name.as_str().to_owned())
        .collect();
    for _ in 0..draw.below(3) {
        let mut columns: Vec<&str> = Vec::new();
        for _ in 0..1 + draw.below(3) {
            let column = draw.pick(&names).unwrap();
            if !columns.contains(&column.as_str()) {
                columns.push(column);
            }
        }
        if draw.chance(0.5) {
            let taken = table.constraints.iter().any(|c| {
                c.columns.len() == columns.len()
                    && c.columns
                        .iter()
                        .zip(&columns)
                        .all(|(a, b)| a.as_str() == *b)
            });
            if !taken {
                unique(table, &columns);
            }
            continue;
        }
        let text = |column: &str| {
            let kind = &table.column(column).unwrap().data_type;
            kind == "text" || kind.starts_with("character varying")
        };
        let keys: Vec<String> = columns
            .iter()
            .map(|column| {
                if text(column) && draw.chance(0.6) {
                    format!("lower(({column})::text)")
                } else {
                    (*column).to_owned()
                }
            })
            .collect();
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        let equal = draw.chance(0.3);
        unique_index(table, &keys, equal);
    }
}

#[cfg(test)]
fn checks(_: &mut Stream, _: &mut Table) {}

/// Tables of tenants: all but the first carry the tenant, and refer to each other within it.
#[cfg(test)]
fn tenants(draw: &mut Stream) -> Vec<Table> {
    let kinds = ["integer", "uuid", "text"];
    let root = *draw.pick(&kinds).unwrap();
    let mut first = table("a_tenants", &[&format!("id {root} not null"), "name text"]);
    primary_key(&mut first, &["id"]);
    let mut tables = vec![first];
    for index in 0..2 + draw.below(3) {
        let kind = *draw.pick(&kinds).unwrap();
        let own = format!("t{index}");
        let tenant = format!("tenant {root} not null");
        let mut table = table(
            &own,
            &[&tenant, &format!("id {kind} not null"), "a text not null"],
        );
        let alone = draw.chance(0.5);
        primary_key(&mut table, if alone { &["id"] } else { &["tenant", "id"] });
        if alone {
            unique(&mut table, &["tenant", "id"]);
        }
        if draw.chance(0.7) {
            foreign_key(&mut table, &["tenant"], "a_tenants", &["id"]);
        }
        if draw.chance(0.4) {
            unique(&mut table, &["tenant", "a"]);
        }
        tables.push(table);
    }
    for index in 1..tables.len() {
        let mut refers = Vec::new();
        for number in 0..1 + draw.below(2) {
            let to = 1 + draw.below(tables.len() as u64 - 1) as usize;
            let target = tables[to].name.name.as_str().to_owned();
            let kind = tables[to].column("id").unwrap().data_type.clone();
            let not_null = if draw.chance(0.5) { " not null" } else { "" };
            let own = format!("r{number}");
            let text = format!("{own} {kind}{not_null}");
            tables[index].columns.push(column(&text));
            foreign_key(
                &mut tables[index],
                &["tenant", &own],
                &target,
                &["tenant", "id"],
            );
            refers.push(own);
        }
        if draw.chance(0.5) {
            let mut key = vec!["tenant"];
            key.extend(refers.iter().map(String::as_str));
            unique(&mut tables[index], &key);
        }
    }
    tables
}
