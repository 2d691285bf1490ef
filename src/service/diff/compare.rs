//! The comparison of a list of tables.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::pair::Pair;
use super::scan::{Outcome, Scan};
use super::selection::Selection;
use super::{details, snapshot};
use crate::catalog::{Catalog, Table};
use crate::clock::Clock;
use crate::config::Target;
use crate::diff::{
    Alignment, Comparison, Limits, Method, PROBE, Reading, Remark, Side, TableDiff, Types, align,
};
use crate::error::{Error, Kind, Result};
use crate::job::{Event, EventSink};
use crate::postgres::Session;
use crate::sql::{Ident, QualifiedName};

/// Two sessions, each in a transaction of its own at `REPEATABLE READ`.
#[derive(Debug, Clone, Copy)]
pub struct Sides<'a> {
    /// The side that is right.
    pub source: &'a Session,
    /// The side that should be equal to it.
    pub target: &'a Session,
}

/// Who is told, and who may stop it.
#[derive(Debug, Clone)]
pub struct Watch {
    /// Time, for the events.
    pub clock: Arc<dyn Clock>,
    /// Where progress goes: a step started and finished for each table.
    pub events: Arc<dyn EventSink>,
    /// Stops the comparison; a running query ends when its connection is closed.
    pub cancel: CancellationToken,
}

/// How it is compared. The default serves the gate of a copy.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Schemas in which the names of a condition are looked for, after those of the system.
    pub search_path: Vec<Ident>,
    /// Whether the first rows that differ are named.
    pub deep: bool,
    /// Bounds of the work.
    pub limits: Limits,
    /// The hash function; `None` takes the quickest on which both servers agree.
    pub method: Option<Method>,
}

/// The comparison at work: what all tables have in common.
struct Run<'a> {
    sides: Sides<'a>,
    catalogs: (Catalog, Catalog),
    types: (Types, Types),
    method: Method,
    options: &'a Options,
}

/// Connects to both databases, takes a snapshot of each (the very same one when they are one
/// database) and compares what `selection` names. Only reads.
///
/// # Errors
/// A side is out of reach, a table is unknown on both or may not be read, a condition is not valid;
/// [`Kind::Cancelled`].
pub async fn between(
    source: &Target,
    target: &Target,
    selection: &Selection,
    watch: &Watch,
) -> Result<Comparison> {
    let work = async {
        if let Some(condition) = &selection.condition {
            crate::sql::check_expression(condition).map_err(|problem| {
                Error::new(
                    Kind::SqlSyntax,
                    format!("the condition: {}", problem.message),
                )
            })?;
        }
        let left = Session::connect(source, "diff").await?;
        let right = Session::connect(target, "diff").await?;
        snapshot::begin(&left, &right).await?;
        let sides = Sides {
            source: &left,
            target: &right,
        };
        let path: Result<_> = source.search_path.iter().cloned().map(Ident::new).collect();
        let options = Options {
            search_path: path?,
            deep: selection.deep,
            ..Options::default()
        };
        let run = Run::new(sides, &options).await?;
        let paths = (&source.search_path, &target.search_path);
        let pairs = selection.pairs((&run.catalogs.0, paths.0), (&run.catalogs.1, paths.1))?;
        run.tables(&pairs, watch).await
    };
    unless_cancelled(&watch.cancel, work).await
}

/// Compares `pairs` on two sessions that are in a transaction each, such as one that imported an
/// exported snapshot. Both must be at `REPEATABLE READ`, since a table is read more than once. Sets
/// settings until the end of the transactions, the search path among them.
///
/// # Errors
/// As [`between`]; a transaction is of no use after an error.
pub async fn compare(
    sides: Sides<'_>,
    pairs: &[Pair],
    options: &Options,
    watch: &Watch,
) -> Result<Comparison> {
    let work = async { Run::new(sides, options).await?.tables(pairs, watch).await };
    unless_cancelled(&watch.cancel, work).await
}

async fn unless_cancelled<T>(
    cancel: &CancellationToken,
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    tokio::select! {
        biased;
        () = cancel.cancelled() => Err(Error::new(Kind::Cancelled, "interrupted")
            .hint("nothing was changed; run it again")),
        result = work => result,
    }
}

impl<'a> Run<'a> {
    async fn new(sides: Sides<'a>, options: &'a Options) -> Result<Self> {
        let catalogs = tokio::try_join!(
            snapshot::prepare(sides.source),
            snapshot::prepare(sides.target)
        )?;
        let method = match options.method {
            Some(method) => method,
            None => {
                let (left, right) = tokio::try_join!(probe(sides.source), probe(sides.target))?;
                Method::choose(&left, &right)
            }
        };
        Ok(Self {
            sides,
            types: (Types::of(&catalogs.0), Types::of(&catalogs.1)),
            catalogs,
            method,
            options,
        })
    }

