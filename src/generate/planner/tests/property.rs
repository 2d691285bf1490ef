//! 500 random schemas: each plan is proven by all its rows, or refused with a constraint's name.

use std::collections::BTreeMap;

use super::judge::{Data, generate, judge};
use super::schema;
use crate::catalog::{Catalog, Table};
use crate::generate::encode::literal_text;
use crate::generate::parse::parse;
use crate::generate::pg_type::ColumnType;
use crate::generate::plan::{Parent, SeedPlan};
use crate::generate::planner::{Options, Standing, StandingTable, plan};
use crate::generate::rows::{Keys, Rows};
use crate::generate::spec::{Spec, SpecText};
use crate::generate::value::Value;

/// Rows of a table that is not seeded.
#[cfg(test)]
const STANDING: usize = 40;

/// One random case.
#[cfg(test)]
struct Case {
    catalog: Catalog,
    options: Options,
    spec: Spec,
    standing: Standing,
    /// Rows of tables that are not seeded.
    present: BTreeMap<String, Vec<BTreeMap<String, Value>>>,
}

#[cfg(test)]
impl Case {
    fn new(seed: u64) -> Self {
        let catalog = schema::catalog(schema::random(seed));
        let mut case = Self {
            options: Options {
                seed: Some(seed),
                rows: Some(1 + seed * 37 % 220),
                today: 800_000_000_000_000,
                ..Options::default()
            },
            spec: Spec::default(),
            standing: Standing::default(),
            present: BTreeMap::new(),
            catalog,
        };
        if seed % 5 == 3 || seed % 4 == 2 {
            case.ask_for_rows();
        }
        if seed % 4 == 1 && case.catalog.tables.len() > 1 {
            case.leave_one_out();
        }
        case
    }

    /// Says by spec how many rows, so that too many are an error.
    fn ask_for_rows(&mut self) {
        let rows = self.options.rows.take().unwrap_or_default();
        let tables = self.catalog.tables.keys().enumerate();
        let tables = tables.map(|(index, name)| {
            let rows = 3 + (rows + index as u64 * 61) % 170;
            format!("[tables.{}]\nrows = {rows}\n", name.plain())
        });
        let text = format!("version = 1\n{}", tables.collect::<String>());
        let file = SpecText {
            path: "seeds/random.toml".into(),
            text: text.into(),
        };
        self.spec = Spec::read(&[file]).unwrap();
    }

    /// The first table has rows and gets none.
    fn leave_one_out(&mut self) {
        let mut tables = self.catalog.tables.values();
        let left = tables.next().unwrap();
        self.options.tables = tables.map(|table| table.name.plain()).collect();
        self.standing.tables.insert(
            left.name.clone(),
            StandingTable {
                rows: STANDING as u64,
                ..StandingTable::default()
            },
        );
        let rows = (0..STANDING).map(|row| standing_row(&self.catalog, left, row));
        self.present.insert(left.name.plain(), rows.collect());
    }

    fn keys(&self, plan: &SeedPlan) -> Keys {
        let mut keys = Keys::new();
        for pick in plan.tables.iter().flat_map(|table| &table.picks) {
            let Parent::Existing { table, columns, .. } = &pick.parent else {
                continue;
            };
            let rows = &self.present[&table.plain()];
            let key = |row: &BTreeMap<String, Value>| -> Vec<Value> {
                columns
                    .iter()
                    .map(|column| row[column.as_str()].clone())
                    .collect()
            };
            keys.insert(
                (table.clone(), columns.clone()),
                rows.iter().map(key).collect(),
            );
        }
        keys
    }

    fn add_present(&self, data: &mut Data) {
        for table in self.catalog.tables.values() {
            let Some(rows) = self.present.get(&table.name.plain()) else {
                continue;
            };
            let text = |row: &BTreeMap<String, Value>| {
                let texts = row.iter().map(|(name, value)| {
                    let kind = &table.column(name).unwrap().data_type;
                    let mut text = String::new();
                    literal_text(value, &ColumnType::of(&self.catalog, kind).base, &mut text);
                    (name.clone(), text)
                });
                texts.collect()
            };
            data.insert(table.name.plain(), rows.iter().map(text).collect());
        }
    }
}

