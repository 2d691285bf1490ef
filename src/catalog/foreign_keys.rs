//! The graph of foreign keys: which table must be filled before which.

use std::collections::{BTreeMap, BTreeSet};

use super::model::Catalog;
use crate::sql::QualifiedName;

/// Tables and the foreign keys between them. Keys cloned to partitions count once, at the parent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ForeignKeyGraph {
    references: BTreeMap<QualifiedName, BTreeSet<QualifiedName>>,
    referenced_by: BTreeMap<QualifiedName, BTreeSet<QualifiedName>>,
}

impl ForeignKeyGraph {
    /// The graph of all tables in `catalog`.
    #[must_use]
    pub fn new(catalog: &Catalog) -> Self {
        let mut graph = Self::default();
        for table in catalog.tables.values() {
            graph.references.entry(table.name.clone()).or_default();
            graph.referenced_by.entry(table.name.clone()).or_default();
            for key in table.foreign_keys().filter_map(|c| c.foreign_key()) {
                graph.add(&table.name, &key.table);
            }
        }
        graph
    }

    fn add(&mut self, from: &QualifiedName, to: &QualifiedName) {
        for (map, key, value) in [
            (&mut self.references, from, to),
            (&mut self.referenced_by, to, from),
        ] {
            map.entry(key.clone()).or_default().insert(value.clone());
        }
    }

    /// Tables that `table` refers to, itself included when it does.
    #[must_use]
    pub fn parents(&self, table: &QualifiedName) -> Vec<&QualifiedName> {
        self.references.get(table).into_iter().flatten().collect()
    }

    /// Tables that refer to `table`, itself included when it does.
    #[must_use]
    pub fn children(&self, table: &QualifiedName) -> Vec<&QualifiedName> {
        let children = self.referenced_by.get(table);
        children.into_iter().flatten().collect()
    }

    /// Tables that refer to themselves.
    #[must_use]
    pub fn self_references(&self) -> Vec<&QualifiedName> {
        self.references
            .iter()
            .filter(|(table, targets)| targets.contains(*table))
            .map(|(table, _)| table)
            .collect()
    }

    /// Strongly connected components, each sorted, in an order in which every table comes after
    /// those it refers to, apart from cycles; ties by name. A component of more than one table is a
    /// cycle. The order is the same for equal catalogs.
    #[must_use]
    pub fn components(&self) -> Vec<Vec<QualifiedName>> {
        let names: Vec<&QualifiedName> = self.references.keys().collect();
        let component = self.assign(&names);
        let mut members: BTreeMap<usize, Vec<&QualifiedName>> = BTreeMap::new();
        for name in &names {
            members.entry(component[*name]).or_default().push(name);
        }
        let waits = |id: &usize| -> BTreeSet<usize> {
            members[id]
                .iter()
                .flat_map(|name| self.parents(name))
                .filter_map(|parent| component.get(parent).copied())
                .filter(|parent| parent != id)
                .collect()
        };
        let mut waiting: BTreeMap<usize, BTreeSet<usize>> =
            members.keys().map(|id| (*id, waits(id))).collect();
        let mut dependants: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (id, parents) in &waiting {
            for parent in parents {
                dependants.entry(*parent).or_default().push(*id);
            }
        }
        let mut ready: BTreeSet<(&QualifiedName, usize)> = waiting
            .iter()
            .filter(|(_, parents)| parents.is_empty())
            .map(|(id, _)| (members[id][0], *id))
            .collect();
        let mut order = Vec::with_capacity(members.len());
        while let Some((_, id)) = ready.pop_first() {
            order.push(members[&id].iter().map(|name| (*name).clone()).collect());
            for child in dependants.get(&id).into_iter().flatten() {
                if let Some(parents) = waiting.get_mut(child) {
                    parents.remove(&id);
                    if parents.is_empty() {
                        ready.insert((members[child][0], *child));
                    }
                }
            }
        }
        order
    }

    /// All tables, parents before children as far as cycles allow.
    #[must_use]
    pub fn order(&self) -> Vec<QualifiedName> {
        self.components().into_iter().flatten().collect()
    }