    async fn tables(&self, pairs: &[Pair], watch: &Watch) -> Result<Comparison> {
        let mut tables = Vec::with_capacity(pairs.len());
        for (number, pair) in pairs.iter().enumerate() {
            let step = format!("diff {}/{}", number + 1, pairs.len());
            watch.events.emit(Event::StepStarted {
                step: step.clone(),
                title: pair.source.plain(),
            });
            let began = watch.clock.monotonic();
            tables.push(self.pair(pair).await?);
            watch.events.emit(Event::StepFinished {
                step,
                took: watch.clock.monotonic().saturating_sub(began),
            });
        }
        Ok(Comparison {
            equal: tables.iter().all(|table| table.equal),
            tables,
        })
    }

    async fn pair(&self, pair: &Pair) -> Result<TableDiff> {
        let source = self.catalogs.0.table(&pair.source);
        let target = self.catalogs.1.table(&pair.target);
        match (source, target) {
            (Some(source), Some(target)) => self.both(pair, source, target).await,
            (Some(table), None) => self.alone(pair, (table, true)).await,
            (None, Some(table)) => self.alone(pair, (table, false)).await,
            (None, None) => Err(Error::new(
                Kind::UnknownObject,
                format!("neither side has a table {}", pair.source.plain()),
            )),
        }
    }

    async fn both(&self, pair: &Pair, source: &Table, target: &Table) -> Result<TableDiff> {
        let (left, right) = (
            Side {
                table: source,
                types: &self.types.0,
            },
            Side {
                table: target,
                types: &self.types.1,
            },
        );
        let aligned = align(left, right, pair.columns.as_deref());
        let scan = Scan {
            sides: self.sides,
            source: self.reading(&aligned, source, pair.source_where.as_deref()),
            target: self.reading(&aligned, target, pair.target_where.as_deref()),
            limits: self.options.limits,
            keep: if self.options.deep {
                details::LISTED
            } else {
                0
            },
        };
        self.search(pair).await?;
        let Outcome {
            rows,
            counts,
            findings,
        } = scan.run().await?;
        let listed = details::rows(&scan, &findings).await?;
        Ok(TableDiff {
            table: pair.source.plain(),
            target_table: (pair.source != pair.target).then(|| pair.target.plain()),
            rows_source: rows.0,
            rows_target: rows.1,
            different: counts.different,
            missing: counts.missing,
            extra: counts.extra,
            key: aligned
                .key
                .iter()
                .map(|column| column.name.clone())
                .collect(),
            columns: aligned.columns.len(),
            remarks: aligned.remarks,
            rows: listed,
            ..TableDiff::default()
        }
        .judged())
    }

    fn reading<'b>(
        &self,
        aligned: &'b Alignment,
        table: &'b Table,
        condition: Option<&'b str>,
    ) -> Reading<'b> {
        Reading {
            table: &table.name,
            only: !table.is_partitioned(),
            condition,
            columns: &aligned.columns,
            key: &aligned.key,
            method: self.method,
        }
    }

    /// A table that one side lacks: all its rows are missing, or extra.
    async fn alone(&self, pair: &Pair, (table, in_source): (&Table, bool)) -> Result<TableDiff> {
        self.search(pair).await?;
        let (session, side, condition) = if in_source {
            (self.sides.source, "source", &pair.source_where)
        } else {
            (self.sides.target, "target", &pair.target_where)
        };
        let nothing = Alignment::default();
        let sql = self.reading(&nothing, table, condition.as_deref()).count();
        let row = session
            .query_one(&sql, &[])
            .await
            .map_err(|error| unreadable(error.into(), side, &table.name))?;
        let rows = row.get::<_, i64>(0).unsigned_abs();
        let mut diff = TableDiff {
            table: table.name.plain(),
            ..TableDiff::default()
        };
        if in_source {
            (diff.rows_source, diff.missing) = (rows, rows);
            diff.remarks.push(Remark::TableOnlyInSource);
        } else {
            (diff.rows_target, diff.extra) = (rows, rows);
            diff.remarks.push(Remark::TableOnlyInTarget);
        }
        Ok(diff.judged())
    }

    /// Only a condition needs the user's schemas; without one, nothing may hide a system's name.
    async fn search(&self, pair: &Pair) -> Result<()> {
        for (session, condition) in [
            (self.sides.source, &pair.source_where),
            (self.sides.target, &pair.target_where),
        ] {
            let path = if condition.is_some() {
                self.options.search_path.as_slice()
            } else {
                &[]
            };
            snapshot::search(session, path).await?;
        }
        Ok(())
    }
}

async fn probe(session: &Session) -> Result<Vec<i64>> {
    Ok(session.query_one(PROBE, &[]).await?.get(0))
}

/// Says which table could not be read, and on which side.
pub(super) fn unreadable(error: Error, side: &str, table: &QualifiedName) -> Error {
    let hint = error.hint_text().to_owned();
    Error::new(
        error.kind(),
        format!("{} of the {side}: {error}", table.plain()),
    )
    .hint(hint)
}
