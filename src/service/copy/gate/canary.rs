//! Canaries: random values of this run, planted in the stream of the source's values and in every
//! channel of the target. They come to the filter as a row that the source's server sends, read by
//! the code that reads its tables, and are sought by the scan that seeks these. A scan that finds
//! nothing proves something only when it would have found them.
//!
//! In the target they are planted, sought and removed in one transaction that is rolled back, so that no crash
//! can leave one behind; that they are gone is looked at afterwards all the same.

use std::collections::HashSet;

use tokio_postgres::error::SqlState;
use tokio_util::sync::CancellationToken;

use super::canary_channels::{Planting, plantings};
use super::catalog_texts::catalog_texts;
use super::large_objects::large_objects;
use super::leak_scan::tables;
use super::relations::relations;
use super::scanner::{Sought, exact_kind};
use super::table_scan::Scan;
use crate::error::{Error, Kind, Result};
use crate::masking::leak::{Form, FormKind, RunKey, forms};
use crate::masking::{Class, MaskPlan};
use crate::postgres::Session;
use crate::sql::{Ident, QualifiedName, literal};

/// The canaries of one run.
#[derive(Debug)]
pub(super) struct Canaries {
    schema: Ident,
    plantings: Vec<Planting>,
}

/// What became of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Flight {
    /// Channels whose canary was seen.
    pub seen: usize,
    /// Channels whose canary was planted and not seen: the scan is blind there.
    pub unseen: Vec<&'static str>,
    /// Channels that this role or server does not have, so that nothing can leak through them by
    /// this role either.
    pub impossible: Vec<&'static str>,
}

impl Canaries {
    /// Fresh random values.
    pub(super) fn new(database: &Ident) -> Result<Self> {
        let schema = Ident::new(format!("tidegate_canary_{:016x}", rand::random::<u64>()))?;
        let plantings = plantings(&schema, database, &mut rand::random::<u64>);
        Ok(Self { schema, plantings })
    }

    /// The row in which the source sends them: what it is called, the fields, their classes.
    pub(super) fn row(&self) -> Result<(QualifiedName, String, Vec<Class>)> {
        let values = self.plantings.iter();
        let fields: Vec<String> = values
            .map(|planting| format!("{}::pg_catalog.text", literal(&planting.value)))
            .collect();
        let classes = self.plantings.iter().map(|planting| planting.class);
        let name = QualifiedName::new(self.schema.clone(), Ident::new("source")?);
        Ok((name, fields.join(", "), classes.collect()))
    }

    /// Plants, seeks and removes them.
    pub(super) async fn fly(
        &self,
        sought: &Sought,
        session: &Session,
        (denied, cancel): (&[&'static str], &CancellationToken),
    ) -> Result<Flight> {
        session.batch_execute("begin").await?;
        let result = self.in_transaction(sought, session, (denied, cancel)).await;
        let removed = session.batch_execute("rollback").await;
        let flight = result?;
        removed?;
        let left: bool = session
            .query_one(
                "select exists (select from pg_catalog.pg_namespace where nspname = $1::text)",
                &[&self.schema.as_str()],
            )
            .await?
            .get(0);
        if left {
            return Err(Error::new(
                Kind::CopyGate,
                format!("the canaries in schema {} were not removed", self.schema),
            ));
        }
        Ok(flight)
    }

    async fn in_transaction(
        &self,
        sought: &Sought,
        session: &Session,
        (denied, cancel): (&[&'static str], &CancellationToken),
    ) -> Result<Flight> {
        let mut flight = Flight::default();
        session
            .batch_execute(&format!("create schema {}", self.schema))
            .await?;
        let mut planted = Vec::new();
        for planting in &self.plantings {
            session.batch_execute("savepoint canary").await?;
            match session.batch_execute(&planting.sql).await {
                Ok(()) => planted.push(planting),
                Err(error) => {
                    session
                        .batch_execute("rollback to savepoint canary")
                        .await?;
                    if impossible(&error) {
                        flight.impossible.push(planting.channel);
                    } else {
                        tracing::debug!(channel = planting.channel, %error, "a canary was refused");
                        flight.unseen.push(planting.channel);
                    }
                }
            }
        }
        // Live things were counted already.
        let sought = Sought {
            filter: sought.filter.clone(),
            live: None,
        };
        let scan = Scan::new(sought, cancel);
        let mut places = Vec::new();
        let plan = MaskPlan::default();
        let found = relations(session, &plan, Some(self.schema.as_str())).await?;
        let alone = std::slice::from_ref(session);
        tables(&scan, alone, (&found, None), &mut places).await?;
        catalog_texts(&scan, session, &mut places, (denied, &plan.allow)).await?;
        large_objects(&scan, session, (true, &mut places)).await?;
        let findings = scan.finish().await?;
        let seen: HashSet<u128> = findings.found.values().map(|found| found.exact).collect();
        for planting in planted {
            if planting
                .exacts(scan.sought.filter.key())
                .any(|exact| seen.contains(&exact))
            {
                flight.seen += 1;
            } else {
                flight.unseen.push(planting.channel);
            }
        }
        Ok(flight)
    }
}

impl Planting {
    /// The hashes by which it is recognised.
    fn exacts(&self, key: &RunKey) -> impl Iterator<Item = u128> {
        let mut all = Vec::new();
        forms(self.class, &self.value, &mut |_, form: Form<'_>| {
            debug_assert!(form.kind != FormKind::Compact);
            all.push(key.exact(exact_kind(form.kind), &form.canonical()));
        });
        all.into_iter()
    }
}

/// Whether this role or server has no such channel.
fn impossible(error: &tokio_postgres::Error) -> bool {
    error.code().is_some_and(|code| {
        [
            SqlState::INSUFFICIENT_PRIVILEGE,
            SqlState::FEATURE_NOT_SUPPORTED,
        ]
        .contains(code)
    })
}
