//! Random schemas on a real server: each is seeded with every constraint valid, or refused before
//! anything is changed, with a constraint's name.
//!
//! `TIDEGATE_SEED_SCHEMAS` is how many (8), `TIDEGATE_TEST_SEED` the first.

use std::fmt::Write as _;

use super::stage::Stage;

/// Numbers that look random (SplitMix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ word >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((word ^ word >> 31) % bound as u64) as usize
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    fn of<'a, T: ?Sized>(&mut self, items: &[&'a T]) -> &'a T {
        items[self.below(items.len())]
    }
}

struct Column {
    name: String,
    kind: &'static str,
    not_null: bool,
}

struct Table {
    name: String,
    columns: Vec<Column>,
    /// Columns of the keys that may be referred to.
    keys: Vec<Vec<String>>,
    partitioned: bool,
}

const KINDS: [&str; 20] = [
    "int",
    "int",
    "bigint",
    "smallint",
    "numeric(8,2)",
    "text",
    "text",
    "varchar(12)",
    "char(3)",
    "date",
    "date",
    "timestamptz",
    "boolean",
    "uuid",
    "mood",
    "int[]",
    "jsonb",
    "bytea",
    "interval",
    "real",
];

const NAMES: [&str; 12] = [
    "a", "name", "email", "status", "total", "code", "starts", "ends", "note", "amount", "kind",
    "phone",
];

fn table(dice: &mut Dice, index: usize) -> Table {
    let mut columns = Vec::new();
    let mut add = |name: String, kind: &'static str, not_null: bool| {
        columns.push(Column {
            name,
            kind,
            not_null,
        });
    };
    let key: &'static str = dice.of(&["int", "bigint", "uuid", "text", "composite", ""]);
    let mut keys = Vec::new();
    match key {
        "" => {}
        "composite" => {
            add("tenant".into(), "int", true);
            add("id".into(), "int", true);
            keys.push(vec!["tenant".to_owned(), "id".to_owned()]);
        }
        kind => {
            add("id".into(), kind, true);
            keys.push(vec!["id".to_owned()]);
        }
    }
    for number in 0..2 + dice.below(6) {
        let name = format!("{}{number}", dice.of(&NAMES));
        add(name, KINDS[dice.below(KINDS.len())], dice.chance(45));
    }
    Table {
        name: format!("t{index}"),
        columns,
        keys,
        partitioned: false,
    }
}

/// A table in parts by range, list or hash.
fn parted(dice: &mut Dice, table: &mut Table, sql: &mut String) -> String {
    table.partitioned = true;
    table.keys.clear();
    let name = &table.name;
    let (kind, parts, by): (&'static str, Vec<String>, &str) = match dice.below(4) {
        0 => (
            "date",
            vec![
                "for values from (minvalue) to ('2025-03-01')".into(),
                "for values from ('2025-03-01') to ('2025-09-01')".into(),
                "for values from ('2025-09-01') to (maxvalue)".into(),
            ],
            "range",
        ),
        1 => (
            "text",
            vec![
                "for values in ('x', 'y')".into(),
                "for values in ('z')".into(),
            ],
            "list",
        ),
        2 => (
            "int",
            vec![
                "for values from (10) to (50)".into(),
                "for values from (50) to (90)".into(),
            ],
            "range",
        ),
        _ => (
            "bigint",
            (0..3)
                .map(|rest| format!("for values with (modulus 3, remainder {rest})"))
                .collect(),
            "hash",
        ),
    };
    table.columns.push(Column {
        name: "part".into(),
        kind,
        not_null: true,
    });
    for (number, part) in parts.iter().enumerate() {
        let _ = writeln!(
            sql,
            "create table {name}_{number} partition of {name} {part};"
        );
    }
    format!(" partition by {by} (part)")
}

