//! The picks of a table, prepared: which row of a parent a row refers to.

use super::children::Children;
use super::counter::{Counter, is_steady};
use super::permutation::Permutation;
use super::plan::{How, Parent, Pick, SeedPlan, TablePlan, Take};
use super::rows::Keys;
use super::stream::StreamKey;
use super::value::Value;
use crate::error::{Error, Kind, Result};

#[derive(Debug)]
pub(super) struct Choice {
    pub(super) from: From,
    pub(super) how: Chosen,
    pub(super) nulls: f64,
    pub(super) key: StreamKey,
    pub(super) null_key: StreamKey,
}

#[derive(Debug)]
pub(super) enum From {
    Table(usize),
    Keys(Vec<Vec<Value>>),
}

#[derive(Debug)]
pub(super) enum Chosen {
    Draw(super::Distribution, Permutation),
    /// The take, and the order of the parent's rows for places among siblings.
    Take(Take, Permutation),
    Per(Children),
    Spread(u64),
    Within {
        pick: usize,
        rows: u64,
        groups: u64,
        take: Take,
    },
    Earlier,
    Itself,
}

impl Choice {
    pub(super) fn new(
        plan: &SeedPlan,
        table: &TablePlan,
        pick: &Pick,
        keys: &Keys,
    ) -> Result<Self> {
        let broken = |why: &str| {
            Error::new(
                Kind::SeedPlan,
                format!("{}: {}: {why}", table.name.plain(), pick.serves.join(", ")),
            )
        };
        let purpose = format!("-> {}", pick.serves.join(" "));
        let key = StreamKey::new(plan.seed, &table.name.plain(), &purpose);
        let (from, rows) = match &pick.parent {
            Parent::Planned { table, rows } => {
                if plan.tables.get(*table).is_none() {
                    return Err(broken("the plan has no such table"));
                }
                (From::Table(*table), *rows)
            }
            Parent::Existing { table, columns, .. } => {
                let found = keys.get(&(table.clone(), columns.clone()));
                let found = found.ok_or_else(|| broken("its keys were not read"))?;
                (From::Keys(found.clone()), found.len() as u64)
            }
        };
        let how = match &pick.how {
            How::Draw(distribution) => {
                Chosen::Draw(distribution.clone(), Permutation::new(key.word(), rows))
            }
            How::Take(take) => Chosen::Take(take.clone(), Permutation::new(key.word(), rows)),
            How::Per(count) => Chosen::Per(Children::new(key, count, rows)),
            How::Spread => Chosen::Spread(rows),
            How::Within {
                pick: own,
                through,
                take,
            } => {
                let From::Table(parent) = from else {
                    return Err(broken("keys in the database have no picks"));
                };
                let through = plan.tables[parent].picks.get(*through);
                let groups = through.map(|through| match &through.parent {
                    Parent::Planned { rows, .. } | Parent::Existing { rows, .. } => *rows,
                });
                Chosen::Within {
                    pick: *own,
                    rows,
                    groups: groups.ok_or_else(|| broken("the parent has no such pick"))?,
                    take: take.clone(),
                }
            }
            How::Earlier => Chosen::Earlier,
            How::Itself => Chosen::Itself,
        };
        Ok(Self {
            from,
            how,
            nulls: pick.nulls,
            key,
            null_key: StreamKey::new(plan.seed, &table.name.plain(), &format!("{purpose} null")),
        })
    }

    pub(super) fn is_steady(&self, groups: &[Counter], picks: &[Choice]) -> bool {
        self.nulls == 0.0
            && match &self.how {
                Chosen::Take(take, _) => is_steady(take, groups),
                Chosen::Per(_) | Chosen::Spread(_) | Chosen::Itself => true,
                Chosen::Within { pick, take, .. } => {
                    let through = picks.get(*pick);
                    is_steady(take, groups) && through.is_some_and(|p| p.is_steady(groups, picks))
                }
                Chosen::Draw(..) | Chosen::Earlier => false,
            }
    }
}
