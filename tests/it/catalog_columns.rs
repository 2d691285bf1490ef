//! What the catalog says would happen to the dependents of a column is what `DROP COLUMN` does.

use std::collections::BTreeSet;

use tidegate::catalog::*;
use tidegate::postgres::{Session, introspect, introspect_in_transaction};
use tidegate::sql::QualifiedName;

use crate::catalog::{ident, public, session, weird};
use crate::support::{Database, Server};

fn database() -> Database {
    let major = Server::shared().major;
    let mut sql = include_str!("../../fixtures/weird/dependents.sql").to_owned();
    if major >= 15 {
        sql.push_str(include_str!("../../fixtures/weird/dependents-15.sql"));
    }
    if major >= 18 {
        sql.push_str(include_str!("../../fixtures/weird/dependents-18.sql"));
    }
    Database::with_schema(&sql)
}

/// A foreign key to a partitioned table has one clone for each partition, on the same columns: parts
/// of the one key that the claims name.
fn is_clone(table: &Table, constraint: &Constraint) -> bool {
    let same = |other: &Constraint| {
        !other.inherited && other.foreign_key().is_some() && other.columns == constraint.columns
    };
    constraint.inherited && constraint.foreign_key().is_some() && table.constraints.iter().any(same)
}

/// Names of what is gone, by sort: everything the catalog had before and has no more.
fn gone(before: &Catalog, after: &Catalog) -> BTreeSet<String> {
    let parts = |catalog: &Catalog| {
        let mut all = BTreeSet::new();
        for table in catalog.tables.values() {
            let of = table.name.plain();
            all.extend(
                table
                    .columns
                    .iter()
                    .map(|c| format!("column {of} {}", c.name)),
            );
            all.extend(
                table
                    .constraints
                    .iter()
                    .filter(|c| !is_clone(table, c))
                    .map(|c| format!("constraint {}", c.name.as_str())),
            );
            let free = table.indexes.iter().filter(|i| i.constraint.is_none());
            all.extend(free.map(|i| format!("index {}", i.name.as_str())));
            all.extend(
                table
                    .triggers
                    .iter()
                    .map(|t| format!("trigger {}", t.name.as_str())),
            );
            all.extend(
                table
                    .rules
                    .iter()
                    .map(|r| format!("rule {}", r.name.as_str())),
            );
            all.extend(
                table
                    .policies
                    .iter()
                    .map(|p| format!("policy {}", p.name.as_str())),
            );
            all.extend(
                table
                    .statistics
                    .iter()
                    .map(|s| format!("statistics {}", s.name.name.as_str())),
            );
        }
        all.extend(
            catalog
                .views
                .keys()
                .map(|v| format!("view {}", v.name.as_str())),
        );
        all.extend(
            catalog
                .sequences
                .keys()
                .map(|s| format!("sequence {}", s.name.as_str())),
        );
        all.extend(
            catalog
                .functions
                .iter()
                .map(|f| format!("function {}", f.name.name.as_str())),
        );
        all
    };
    parts(before).difference(&parts(after)).cloned().collect()
}

/// The same, as the claims have it. Columns count through their tables.
fn claimed(dependents: &[Dependent]) -> BTreeSet<String> {
    use DependentKind as K;
    dependents
        .iter()
        .filter(|d| d.effect == Effect::DroppedSilently)
        .filter_map(|d| {
            let word = match d.kind {
                K::PrimaryKey
                | K::Unique
                | K::Check
                | K::ForeignKey
                | K::Exclusion
                | K::NotNull => "constraint",
                K::Index => "index",
                K::Trigger => "trigger",
                K::Rule => "rule",
                K::Policy => "policy",
                K::Statistics => "statistics",
                K::Sequence => "sequence",
                K::View | K::MaterializedView => "view",
                K::Function => "function",
                _ => return None,
            };
            Some(format!("{word} {}", d.name))
        })
        .collect()
}

