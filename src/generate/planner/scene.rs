//! The tables of a run: which ones, in which order, how many rows.

use std::collections::BTreeMap;

use super::kept::{kept, refuse_fewer};
use super::left_out::{self, Why};
use super::options::{Options, Standing};
use crate::catalog::{Catalog, ForeignKeyGraph, Table, TableKind};
use crate::error::{Error, Kind, Result};
use crate::generate::distribution::Distribution;
use crate::generate::spec::{Spec, TableSpec};
use crate::sql::{QualifiedName, nearest};

/// Rows of a table when nobody says how many.
const DEFAULT_ROWS: u64 = 1000;

/// Rows that a table shall get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) rows: u64,
    /// Whether a person gave the number: then fewer is an error.
    pub(super) explicit: bool,
}

/// Everything that planning reads.
pub(super) struct Scene<'a> {
    pub(super) catalog: &'a Catalog,
    pub(super) spec: &'a Spec,
    pub(super) options: &'a Options,
    pub(super) standing: &'a Standing,
    /// Parents before children as far as cycles allow.
    pub(super) tables: Vec<&'a Table>,
    /// Place of each table in `tables`.
    pub(super) index: BTreeMap<&'a QualifiedName, usize>,
    /// Of each table, what the spec says.
    pub(super) specs: Vec<Option<&'a TableSpec>>,
    /// Rows of each table; lowered when a constraint has no room.
    pub(super) wanted: Vec<Wanted>,
    /// Children of each table whose rows are counted by parent.
    pub(super) families: Vec<Option<Families>>,
    /// Tables whose measured children of a parent have no room.
    pub(super) crowded: Vec<bool>,
    /// Tables of which some row was not found, and that are planned again.
    pub(super) loose: Vec<bool>,
    /// Partial unique indexes of each table whose condition no row fulfils.
    pub(super) outside: Vec<Vec<String>>,
    /// Tables whose partial unique indexes are met by all rows, because some row was not found else.
    pub(super) firm: Vec<bool>,
    /// How many tables stay as they are.
    staying: usize,
    pub(super) notes: Vec<String>,
}

/// The children of a parent's rows.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Families {
    /// The foreign key.
    pub(super) constraint: String,
    pub(super) count: Distribution,
    /// Children of all parents.
    pub(super) total: u64,
    /// Children of the parent that has most.
    pub(super) largest: u64,
    /// Parents that have children.
    pub(super) parents: u64,
}

impl<'a> Scene<'a> {
    pub(super) fn new(
        catalog: &'a Catalog,
        spec: &'a Spec,
        options: &'a Options,
        standing: &'a Standing,
    ) -> Result<Self> {
        let mut scene = Self {
            catalog,
            spec,
            options,
            standing,
            tables: Vec::new(),
            index: BTreeMap::new(),
            specs: Vec::new(),
            wanted: Vec::new(),
            families: Vec::new(),
            crowded: Vec::new(),
            loose: Vec::new(),
            outside: Vec::new(),
            firm: Vec::new(),
            staying: 0,
            notes: Vec::new(),
        };
        let asked = options.tables.iter();
        let asked = asked
            .map(|name| scene.resolve(name, Kind::SeedPlan).map(|table| &table.name))
            .collect::<Result<Vec<_>>>()?;
        let by_name = scene.said()?;
        let graph = ForeignKeyGraph::new(catalog);
        let asked = scene.with_parents(asked, &graph);
        for name in graph.order() {
            let Some(table) = catalog.table(&name) else {
                continue;
            };
            if !is_ours(table) || !(asked.is_empty() || asked.contains(&&table.name)) {
                continue;
            }
            let said = by_name.get(&table.name).copied();
            let left_out = left_out::why(catalog, table);
            if let Some(why) = &left_out {
                scene.leave_out(table, said, why)?;
            }
            if matches!(left_out, Some(Why::Elsewhere(_))) {
                continue;
            }
            let found = standing.tables.get(&table.name);
            refuse_fewer(options, table, found)?;
            let reason = kept(&graph, table, found, said).filter(|_| asked.is_empty());
            if let Some(reason) = reason {
                scene.note(reason);
                scene.staying += 1;
                continue;
            }
            scene.take(table, said, left_out.is_none());
        }
        if scene.staying > 0 && scene.tables.is_empty() {
            return Err(
                Error::new(Kind::SeedPlan, "every table holds rows already").hint(
                    "name tables with --table, or say their rows in seeds/*.toml; tidegate seed reset brings a saved state back",
                ),
            );
        }
        Ok(scene)
    }

    /// Adds a table, which gets rows when `filled`.
    fn take(&mut self, table: &'a Table, said: Option<&'a TableSpec>, filled: bool) {
        self.index.insert(&table.name, self.tables.len());
        self.tables.push(table);
        self.specs.push(said.filter(|_| filled));
        let mut wanted = self.rows_of(said);
        if !filled {
            wanted.rows = 0;
        }
        self.wanted.push(wanted);
        self.families.push(None);
        self.crowded.push(false);
        self.loose.push(false);
        self.outside.push(Vec::new());
        self.firm.push(false);
    }