/// A condition over one column.
fn single(dice: &mut Dice, column: &Column) -> Option<String> {
    let a = &column.name;
    let low = dice.below(60);
    let high = low + dice.below(50);
    Some(match column.kind {
        "int" | "bigint" | "smallint" => match dice.below(7) {
            0 => format!("{a} between {low} and {high}"),
            1 => format!("{a} > {low}"),
            2 => format!("{a} >= 0 and {a} < {}", high + 1),
            3 => format!("{a} in (1, 2, 3, {})", high + 4),
            4 => format!("{a} % 5 = 0"),
            5 => format!("{a} <> {low}"),
            _ => format!("{a} is null or {a} >= {low}"),
        },
        "numeric(8,2)" | "real" => match dice.below(3) {
            0 => format!("{a} >= 0"),
            1 => format!("{a} between {low} and {}", high + 1),
            _ => format!("{a} > {low} or {a} = 0"),
        },
        "text" | "varchar(12)" => match dice.below(9) {
            0 => format!("length({a}) <= {}", 4 + low),
            1 => format!("{a} ~ '^[A-Z]{{2}}[0-9]{{1,6}}$'"),
            2 => format!("{a} like 'x%'"),
            3 => format!("{a} in ('new', 'paid', 'sent')"),
            4 => format!("{a} = lower({a})"),
            5 => format!("{a} <> ''"),
            6 => format!("char_length(btrim({a})) > 2"),
            7 => format!("{a} ilike '%e%'"),
            _ => format!("{a} !~ '[<>]'"),
        },
        "char(3)" => format!("{a} = upper({a})"),
        "date" => format!("{a} >= date '20{:02}-01-01'", 10 + low / 4),
        "timestamptz" => format!("{a} > timestamptz '2015-01-01 00:00+00'"),
        "boolean" => format!("{a} or {a} is null"),
        "mood" => format!("{a} <> 'sad'"),
        "int[]" => format!("cardinality({a}) between 1 and {}", 2 + low / 10),
        "jsonb" => format!("jsonb_typeof({a}) = 'object'"),
        "bytea" => format!("octet_length({a}) <= {}", 16 + low),
        "interval" => format!("{a} >= interval '0'"),
        _ => return None,
    })
}

/// A condition over two columns or more.
fn several(dice: &mut Dice, table: &Table) -> Option<String> {
    let mut same: Vec<(&Column, &Column)> = Vec::new();
    for (at, left) in table.columns.iter().enumerate() {
        let others = table.columns[at + 1..].iter();
        let alike = |right: &&Column| right.kind == left.kind && left.name != "id";
        same.extend(others.filter(alike).map(|right| (left, right)));
    }
    let free: Vec<&Column> = table.columns.iter().filter(|c| !c.not_null).collect();
    let ordered = [
        "int",
        "bigint",
        "smallint",
        "numeric(8,2)",
        "date",
        "timestamptz",
        "real",
    ];
    let pair = (!same.is_empty()).then(|| same[dice.below(same.len())]);
    match dice.below(7) {
        0..=2 => {
            let (left, right) = pair.filter(|(left, _)| ordered.contains(&left.kind))?;
            let sign = dice.of(&["<", "<=", ">", "<>", ">="]);
            Some(format!("{} {sign} {}", left.name, right.name))
        }
        3 => {
            let [a, b, ..] = free[..] else { return None };
            Some(match dice.below(3) {
                0 => format!("({} is null) = ({} is null)", a.name, b.name),
                1 => format!("{} is null or {} is not null", a.name, b.name),
                _ => format!("not ({} is null and {} is not null)", a.name, b.name),
            })
        }
        4 => {
            let names: Vec<&str> = free.iter().map(|column| column.name.as_str()).collect();
            let count = 1 + dice.below(2);
            (names.len() > count).then(|| format!("num_nonnulls({}) = {count}", names.join(", ")))
        }
        5 => {
            let label = table.columns.iter().find(|column| column.kind == "mood")?;
            let other = free.iter().find(|column| column.name != label.name)?;
            Some(format!(
                "({0} = 'sad' and {1} is null) or ({0} <> 'sad' and {1} is not null)",
                label.name, other.name
            ))
        }
        _ => {
            let flag = table
                .columns
                .iter()
                .find(|column| column.kind == "boolean")?;
            let other = free.iter().find(|column| column.name != flag.name)?;
            Some(format!(
                "case when {} then {} is not null else true end",
                flag.name, other.name
            ))
        }
    }
}

