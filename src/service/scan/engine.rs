//! The course of a scan.

use std::collections::HashMap;
use std::hash::RandomState;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::access::{Access, access};
use super::outcome::{PathFinding, Scan, ScannedColumn, Unsampled};
use super::sampler::{Column, Sampler};
use crate::catalog::{self, Catalog, Table};
use crate::error::{Error, Kind, Result};
use crate::job::{Event, EventSink};
use crate::masking::classifier::{ColumnName, Family, Linked, Profile, judge, propagate};
use crate::masking::draft::{Judged, draft};
use crate::postgres::{Session, introspect};
use crate::sql::{Ident, QualifiedName};

/// Partitions of one table that are sampled.
const PARTITIONS: usize = 16;

/// Tables between two lines of progress.
const PROGRESS: usize = 200;

/// What a scan may use.
#[derive(Debug)]
pub struct Tools {
    /// Where progress goes.
    pub events: Arc<dyn EventSink>,
    /// Stops the scan between two tables.
    pub cancel: CancellationToken,
}

/// Looks at every table of the database, at up to `sample` rows of each, and judges every column.
/// Reads only; takes no lock that outlives the reading of one sample.
///
/// # Errors
/// The connection is lost; [`Kind::Cancelled`].
pub async fn scan(session: &Session, sample: usize, tools: &Tools) -> Result<Scan> {
    let catalog = introspect(session).await?;
    let rights = access(session, &catalog).await?;
    let sampler = Sampler {
        session,
        key: RandomState::new(),
    };
    let mut run = Run {
        catalog: &catalog,
        rights,
        sampler,
        sample,
        rows: 0,
        unsampled: Vec::new(),
    };
    // A partition's columns are those of its parent.
    let tables: Vec<&Table> = catalog
        .tables
        .values()
        .filter(|t| t.partition_of.is_none())
        .collect();
    let mut linked = Vec::new();
    let mut places = HashMap::new();
    for (done, table) in tables.iter().enumerate() {
        if tools.cancel.is_cancelled() {
            return Err(Error::new(
                Kind::Cancelled,
                format!("the scan was stopped after {done} tables"),
            ));
        }
        if done > 0 && done.is_multiple_of(PROGRESS) {
            tools.events.emit(Event::Note(format!(
                "{done} of {} tables scanned",
                tables.len()
            )));
        }
        for (column, found) in table.columns.iter().zip(run.table(table).await?) {
            places.insert((&table.name, &column.name), linked.len());
            linked.push(found);
        }
    }
    propagate(&mut linked, &keys(&tables, &places));
    Ok(run.finish(&tables, linked))
}

/// Pairs of columns, the referencing and the referenced one, by their places.
fn keys(
    tables: &[&Table],
    places: &HashMap<(&QualifiedName, &Ident), usize>,
) -> Vec<(usize, usize)> {
    tables
        .iter()
        .flat_map(|table| {
            table
                .foreign_keys()
                .map(move |constraint| (table, constraint))
        })
        .filter_map(|(table, constraint)| Some((table, constraint, constraint.foreign_key()?)))
        .flat_map(|(table, constraint, key)| {
            constraint
                .columns
                .iter()
                .zip(&key.columns)
                .filter_map(|(from, to)| {
                    Some((
                        *places.get(&(&table.name, from))?,
                        *places.get(&(&key.table, to))?,
                    ))
                })
        })
        .collect()
}

struct Run<'a> {
    catalog: &'a Catalog,
    rights: HashMap<u32, Access>,
    sampler: Sampler<'a>,
    sample: usize,
    rows: u64,
    unsampled: Vec<Unsampled>,
}

impl<'a> Run<'a> {
    /// Samples and judges one table.
    async fn table(&mut self, table: &Table) -> Result<Vec<Linked>> {
        let types: Vec<String> = table
            .columns
            .iter()
            .map(|column| self.catalog.base_type(&column.data_type).to_owned())
            .collect();
        let families: Vec<Family> = types.iter().map(|name| Family::of(name)).collect();
        let profiles = self.profiles(table, &families).await?;
        let names: Vec<ColumnName<'_>> = table
            .columns
            .iter()
            .zip(&types)
            .map(|(column, data_type)| ColumnName {
                table: table.name.name.as_str(),
                column: column.name.as_str(),
                data_type,
                comment: column.comment.as_deref(),
            })
            .collect();
        let verdicts = judge(&names, &profiles);
        Ok(verdicts
            .into_iter()
            .zip(profiles)
            .zip(families)
            .zip(&table.columns)
            .map(|(((verdict, profile), family), column)| Linked {
                title: format!("{}.{}", table.name.plain(), column.name.as_str()),
                family,
                verdict,
                profile,
            })
            .collect())
    }

    /// A profile for every column that was sampled.
    async fn profiles(
        &mut self,
        table: &Table,
        families: &[Family],
    ) -> Result<Vec<Option<Profile>>> {
        let columns: Vec<Column> = table
            .columns
            .iter()
            .zip(families)
            .enumerate()
            .filter(|(_, (_, family))| is_sampled(**family))
            .map(|(place, (column, family))| Column {
                name: column.name.clone(),
                family: *family,
                place,
            })
            .collect();
        let mut profiles: Vec<Profile> = vec![Profile::default(); families.len()];
        let mut read = vec![false; families.len()];
        if !columns.is_empty() {
            self.read(table, columns, &mut profiles, &mut read).await?;
        }
        Ok(profiles
            .into_iter()
            .zip(read)
            .map(|(profile, read)| read.then_some(profile))
            .collect())
    }