    /// Components of more than one table.
    #[must_use]
    pub fn cycles(&self) -> Vec<Vec<QualifiedName>> {
        let mut cycles = self.components();
        cycles.retain(|component| component.len() > 1);
        cycles
    }

    /// Number of the component of each table, by Kosaraju's algorithm: tables are taken in the
    /// reverse order in which a walk along the keys leaves them, and each takes all that reach it.
    fn assign<'a>(&'a self, names: &[&'a QualifiedName]) -> BTreeMap<&'a QualifiedName, usize> {
        let mut seen = BTreeSet::new();
        let mut left = Vec::with_capacity(names.len());
        for name in names {
            walk(name, &self.references, &mut seen, &mut left);
        }
        let mut component = BTreeMap::new();
        let mut taken = BTreeSet::new();
        for (id, name) in left.into_iter().rev().enumerate() {
            let mut members = Vec::new();
            walk(name, &self.referenced_by, &mut taken, &mut members);
            component.extend(members.into_iter().map(|member| (member, id)));
        }
        component
    }
}

/// Walks depth first without recursion; `left` gets each table when the walk leaves it.
fn walk<'a>(
    start: &'a QualifiedName,
    along: &'a BTreeMap<QualifiedName, BTreeSet<QualifiedName>>,
    seen: &mut BTreeSet<&'a QualifiedName>,
    left: &mut Vec<&'a QualifiedName>,
) {
    if !seen.insert(start) {
        return;
    }
    let next = |name: &QualifiedName| along.get(name).into_iter().flatten();
    let mut stack = vec![(start, next(start))];
    while let Some((name, rest)) = stack.last_mut() {
        if let Some(target) = rest.next() {
            if seen.insert(target) {
                stack.push((target, next(target)));
            }
        } else {
            left.push(name);
            stack.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::Ident;
    use proptest::prelude::*;

    fn name(n: usize) -> QualifiedName {
        let ident = |text: String| Ident::new(text).unwrap();
        QualifiedName::new(ident("s".into()), ident(format!("t{n:03}")))
    }

    fn graph(count: usize, edges: &[(usize, usize)]) -> ForeignKeyGraph {
        let mut graph = ForeignKeyGraph::default();
        for n in 0..count {
            graph.references.entry(name(n)).or_default();
            graph.referenced_by.entry(name(n)).or_default();
        }
        for (from, to) in edges {
            graph.add(&name(from % count), &name(to % count));
        }
        graph
    }

    #[test]
    fn a_cycle_is_one_component() {
        let graph = graph(4, &[(0, 1), (1, 2), (2, 1), (3, 3)]);
        let components = graph.components();
        assert_eq!(
            components,
            [vec![name(1), name(2)], vec![name(0)], vec![name(3)]]
        );
        assert_eq!(graph.cycles().len(), 1);
        assert_eq!(graph.self_references(), [&name(3)]);
    }

    proptest! {
        #[test]
        fn parents_come_first_and_components_are_mutually_reachable(
            count in 1_usize..12,
            edges in proptest::collection::vec((0_usize..12, 0_usize..12), 0..25),
        ) {
            let graph = graph(count, &edges);
            let components = graph.components();
            let place = |name: &QualifiedName| {
                components.iter().position(|c| c.contains(name)).unwrap()
            };
            prop_assert_eq!(components.iter().map(Vec::len).sum::<usize>(), count);
            let mut reach: BTreeSet<(usize, usize)> =
                edges.iter().map(|(from, to)| (from % count, to % count)).collect();
            for (from, to) in &reach {
                prop_assert!(place(&name(*to)) <= place(&name(*from)));
            }
            for k in 0..count {
                let into: Vec<usize> = reach.iter().filter(|e| e.1 == k).map(|e| e.0).collect();
                let out: Vec<usize> = reach.iter().filter(|e| e.0 == k).map(|e| e.1).collect();
                reach.extend(into.iter().flat_map(|i| out.iter().map(move |j| (*i, *j))));
            }
            for i in 0..count {
                for j in 0..count {
                    let same = place(&name(i)) == place(&name(j));
                    prop_assert_eq!(same, i == j || (reach.contains(&(i, j)) && reach.contains(&(j, i))));
                }
            }
        }
    }
}
