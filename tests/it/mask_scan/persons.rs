//! Generated persons of several countries behind names that say nothing.

use fake::Fake;
use fake::faker::address::raw::{CityName, StreetName};
use fake::faker::internet::raw::{MACAddress, Username};
use fake::faker::name::raw::{FirstName, LastName};
use fake::faker::phone_number::raw::PhoneNumber;
use fake::locales::{DE_DE, EN, FR_FR, IT_IT, NL_NL, PT_BR};
use fake::rand::rngs::StdRng;
use fake::rand::{RngExt, SeedableRng};

use super::{class, column, scan};
use crate::support::{Database, Project};

const ROWS: usize = 120;

/// Luhn's check digit.
fn luhn(body: &str) -> u32 {
    let sum: u32 = body
        .bytes()
        .rev()
        .enumerate()
        .map(|(i, b)| {
            let d = u32::from(b - b'0') * if i % 2 == 0 { 2 } else { 1 };
            d / 10 + d % 10
        })
        .sum();
    (10 - sum % 10) % 10
}

fn digits(rng: &mut StdRng, count: usize) -> String {
    (0..count)
        .map(|_| char::from(b'0' + rng.random_range(0..10_u8)))
        .collect()
}

fn card(rng: &mut StdRng) -> String {
    let body = format!("4{}", digits(rng, 14));
    let check = luhn(&body);
    format!("{body}{check}")
}

fn iban(rng: &mut StdRng) -> String {
    let account = digits(rng, 18);
    // DE00 as digits: D is 13, E is 14.
    let rest = format!("{account}131400")
        .bytes()
        .fold(0_u32, |n, b| (n * 10 + u32::from(b - b'0')) % 97);
    format!("DE{:02}{account}", 98 - rest)
}

fn pesel(rng: &mut StdRng) -> String {
    let body = format!(
        "{:02}{:02}{:02}{}",
        rng.random_range(40..99),
        rng.random_range(1..=12),
        rng.random_range(1..=28),
        digits(rng, 4)
    );
    let weights = [1, 3, 7, 9, 1, 3, 7, 9, 1, 3];
    let sum: u32 = body
        .bytes()
        .zip(weights)
        .map(|(b, w)| u32::from(b - b'0') * w)
        .sum();
    format!("{body}{}", (10 - sum % 10) % 10)
}

fn dni(rng: &mut StdRng) -> String {
    let number: usize = rng.random_range(10_000_000..99_999_999);
    format!(
        "{number}{}",
        char::from(b"TRWAGMYFPDXBNJZSQVHLCKE"[number % 23])
    )
}

fn day(rng: &mut StdRng, years: std::ops::Range<u32>) -> String {
    format!(
        "{}-{:02}-{:02}",
        rng.random_range(years),
        rng.random_range(1..=12),
        rng.random_range(1..=28)
    )
}

fn hex(rng: &mut StdRng, count: usize) -> String {
    (0..count)
        .map(|_| format!("{:x}", rng.random_range(0..16_u8)))
        .collect()
}

macro_rules! person {
    ($rng:expr, $locale:expr) => {
        (
            FirstName($locale).fake_with_rng::<String, _>($rng),
            LastName($locale).fake_with_rng::<String, _>($rng),
            StreetName($locale).fake_with_rng::<String, _>($rng),
            CityName($locale).fake_with_rng::<String, _>($rng),
            PhoneNumber($locale).fake_with_rng::<String, _>($rng),
        )
    };
}

fn ascii(text: &str) -> String {
    text.chars()
        .filter(char::is_ascii_alphanumeric)
        .collect::<String>()
        .to_lowercase()
}

type Make = Box<dyn Fn(&mut StdRng) -> String>;

