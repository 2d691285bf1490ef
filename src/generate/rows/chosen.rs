//! Which row of a parent a row refers to.

use super::{Try, Worker};
use crate::generate::children::Family;
use crate::generate::choice::Chosen;
use crate::generate::plan::Take;
use crate::generate::stream::stir;

impl Worker<'_> {
    /// The row that a pick chooses; `None` when it chooses none.
    pub(super) fn chosen(&self, table: usize, pick: usize, this: Try) -> Option<u64> {
        let plan = &self.rows.tables[table];
        let choice = plan.picks.get(pick)?;
        let (number, attempt) = (this.number, this.attempt);
        let may = choice.nulls > 0.0 && !this.whole;
        if may && choice.null_key.row(number, attempt).chance(choice.nulls) {
            return None;
        }
        let mut stream = choice.key.row(number, attempt);
        match &choice.how {
            Chosen::Draw(distribution, order) => {
                let last = order.bound().checked_sub(1)?;
                let rank = distribution.draw_whole(&mut stream, 0, last as i64);
                Some(order.at(rank.unsigned_abs()))
            }
            Chosen::Take(Take::Sibling { pick }, order) => {
                let (parent, place) = self.place(table, *pick, number)?;
                // Families begin at different places, so that not all refer to the same few.
                let begin = stir(parent) % order.bound().max(1);
                let place = begin.checked_add(place)?;
                Some(order.at(place.checked_rem(order.bound())?))
            }
            Chosen::Take(take, _) => plan.digit(take, number, attempt),
            Chosen::Per(_) => self.family(table, pick, number).map(|family| family.parent),
            Chosen::Spread(rows) => number.checked_rem(*rows),
            Chosen::Dealt(deal) => Some(deal.tenant(number)),
            Chosen::Of { pick, through } => {
                let row = self.chosen(table, *pick, this)?;
                let of = Try {
                    number: row,
                    attempt: 0,
                    whole: false,
                };
                self.chosen(plan.picks.get(*pick)?.from.table()?, *through, of)
            }
            Chosen::Within {
                pick,
                rows,
                members,
                take,
            } => {
                let group = self.chosen(table, *pick, this)?;
                let count = members.count(group, *rows)?;
                let place = match take {
                    Take::Draw => stream.below(count),
                    take => self.within((table, take), this, count)?,
                };
                (place < count).then(|| members.at(group, place))?
            }
            Chosen::Earlier if number == 0 && choice.nulls > 0.0 => None,
            Chosen::Earlier => Some(stream.below(number)),
            Chosen::EarlierOf(of) => {
                let nullable = choice.nulls > 0.0;
                self.of_tenant(table, *of, number, |place| match place {
                    0 if nullable => None,
                    0 => Some(0),
                    place => Some(stream.below(place)),
                })
            }
            Chosen::Tree { tree, looped, of } => match of {
                None => match self.family(table, pick, number) {
                    Some(family) => Some(family.parent),
                    None => looped.then_some(number),
                },
                Some(of) => self.of_tenant(table, *of, number, |place| match tree.family(place) {
                    Some(family) => Some(family.parent),
                    None => looped.then_some(place),
                }),
            },
            Chosen::Itself => Some(number),
        }
    }

    /// The row of the same tenant whose place `other` makes of that of row `number`.
    fn of_tenant(
        &self,
        table: usize,
        pick: usize,
        number: u64,
        mut other: impl FnMut(u64) -> Option<u64>,
    ) -> Option<u64> {
        let Chosen::Dealt(deal) = &self.rows.tables[table].picks.get(pick)?.how else {
            return None;
        };
        let place = other(deal.index(number))?;
        deal.member(deal.tenant(number), place)
    }

    /// The place among `count` rows of a group that a take of a key says.
    fn within(&self, (table, take): (usize, &Take), this: Try, count: u64) -> Option<u64> {
        let plan = &self.rows.tables[table];
        match take {
            Take::Sibling { pick } => {
                let (parent, place) = self.place(table, *pick, this.number)?;
                (stir(parent) % count.max(1))
                    .checked_add(place)?
                    .checked_rem(count)
            }
            Take::Among { pick, after } => {
                let (tenant, place) = self.place(table, *pick, this.number)?;
                let Some(after) = after else {
                    return place.checked_rem(count);
                };
                let Chosen::Within { rows, members, .. } = &plan.picks.get(*after)?.how else {
                    return None;
                };
                let lower = members.count(tenant, *rows)?;
                let begin = stir(place.checked_rem(lower)?) % count.max(1);
                begin.checked_add(place / lower)?.checked_rem(count)
            }
            take => plan.digit(take, this.number, this.attempt),
        }
    }

    /// The parent of a row, and its place among the parent's children.
    pub(super) fn place(&self, table: usize, pick: usize, number: u64) -> Option<(u64, u64)> {
        match &self.rows.tables[table].picks.get(pick)?.how {
            Chosen::Dealt(deal) => Some((deal.tenant(number), deal.index(number))),
            Chosen::Tree {
                tree, of: Some(of), ..
            } => {
                let (_, place) = self.place(table, *of, number)?;
                let family = tree.family(place)?;
                Some((family.parent, place - family.from))
            }
            _ => {
                let family = self.family(table, pick, number)?;
                Some((family.parent, number - family.from))
            }
        }
    }

    /// The children of the same parent that a row is among; `None` when it is nobody's.
    fn family(&self, table: usize, pick: usize, number: u64) -> Option<Family> {
        let choice = self.rows.tables[table].picks.get(pick)?;
        let known = &self.families[table][pick];
        let near = known
            .get()
            .filter(|family| (family.from..family.to).contains(&number));
        let family = match &choice.how {
            _ if near.is_some() => near,
            Chosen::Per(children) => children.family(number),
            Chosen::Tree { tree, .. } => tree.family(number),
            _ => return None,
        };
        known.set(family);
        family
    }
}
