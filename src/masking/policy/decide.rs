//! Decides the rule of every column.
//!
//! The first that speaks wins: a rule in a section of the table itself; the rule of the parent of a
//! partition or child; the rule of the key that a foreign key refers to, so that keys still join;
//! a rule in a section for several tables; the `pii` of a change file; a pack; the built-in rule
//! [`structural`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::declared::Declaration;
use super::entry::{Entry, Ruling};
use super::family::Family;
use super::format::Unclassified;
use super::limits::limits;
use super::merge::Policy;
use super::structural::structural;
use super::targets::Targets;
use super::{pack, unique};
use crate::catalog::{Catalog, Column, Table};
use crate::error::{Error, Kind, Place, Result};
use crate::masking::{Class, ColumnFacts, Columns, Mask, Rule, fitting_rule};
use crate::sql::{Ident, QualifiedName};

/// Where a rule comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// A section of the table itself.
    Explicit,
    /// A foreign key.
    ForeignKey,
    /// Anything else that covers it.
    Other,
    /// Nothing covers the column.
    Nothing,
}

/// What is decided for a column.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Decision {
    pub(super) rule: Rule,
    pub(super) class: Option<Class>,
    pub(super) origin: String,
    pub(super) source: Source,
    /// Whether the column of the parent was decided.
    pub(super) inherited: bool,
    /// The rule in a file, for errors.
    pub(super) place: Option<Place>,
}

impl Decision {
    fn new(rule: Rule, class: Option<Class>, origin: impl Into<String>) -> Self {
        Self {
            rule,
            class,
            origin: origin.into(),
            source: Source::Other,
            inherited: false,
            place: None,
        }
    }

    /// Whether something covers the column.
    pub(super) fn is_covered(&self) -> bool {
        self.source != Source::Nothing
    }
}

type Key<'a> = (&'a QualifiedName, &'a Ident);

/// Decides columns and remembers what it decided.
pub(super) struct Decider<'a> {
    pub(super) policy: &'a Policy,
    pub(super) catalog: &'a Catalog,
    pub(super) targets: Targets<'a>,
    /// The columns of each table.
    columns: BTreeMap<&'a QualifiedName, Arc<Columns>>,
    made: BTreeMap<Key<'a>, Decision>,
    open: BTreeSet<Key<'a>>,
}