#[allow(clippy::too_many_lines, reason = "one line a column")]
/// Columns of one table: the class that is meant (`None` for harmless ones), the type, the values.
fn columns() -> Vec<(Option<&'static str>, &'static str, Make)> {
    let mut all: Vec<(Option<&'static str>, &'static str, Make)> = Vec::new();
    macro_rules! locale {
        ($($locale:expr),*) => {$(
            all.push((Some("first-name"), "text", Box::new(|r| person!(r, $locale).0)));
            all.push((Some("last-name"), "text", Box::new(|r| person!(r, $locale).1)));
            all.push((Some("person-name"), "text", Box::new(|r| { let p = person!(r, $locale); format!("{} {}", p.0, p.1) })));
            all.push((Some("address"), "text", Box::new(|r| { let n = r.random_range(1..199); format!("{} {n}", person!(r, $locale).2) })));
            all.push((Some("city"), "text", Box::new(|r| person!(r, $locale).3)));
            all.push((Some("phone"), "text", Box::new(|r| person!(r, $locale).4)));
        )*};
    }
    locale!(EN, DE_DE, FR_FR, IT_IT, NL_NL, PT_BR);
    let mut personal = |class, data_type, make: Make| all.push((Some(class), data_type, make));
    personal(
        "email",
        "text",
        Box::new(|r| {
            let p = person!(r, EN);
            format!("{}.{}@mail.example", ascii(&p.0), ascii(&p.1))
        }),
    );
    personal(
        "user-name",
        "text",
        Box::new(|r| Username(EN).fake_with_rng(r)),
    );
    personal("card-number", "text", Box::new(card));
    personal("iban", "text", Box::new(iban));
    personal("national-id", "text", Box::new(pesel));
    personal("national-id", "text", Box::new(dni));
    personal(
        "national-id",
        "text",
        Box::new(|r| {
            format!(
                "{}-{}-{}",
                r.random_range(100..665),
                r.random_range(10..99),
                r.random_range(1000..9999)
            )
        }),
    );
    personal(
        "ip-address",
        "text",
        Box::new(|r| {
            format!(
                "10.{}.{}.{}",
                r.random_range(0..255),
                r.random_range(0..255),
                r.random_range(1..255)
            )
        }),
    );
    personal(
        "ip-address",
        "inet",
        Box::new(|r| {
            format!(
                "10.{}.{}.{}",
                r.random_range(0..255),
                r.random_range(0..255),
                r.random_range(1..255)
            )
        }),
    );
    personal(
        "device-id",
        "text",
        Box::new(|r| MACAddress(EN).fake_with_rng(r)),
    );
    personal("birth-date", "date", Box::new(|r| day(r, 1940..2006)));
    personal("postal-code", "text", Box::new(|r| digits(r, 5)));
    personal(
        "gender",
        "text",
        Box::new(|r| ["m", "f"][r.random_range(0..2_usize)].to_owned()),
    );
    personal(
        "password",
        "text",
        Box::new(|r| format!("$2b$12${}", hex(r, 53))),
    );
    personal(
        "secret",
        "text",
        Box::new(|r| format!("ghp_{}", hex(r, 36))),
    );
    personal(
        "free-text",
        "text",
        Box::new(|r| {
            let p = person!(r, EN);
            format!(
                "Spoke with {} {} on the phone about the open invoice.",
                p.0, p.1
            )
        }),
    );
    personal(
        "document",
        "jsonb",
        Box::new(|r| {
            let p = person!(r, FR_FR);
            serde_json::json!({"k": [{"v": format!("{}@b.example", ascii(&p.1))}], "t": "dark"})
                .to_string()
        }),
    );
    personal(
        "phone",
        "text[]",
        Box::new(|r| format!("{{\"+49 30 {}\"}}", digits(r, 7))),
    );
    let mut harmless = |data_type, make: Make| all.push((None, data_type, make));
    harmless(
        "text",
        Box::new(|r| ["open", "paid", "shipped"][r.random_range(0..3_usize)].to_owned()),
    );
    harmless("text", Box::new(|r| format!("SKU-{}", digits(r, 6))));
    harmless("int", Box::new(|r| r.random_range(0..100_000).to_string()));
    harmless(
        "bigint",
        Box::new(|r| r.random_range(1_000_000_000_u64..9_000_000_000).to_string()),
    );
    harmless(
        "numeric(10,2)",
        Box::new(|r| format!("{}.{}", r.random_range(1..999), digits(r, 2))),
    );
    harmless("timestamptz", Box::new(|r| day(r, 2022..2025)));
    harmless("date", Box::new(|r| day(r, 2021..2026)));
    harmless(
        "text",
        Box::new(|r| {
            [
                "Garden Chair",
                "Steel Bottle",
                "Desk Lamp",
                "Wool Blanket",
                "Oak Table",
            ][r.random_range(0..5_usize)]
            .to_owned()
        }),
    );
    harmless(
        "text",
        Box::new(|r| {
            format!(
                "{}.{}.{}",
                r.random_range(0..9),
                r.random_range(0..20),
                r.random_range(0..99)
            )
        }),
    );
    harmless(
        "uuid",
        Box::new(|r| {
            let h = hex(r, 32);
            format!(
                "{}-{}-{}-{}-{}",
                &h[..8],
                &h[8..12],
                &h[12..16],
                &h[16..20],
                &h[20..]
            )
        }),
    );
    harmless(
        "text",
        Box::new(|r| ["EUR", "USD", "PLN"][r.random_range(0..3_usize)].to_owned()),
    );
    harmless(
        "jsonb",
        Box::new(|r| {
            serde_json::json!({"theme": "dark", "size": r.random_range(1..9)}).to_string()
        }),
    );
    harmless(
        "text",
        Box::new(|r| format!("{}-0{}", 2020 + r.random_range(0..5), digits(r, 5))),
    );
    harmless(
        "text",
        Box::new(|_| "The parcel is packed in the second hall and waits for the truck".to_owned()),
    );
    harmless("boolean", Box::new(|r| r.random_range(0..2).to_string()));
    all
}