    async fn read(
        &mut self,
        table: &Table,
        columns: Vec<Column>,
        profiles: &mut [Profile],
        read: &mut [bool],
    ) -> Result<()> {
        if table.foreign.is_some() || table.kind == catalog::TableKind::Foreign {
            self.skip(table, &[], "its rows are on another server");
            return Ok(());
        }
        let Some(own) = self.rights.get(&table.oid).cloned() else {
            self.skip(table, &[], "no privilege to use its schema");
            return Ok(());
        };
        let attnum = |column: &Column| table.columns[column.place].attnum;
        let (readable, closed): (Vec<Column>, Vec<Column>) = columns
            .into_iter()
            .partition(|column| own.columns.contains(&attnum(column)));
        if !closed.is_empty() {
            let names: Vec<String> = closed.iter().map(|c| c.name.as_str().to_owned()).collect();
            self.skip(
                table,
                if readable.is_empty() { &[] } else { &names },
                "no privilege to read it",
            );
        }
        if readable.is_empty() {
            return Ok(());
        }
        if own.rows_hidden {
            self.skip(table, &[], "row security may hide rows: sampled in part");
        }
        let sources = self.sources(table, &readable);
        let share = (self.sample / sources.len().max(1)).max(20);
        for source in sources {
            let result = self
                .sampler
                .sample(source, &readable, share, profiles)
                .await?;
            match result {
                Ok(rows) => {
                    self.rows += rows;
                    readable.iter().for_each(|column| read[column.place] = true);
                }
                Err(reason) => self.skip(source, &[], &reason),
            }
        }
        Ok(())
    }

    /// The relations that rows are read from: the table, or some of its partitions where they may
    /// be read themselves.
    fn sources<'b>(&self, table: &'b Table, columns: &[Column]) -> Vec<&'b Table>
    where
        'a: 'b,
    {
        let own = vec![table];
        if !table.is_partitioned() {
            return own;
        }
        let catalog: &'a Catalog = self.catalog;
        let leaves = catalog.leaves(&table.name);
        let every = leaves.len().div_ceil(PARTITIONS).max(1);
        let picked: Option<Vec<_>> = leaves
            .into_iter()
            .step_by(every)
            .map(|leaf| {
                let rights = self.rights.get(&leaf.oid)?;
                let open = |column: &Column| {
                    let found = leaf.column(column.name.as_str());
                    found.is_some_and(|found| rights.columns.contains(&found.attnum))
                };
                (leaf.stores_rows() && columns.iter().all(open)).then_some(leaf)
            })
            .collect();
        picked.filter(|picked| !picked.is_empty()).unwrap_or(own)
    }

    fn skip(&mut self, table: &Table, columns: &[String], reason: &str) {
        self.unsampled.push(Unsampled {
            table: table.name.plain(),
            columns: columns.to_vec(),
            reason: reason.to_owned(),
        });
    }

    fn finish(self, tables: &[&Table], linked: Vec<Linked>) -> Scan {
        let places = tables
            .iter()
            .flat_map(|table| table.columns.iter().map(move |column| (*table, column)));
        let found: Vec<(&Table, &catalog::Column, &Linked)> = places
            .zip(&linked)
            .map(|((table, column), linked)| (table, column, linked))
            .collect();
        let columns = found
            .iter()
            .map(|(table, column, linked)| told(table, column, linked))
            .collect();
        let judged: Vec<Judged<'_>> = found
            .iter()
            .filter(|(table, _, _)| table.kind != catalog::TableKind::Foreign)
            .map(|(table, column, linked)| Judged {
                table,
                column,
                verdict: &linked.verdict,
                profile: linked.profile.as_ref(),
            })
            .collect();
        Scan {
            columns,
            tables: tables.len(),
            rows_sampled: self.rows,
            not_sampled: self.unsampled,
            draft: draft(self.catalog, &judged),
        }
    }
}

/// Types whose values tell something as text.
fn is_sampled(family: Family) -> bool {
    !matches!(family, Family::Bool | Family::Bytes | Family::Lexemes)
}

fn told(table: &Table, column: &catalog::Column, linked: &Linked) -> ScannedColumn {
    let finding = linked.verdict.finding.as_ref();
    let paths = linked.verdict.leaves.iter().filter_map(|(path, finding)| {
        let finding = finding.clone()?;
        Some(PathFinding {
            path: path.clone(),
            finding,
        })
    });
    ScannedColumn {
        table: table.name.plain(),
        column: column.name.as_str().to_owned(),
        data_type: column.data_type.clone(),
        class: finding.map(|finding| finding.class),
        confidence: finding.map_or(0.0, |finding| finding.confidence),
        reason: finding.map_or_else(
            || "nothing points to personal data".to_owned(),
            |f| f.reason.clone(),
        ),
        sampled_values: linked.profile.as_ref().map(Profile::values),
        paths: paths.collect(),
    }
}
