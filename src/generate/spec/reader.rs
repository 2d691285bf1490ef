//! Reads one file of a spec.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use toml::Spanned;

use super::column::{self, Written};
use super::model::{ColumnSpec, FixedRow, PerParent, Spec, TableSpec, TenancySpec};
use crate::error::{Error, Kind, Place, Result};
use crate::generate::distribution::Distribution;
use crate::generate::source::Locale;
use crate::sql::did_you_mean;

/// Version of the format that is read.
const VERSION: u32 = 1;

/// A file of a spec and its text.
#[derive(Debug, Clone)]
pub struct SpecText {
    /// The path, as the user would name it.
    pub path: PathBuf,
    /// The whole text.
    pub text: Arc<str>,
}

/// A row written by hand.
type Fixed = Spanned<BTreeMap<String, toml::Value>>;

type Names<T> = BTreeMap<Spanned<String>, T>;

/// What the data of `seed run` shall be. Unknown keys are refused.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct File {
    /// Version of the format: 1.
    #[schemars(range(min = 1, max = 1), with = "u32")]
    version: Spanned<u32>,
    /// Where all random numbers come from; `--seed` wins.
    seed: Option<u64>,
    /// Factor of all numbers of rows, more than 0; `--scale` wins.
    #[schemars(with = "Option<f64>")]
    scale: Option<Spanned<f64>>,
    /// Language and country of names and addresses, such as `de_DE`.
    #[schemars(with = "Option<String>")]
    locale: Option<Spanned<String>>,
    /// Tables whose rows belong to rows of one: accounts, customers of a service.
    #[schemars(with = "Option<Tenancy>")]
    tenancy: Option<Spanned<Tenancy>>,
    /// By table: `[tables.users]` or `[tables."sales.users"]`.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, Table>")]
    tables: Names<Table>,
    /// Rows written by hand, by scenario and table: `[[scenarios.refund.orders]]`; `--scenario` takes
    /// one of them. An empty table stands for null.
    #[serde(default)]
    #[schemars(
        with = "BTreeMap<String, BTreeMap<String, Vec<BTreeMap<String, serde_json::Value>>>>"
    )]
    scenarios: Names<Names<Vec<Fixed>>>,
}

/// Tenants. Tables that refer to them, directly or by way of others, have rows of each, and rows refer to
/// rows of the same tenant.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Tenancy {
    /// The table of tenants.
    #[schemars(with = "String")]
    table: Spanned<String>,
    /// The column by which tables refer to their tenant, when several foreign keys do.
    column: Option<String>,
    /// How large tenants are beside each other, 1 and more; all alike when nothing is said.
    volume: Option<Count>,
}

/// One table.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Table {
    /// Rows, before the scale.
    rows: Option<u64>,
    /// Rows by parent, instead of `rows`.
    #[schemars(with = "Option<Per>")]
    per: Option<Spanned<Per>>,
    /// Language and country, when they are not those of the file.
    #[schemars(with = "Option<String>")]
    locale: Option<Spanned<String>>,
    /// By column: a rule, or a value that all rows have.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, Either>")]
    columns: Names<Spanned<toml::Value>>,
}

/// A rule, or a value that all rows have.
#[derive(JsonSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "for the JSON Schema; columns are read one by one")]
enum Either {
    Rule(Box<Written>),
    Text(String),
    Number(f64),
    Truth(bool),
}

/// So many rows for each row of a parent.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Per {
    /// The parent, to which one foreign key refers.
    #[schemars(with = "String")]
    parent: Spanned<String>,
    /// Rows for each.
    count: Count,
}

/// JSON Schema of the format.
#[must_use]
pub fn schema() -> schemars::Schema {
    schemars::schema_for!(File)
}

/// A number, or a distribution.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "expected a number of rows, or a distribution such as { uniform = { min = 1, max = 5 } }"
)]
pub(super) enum Count {
    /// The same for all.
    Number(f64),
    /// By a distribution.
    Spread(Distribution),
}

impl Count {
    /// How many there are; `Err` says what is wrong in words.
    pub(super) fn spread(&self) -> std::result::Result<Distribution, String> {
        match self {
            Self::Number(number) if *number >= 0.0 => Ok(Distribution::Constant(*number)),
            Self::Number(_) => Err("count is 0 or more".to_owned()),
            Self::Spread(spread) => spread.problem().map_or_else(|| Ok(spread.clone()), Err),
        }
    }
}

impl SpecText {
    fn place(&self, span: Range<usize>) -> Place {
        Place::new(&self.path, &self.text, span)
    }

    fn error(&self, message: impl Into<String>, span: Range<usize>) -> Error {
        Error::new(Kind::SeedSpec, message).at(self.place(span))
    }

    fn wrong(&self, error: &toml::de::Error) -> Error {
        let span = error.span().unwrap_or(0..0);
        let mapped = self.error(error.message().trim(), span);
        match did_you_mean(error.message()) {
            Some(near) => mapped.hint(format!("did you mean \"{near}\"?")),
            None => mapped,
        }
    }