#[test]
fn values_are_recognised_behind_names_that_say_nothing() {
    let mut rng = StdRng::seed_from_u64(7);
    let columns = columns();
    let types: Vec<String> = columns
        .iter()
        .enumerate()
        .map(|(i, (_, data_type, _))| format!("c{i} {data_type}"))
        .collect();
    let mut sql = format!("create table misc ({});\n", types.join(", "));
    let mut raw = Vec::new();
    for _ in 0..ROWS {
        let values: Vec<String> = columns.iter().map(|(_, _, make)| make(&mut rng)).collect();
        let quoted: Vec<String> = values
            .iter()
            .map(|v| format!("'{}'", v.replace('\'', "''")))
            .collect();
        sql.push_str(&format!(
            "insert into misc values ({});\n",
            quoted.join(", ")
        ));
        raw.extend(
            values
                .into_iter()
                .zip(&columns)
                .filter(|(v, c)| c.0.is_some() && v.len() > 6)
                .map(|(v, _)| v),
        );
    }
    let database = Database::new();
    database.execute(&sql);
    let data = scan(&database);
    let (mut hit, mut exact, mut missed, mut wrong, mut alarms) =
        (0, 0, Vec::new(), Vec::new(), Vec::new());
    for (i, (wanted, ..)) in columns.iter().enumerate() {
        let name = format!("c{i}");
        let found = class(&data, "misc", &name);
        let why = format!(
            "{name} is {wanted:?}: {found} {} {}",
            column(&data, "misc", &name)["confidence"],
            column(&data, "misc", &name)["reason"]
        );
        match (wanted, found.as_str()) {
            (Some(_), "-") => missed.push(why),
            (Some(wanted), found) => {
                hit += 1;
                if *wanted == found {
                    exact += 1
                } else {
                    wrong.push(why)
                }
            }
            (None, "-") => {}
            (None, _) => alarms.push(why),
        }
    }
    let personal = hit + missed.len();
    let recall = f64::from(hit as u32) / personal as f64;
    let precision = f64::from(hit as u32) / (hit + alarms.len()) as f64;
    eprintln!(
        "{personal} personal columns: recall {recall:.3}, precision {precision:.3}, class right {exact}\nmissed {missed:#?}\nother class {wrong:#?}\nfalse {alarms:#?}"
    );
    assert!(personal >= 40);
    assert!(recall >= 0.95, "{missed:#?}");
    assert!(precision >= 0.9, "{alarms:#?}");
    assert!(exact * 10 >= hit * 8, "{wrong:#?}");
    no_value_is_told(&database, &raw);
}

/// Neither page nor JSON nor draft holds a value that was sampled.
fn no_value_is_told(database: &Database, raw: &[String]) {
    let project = Project::new(database);
    let page = project
        .tidegate(["mask", "scan", "--write", "draft.toml", "-vv"])
        .ok();
    let json = project.tidegate(["mask", "scan", "--format", "json"]).ok();
    let told = format!(
        "{}{}{}{}{}",
        page.stdout,
        page.stderr,
        json.stdout,
        json.stderr,
        project.read("draft.toml")
    );
    assert!(raw.len() > 1000);
    for value in raw {
        assert!(!told.contains(value.as_str()), "a value is told");
    }
}