/// A row of which each value differs from those of other rows, as far as the type goes.
#[cfg(test)]
fn standing_row(catalog: &Catalog, table: &Table, row: usize) -> BTreeMap<String, Value> {
    let value = |kind: &str| {
        let number = row + 1;
        let text = match kind {
            "boolean" => row.is_multiple_of(2).to_string(),
            "date" => format!("2020-01-{:02}", row % 28 + 1),
            "timestamp with time zone" => format!("2020-01-01 00:00:{number:02}+00"),
            "uuid" => format!("00000000-0000-0000-0000-{number:012}"),
            "public.mood" => "ok".to_owned(),
            _ => number.to_string(),
        };
        parse(&text, &ColumnType::of(catalog, kind).base).unwrap()
    };
    let columns = table.columns.iter();
    columns
        .map(|c| (c.name.as_str().to_owned(), value(&c.data_type)))
        .collect()
}

/// Any row, made alone and by another worker, is the same.
#[cfg(test)]
fn is_addressable(plan: &SeedPlan, keys: &Keys) -> bool {
    let rows = Rows::new(plan, keys).unwrap();
    let (one, other) = (rows.worker(), rows.worker());
    let (mut left, mut right) = (Vec::new(), Vec::new());
    plan.tables.iter().enumerate().all(|(index, table)| {
        (0..table.rows.min(9)).rev().all(|number| {
            one.fill(index, number, &mut left).unwrap();
            other
                .fill(index, table.rows - 1 - number, &mut right)
                .unwrap();
            other.fill(index, number, &mut right).unwrap();
            left == right
        })
    })
}

#[test]
#[cfg(test)]
fn random_schemas_are_valid_or_refused() {
    let number = |name: &str| std::env::var(name).ok().and_then(|n| n.parse::<u64>().ok());
    let from = number("TIDEGATE_TEST_SEED").unwrap_or(0);
    let cases = number("TIDEGATE_TEST_CASES").unwrap_or(500);
    let mut refused = Vec::new();
    for seed in from..from + cases {
        let case = Case::new(seed);
        let plan = match plan(&case.catalog, &case.spec, &case.options, &case.standing) {
            Ok(plan) => plan,
            Err(error) => {
                let text = error.to_string();
                assert!(text.contains("constraint \""), "seed {seed}: {text}");
                refused.push(format!("seed {seed}: {text}"));
                continue;
            }
        };
        let keys = case.keys(&plan);
        let mut data = generate(&plan, &keys).unwrap_or_else(|why| panic!("seed {seed}: {why}"));
        case.add_present(&mut data);
        let wrong = judge(&case.catalog, &data, &case.options.tables);
        assert!(
            wrong.is_empty(),
            "seed {seed}: {wrong:#?}\n{:#?}",
            short(&plan)
        );
        assert!(is_addressable(&plan, &keys), "seed {seed}");
    }
    println!(
        "{} of {cases} refused\n{}",
        refused.len(),
        refused.join("\n")
    );
    assert!(refused.len() < cases as usize / 5, "{refused:#?}");
}

/// A plan in a form that fits on a screen.
#[cfg(test)]
pub(super) fn short(plan: &SeedPlan) -> Vec<String> {
    let mut lines = Vec::new();
    for table in &plan.tables {
        lines.push(format!("{} {} rows", table.name.plain(), table.rows));
        lines.extend(table.groups.iter().map(|group| format!("  {group:?}")));
        lines.extend(table.picks.iter().map(|pick| format!("  {pick:?}")));
        lines.extend(table.columns.iter().map(|c| {
            let name = c.name.as_str();
            format!(
                "  {name} {:?} {:?} {:?} {}",
                c.kind, c.source, c.take, c.nulls
            )
        }));
        lines.extend(table.conditions.iter().map(|c| format!("  {}", c.text)));
    }
    lines
}