/// Tries every column of every table; the claims must hold for each.
pub(crate) async fn check_all(session: &Session) -> (usize, usize) {
    let before = introspect(session).await.unwrap();
    let (mut blocked, mut dropped) = (0, 0);
    let mut wrong = Vec::new();
    for table in before.tables.values() {
        for column in &table.columns {
            let claims = before.column_dependents(&table.name, &column.name);
            let blocks = claims.iter().any(|d| d.effect == Effect::Blocks);
            let what = format!("{}.{}", table.name, column.name);
            session.batch_execute("begin").await.unwrap();
            let drop = format!("alter table {} drop column {}", table.name, column.name);
            match session.batch_execute(&drop).await {
                Ok(()) => {
                    dropped += 1;
                    let after = introspect_in_transaction(session).await.unwrap();
                    let mut really = gone(&before, &after);
                    really.retain(|object| !object.starts_with("column "));
                    if blocks || really != claimed(&claims) {
                        wrong.push(format!(
                            "{what} was dropped with {really:?}; claimed {claims:#?}"
                        ));
                    }
                    wrong.extend(wrong_details(&before, &after, table, &claims, &what));
                }
                Err(error) => {
                    blocked += 1;
                    let error = error.as_db_error().unwrap();
                    let mut really: BTreeSet<String> = error
                        .detail()
                        .unwrap_or_default()
                        .lines()
                        .filter_map(|line| {
                            Some(line.split_once(" depends on ")?.0.replace('"', ""))
                        })
                        .collect();
                    let named: BTreeSet<String> = claims
                        .iter()
                        .filter(|d| d.effect == Effect::Blocks)
                        .map(|d| d.object.replace('"', ""))
                        .collect();
                    if really.is_empty() {
                        // Refused for a reason that has no list: partition key, inheritance, type.
                        really.clone_from(&named);
                    }
                    if !blocks || really != named {
                        wrong.push(format!(
                            "{what}: {}: {really:?}; claimed {claims:#?}",
                            error.message()
                        ));
                    }
                }
            }
            session.batch_execute("rollback").await.unwrap();
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    (blocked, dropped)
}

/// Columns, grants, comments and replica identity.
fn wrong_details(
    before: &Catalog,
    after: &Catalog,
    table: &Table,
    claims: &[Dependent],
    what: &str,
) -> Vec<String> {
    let mut columns = gone(before, after);
    columns.retain(|object| object.starts_with("column "));
    let also = claims
        .iter()
        .filter(|d| {
            matches!(
                d.kind,
                DependentKind::InheritedColumn | DependentKind::GeneratedColumn
            )
        })
        .count();
    let mut wrong = Vec::new();
    if columns.len() != also + 1 {
        wrong.push(format!("{what}: {columns:?} gone; claimed {also} more"));
    }
    let identity = |catalog: &Catalog| {
        let table = catalog.table(&table.name).unwrap();
        match &table.replica_identity {
            ReplicaIdentity::Default => table.primary_key().is_some(),
            ReplicaIdentity::Index(name) => name.is_some(),
            ReplicaIdentity::Nothing | ReplicaIdentity::Full => false,
        }
    };
    let lost = identity(before) && !identity(after);
    let said = claims.iter().any(|d| {
        d.kind == DependentKind::ReplicaIdentity && d.object.ends_with(table.name.name.as_str())
    });
    if lost != said {
        wrong.push(format!(
            "{what}: replica identity lost: {lost}, claimed: {said}"
        ));
    }
    wrong
}

#[tokio::test]
async fn every_claim_about_dropping_a_column_is_true() {
    let database = database();
    let (blocked, dropped) = check_all(&session(&database).await).await;
    assert!(
        blocked >= 30 && dropped >= 30,
        "{blocked} blocked, {dropped} dropped"
    );
}

#[tokio::test]
async fn every_claim_holds_for_weird_names_too() {
    let database = weird();
    let (blocked, dropped) = check_all(&session(&database).await).await;
    assert!(
        blocked >= 20 && dropped >= 15,
        "{blocked} blocked, {dropped} dropped"
    );
}

fn assert_has(
    catalog: &Catalog,
    table: &QualifiedName,
    column: &str,
    (kind, effect): (DependentKind, Effect),
) {
    let found = catalog.column_dependents(table, &ident(column));
    assert!(
        found.iter().any(|d| d.kind == kind && d.effect == effect),
        "{column}: {kind:?} {effect:?} not in {found:#?}"
    );
}

#[tokio::test]
async fn dependents_are_told_by_kind() {
    use DependentKind as K;
    use Effect::{Blocks, DroppedSilently as Silently};
    let catalog = introspect(&session(&database()).await).await.unwrap();
    let has = |table: QualifiedName, column: &str, kind, effect| {
        assert_has(&catalog, &table, column, (kind, effect));
    };
    let base = || public("base");
    has(base(), "id", K::InboundForeignKey, Blocks);
    has(base(), "id", K::PrimaryKey, Silently);
    has(base(), "ref", K::InboundForeignKey, Blocks);
    has(base(), "self", K::ForeignKey, Silently);
    has(base(), "out_fk", K::ForeignKey, Silently);
    has(base(), "ix", K::Index, Silently);
    has(base(), "inc", K::Index, Silently);
    has(base(), "pred", K::Index, Silently);
    has(base(), "expr", K::Index, Silently);
    has(base(), "checked", K::Check, Silently);
    has(base(), "c2", K::Check, Silently);
    has(base(), "excl", K::Exclusion, Silently);
    has(base(), "viewed", K::View, Blocks);
    has(base(), "mviewed", K::MaterializedView, Blocks);
    has(base(), "trig", K::Trigger, Blocks);
    has(base(), "trig_when", K::Trigger, Blocks);
    has(base(), "pol", K::Policy, Blocks);
    has(base(), "pol_check", K::Policy, Blocks);
    has(base(), "st1", K::Statistics, Silently);
    has(base(), "st_expr", K::Statistics, Silently);
    has(base(), "fn", K::Function, Blocks);
    has(base(), "ruled", K::Rule, Blocks);
}

#[tokio::test]
async fn dependents_without_an_object_are_told_too() {
    use DependentKind as K;
    use Effect::{Blocks, DroppedSilently as Silently};
    let catalog = introspect(&session(&database()).await).await.unwrap();
    let base = || public("base");
    let has = |table: QualifiedName, column: &str, kind, effect| {
        assert_has(&catalog, &table, column, (kind, effect));
    };
    has(base(), "granted", K::Grant, Silently);
    has(base(), "commented", K::Comment, Silently);
    has(base(), "ser", K::Sequence, Silently);
    has(base(), "idn", K::Sequence, Silently);
    has(base(), "shared", K::Default, Blocks);
    has(base(), "dflt", K::Default, Silently);
    has(base(), "ident_b", K::ReplicaIdentity, Silently);
    has(
        base(),
        "src",
        K::GeneratedColumn,
        if catalog.major() >= 15 {
            Blocks
        } else {
            Silently
        },
    );
    has(public("part"), "at", K::PartitionKey, Blocks);
    has(public("part"), "region", K::PartitionKey, Blocks);
    has(public("part"), "v", K::View, Blocks);
    has(public("part"), "w", K::InheritedColumn, Silently);
    has(public("part"), "w", K::Index, Silently);
    has(public("by_expr"), "b", K::PartitionKey, Blocks);
    has(public("kid"), "x", K::InheritedColumn, Blocks);
    has(public("typed"), "f", K::TableType, Blocks);
    if catalog.major() >= 15 {
        has(public("published"), "listed", K::Publication, Blocks);
        has(public("published"), "filtered", K::Publication, Blocks);
    }
    if catalog.major() >= 18 {
        has(public("virtually"), "c", K::NotNull, Silently);
    }
    let twice = catalog.column_dependents(&base(), &ident("viewed_twice"));
    let v2 = twice.iter().find(|d| d.name == "v2").unwrap();
    assert!(v2.via.is_some(), "{v2:?}");
    let free: Vec<_> = catalog.column_dependents(&base(), &ident("plain"));
    assert!(free.is_empty(), "{free:?}");
    assert!(
        catalog
            .column_dependents(&base(), &ident("none"))
            .is_empty()
    );
}

#[tokio::test]
async fn function_bodies_are_searched() {
    let catalog = introspect(&session(&database()).await).await.unwrap();
    let mentions = catalog.mentions(&public("base"), &ident("plain"));
    let told: Vec<_> = mentions
        .iter()
        .map(|m| (m.function.as_str(), m.likely))
        .collect();
    assert_eq!(
        told,
        [("mentions_plain()", true), ("mentions_other()", false)]
    );
}
