//! Tenants, as a spec's `tenancy` wants them: the rows of all tables that belong to them are dealt out by
//! the same weights, and refer to rows of their own tenant alone.
//!
//! A table belongs to tenants when it refers to them, or to a table that does. Its first pick of that
//! kind is made its tenancy: by weight ([`How::Dealt`]), whereby the rows of each tenant are known without
//! looking; or, for rows that are counted by parent, that of the parent ([`How::Of`]).

use std::rc::Rc;

use super::draft::{Draft, Origin, Reach};
use super::room;
use super::scene::Scene;
use crate::error::{Error, Kind, Result};
use crate::generate::choice::TENANCY;
use crate::generate::deal::Deal;
use crate::generate::plan::{How, Parent, Pick, Take};
use crate::generate::spec::TenancySpec;
use crate::generate::stream::StreamKey;

/// What a pick that is made for tenancy alone serves.
const NAME: &str = "tenancy";

/// How a table belongs to tenants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Belongs {
    /// By a pick that deals rows out: those of a tenant are known.
    Dealt(usize),
    /// By a pick that follows a parent: the tenant of a row is known, and not the rows of a tenant.
    Counted(usize),
    /// By a pick that follows a row which is drawn: nothing is known to others.
    Followed(usize),
    /// By the only row that it refers to, of which the tenant is not known.
    Drawn,
}

struct Tenancy<'s, 'a> {
    scene: &'s Scene<'a>,
    said: &'s TenancySpec,
    /// The table of tenants.
    tenants: usize,
    rows: u64,
    deal: Rc<Deal>,
    /// Of each table; `None` for one that does not belong to tenants.
    belongs: Vec<Option<Belongs>>,
    /// Of each table, the pick whose row decides the tenant.
    led: Vec<Option<usize>>,
}

/// Deals the rows of all tables out to tenants; picks, and what the spec says of them, must be made.
pub(super) fn apply(scene: &Scene<'_>, drafts: &mut [Draft<'_>]) -> Result<()> {
    let Some(said) = &scene.spec.tenancy else {
        return Ok(());
    };
    let table = scene.resolve(&said.table, Kind::SeedSpec);
    let table = table.map_err(|error| error.at(said.place.clone()))?;
    let wrong = |why: &str| {
        let message = format!("tenancy: {}: {why}", table.name.plain());
        Error::new(Kind::SeedSpec, message).at(said.place.clone())
    };
    let tenants = scene.index.get(&table.name).copied();
    let tenants = tenants.ok_or_else(|| {
        wrong(
            "the tenants are not seeded in this run, and their rows are dealt out by their number",
        )
    })?;
    let rows = scene.total(tenants);
    if rows == 0 {
        return Err(wrong("there are no tenants: say rows for the table"));
    }
    if scene.options.extend && scene.first(tenants) > 0 && drafts[tenants].plan.rows > 0 {
        return Err(wrong(
            "rows cannot be added to tenants: those of all tables would be dealt out anew; seed empty tables",
        ));
    }
    let key = StreamKey::new(scene.seed(), &table.name.plain(), TENANCY);
    let mut tenancy = Tenancy {
        scene,
        said,
        tenants,
        rows,
        deal: Rc::new(Deal::new(key, &said.volume, rows)),
        belongs: vec![None; drafts.len()],
        led: vec![None; drafts.len()],
    };
    let members = tenancy.members(drafts);
    if let Some(name) = &said.column {
        let has = |draft: &Draft<'_>| draft.column(name).is_some();
        if !drafts.iter().any(has) {
            return Err(wrong(&format!("no table has a column \"{name}\"")));
        }
    }
    for table in (0..drafts.len()).filter(|table| members[*table]) {
        tenancy.settle(drafts, (table, &members))?;
    }
    for table in (0..drafts.len()).filter(|table| members[*table]) {
        tenancy.refer(drafts, (table, &members))?;
    }
    tenancy.owners(drafts)
}

/// The table of the plan that a pick refers to.
fn parent(draft: &Draft<'_>, pick: usize) -> Option<usize> {
    match draft.plan.picks[pick].parent {
        Parent::Planned { table, .. } => Some(table),
        Parent::Existing { .. } => None,
    }
}

/// Says of a pick's columns which rows they show.
fn tell(draft: &mut Draft<'_>, pick: usize, what: &str) {
    for (plan, slot) in draft.plan.columns.iter_mut().zip(&draft.slots) {
        if slot.origin == Origin::Pick(pick) {
            plan.reason = format!("{}: {what}", plan.reason);
        }
    }
}