    /// Reads the file.
    ///
    /// # Errors
    /// [`Kind::SeedSpec`] with the place.
    pub(super) fn read(&self) -> Result<Spec> {
        let file: File = toml::from_str(&self.text).map_err(|error| self.wrong(&error))?;
        if *file.version.get_ref() != VERSION {
            let message = format!(
                "version {} of the format; this Tidegate reads version {VERSION}",
                file.version.get_ref()
            );
            return Err(self.error(message, file.version.span()));
        }
        if let Some(scale) = &file.scale
            && (scale.get_ref().is_nan() || *scale.get_ref() <= 0.0)
        {
            return Err(self.error("scale is more than 0", scale.span()));
        }
        let mut spec = Spec {
            seed: file.seed,
            scale: file.scale.map(Spanned::into_inner),
            locale: self.locale(file.locale)?,
            ..Spec::default()
        };
        spec.tenancy = file.tenancy.map(|said| self.tenancy(said)).transpose()?;
        for (name, table) in file.tables {
            let table = self.table(&name, table)?;
            spec.tables.insert(name.into_inner(), table);
        }
        for (name, tables) in file.scenarios {
            let mut rows = Vec::new();
            for (table, fixed) in tables {
                for row in fixed {
                    rows.push(self.fixed(table.get_ref(), row)?);
                }
            }
            spec.scenarios.insert(name.into_inner(), rows);
        }
        Ok(spec)
    }

    fn table(&self, name: &Spanned<String>, table: Table) -> Result<TableSpec> {
        if let (Some(_), Some(per)) = (table.rows, &table.per) {
            let message = format!("{}: rows and per say the same", name.get_ref());
            return Err(self.error(message, per.span()));
        }
        let per = table.per.map(|per| self.per(per)).transpose()?;
        let mut columns = BTreeMap::new();
        for (column, value) in table.columns {
            let spec = self.column(&column, value)?;
            columns.insert(column.into_inner(), spec);
        }
        Ok(TableSpec {
            name: name.get_ref().clone(),
            place: self.place(name.span()),
            rows: table.rows,
            per,
            locale: self.locale(table.locale)?,
            columns,
            learned: false,
        })
    }

    fn tenancy(&self, said: Spanned<Tenancy>) -> Result<TenancySpec> {
        let span = said.span();
        let said = said.into_inner();
        let alike = Ok(Distribution::Constant(1.0));
        let volume = said.volume.as_ref().map_or(alike, Count::spread);
        Ok(TenancySpec {
            place: self.place(said.table.span()),
            table: said.table.into_inner(),
            column: said.column,
            volume: volume.map_err(|why| self.error(format!("tenancy: {why}"), span))?,
        })
    }

    fn per(&self, per: Spanned<Per>) -> Result<PerParent> {
        let span = per.span();
        let per = per.into_inner();
        let count = per.count.spread();
        let count = count.map_err(|problem| self.error(problem, span))?;
        Ok(PerParent {
            place: self.place(per.parent.span()),
            parent: per.parent.into_inner(),
            count,
        })
    }

    /// A rule is a table; anything else is a constant.
    fn column(&self, name: &Spanned<String>, value: Spanned<toml::Value>) -> Result<ColumnSpec> {
        let span = value.span();
        let value = match value.into_inner() {
            value @ toml::Value::Table(_) => value,
            constant => {
                toml::Value::Table([("constant".to_owned(), constant)].into_iter().collect())
            }
        };
        let written = Written::deserialize(value).map_err(|error: toml::de::Error| {
            let mapped = self.error(error.message().trim(), span.clone());
            match did_you_mean(error.message()) {
                Some(near) => mapped.hint(format!("did you mean \"{near}\"?")),
                None => mapped,
            }
        })?;
        let rule = written.rule().map_err(|message| {
            self.error(format!("{}: {message}", name.get_ref()), span.clone())
        })?;
        Ok(ColumnSpec {
            place: self.place(name.span()),
            rule,
            nulls: written.nulls,
            locale: self.locale(written.locale.map(|name| Spanned::new(span, name)))?,
            correlates: written.correlates,
            learned: false,
        })
    }

    /// A locale that there are lists for.
    fn locale(&self, name: Option<Spanned<String>>) -> Result<Option<String>> {
        if let Some(name) = name
            .as_ref()
            .filter(|n| Locale::read(n.get_ref()).is_none())
        {
            let message = format!("locale \"{}\" is not known", name.get_ref());
            let hint = format!("known are {}", Locale::NAMES);
            return Err(self.error(message, name.span()).hint(hint));
        }
        Ok(name.map(Spanned::into_inner))
    }

    /// TOML has no null: an empty table stands for it.
    fn fixed(&self, table: &str, row: Fixed) -> Result<FixedRow> {
        let span = row.span();
        let mut values = BTreeMap::new();
        for (column, value) in row.into_inner() {
            let null = value.as_table().is_some_and(toml::Table::is_empty);
            let text = if null {
                None
            } else {
                Some(column::text(&value).map_err(|message| {
                    self.error(format!("{table}.{column}: {message}"), span.clone())
                })?)
            };
            values.insert(column, text);
        }
        Ok(FixedRow {
            table: table.to_owned(),
            place: self.place(span),
            values,
        })
    }
}