impl<'a> Decider<'a> {
    pub(super) fn new(policy: &'a Policy, catalog: &'a Catalog, targets: Targets<'a>) -> Self {
        let columns = |table: &'a Table| {
            let names = table.columns.iter().map(|column| column.name.as_str());
            let columns = Columns::of(catalog, table, names);
            (&table.name, Arc::new(columns))
        };
        Self {
            policy,
            catalog,
            targets,
            columns: catalog.tables.values().map(columns).collect(),
            made: BTreeMap::new(),
            open: BTreeSet::new(),
        }
    }

    /// The decision for a column.
    ///
    /// # Errors
    /// [`Kind::MaskRule`] for rules that contradict each other.
    pub(super) fn decide(&mut self, table: &'a Table, column: &'a Column) -> Result<Decision> {
        let key = (&table.name, &column.name);
        if let Some(made) = self.made.get(&key) {
            return Ok(made.clone());
        }
        self.open.insert(key);
        let decision = self.first(table, column);
        self.open.remove(&key);
        let decision = decision?;
        self.made.insert(key, decision.clone());
        Ok(decision)
    }

    fn first(&mut self, table: &'a Table, column: &'a Column) -> Result<Decision> {
        let family = Family::of(self.catalog.base_type(&column.data_type));
        if let Some(entry) = self.targets.explicit(table, column.name.as_str())? {
            let mut decision = self.ruled(entry, table, column, family)?;
            decision.source = Source::Explicit;
            return Ok(unique::marked(decision, self.catalog, table, column));
        }
        if let Some(decision) = self.of_parent(table, column)? {
            return Ok(decision);
        }
        let declared = self.targets.declared(&table.name, &column.name);
        let declaration = declared.map(|d| d.declaration()).transpose()?.flatten();
        if let Some(mut decision) = self.of_foreign_key(table, column)? {
            if let Some(Declaration::Class(class)) = declaration {
                decision.class = Some(class);
            }
            return Ok(decision);
        }
        let decision = if let Some(entry) = self.targets.patterned(table, column.name.as_str())? {
            self.ruled(entry, table, column, family)?
        } else if let (Some(said), Some(declared)) = (declaration, declared) {
            let origin = declared.place.file.display().to_string();
            match said {
                Declaration::Nothing => Decision::new(Rule::keep(), None, origin),
                Declaration::Class(class) => self.of_class(class, table, column, origin),
            }
        } else if let Some(decision) = self.of_pack(table, column, family)? {
            decision
        } else if let Some(why) = structural(table, column, family) {
            Decision::new(Rule::keep(), None, format!("structural: {why}"))
        } else {
            self.nothing(None)
        };
        Ok(unique::marked(decision, self.catalog, table, column))
    }

    /// A rule of a file.
    fn ruled(
        &self,
        entry: &Entry,
        table: &Table,
        column: &Column,
        family: Family,
    ) -> Result<Decision> {
        let origin = entry.place.file.display().to_string();
        let mut decision = match &entry.ruling {
            Ruling::Class(class) => {
                let decision = self.of_class(*class, table, column, origin);
                if !decision.is_covered() {
                    return Err(Error::new(
                        Kind::MaskRule,
                        format!(
                            "class {class} has no rule for {}.{} of type {}{}",
                            table.name.plain(),
                            column.name.as_str(),
                            column.data_type,
                            if column.not_null { " not null" } else { "" }
                        ),
                    )
                    .hint("name a mask: { class = ..., mask = ... }")
                    .at(entry.place.clone()));
                }
                decision
            }
            Ruling::Rule { rule, class } => {
                let told = || {
                    pack::tell(
                        |_| true,
                        table.name.name.as_str(),
                        column.name.as_str(),
                        family,
                    )
                };
                let class = match class {
                    None if !rule.is_keep() => told().map(|told| told.class),
                    said => *said,
                };
                Decision::new(rule.clone(), class, origin)
            }
        };
        decision.place = Some(entry.place.clone());
        Ok(decision)
    }

    /// The usual rule of a class that fits the column; a column that none fits needs a rule of its
    /// own.
    fn of_class(&self, class: Class, table: &Table, column: &Column, origin: String) -> Decision {
        let columns = self.columns.get(&table.name).cloned().unwrap_or_default();
        let facts = ColumnFacts::of(self.catalog, table, column, &columns);
        match fitting_rule(class, &facts, &limits(self.catalog, table, column)) {
            Some(rule) => Decision::new(rule, Some(class), origin),
            None => self.nothing(Some(class)),
        }
    }

    /// Reads a rule that ships with the program.
    fn shipped(&self, value: &toml::Value) -> Result<Rule> {
        Rule::from_toml(value).map_err(|message| {
            Error::new(
                Kind::Internal,
                format!("a shipped rule, {value}: {message}"),
            )
        })
    }

    fn of_pack(&self, table: &Table, column: &Column, family: Family) -> Result<Option<Decision>> {
        let packs = &self.policy.packs;
        let enabled = |name: &str| packs.iter().any(|pack| pack == name);
        let (bare, name) = (table.name.name.as_str(), column.name.as_str());
        let Some(told) = pack::tell(enabled, bare, name, family) else {
            return Ok(None);
        };
        let origin = format!("pack {}", told.pack);
        match told.rule {
            Some(value) => {
                let rule = self.shipped(value)?;
                Ok(Some(Decision::new(rule, Some(told.class), origin)))
            }
            None => Ok(Some(self.of_class(told.class, table, column, origin))),
        }
    }

    /// What the policy says of a column that nothing covers.
    fn nothing(&self, class: Option<Class>) -> Decision {
        let rule = match self.policy.unclassified {
            Unclassified::Keep => Rule::keep(),
            Unclassified::Deny | Unclassified::Null => Rule {
                mask: Mask::Null,
                ..Rule::keep()
            },
        };
        Decision {
            source: Source::Nothing,
            ..Decision::new(rule, class, "no rule")
        }
    }

    /// The decision for the same column of the table it comes from.
    fn of_parent(&mut self, table: &'a Table, column: &'a Column) -> Result<Option<Decision>> {
        for name in table.partition_of.iter().chain(&table.parents) {
            let parent = self.catalog.table(name);
            let above = parent.and_then(|parent| parent.column(column.name.as_str()));
            if let (Some(parent), Some(above)) = (parent, above) {
                let decision = self.decide(parent, above)?;
                return Ok(Some(Decision {
                    inherited: true,
                    ..decision
                }));
            }
        }
        Ok(None)
    }

    /// The columns that a column refers to, by foreign keys of its table.
    pub(super) fn referenced(
        catalog: &'a Catalog,
        table: &'a Table,
        column: &Ident,
    ) -> Vec<(&'a Table, &'a Column)> {
        table
            .foreign_keys()
            .filter_map(|constraint| Some((constraint, constraint.foreign_key()?)))
            .flat_map(|(constraint, key)| {
                let pairs = constraint.columns.iter().zip(&key.columns);
                pairs
                    .filter(|(own, _)| *own == column)
                    .map(move |(_, other)| (&key.table, other))
            })
            .filter_map(|(name, other)| {
                let table = catalog.table(name)?;
                Some((table, table.column(other.as_str())?))
            })
            .collect()
    }

    /// The decision for the key that a column refers to.
    fn of_foreign_key(&mut self, table: &'a Table, column: &'a Column) -> Result<Option<Decision>> {
        let mut found: Option<(Decision, String)> = None;
        let title = format!("{}.{}", table.name.plain(), column.name.as_str());
        for (other, key) in Self::referenced(self.catalog, table, &column.name) {
            // A cycle of keys is decided where the walk entered it.
            if self.open.contains(&(&other.name, &key.name)) {
                continue;
            }
            let decision = self.decide(other, key)?;
            if !decision.is_covered() && self.policy.unclassified == Unclassified::Deny {
                continue;
            }
            let target = format!("{}.{}", other.name.plain(), key.name.as_str());
            if looks_at_its_row(&decision.rule) {
                return Err(Error::new(
                    Kind::MaskRule,
                    format!("{title} refers to {target}, whose rule looks at other columns of its own row"),
                )
                .hint(format!("give {title} a rule that yields the same values"))
                .at_opt(decision.place));
            }
            if let Some((first, to)) = &found
                && !same(&first.rule, &decision.rule)
            {
                return Err(Error::new(
                    Kind::MaskRule,
                    format!("{title} refers to {to} and to {target}, whose rules differ"),
                )
                .hint("give both the same rule and the same domain")
                .at_opt(decision.place));
            }
            self.same_family(&decision, (table, column), (other, key))?;
            found.get_or_insert((decision, target));
        }
        Ok(found.map(|(decision, target)| Decision {
            source: if decision.is_covered() {
                Source::ForeignKey
            } else {
                Source::Nothing
            },
            class: decision.class,
            rule: decision.rule,
            origin: format!("foreign key to {target}"),
            inherited: false,
            place: decision.place,
        }))
    }

    /// Masks work on the form of a value, so both sides of a masked key need like types.
    fn same_family(
        &self,
        decision: &Decision,
        own: (&Table, &Column),
        other: (&Table, &Column),
    ) -> Result<()> {
        let family = |column: &Column| Family::of(self.catalog.base_type(&column.data_type));
        let moved = !decision.rule.is_keep() && decision.rule.mask != Mask::Null;
        if !moved || family(own.1) == family(other.1) {
            return Ok(());
        }
        let title = |side: (&Table, &Column)| {
            format!(
                "{}.{} ({})",
                side.0.name.plain(),
                side.1.name.as_str(),
                side.1.data_type
            )
        };
        Err(Error::new(
            Kind::MaskRule,
            format!(
                "{} refers to {}: masks of different types do not join",
                title(own),
                title(other)
            ),
        )
        .hint("keep the key, set the reference to null, or make the types alike")
        .at_opt(decision.place.clone()))
    }
}

/// Whether a mask depends on more than the value, so that no other table can repeat it.
fn looks_at_its_row(rule: &Rule) -> bool {
    let per_row = match &rule.mask {
        Mask::ShiftDays { per: Some(_), .. } | Mask::When { .. } => true,
        mask @ Mask::Attributes { .. } => mask.inner().any(looks_at_its_row),
        _ => false,
    };
    per_row || rule.with.is_some() || rule.sql().is_some()
}

/// Whether two rules give the same mask for the same value.
pub(super) fn same(one: &Rule, other: &Rule) -> bool {
    one.mask == other.mask && one.domain == other.domain && one.with == other.with
}

/// An error with a place, when there is one.
pub(super) trait AtOpt {
    /// Points at the place, when there is one.
    fn at_opt(self, place: Option<Place>) -> Self;
}

impl AtOpt for Error {
    fn at_opt(self, place: Option<Place>) -> Self {
        match place {
            Some(place) => self.at(place),
            None => self,
        }
    }
}
