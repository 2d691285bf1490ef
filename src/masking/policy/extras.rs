//! Subset, risk and what else a policy says, with names resolved.

use std::ops::Range;

use toml::Spanned;

use super::format::{RawReference, RawSeed};
use super::merge::{Placed, Policy};
use crate::catalog::{Catalog, Table};
use crate::error::{Error, Kind, Result};
use crate::masking::{
    Allowed, MaskPlan, QuasiIdentifiers, RiskRules, SeedRows, SubsetRules, VirtualReference,
};
use crate::sql::{Ident, nearest};

/// Fills the parts of a plan that are not rules.
///
/// # Errors
/// [`Kind::MaskRule`] for names that are not there, [`Kind::MaskSyntax`] for values out of range.
pub(super) fn add(
    plan: &mut MaskPlan,
    policy: &Policy,
    catalog: &Catalog,
    search_path: &[String],
) -> Result<()> {
    plan.allow = Allowed {
        comments: policy.allow.comments.clone(),
        defaults: policy.allow.defaults.clone(),
        bodies: policy.allow.bodies.clone(),
        extension_rows: policy.allow.extension_rows.clone(),
    };
    plan.large_objects.clone_from(&policy.large_objects);
    if let Some(placed) = &policy.subset {
        let names = Names {
            placed,
            catalog,
            search_path,
        };
        plan.subset = Some(names.subset()?);
    }
    if let Some(placed) = &policy.risk {
        let names = Names {
            placed,
            catalog,
            search_path,
        };
        plan.risk = Some(names.risk()?);
    }
    Ok(())
}

/// Looks names of one part of a file up.
struct Names<'a, T> {
    placed: &'a Placed<T>,
    catalog: &'a Catalog,
    search_path: &'a [String],
}

impl<'a, T> Names<'a, T> {
    fn error(&self, kind: Kind, message: String, span: Range<usize>) -> Error {
        Error::new(kind, message).at(self.placed.place(span))
    }

    fn table(&self, name: &str, span: Range<usize>) -> Result<&'a Table> {
        self.catalog.resolve(name, self.search_path).ok_or_else(|| {
            let error = self.error(Kind::MaskRule, format!("there is no table {name}"), span);
            match self.catalog.suggest(name) {
                Some(near) => error.hint(format!("did you mean \"{}\"?", near.plain())),
                None => error.hint("name a table of the source"),
            }
        })
    }

    fn column(&self, table: &Table, name: &str, span: Range<usize>) -> Result<Ident> {
        if let Some(column) = table.column(name) {
            return Ok(column.name.clone());
        }
        let names: Vec<&str> = table
            .columns
            .iter()
            .map(|column| column.name.as_str())
            .collect();
        let message = format!("there is no column {}.{name}", table.name.plain());
        let error = self.error(Kind::MaskRule, message, span);
        Err(match nearest(name, &names) {
            Some(near) => error.hint(format!("did you mean \"{near}\"?")),
            None => error.hint(format!("the columns are {}", names.join(", "))),
        })
    }

    /// `comments(owner_id, kind)`.
    fn side(&self, text: &Spanned<String>) -> Result<(&'a Table, Vec<Ident>)> {
        let span = text.span();
        let parts = text
            .get_ref()
            .split_once('(')
            .and_then(|(table, rest)| Some((table.trim(), rest.trim().strip_suffix(')')?)));
        let Some((table, columns)) = parts else {
            let message = format!("\"{}\" is not of the form table(column)", text.get_ref());
            return Err(self.error(Kind::MaskSyntax, message, span));
        };
        let table = self.table(table, span.clone())?;
        let columns = columns
            .split(',')
            .map(|name| self.column(table, name.trim().trim_matches('"'), span.clone()))
            .collect::<Result<_>>()?;
        Ok((table, columns))
    }
}