fn checks(dice: &mut Dice, table: &Table, sql: &mut String) {
    let name = &table.name;
    let mut add = |number: usize, condition: &str| {
        let _ = writeln!(
            sql,
            "alter table {name} add constraint {name}_check{number} check ({condition});"
        );
    };
    for (number, column) in table.columns.iter().enumerate() {
        if dice.chance(35)
            && column.name != "part"
            && let Some(condition) = single(dice, column)
        {
            add(number, &condition);
        }
    }
    for number in 100..100 + dice.below(3) {
        if let Some(condition) = several(dice, table) {
            add(number, &condition);
        }
    }
    // Now and then what cannot be fulfilled, or what only the server knows.
    if let Some(column) = table.columns.iter().find(|c| c.kind == "int" && c.not_null) {
        match dice.below(25) {
            0 => add(200, &format!("{0} > 10 and {0} < 5", column.name)),
            1 => add(201, &format!("is_even({})", column.name)),
            _ => {}
        }
    }
}

fn uniques(dice: &mut Dice, table: &mut Table, sql: &mut String) {
    if table.partitioned {
        return;
    }
    let sortable = |column: &&Column| !matches!(column.kind, "jsonb" | "boolean");
    let names: Vec<String> = table
        .columns
        .iter()
        .filter(sortable)
        .map(|c| c.name.clone())
        .collect();
    for number in 0..dice.below(3) {
        let mut chosen: Vec<&str> = Vec::new();
        for _ in 0..1 + dice.below(3) {
            let column = &names[dice.below(names.len())];
            if !chosen.contains(&column.as_str()) {
                chosen.push(column);
            }
        }
        let (name, columns) = (&table.name, chosen.join(", "));
        let first = table.columns.iter().find(|c| c.name == chosen[0]);
        match dice.below(4) {
            0 if first.is_some_and(|c| c.kind == "text") && chosen.len() == 1 => {
                let _ = writeln!(
                    sql,
                    "create unique index {name}_ix{number} on {name} (lower({columns}));"
                );
            }
            1 => {
                let _ = writeln!(
                    sql,
                    "create unique index {name}_ix{number} on {name} ({columns}) where {} is not null;",
                    chosen[0]
                );
            }
            _ => {
                let _ = writeln!(
                    sql,
                    "alter table {name} add constraint {name}_uq{number} unique ({columns});"
                );
            }
        }
    }
}

fn references(dice: &mut Dice, tables: &mut [Table], index: usize, sql: &mut String) {
    for number in 0..dice.below(3) {
        let to = dice.below(tables.len());
        let Some(key) = tables[to].keys.first().cloned() else {
            continue;
        };
        let own: Vec<String> = key
            .iter()
            .map(|column| format!("r{number}_{column}"))
            .collect();
        let not_null = dice.chance(50);
        for (own, column) in own.iter().zip(&key) {
            let kind = tables[to]
                .columns
                .iter()
                .find(|c| c.name == *column)
                .unwrap()
                .kind;
            tables[index].columns.push(Column {
                name: own.clone(),
                kind,
                not_null,
            });
        }
        let (name, target) = (tables[index].name.clone(), tables[to].name.clone());
        let _ = writeln!(
            sql,
            "alter table {name} add constraint {name}_fk{number} foreign key ({}) references {target} ({}){};",
            own.join(", "),
            key.join(", "),
            dice.of(&[
                "",
                " on delete cascade",
                " deferrable initially deferred",
                " match full"
            ]),
        );
    }
}

