//! How each table takes part in a subset, from the references alone.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::Reference;
use crate::sql::QualifiedName;

/// How a table takes part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// The policy says which rows: what the subset begins with.
    Seeded,
    /// Its rows come with the rows they refer to: the orders of the users that were picked.
    Dependent,
    /// Its rows come when a picked row refers to them: countries, products.
    Needed,
    /// Nothing ties it to the picked rows: all of it.
    Whole,
    /// The policy leaves its rows out.
    Empty,
}

/// The scope of every table, partitioned parents standing for their partitions.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Scopes(BTreeMap<QualifiedName, Scope>);

impl Scopes {
    /// Looks at every table of `tables`. `seeded` are those that the policy picks rows of, `empty`
    /// those whose rows it leaves out.
    #[must_use]
    pub fn new(
        tables: impl IntoIterator<Item = QualifiedName>,
        references: &[Reference],
        seeded: &BTreeSet<QualifiedName>,
        empty: &BTreeSet<QualifiedName>,
    ) -> Self {
        let mut scopes: BTreeMap<QualifiedName, Scope> = tables
            .into_iter()
            .map(|table| (table, Scope::Whole))
            .collect();
        for (tables, scope) in [(seeded, Scope::Seeded), (empty, Scope::Empty)] {
            for table in tables {
                scopes.insert(table.clone(), scope);
            }
        }
        let mut this = Self(scopes);
        this.spread(
            seeded,
            Scope::Dependent,
            |reference| (&reference.to, &reference.from),
            references,
        );
        let carried: BTreeSet<QualifiedName> = this.with(&[Scope::Seeded, Scope::Dependent]);
        this.spread(
            &carried,
            Scope::Needed,
            |reference| (&reference.from, &reference.to),
            references,
        );
        this
    }

    /// Gives `scope` to every whole table that is reached from `start` along `ends`.
    fn spread<'a>(
        &mut self,
        start: &BTreeSet<QualifiedName>,
        scope: Scope,
        ends: impl Fn(&'a Reference) -> (&'a QualifiedName, &'a QualifiedName),
        references: &'a [Reference],
    ) {
        let mut open: Vec<QualifiedName> = start.iter().cloned().collect();
        while let Some(table) = open.pop() {
            for (near, far) in references.iter().map(&ends) {
                if *near == table && self.of(far) == Scope::Whole {
                    self.0.insert(far.clone(), scope);
                    open.push(far.clone());
                }
            }
        }
    }

    /// Carries all rows of a table that would give the needed ones alone: a small list is more use
    /// complete.
    pub fn widen(&mut self, table: &QualifiedName) {
        if let Some(scope) = self.0.get_mut(table)
            && *scope == Scope::Needed
        {
            *scope = Scope::Whole;
        }
    }

    /// The scope of a table; [`Scope::Whole`] for one that is not known.
    #[must_use]
    pub fn of(&self, table: &QualifiedName) -> Scope {
        self.0.get(table).copied().unwrap_or(Scope::Whole)
    }

    /// The tables with one of these scopes.
    #[must_use]
    pub fn with(&self, scopes: &[Scope]) -> BTreeSet<QualifiedName> {
        let wanted = self.0.iter().filter(|(_, scope)| scopes.contains(scope));
        wanted.map(|(table, _)| table.clone()).collect()
    }

    /// Whether rows that refer along `reference` come with the rows they refer to. Not along a
    /// reference of a table to itself, and not back into a table whose rows the policy picks:
    /// either would pull in far more than was asked for.
    #[must_use]
    pub fn follows(&self, reference: &Reference) -> bool {
        !reference.is_own()
            && matches!(self.of(&reference.to), Scope::Seeded | Scope::Dependent)
            && self.of(&reference.from) == Scope::Dependent
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::Ident;

    fn table(name: &str) -> QualifiedName {
        QualifiedName::new(Ident::new("public").unwrap(), Ident::new(name).unwrap())
    }

    fn reference(from: &str, to: &str) -> Reference {
        Reference {
            name: format!("{from}_{to}"),
            from: table(from),
            columns: Vec::new(),
            to: table(to),
            to_columns: Vec::new(),
            filter: None,
        }
    }

    #[test]
    fn orders_come_with_users_and_bring_products_but_not_everybody_of_a_country() {
        let references = [
            reference("orders", "users"),
            reference("items", "orders"),
            reference("items", "products"),
            reference("users", "countries"),
            reference("users", "users"),
            reference("warehouses", "countries"),
            reference("teams", "users"),
            reference("users", "teams"),
        ];
        let names = [
            "orders",
            "users",
            "items",
            "products",
            "countries",
            "warehouses",
            "teams",
            "settings",
            "log",
        ];
        let scopes = Scopes::new(
            names.map(table),
            &references,
            &[table("users")].into(),
            &[table("log")].into(),
        );
        for (name, scope) in [
            ("users", Scope::Seeded),
            ("orders", Scope::Dependent),
            ("items", Scope::Dependent),
            ("teams", Scope::Dependent),
            ("products", Scope::Needed),
            ("countries", Scope::Needed),
            ("warehouses", Scope::Whole),
            ("settings", Scope::Whole),
            ("log", Scope::Empty),
        ] {
            assert_eq!(scopes.of(&table(name)), scope, "{name}");
        }
        let followed: Vec<&str> = references
            .iter()
            .filter(|reference| scopes.follows(reference))
            .map(|reference| reference.name.as_str())
            .collect();
        assert_eq!(followed, ["orders_users", "items_orders", "teams_users"]);
    }
}