impl Names<'_, super::format::RawSubset> {
    fn subset(&self) -> Result<SubsetRules> {
        let raw = &self.placed.part;
        Ok(SubsetRules {
            seed_rows: raw
                .seed_rows
                .iter()
                .map(|seed| self.seed(seed))
                .collect::<Result<_>>()?,
            max_bytes: raw
                .max_size
                .as_ref()
                .map(|size| {
                    bytes(size.get_ref()).ok_or_else(|| {
                        let message = format!("\"{}\" is not a size such as 5GB", size.get_ref());
                        self.error(Kind::MaskSyntax, message, size.span())
                    })
                })
                .transpose()?,
            references: raw
                .references
                .iter()
                .map(|reference| self.reference(reference))
                .collect::<Result<_>>()?,
        })
    }

    fn seed(&self, raw: &RawSeed) -> Result<SeedRows> {
        let table = self.table(raw.table.get_ref(), raw.table.span())?;
        if let Some(percent) = &raw.percent
            && !(*percent.get_ref() > 0.0 && *percent.get_ref() <= 100.0)
        {
            let message = format!(
                "{} percent: a share lies above 0 and up to 100",
                percent.get_ref()
            );
            return Err(self.error(Kind::MaskSyntax, message, percent.span()));
        }
        Ok(SeedRows {
            table: table.name.clone(),
            percent: raw.percent.as_ref().map(|percent| *percent.get_ref()),
            stable_by: raw
                .stable_by
                .as_ref()
                .map(|name| self.column(table, name.get_ref(), name.span()))
                .transpose()?,
            filter: raw.filter.clone(),
        })
    }

    fn reference(&self, raw: &RawReference) -> Result<VirtualReference> {
        let (from, columns) = self.side(&raw.from)?;
        let (to, to_columns) = self.side(&raw.to)?;
        if columns.len() != to_columns.len() {
            let message = "both sides of a reference have the same number of columns".to_owned();
            return Err(self.error(Kind::MaskSyntax, message, raw.to.span()));
        }
        Ok(VirtualReference {
            from: from.name.clone(),
            columns,
            to: to.name.clone(),
            to_columns,
            filter: raw.filter.clone(),
        })
    }
}

impl Names<'_, super::format::RawRisk> {
    fn risk(&self) -> Result<RiskRules> {
        let raw = &self.placed.part;
        let mut tables = Vec::new();
        for (name, columns) in &raw.quasi_identifiers {
            let table = self.table(name.get_ref(), name.span())?;
            let sensitive = raw
                .sensitive
                .iter()
                .filter(|(other, _)| other.get_ref() == name.get_ref())
                .flat_map(|(_, columns)| columns);
            tables.push(QuasiIdentifiers {
                table: table.name.clone(),
                columns: self.columns(table, columns.iter())?,
                sensitive: self.columns(table, sensitive)?,
            });
        }
        for name in raw.sensitive.keys() {
            if !raw
                .quasi_identifiers
                .keys()
                .any(|other| other.get_ref() == name.get_ref())
            {
                let message = format!(
                    "{} has sensitive columns but no quasi_identifiers",
                    name.get_ref()
                );
                return Err(self.error(Kind::MaskSyntax, message, name.span()));
            }
        }
        if let Some(linkage) = &raw.linkage
            && !(0.0..=1.0).contains(linkage.get_ref())
        {
            let message = format!(
                "linkage {}: a share lies between 0 and 1",
                linkage.get_ref()
            );
            return Err(self.error(Kind::MaskSyntax, message, linkage.span()));
        }
        Ok(RiskRules {
            tables,
            k: raw.k.as_ref().map(|k| *k.get_ref()),
            l: raw.l.as_ref().map(|l| *l.get_ref()),
            linkage: raw.linkage.as_ref().map(|share| *share.get_ref()),
        })
    }

    fn columns<'s>(
        &self,
        table: &Table,
        names: impl Iterator<Item = &'s Spanned<String>>,
    ) -> Result<Vec<Ident>> {
        names
            .map(|name| self.column(table, name.get_ref(), name.span()))
            .collect()
    }
}

/// Reads `5GB`; units as PostgreSQL counts them, by 1024.
fn bytes(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic() || c == ' ');
    let number: u64 = digits.parse().ok()?;
    let power = match text[digits.len()..].trim().to_ascii_uppercase().as_str() {
        "B" => 0,
        "KB" => 1,
        "MB" => 2,
        "GB" => 3,
        "TB" => 4,
        _ => return None,
    };
    number.checked_mul(1024_u64.checked_pow(power)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        assert_eq!(bytes("5GB"), Some(5 << 30));
        assert_eq!(bytes("500 mb"), Some(500 << 20));
        for wrong in ["", "5", "GB", "-1GB", "5 apples", "99999999999TB"] {
            assert_eq!(bytes(wrong), None, "{wrong}");
        }
    }
}
