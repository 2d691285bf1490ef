//! The walk along the references.

use std::collections::{BTreeMap, VecDeque};

use super::{Reference, RowSet, Scope, Scopes, Tid};
use crate::sql::QualifiedName;

/// A table that stores rows: an ordinary table or a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaf {
    /// Its object identifier (`tableoid`).
    pub oid: u32,
    /// Its name.
    pub name: QualifiedName,
    /// The table that policy and references speak of: itself, or its partitioned parents from the
    /// nearest on.
    pub known_as: Vec<QualifiedName>,
}

/// Which way a reference is walked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// To the rows that the rows at hand refer to.
    Up,
    /// To the rows that refer to the rows at hand.
    Down,
}

/// Rows to look up next.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// Place of the reference in the list that the closure was made with.
    pub reference: usize,
    /// The way.
    pub direction: Direction,
    /// The leaf that holds the rows at hand.
    pub leaf: u32,
    /// The rows at hand; `None` for every row of the leaf.
    pub rows: Option<RowSet>,
}

/// The rows that were picked so far, and the steps that are open. Each row is walked from once in
/// each direction, so the walk ends whatever cycles there are.
#[derive(Debug)]
pub struct Closure {
    references: Vec<Reference>,
    scopes: Scopes,
    leaves: BTreeMap<u32, Leaf>,
    picked: BTreeMap<u32, RowSet>,
    /// Picked rows whose dependents come, too.
    spreading: BTreeMap<u32, RowSet>,
    open: VecDeque<Step>,
    /// Rows of left-out tables that were needed, by the place of the reference.
    broken: BTreeMap<usize, u64>,
}

impl Closure {
    /// Begins with the tables that come whole; rows of seeded tables follow by [`Self::pick`].
    #[must_use]
    pub fn new(references: Vec<Reference>, scopes: Scopes, leaves: Vec<Leaf>) -> Self {
        let mut this = Self {
            references,
            scopes,
            leaves: leaves.into_iter().map(|leaf| (leaf.oid, leaf)).collect(),
            picked: BTreeMap::new(),
            spreading: BTreeMap::new(),
            open: VecDeque::new(),
            broken: BTreeMap::new(),
        };
        let whole: Vec<u32> = this.leaves.keys().copied().collect();
        for oid in whole {
            if this.is_whole(oid) {
                this.walk(oid, None, Direction::Up);
            }
        }
        this
    }

    /// Adds rows that the subset begins with, or must hold in any case.
    pub fn pick(&mut self, leaf: u32, rows: &RowSet) {
        self.take(leaf, rows, Direction::Down);
    }

    /// The next rows to look up; `None` when the subset is complete.
    pub fn next_step(&mut self) -> Option<Step> {
        self.open.pop_front()
    }

    /// The reference of a step.
    #[must_use]
    pub fn reference(&self, step: &Step) -> &Reference {
        &self.references[step.reference]
    }

    /// Takes note of what a step found: leaves and rows.
    pub fn found(&mut self, step: &Step, found: impl IntoIterator<Item = (u32, Tid)>) {
        let mut by_leaf = BTreeMap::<u32, RowSet>::new();
        for (leaf, row) in found {
            by_leaf.entry(leaf).or_default().insert(row);
        }
        for (leaf, rows) in by_leaf {
            if self.scope(leaf) == Scope::Empty {
                *self.broken.entry(step.reference).or_default() += rows.len();
            } else {
                self.take(leaf, &rows, step.direction);
            }
        }
    }

    /// The rows of a leaf: `None` when all of them are carried.
    #[must_use]
    pub fn rows(&self, leaf: u32) -> Option<RowSet> {
        if self.is_whole(leaf) {
            return None;
        }
        Some(self.picked.get(&leaf).cloned().unwrap_or_default())
    }