fn exclusion(dice: &mut Dice, table: &mut Table, sql: &mut String) {
    if table.partitioned || !dice.chance(20) {
        return;
    }
    let name = table.name.clone();
    let (kind, elements) = match dice.below(3) {
        0 => ("daterange", "during with &&"),
        1 => ("tstzrange", "during with &&"),
        _ => (
            "int4range",
            "int4range(room, room, '[]') with =, during with &&",
        ),
    };
    table.columns.push(Column {
        name: "during".into(),
        kind,
        not_null: dice.chance(70),
    });
    if elements.contains("room") {
        table.columns.push(Column {
            name: "room".into(),
            kind: "int",
            not_null: true,
        });
    }
    let _ = writeln!(
        sql,
        "alter table {name} add constraint {name}_excl exclude using gist ({elements});"
    );
}

fn schema(seed: u64) -> String {
    let dice = &mut Dice(seed.wrapping_mul(0x2545_f491_4f6c_dd1d));
    let mut tables: Vec<Table> = (0..1 + dice.below(5))
        .map(|index| table(dice, index))
        .collect();
    let (mut parts, mut rest, mut keys) = (String::new(), String::new(), String::new());
    let mut tails = Vec::new();
    for table in &mut tables {
        tails.push(if dice.chance(15) {
            parted(dice, table, &mut parts)
        } else {
            String::new()
        });
        if let Some(key) = table.keys.first() {
            let _ = writeln!(
                rest,
                "alter table {} add primary key ({});",
                table.name,
                key.join(", ")
            );
        }
    }
    for index in 0..tables.len() {
        references(dice, &mut tables, index, &mut keys);
    }
    for table in &mut tables {
        exclusion(dice, table, &mut rest);
        uniques(dice, table, &mut rest);
        checks(dice, table, &mut rest);
    }
    let mut sql = String::from(
        "create type mood as enum ('sad', 'fine', 'glad');
        create function is_even(n int) returns boolean language sql immutable as 'select n % 2 = 0';\n",
    );
    for (table, tail) in tables.iter().zip(&tails) {
        let columns = table.columns.iter().map(|column| {
            format!(
                "{} {}{}",
                column.name,
                column.kind,
                if column.not_null { " not null" } else { "" }
            )
        });
        let columns: Vec<String> = columns.collect();
        let _ = writeln!(
            sql,
            "create table {} ({}){tail};",
            table.name,
            columns.join(", ")
        );
    }
    sql + &parts + &rest + &keys
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

#[test]
fn random_schemas_are_seeded_or_refused() {
    let first = number("TIDEGATE_TEST_SEED").unwrap_or(0);
    let count = number("TIDEGATE_SEED_SCHEMAS").unwrap_or(8);
    let mut refused = Vec::new();
    for seed in first..first + count {
        let sql = schema(seed);
        if std::env::var_os("TIDEGATE_TEST_PRINT").is_some() {
            println!("-- seed {seed}\n{sql}");
        }
        let stage = Stage::new(&sql);
        let before = stage.schema();
        let outcome = stage
            .cli(["run", "--rows", "120", "--seed", "7", "--format", "json"])
            .run();
        assert_eq!(
            stage.schema(),
            before,
            "seed {seed}: {}\n{sql}",
            outcome.stderr
        );
        if outcome.code() != Some(0) {
            let error = outcome.error();
            let message = error["message"].as_str().unwrap().to_owned();
            assert!(
                message.contains("constraint \""),
                "seed {seed}: {message}\n{sql}"
            );
            let named = message.split('"').nth(1).unwrap_or_default();
            let line = sql
                .lines()
                .find(|line| line.contains(&format!("constraint {named} ")));
            refused.push(format!(
                "seed {seed}: {message}: {}",
                line.unwrap_or_default()
            ));
            let rows = stage.database.rows(
                "select oid::regclass::text from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace and pg_relation_size(oid) > 0",
            );
            assert_eq!(rows, Vec::<String>::new(), "seed {seed}: {message}\n{sql}");
        } else {
            stage.prove();
        }
    }
    println!(
        "{} of {count} refused\n{}",
        refused.len(),
        refused.join("\n")
    );
    assert!(refused.len() as u64 <= 2 + count / 2, "{refused:#?}");
}