impl Tenancy<'_, '_> {
    /// Which tables belong to tenants.
    fn members(&self, drafts: &[Draft<'_>]) -> Vec<bool> {
        let mut members = vec![false; drafts.len()];
        let mut changed = true;
        while changed {
            changed = false;
            for table in (0..drafts.len()).filter(|table| *table != self.tenants) {
                let refers = |pick: usize| {
                    let to = parent(&drafts[table], pick);
                    to.is_some_and(|to| to == self.tenants || members[to])
                };
                if !members[table] && (0..drafts[table].plan.picks.len()).any(refers) {
                    members[table] = true;
                    changed = true;
                }
            }
        }
        members
    }

    /// The pick that refers to the tenants themselves.
    fn direct(&self, draft: &Draft<'_>) -> Result<Option<usize>> {
        let named = |pick: &usize| {
            self.said.column.as_ref().is_none_or(|name| {
                let column = draft.column(name).map(|column| draft.slots[column].origin);
                column == Some(Origin::Pick(*pick))
            })
        };
        let refers = |pick: &usize| parent(draft, *pick) == Some(self.tenants);
        let picks = (0..draft.plan.picks.len()).filter(refers);
        let picks: Vec<usize> = picks.filter(named).collect();
        match picks[..] {
            [] => Ok(None),
            [pick] => Ok(Some(pick)),
            _ => Err(Error::new(
                Kind::SeedSpec,
                format!(
                    "tenancy: {}: several foreign keys refer to {}",
                    draft.plan.name.plain(),
                    self.said.table
                ),
            )
            .hint("say which one by the name that its column has in all tables: tenancy.column")
            .at(self.said.place.clone())),
        }
    }

    /// The references of a table to others that belong to tenants, and where they lead.
    fn others(&self, draft: &Draft<'_>, (table, members): (usize, &[bool])) -> Vec<(usize, usize)> {
        let picks = 0..draft.plan.picks.len();
        picks
            .filter_map(|pick| Some((pick, parent(draft, pick)?)))
            .filter(|(_, to)| *to != table && members[*to])
            .collect()
    }

    /// Decides how a table belongs to tenants.
    fn settle(
        &mut self,
        drafts: &mut [Draft<'_>],
        (table, members): (usize, &[bool]),
    ) -> Result<()> {
        let draft = &drafts[table];
        let direct = self.direct(draft)?;
        let others = self.others(draft, (table, members));
        let leads = |(pick, to): &(usize, usize)| {
            let per = matches!(draft.plan.picks[*pick].how, How::Per(_));
            per || !matches!(self.belongs[*to], Some(Belongs::Dealt(_)) | None)
        };
        let leading: Vec<(usize, usize)> = others.iter().copied().filter(leads).collect();
        let counted = direct.filter(|pick| matches!(draft.plan.picks[*pick].how, How::Per(_)));
        let belongs = match (&leading[..], counted) {
            ([], Some(pick)) => Belongs::Counted(pick),
            ([], None) => Belongs::Dealt(self.deal_out(&mut drafts[table], direct)),
            ([(pick, to)], None) => {
                self.led[table] = Some(*pick);
                self.follow(drafts, (table, direct), (*pick, *to), others.len())?
            }
            _ => return Err(self.crossed(draft, &leading)),
        };
        self.belongs[table] = Some(belongs);
        Ok(())
    }

    /// Keeps a table's references inside of the tenant.
    fn refer(&self, drafts: &mut [Draft<'_>], (table, members): (usize, &[bool])) -> Result<()> {
        let (root, belongs) = match self.belongs[table] {
            Some(
                belongs @ (Belongs::Dealt(root) | Belongs::Counted(root) | Belongs::Followed(root)),
            ) => (root, belongs),
            Some(Belongs::Drawn) | None => return Ok(()),
        };
        for (pick, to) in self.others(&drafts[table], (table, members)) {
            if self.led[table] != Some(pick) {
                self.inside(drafts, (table, root), (pick, to))?;
            }
        }
        for pick in 0..drafts[table].plan.picks.len() {
            if parent(&drafts[table], pick) == Some(table) {
                self.itself(&mut drafts[table], pick, belongs)?;
            }
        }
        Ok(())
    }

    /// Rows by weight: the pick that does it.
    fn deal_out(&self, draft: &mut Draft<'_>, direct: Option<usize>) -> usize {
        let root = direct.unwrap_or_else(|| self.add(draft, How::Itself));
        let plan = &mut draft.plan.picks[root];
        plan.how = How::Dealt(self.said.volume.clone());
        plan.nulls = 0.0;
        plan.parent = Parent::Planned {
            table: self.tenants,
            rows: self.rows,
        };
        let total = draft.total();
        let counts = (0..self.rows).map(|tenant| self.deal.members(tenant, total));
        draft.reach[root].nullable = false;
        draft.reach[root].largest = counts.max().unwrap_or_default();
        draft.reach[root].deal = Some(Rc::clone(&self.deal));
        tell(draft, root, "tenants by weight");
        root
    }

    /// A pick of tenants that no column shows.
    fn add(&self, draft: &mut Draft<'_>, how: How) -> usize {
        let pick = Pick {
            serves: vec![NAME.to_owned()],
            parent: Parent::Planned {
                table: self.tenants,
                rows: self.rows,
            },
            how,
            nulls: 0.0,
        };
        draft.pick(pick, Reach::default(), &[]);
        draft.plan.picks.len() - 1
    }

    /// Rows of the tenant of the row that `pick` chooses.
    fn follow(
        &self,
        drafts: &mut [Draft<'_>],
        (table, direct): (usize, Option<usize>),
        (pick, to): (usize, usize),
        others: usize,
    ) -> Result<Belongs> {
        let through = match self.belongs[to] {
            Some(Belongs::Dealt(through) | Belongs::Counted(through)) => through,
            // The only row that it refers to is of some tenant: that is enough when nothing else is.
            _ if direct.is_none() && others == 1 => return Ok(Belongs::Drawn),
            _ => return Err(self.crossed(&drafts[table], &[(pick, to)])),
        };
        let draft = &mut drafts[table];
        let steady = matches!(draft.plan.picks[pick].how, How::Per(_));
        let root = direct.unwrap_or_else(|| self.add(draft, How::Itself));
        draft.plan.picks[root].how = How::Of { pick, through };
        draft.plan.picks[root].nulls = 0.0;
        draft.plan.picks[pick].nulls = 0.0;
        draft.reach[root].nullable = false;
        draft.reach[pick].nullable = false;
        // Which row is drawn is known from this table's row alone, and not to those that refer to it.
        Ok(if steady {
            Belongs::Counted(root)
        } else {
            Belongs::Followed(root)
        })
    }

    /// Keeps a reference inside of the tenant.
    fn inside(
        &self,
        drafts: &mut [Draft<'_>],
        (table, root): (usize, usize),
        (pick, to): (usize, usize),
    ) -> Result<()> {
        let Some(Belongs::Dealt(through)) = self.belongs[to] else {
            return Err(self.crossed(&drafts[table], &[(pick, to)]));
        };
        let draft = &mut drafts[table];
        let rows = room::rows(&draft.plan.picks[pick].parent);
        if rows < self.rows && !draft.reach[pick].nullable && draft.total() > rows {
            let constraint = draft.plan.picks[pick].serves.join("\", \"");
            let why = format!(
                "refers to {rows} rows, fewer than the {} tenants, of which some have none",
                self.rows
            );
            let hint = "give the table that it refers to a row for each tenant at least";
            return Err(draft.error(&constraint, &why).hint(hint));
        }
        let plan = &mut draft.plan.picks[pick];
        match &mut plan.how {
            How::Within {
                pick, through: of, ..
            } if *pick == root && *of == through => {}
            how @ (How::Draw(_) | How::Within { .. }) => {
                *how = How::Within {
                    pick: root,
                    through,
                    take: Take::Draw,
                };
            }
            _ => return Err(self.crossed(draft, &[(pick, to)])),
        }
        tell(draft, pick, "a row of the same tenant");
        Ok(())
    }

    /// Keeps references of a table to itself inside of the tenant.
    fn itself(&self, draft: &mut Draft<'_>, pick: usize, belongs: Belongs) -> Result<()> {
        let nullable = draft.reach[pick].nullable;
        let plan = &mut draft.plan.picks[pick];
        match (&mut plan.how, belongs) {
            (How::Itself, _) => {}
            (How::Tree { of, .. }, Belongs::Dealt(root)) => *of = Some(root),
            (how @ (How::Earlier | How::Within { .. }), Belongs::Dealt(root)) => {
                *how = How::EarlierOf { pick: root };
            }
            _ if nullable => plan.nulls = 1.0,
            _ => {
                let constraint = plan.serves.join("\", \"");
                let why = "refers to rows of the same table, whose rows are counted by parent: those of a tenant are not known";
                return Err(draft.error(&constraint, why));
            }
        }
        Ok(())
    }

    /// Tenants refer to rows of their own.
    fn owners(&self, drafts: &mut [Draft<'_>]) -> Result<()> {
        let picks = drafts[self.tenants].plan.picks.len();
        let mut root = None;
        for pick in 0..picks {
            let draft = &mut drafts[self.tenants];
            let to = parent(draft, pick).and_then(|to| self.belongs[to].map(|_| to));
            if let Some(to) = to {
                let root = *root.get_or_insert_with(|| self.add(draft, How::Itself));
                self.inside(drafts, (self.tenants, root), (pick, to))?;
            }
        }
        Ok(())
    }

    fn crossed(&self, draft: &Draft<'_>, picks: &[(usize, usize)]) -> Error {
        let keys = picks
            .iter()
            .flat_map(|(pick, _)| &draft.plan.picks[*pick].serves);
        let keys: Vec<&str> = keys.map(String::as_str).collect();
        let tables = picks
            .iter()
            .map(|(_, to)| self.scene.tables[*to].name.plain());
        let tables: Vec<String> = tables.collect();
        let why = format!(
            "refers to rows of {} that are counted by parent, so that those of a tenant are not known",
            tables.join(" and ")
        );
        let hint = "a row may follow one such parent, and refers to nothing else of its tenant then: say rows instead of per";
        draft.error(&keys.join("\", \""), &why).hint(hint)
    }
}