    /// Rows picked so far, of leaves that are not carried whole.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.picked.values().map(RowSet::len).sum()
    }

    /// References that lead into a table whose rows are left out, with the number of such rows: the
    /// copy would break them.
    #[must_use]
    pub fn broken(&self) -> Vec<(&Reference, u64)> {
        let broken = self.broken.iter();
        broken
            .map(|(place, rows)| (&self.references[*place], *rows))
            .collect()
    }

    /// Whether no row was picked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The leaves.
    pub fn leaves(&self) -> impl Iterator<Item = &Leaf> {
        self.leaves.values()
    }

    /// How the table of a leaf takes part.
    #[must_use]
    pub fn scope(&self, leaf: u32) -> Scope {
        let names = self.leaves.get(&leaf).map(|leaf| leaf.known_as.as_slice());
        let scopes = names.into_iter().flatten().map(|name| self.scopes.of(name));
        // A partition follows the nearest of its parents that anything is known about.
        scopes
            .reduce(|near, far| if near == Scope::Whole { far } else { near })
            .unwrap_or(Scope::Whole)
    }

    fn is_whole(&self, leaf: u32) -> bool {
        self.scope(leaf) == Scope::Whole
    }

    fn take(&mut self, leaf: u32, rows: &RowSet, direction: Direction) {
        if !self.leaves.contains_key(&leaf) || self.is_whole(leaf) {
            return;
        }
        let new = self.picked.entry(leaf).or_default().absorb(rows);
        self.walk(leaf, Some(new), Direction::Up);
        if direction == Direction::Down {
            let spreading = self.spreading.entry(leaf).or_default().absorb(rows);
            self.walk(leaf, Some(spreading), Direction::Down);
        }
    }

    /// Opens a step for each reference that leads on from these rows.
    fn walk(&mut self, leaf: u32, rows: Option<RowSet>, direction: Direction) {
        if rows.as_ref().is_some_and(RowSet::is_empty) {
            return;
        }
        let Some(known_as) = self.leaves.get(&leaf).map(|leaf| &leaf.known_as) else {
            return;
        };
        for (place, reference) in self.references.iter().enumerate() {
            let leads_on = match direction {
                Direction::Up => {
                    known_as.contains(&reference.from)
                        && self.scopes.of(&reference.to) != Scope::Whole
                }
                Direction::Down => {
                    known_as.contains(&reference.to) && self.scopes.follows(reference)
                }
            };
            if leads_on {
                self.open.push_back(Step {
                    reference: place,
                    direction,
                    leaf,
                    rows: rows.clone(),
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeSet, HashSet};

    use proptest::prelude::*;

    use super::*;
    use crate::sql::Ident;

    fn table(i: usize) -> QualifiedName {
        QualifiedName::new(
            Ident::new("public").unwrap(),
            Ident::new(format!("t{i}")).unwrap(),
        )
    }

    /// Tables of so many rows; per reference its two tables, and for each row of the first the row
    /// of the second that it names.
    #[derive(Debug, Clone)]
    struct World {
        rows: Vec<u16>,
        references: Vec<(usize, usize, Vec<Option<u16>>)>,
        seeds: Vec<(usize, u16)>,
    }

    fn worlds() -> impl Strategy<Value = World> {
        prop::collection::vec(1_u16..12, 2..7).prop_flat_map(|rows| {
            let tables = rows.len();
            let reference = (
                0..tables,
                0..tables,
                prop::collection::vec(prop::option::weighted(0.7, any::<u16>()), 12),
            );
            let sizes = rows.clone();
            (
                prop::collection::vec(reference, 1..10),
                prop::collection::vec((0..tables.min(2), 0_u16..12), 1..4),
            )
                .prop_map(move |(references, seeds)| World {
                    rows: sizes.clone(),
                    references: references
                        .into_iter()
                        .map(|(from, to, names)| {
                            let names = names.iter().take(usize::from(sizes[from]));
                            (
                                from,
                                to,
                                names.map(|row| row.map(|row| row % sizes[to])).collect(),
                            )
                        })
                        .collect(),
                    seeds: seeds
                        .into_iter()
                        .map(|(t, row)| (t, row % sizes[t]))
                        .collect(),
                })
        })
    }

    fn oid(table: usize) -> u32 {
        u32::try_from(table).unwrap() + 1000
    }

    fn tid(row: u16) -> Tid {
        Tid {
            page: u32::from(row / 4),
            place: row % 4 + 1,
        }
    }

    fn closed(world: &World) -> Closure {
        let references: Vec<Reference> = world
            .references
            .iter()
            .map(|(from, to, _)| Reference {
                name: String::new(),
                from: table(*from),
                columns: Vec::new(),
                to: table(*to),
                to_columns: Vec::new(),
                filter: None,
            })
            .collect();
        let tables = 0..world.rows.len();
        let seeded: BTreeSet<_> = world.seeds.iter().map(|(t, _)| table(*t)).collect();
        let scopes = Scopes::new(
            tables.clone().map(table),
            &references,
            &seeded,
            &BTreeSet::new(),
        );
        let leaves = tables.map(|t| Leaf {
            oid: oid(t),
            name: table(t),
            known_as: vec![table(t)],
        });
        let mut closure = Closure::new(references, scopes, leaves.collect());
        for (t, row) in &world.seeds {
            closure.pick(oid(*t), &[tid(*row)].into_iter().collect());
        }
        let mut steps = 0;
        while let Some(step) = closure.next_step() {
            steps += 1;
            assert!(steps < 10_000, "the walk does not end");
            let (from, to, names) = &world.references[step.reference];
            let at_hand = |row: u16| {
                step.rows
                    .as_ref()
                    .is_none_or(|rows| rows.contains(tid(row)))
            };
            let pairs = names
                .iter()
                .enumerate()
                .filter_map(|(row, name)| Some((u16::try_from(row).unwrap(), (*name)?)));
            let found: Vec<(u32, Tid)> = match step.direction {
                Direction::Up => pairs
                    .filter(|(row, _)| at_hand(*row))
                    .map(|(_, name)| (oid(*to), tid(name)))
                    .collect(),
                Direction::Down => pairs
                    .filter(|(_, name)| at_hand(*name))
                    .map(|(row, _)| (oid(*from), tid(row)))
                    .collect(),
            };
            closure.found(&step, found);
        }
        closure
    }

    fn carried(closure: &Closure, world: &World) -> HashSet<(usize, u16)> {
        (0..world.rows.len())
            .flat_map(|t| (0..world.rows[t]).map(move |row| (t, row)))
            .filter(|(t, row)| {
                closure
                    .rows(oid(*t))
                    .is_none_or(|rows| rows.contains(tid(*row)))
            })
            .collect()
    }

    proptest! {
        #[test]
        fn no_carried_row_names_one_that_is_not(world in worlds()) {
            let carried = carried(&closed(&world), &world);
            for (from, to, names) in &world.references {
                for (row, name) in names.iter().enumerate() {
                    let row = u16::try_from(row).unwrap();
                    if let Some(name) = name && carried.contains(&(*from, row)) {
                        prop_assert!(carried.contains(&(*to, *name)), "t{from}.{row} names t{to}.{name}");
                    }
                }
            }
            for seed in &world.seeds {
                prop_assert!(carried.contains(seed));
            }
        }

        #[test]
        fn seeds_in_another_order_give_the_same_rows(world in worlds()) {
            let mut other = world.clone();
            other.seeds.reverse();
            prop_assert_eq!(carried(&closed(&world), &world), carried(&closed(&other), &other));
        }
    }

    #[test]
    fn dependents_come_with_what_was_picked_and_not_with_what_was_needed() {
        // t0 users, t1 orders -> users, products (t2); t3 reviews -> products.
        let world = World {
            rows: vec![3, 3, 2, 2],
            references: vec![
                (1, 0, vec![Some(0), Some(1), Some(0)]),
                (1, 2, vec![Some(0), Some(1), Some(0)]),
                (3, 2, vec![Some(0), Some(1)]),
            ],
            seeds: vec![(0, 0)],
        };
        let closure = closed(&world);
        let rows = |t| {
            closure
                .rows(oid(t))
                .map(|rows| rows.iter().collect::<Vec<_>>())
        };
        assert_eq!(rows(0), Some(vec![tid(0)]));
        assert_eq!(rows(1), Some(vec![tid(0), tid(2)]));
        // Reviews hang on no user: all of them, and so every product that they name.
        assert_eq!(rows(3), None);
        assert_eq!(rows(2), Some(vec![tid(0), tid(1)]));
        assert_eq!(closure.len(), 5);
    }
}
