//! The steps of planning, repeated with fewer rows until every constraint has room.

use super::digits::Full;
use super::draft::Draft;
use super::left_out::Why;
use super::options::{Options, Standing};
use super::scene::Scene;
use super::written::{self, Must};
use super::{
    asked, attribute, check, chosen, cycle, derived, digits, exclusion, fixed, keys, leaves,
    loosen, overlap, partial, per, reference, rehearse, room, taken, tenancy, unique, ways,
};
use crate::catalog::Catalog;
use crate::error::Result;
use crate::generate::plan::{Parent, SeedPlan};
use crate::generate::rows::Keys;
use crate::generate::spec::Spec;

/// Plans what is written into each table, and proves that it can be.
///
/// Rows that a person did not ask for by number are reduced where a constraint has no room for them,
/// with a note.
///
/// # Errors
/// [`crate::error::Kind::SeedSpec`] when the spec names what does not exist;
/// [`crate::error::Kind::SeedPlan`] when constraints cannot be met, with the constraint's name.
pub fn plan(
    catalog: &Catalog,
    spec: &Spec,
    options: &Options,
    standing: &Standing,
) -> Result<SeedPlan> {
    let mut scene = Scene::new(catalog, spec, options, standing)?;
    fixed::make_room(&mut scene)?;
    let mut first = None;
    loop {
        let (drafts, demands) = match build(&mut scene)? {
            Ok(built) => built,
            // Rows become fewer, or an index counts no more, each time, so this ends.
            Err((table, full)) => {
                shrink(&mut scene, table, &full)?;
                continue;
            }
        };
        let plan = SeedPlan {
            version: SeedPlan::VERSION,
            seed: scene.seed(),
            database: catalog.database.clone(),
            fingerprint: catalog.fingerprint().as_str().to_owned(),
            asks: drafts.iter().flat_map(|draft| draft.asks.clone()).collect(),
            tables: drafts.into_iter().map(|draft| draft.plan).collect(),
            notes: scene.notes.clone(),
        };
        // Keys that are in the database already are not known here; whoever reads them rehearses.
        let picks = plan.tables.iter().flat_map(|table| &table.picks);
        let mut parents = picks.map(|pick| &pick.parent);
        if parents.any(|parent| matches!(parent, Parent::Existing { .. })) {
            return Ok(plan);
        }
        let Some(stuck) = rehearse::stuck(&plan, &Keys::new())? else {
            written::refuse(&plan, &demands)?;
            return Ok(plan);
        };
        let (table, error) = (stuck.table, stuck.error);
        if stuck.written {
            return Err(error);
        }
        if !scene.outside[table].is_empty() {
            scene.outside[table].clear();
            scene.firm[table] = true;
            continue;
        }
        // Each table is loosened once, so this ends.
        if scene.loose[table] {
            return Err(first.unwrap_or(error));
        }
        scene.loose[table] = true;
        first.get_or_insert(error);
    }
}

/// The drafts and what rows that a person wrote must be; or the table that has no room.
type Built<'a> = Result<(Vec<Draft<'a>>, Vec<Must>), (usize, Full)>;

fn build<'a>(scene: &mut Scene<'a>) -> Result<Built<'a>> {
    let tables = 0..scene.tables.len();
    per::count(scene)?;
    let mut drafts: Vec<Draft<'a>> = tables.clone().map(|t| Draft::new(scene, t)).collect();
    for table in tables.clone() {
        if !drafts[table].plan.columns.is_empty() {
            continue;
        }
        if scene.wanted[table].rows > 0 {
            let why = Why::Nothing("all of its columns take their default".to_owned());
            scene.leave_out(scene.tables[table], scene.specs[table], &why)?;
        }
        scene.wanted[table].rows = 0;
        drafts[table].plan.rows = 0;
    }
    for table in tables.clone() {
        derived::refuse_keys(scene, &drafts[table], table)?;
    }
    for table in tables.clone() {
        check::read(scene, &mut drafts[table], table);
    }
    let keys = keys::read(scene, &mut drafts)?;
    loosen::hold(scene, &mut drafts, &keys);
    let mut uniques: room::Keys = Vec::with_capacity(drafts.len());
    for table in tables.clone() {
        let draft = &mut drafts[table];
        attribute::number(scene, draft, &keys[table]);
        draft.uniques = unique::list(draft)?;
        taken::refuse(scene, draft)?;
        exclusion::lay_out(scene, draft)?;
        let over_columns = draft.uniques.iter().filter(|u| !u.columns.is_empty());
        uniques.push(over_columns.map(|unique| unique.columns.clone()).collect());
    }
    reference::link(scene, &mut drafts, &keys, &uniques)?;
    cycle::cut(scene, &mut drafts)?;
    for table in tables.clone() {
        per::apply(scene, &mut drafts[table], table)?;
        chosen::apply(scene, &mut drafts, table)?;
        loosen::let_go(scene, &mut drafts[table], table);
    }
    tenancy::apply(scene, &mut drafts)?;
    fixed::place(scene, &mut drafts)?;
    let counted: Vec<_> = drafts.iter().map(|draft| overlap::bounds(draft)).collect();
    for table in tables {
        let draft = &mut drafts[table];
        attribute::fill(scene, draft)?;
        taken::keep_numbers(scene, draft)?;
        if let Err(full) = digits::solve(draft, &uniques, scene.options.today)? {
            return Ok(Err((table, full)));
        }
        check::chain(draft, &counted);
        loosen::lower(scene, draft, table);
        ways::lay(draft);
        leaves::lay(scene, draft, table);
        check::prove(draft);
    }
    asked::settle(scene, &mut drafts);
    let demands = written::demands(&drafts, &keys);
    Ok(Ok((drafts, demands)))
}

fn shrink(scene: &mut Scene<'_>, table: usize, full: &Full) -> Result<()> {
    let first = scene.first(table);
    let name = scene.tables[table].name.plain();
    let Full { constraint, room } = full;
    if partial::keep_out(scene, table, constraint, *room) {
        return Ok(());
    }
    let wanted = scene.wanted[table];
    if wanted.explicit {
        return Err(crate::error::Error::new(
            crate::error::Kind::SeedPlan,
            format!(
                "{name}: constraint \"{constraint}\" has room for {room} rows, not for {}",
                wanted.rows
            ),
        ));
    }
    let rows = room
        .saturating_sub(first)
        .min(wanted.rows.saturating_sub(1));
    scene.wanted[table].rows = rows;
    // Measured children give way to the constraint.
    scene.crowded[table] = true;
    scene.families[table] = None;
    scene.note(format!(
        "{name}: {rows} rows, because constraint \"{constraint}\" has no room for more"
    ));
    Ok(())
}