    /// The tables that are asked for, and the empty ones that they refer to.
    fn with_parents(
        &mut self,
        mut asked: Vec<&'a QualifiedName>,
        graph: &ForeignKeyGraph,
    ) -> Vec<&'a QualifiedName> {
        let mut at = 0;
        while let Some(name) = asked.get(at).copied() {
            at += 1;
            for parent in graph.parents(name) {
                let table = self.catalog.table(parent).filter(|table| {
                    let empty = !self.standing.tables.contains_key(&table.name);
                    empty && is_ours(table) && !asked.contains(&&table.name)
                });
                if let Some(table) = table {
                    asked.push(&table.name);
                    self.note(format!(
                        "{}: is empty, and {} refers to it",
                        table.name.plain(),
                        name.plain()
                    ));
                }
            }
        }
        asked
    }

    /// What the spec says of each table; a table that a profile alone names may be gone.
    fn said(&mut self) -> Result<BTreeMap<&'a QualifiedName, &'a TableSpec>> {
        let mut by_name = BTreeMap::new();
        for table in self.spec.tables.values() {
            match self.resolve(&table.name, Kind::SeedSpec) {
                Ok(found) => {
                    self.check_names(table, found)?;
                    let known: Option<&TableSpec> = by_name.insert(&found.name, table);
                    if let Some(known) = known.filter(|known| !known.learned && !table.learned) {
                        let message =
                            format!("{} and {} are the same table", known.name, table.name);
                        let error = Error::new(Kind::SeedSpec, message);
                        return Err(error.at(table.place.clone()));
                    }
                }
                Err(_) if table.learned => self.note(format!(
                    "{}: the profile knows it, the database does not",
                    table.name
                )),
                Err(error) => return Err(error.at(table.place.clone())),
            }
        }
        Ok(by_name)
    }

    pub(super) fn resolve(&self, name: &str, kind: Kind) -> Result<&'a Table> {
        let public = [String::from("public")];
        let path = match &self.options.search_path[..] {
            [] => &public[..],
            path => path,
        };
        self.catalog.resolve(name, path).ok_or_else(|| {
            let error = Error::new(kind, format!("there is no table \"{name}\""));
            match self.catalog.suggest(name) {
                Some(near) => error.hint(format!("did you mean {near}?")),
                None => error,
            }
        })
    }

    /// Whether the columns and the parent exist that a table's spec names, be the table of this run or
    /// not.
    fn check_names(&self, said: &TableSpec, table: &Table) -> Result<()> {
        if let Some(per) = said.per.as_ref().filter(|_| !said.learned) {
            let parent = self.resolve(&per.parent, Kind::SeedSpec);
            parent.map_err(|error| error.at(per.place.clone()))?;
        }
        let missing = said
            .columns
            .iter()
            .find(|(name, column)| !column.learned && table.column(name).is_none());
        let Some((name, column)) = missing else {
            return Ok(());
        };
        let known: Vec<&str> = table.columns.iter().map(|c| c.name.as_str()).collect();
        let message = format!("{}.{name}: there is no such column", table.name.plain());
        let error = Error::new(Kind::SeedSpec, message).at(column.place.clone());
        Err(match nearest(name, &known) {
            Some(near) => error.hint(format!("did you mean {near}?")),
            None => error,
        })
    }

    /// Notes that a table gets no rows; refuses that when a person asked for some.
    pub(super) fn leave_out(
        &mut self,
        table: &Table,
        said: Option<&TableSpec>,
        why: &Why,
    ) -> Result<()> {
        let (Why::Elsewhere(why) | Why::Nothing(why)) = why;
        let name = table.name.plain();
        let wished = said.filter(|said| !said.learned);
        let wished = wished.filter(|said| said.per.is_some() || said.rows.is_some_and(|n| n > 0));
        if let Some(said) = wished {
            let message = format!("{name}: no rows can be made, because {why}");
            return Err(Error::new(Kind::SeedPlan, message).at(said.place.clone()));
        }
        self.note(if table.kind == TableKind::Foreign {
            format!("{}: {why}", table.name)
        } else {
            format!("{name}: no rows, because {why}")
        });
        Ok(())
    }

    fn rows_of(&self, said: Option<&TableSpec>) -> Wanted {
        let scale = self.options.scale.or(self.spec.scale).unwrap_or(1.0);
        let rows = said.and_then(|said| said.rows);
        let written = rows.filter(|_| said.is_some_and(|said| !said.learned));
        let (rows, explicit) = match (written, self.options.rows.or(rows)) {
            (Some(rows), _) => (rows, true),
            (None, Some(rows)) => (rows, false),
            (None, None) => (DEFAULT_ROWS, false),
        };
        Wanted {
            rows: (rows as f64 * scale).round() as u64,
            explicit,
        }
    }

    pub(super) fn seed(&self) -> u64 {
        self.options.seed.or(self.spec.seed).unwrap_or_default()
    }

    /// Number of a table's first new row.
    pub(super) fn first(&self, table: usize) -> u64 {
        let standing = self.standing.tables.get(&self.tables[table].name);
        standing
            .filter(|_| self.options.extend)
            .map_or(0, |standing| standing.seeded)
    }

    /// Rows of a table after the run, those of earlier runs included.
    pub(super) fn total(&self, table: usize) -> u64 {
        self.first(table).saturating_add(self.wanted[table].rows)
    }

    pub(super) fn note(&mut self, text: String) {
        if !self.notes.contains(&text) {
            self.notes.push(text);
        }
    }
}

/// Whether rows are made for it: a partition gets them from its parent.
fn is_ours(table: &Table) -> bool {
    let schema = table.name.schema.as_str();
    table.partition_of.is_none()
        && !matches!(schema, "tidegate" | "pg_catalog" | "information_schema")
}
