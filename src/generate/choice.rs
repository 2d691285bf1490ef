//! The picks of a table, prepared: which row of a parent a row refers to.

use super::children::Children;
use super::counter::{Counter, is_steady};
use super::deal::Deal;
use super::permutation::Permutation;
use super::plan::{How, Parent, Pick, SeedPlan, TablePlan, Take};
use super::rows::Keys;
use super::stream::StreamKey;
use super::tree::Tree;
use super::value::Value;
use crate::error::{Error, Kind, Result};

/// The stream of the tenants' weights.
pub(super) const TENANCY: &str = " tenancy";

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

impl From {
    /// The table of the plan; `None` for keys of the database.
    pub(super) fn table(&self) -> Option<usize> {
        match self {
            Self::Table(table) => Some(*table),
            Self::Keys(_) => None,
        }
    }
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
        members: Members,
        take: Take,
    },
    Dealt(Deal),
    Of {
        pick: usize,
        through: usize,
    },
    Earlier,
    EarlierOf(usize),
    Tree {
        tree: Tree,
        looped: bool,
        of: Option<usize>,
    },
    Itself,
}

/// The rows of a parent that belong to one row of a root.
#[derive(Debug)]
pub(super) enum Members {
    /// Dealt out in turn to so many.
    InTurn(u64),
    /// Dealt out by weight.
    ByWeight(Deal),
}

impl Members {
    /// How many of the first `rows` belong to `group`.
    pub(super) fn count(&self, group: u64, rows: u64) -> Option<u64> {
        match self {
            Self::InTurn(groups) => Some(rows.checked_sub(group)?.div_ceil((*groups).max(1))),
            Self::ByWeight(deal) => Some(deal.members(group, rows)),
        }
    }

    /// The row in that place among them.
    pub(super) fn at(&self, group: u64, place: u64) -> Option<u64> {
        match self {
            Self::InTurn(groups) => Some(group + place * groups),
            Self::ByWeight(deal) => deal.member(group, place),
        }
    }
}

/// How the rows of a table are dealt out to tenants, by weights that all tables share.
pub(super) fn deal(
    plan: &SeedPlan,
    volume: &super::Distribution,
    tenants: (usize, u64),
) -> Option<Deal> {
    let table = plan.tables.get(tenants.0)?;
    let key = StreamKey::new(plan.seed, &table.name.plain(), TENANCY);
    Some(Deal::new(key, volume, tenants.1))
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
        let how = Chosen::new(plan, pick, (&from, rows), key).map_err(broken)?;
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
                Chosen::Per(_)
                | Chosen::Spread(_)
                | Chosen::Dealt(_)
                | Chosen::Tree { .. }
                | Chosen::Itself => true,
                Chosen::Of { pick, .. } => {
                    let of = picks.get(*pick);
                    of.is_some_and(|of| of.is_steady(groups, picks))
                }
                Chosen::Within { pick, take, .. } => {
                    let through = picks.get(*pick);
                    is_steady(take, groups) && through.is_some_and(|p| p.is_steady(groups, picks))
                }
                Chosen::Draw(..) | Chosen::Earlier | Chosen::EarlierOf(_) => false,
            }
    }
}

impl Chosen {
    fn new(
        plan: &SeedPlan,
        pick: &Pick,
        (from, rows): (&From, u64),
        key: StreamKey,
    ) -> std::result::Result<Self, &'static str> {
        Ok(match &pick.how {
            How::Draw(distribution) => {
                Self::Draw(distribution.clone(), Permutation::new(key.word(), rows))
            }
            How::Take(take) => Self::Take(take.clone(), Permutation::new(key.word(), rows)),
            How::Per(count) => Self::Per(Children::new(key, count, rows)),
            How::Spread => Self::Spread(rows),
            How::Within {
                pick: own,
                through,
                take,
            } => {
                let From::Table(parent) = from else {
                    return Err("keys in the database have no picks");
                };
                let through = plan.tables[*parent].picks.get(*through);
                let members = through.and_then(|through| members(plan, through));
                Self::Within {
                    pick: *own,
                    rows,
                    members: members.ok_or("the parent has no such pick")?,
                    take: take.clone(),
                }
            }
            How::Dealt(volume) => {
                let From::Table(tenants) = from else {
                    return Err("keys in the database are no tenants");
                };
                let deal = deal(plan, volume, (*tenants, rows));
                Self::Dealt(deal.ok_or("there are no tenants")?)
            }
            How::Of { pick, through } => Self::Of {
                pick: *pick,
                through: *through,
            },
            How::EarlierOf { pick } => Self::EarlierOf(*pick),
            How::Earlier => Self::Earlier,
            How::Tree {
                roots,
                children,
                depth,
                looped,
                of,
            } => Self::Tree {
                tree: Tree::new(key, (*roots, children, *depth), rows),
                looped: *looped,
                of: *of,
            },
            How::Itself => Self::Itself,
        })
    }
}

fn members(plan: &SeedPlan, through: &Pick) -> Option<Members> {
    match (&through.how, &through.parent) {
        (How::Dealt(volume), Parent::Planned { table, rows }) => {
            deal(plan, volume, (*table, *rows)).map(Members::ByWeight)
        }
        (_, Parent::Planned { rows, .. } | Parent::Existing { rows, .. }) => {
            Some(Members::InTurn(*rows))
        }
    }
}
