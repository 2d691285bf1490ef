//! 500 random schemas: each plan is proven by all its rows, or refused with a constraint's name.

use super::judge::{generate, judge};
use super::schema;
use crate::generate::planner::{Options, Standing, plan};
use crate::generate::rows::Keys;
use crate::generate::spec::Spec;

fn options(seed: u64) -> Options {
    Options {
        seed: Some(seed),
        rows: Some(1 + seed * 37 % 220),
        today: 800_000_000_000_000,
        ..Options::default()
    }
}

#[test]
fn random_schemas_are_valid_or_refused() {
    let cases = std::env::var("CASES")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(500);
    let mut refused = Vec::new();
    for seed in 0..cases {
        let catalog = schema::catalog(schema::random(seed));
        let plan = match plan(
            &catalog,
            &Spec::default(),
            &options(seed),
            &Standing::default(),
        ) {
            Ok(plan) => plan,
            Err(error) => {
                let text = error.to_string();
                assert!(text.contains("constraint \""), "seed {seed}: {text}");
                refused.push(format!("seed {seed}: {text}"));
                continue;
            }
        };
        let data = generate(&plan, &Keys::new()).unwrap_or_else(|why| panic!("seed {seed}: {why}"));
        let wrong = judge(&catalog, &data);
        assert!(
            wrong.is_empty(),
            "seed {seed}: {wrong:#?}\n{:#?}",
            short(&plan)
        );
    }
    println!(
        "{} of {cases} refused\n{}",
        refused.len(),
        refused.join("\n")
    );
    assert!(refused.len() < cases as usize / 10, "{refused:#?}");
}

/// A plan in a form that fits on a screen.
pub(super) fn short(plan: &crate::generate::SeedPlan) -> Vec<String> {
    let mut lines = Vec::new();
    for table in &plan.tables {
        lines.push(format!("{} {} rows", table.name.plain(), table.rows));
        lines.extend(table.groups.iter().map(|group| format!("  {group:?}")));
        lines.extend(table.picks.iter().map(|pick| format!("  {pick:?}")));
        lines.extend(table.columns.iter().map(|c| {
            format!(
                "  {} {:?} {:?} {:?} {}",
                c.name, c.kind, c.source, c.take, c.nulls
            )
        }));
    }
    lines
}
