//! What one masked value costs, mask by mask, and what the candidates for the keyed function cost.
//! `cargo bench --bench masks`; each iteration masks 1,000 different values, so divide by that.
#![allow(clippy::unwrap_used, missing_docs, reason = "a bench")]

use std::hint::black_box;
use std::sync::Arc;

use divan::Bencher;
use divan::counter::ItemsCount;
use secrecy::SecretString;
use tidegate::masking::{
    ColumnFacts, FieldMask, MaskKey, Prf, Row, Rule, Shape, Structure, compile,
};

fn main() {
    divan::main();
}

const VALUES: u64 = 1_000;

fn key() -> MaskKey {
    let text = "8f1d3a5c7b9e0214365870a9bcdef1023344556d77889a0b1c2d3e4f5a6b7c8d";
    MaskKey::parse(&SecretString::from(text), "bench", "1").unwrap()
}

fn mask(rule: &str, data_type: &str) -> Arc<dyn FieldMask> {
    let table: toml::Table = toml::from_str(&format!("a = {rule}")).unwrap();
    let columns = [("id", "integer"), ("c", data_type)];
    let columns = columns.map(|(name, data_type)| (name.to_owned(), data_type.to_owned()));
    let facts = ColumnFacts {
        title: "t.c".to_owned(),
        data_type: data_type.to_owned(),
        shape: Shape::of(data_type),
        max_length: None,
        not_null: false,
        unique: false,
        rows: 1_000_000,
        columns: Arc::new(columns.into_iter().collect()),
        labels: Vec::new(),
        structure: Structure::built_in(data_type),
    };
    compile(&Rule::from_toml(&table["a"]).unwrap(), &facts, &key())
        .unwrap()
        .unwrap()
}

/// Valid inputs of a mask.
fn value(kind: &str, i: u64) -> Vec<u8> {
    let mixed = i.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    match kind {
        "email" => format!("customer.{i}@mail{}.example", mixed % 7).into_bytes(),
        "name" => format!("Customer Number{i}").into_bytes(),
        "phone" => format!("+49 30 {:08}", mixed % 100_000_000).into_bytes(),
        "integer" => ((mixed >> 40) as u32).to_be_bytes().to_vec(),
        "bigint" => (mixed >> 1).to_be_bytes().to_vec(),
        "float" => (mixed as f64).to_be_bytes().to_vec(),
        "numeric" => vec![0, 2, 0, 0, 0, 0, 0, 2, (i >> 8) as u8 & 7, i as u8, 0x13, 0x88],
        "uuid" => (u128::from(mixed) << 64 | u128::from(i)).to_be_bytes().to_vec(),
        "inet" => [&[2, 32, 0, 4][..], &(mixed as u32).to_be_bytes()].concat(),
        "mac" => mixed.to_be_bytes()[..6].to_vec(),
        "date" => ((mixed >> 50) as i32).to_be_bytes().to_vec(),
        "card" => card(mixed % 1_000_000_000).into_bytes(),
        "iban" => iban(mixed % 10_000_000_000).into_bytes(),
        "pesel" => pesel(mixed).into_bytes(),
        "token" => format!("ORD-{:08}-AB", mixed % 100_000_000).into_bytes(),
        "digits" => format!("{:016}", mixed % 10_000_000_000_000_000).into_bytes(),
        "json" => format!(
            r#"{{"name":"Customer {i}","email":"c{i}@mail.example","phone":"+49 30 {:08}","prefs":{{"lang":"de","news":true}},"visits":{i}}}"#,
            mixed % 100_000_000
        )
        .into_bytes(),
        _ => format!(
            "Called on Monday, asked about order {i}. Reach him at c{i}@mail.example or +49 30 {:08}; wants it by Friday.",
            mixed % 100_000_000
        )
        .into_bytes(),
    }
}

fn card(account: u64) -> String {
    let body = format!("411111{account:09}");
    let digits: Vec<u8> = body.bytes().map(|byte| byte - b'0').collect();
    format!("{body}{}", tidegate::masking::checks::luhn_digit(&digits))
}

fn iban(account: u64) -> String {
    let account = format!("37040044{account:010}");
    let check = tidegate::masking::checks::iban_check_digits(b"DE", account.as_bytes()).unwrap();
    format!("DE{check:02}{account}")
}

fn pesel(mixed: u64) -> String {
    let mut number = format!(
        "{:02}0{}1{}{:05}",
        mixed % 100,
        1 + mixed % 9,
        mixed % 9,
        mixed >> 8 & 0x3FFF
    )
    .into_bytes();
    let id = tidegate::masking::checks::national_ids_of("PL")
        .next()
        .unwrap();
    (id.complete)(&mut number);
    String::from_utf8(number).unwrap()
}

/// Mask, type, kind of values.
const MASKS: &[(&str, &str, &str)] = &[
    ("\"redact\"", "text", "name"),
    ("\"hash\"", "text", "email"),
    ("\"permute\"", "integer", "integer"),
    ("\"permute\"", "bigint", "bigint"),
    ("\"permute\"", "text", "token"),
    ("\"uuid\"", "uuid", "uuid"),
    ("\"fpe\"", "text", "digits"),
    ("\"person_name\"", "text", "name"),
    ("\"first_name\"", "text", "name"),
    ("\"user_name\"", "text", "name"),
    ("\"email\"", "text", "email"),
    ("{ mask = \"email\", with = \"id\" }", "text", "email"),
    ("\"phone\"", "text", "phone"),
    ("\"address\"", "text", "name"),
    ("\"city\"", "text", "name"),
    ("\"postal_code\"", "text", "token"),
    ("\"company\"", "text", "name"),
    ("\"url\"", "text", "email"),
    ("\"ip\"", "inet", "inet"),
    ("\"mac\"", "macaddr", "mac"),
    ("\"user_agent\"", "text", "name"),
    ("\"card_number\"", "text", "card"),
    ("\"iban\"", "text", "iban"),
    (
        "{ mask = \"national_id\", country = \"PL\" }",
        "text",
        "pesel",
    ),
    (
        "{ mask = \"shift_days\", max = 30, per = \"id\" }",
        "date",
        "date",
    ),
    ("{ mask = \"truncate\", to = \"month\" }", "date", "date"),
    (
        "{ mask = \"noise\", percent = 10 }",
        "double precision",
        "float",
    ),
    ("{ mask = \"noise\", percent = 10 }", "numeric", "numeric"),
    ("\"age_band\"", "integer", "integer"),
    ("{ mask = \"partial\", last = 4 }", "text", "email"),
    (
        "{ mask = \"regex\", pattern = '\\d', replace = \"0\" }",
        "text",
        "phone",
    ),
    ("\"redact_text\"", "text", "prose"),
    (
        "{ json = { \"$.email\" = \"email\", \"$.phone\" = \"phone\", \"$.prefs.*\" = \"keep\" } }",
        "jsonb",
        "json",
    ),
];

#[divan::bench(args = 0..MASKS.len())]
fn masks(bencher: Bencher<'_, '_>, number: usize) {
    let (rule, data_type, kind) = MASKS[number];
    let mask = mask(rule, data_type);
    let values: Vec<Vec<u8>> = (0..VALUES)
        .map(|i| {
            let bytes = value(kind, i);
            if data_type == "jsonb" {
                [&[1][..], &bytes].concat()
            } else {
                bytes
            }
        })
        .collect();
    let id = 7_u32.to_be_bytes();
    let mut out = Vec::with_capacity(1 << 20);
    bencher.counter(ItemsCount::new(VALUES)).bench_local(|| {
        out.clear();
        for value in &values {
            let fields = [Some(id.as_slice()), Some(value.as_slice())];
            mask.apply(Some(value), &Row { fields: &fields }, &mut out)
                .unwrap();
        }
        black_box(&out);
    });
}

#[divan::bench(args = [8, 24, 64])]
fn prf_aes(bencher: Bencher<'_, '_>, length: usize) {
    let prf = Prf::new(&key().derive("bench").unwrap());
    let value = vec![7; length];
    bencher.bench(|| prf.seed(black_box(&value)));
}

#[divan::bench(args = [8, 24, 64])]
fn prf_hmac_sha256(bencher: Bencher<'_, '_>, length: usize) {
    let key = key().derive("bench").unwrap();
    let value = vec![7; length];
    bencher.bench(|| key.digest(black_box(&value)));
}

#[divan::bench(args = [8, 24, 64])]
fn prf_blake3(bencher: Bencher<'_, '_>, length: usize) {
    let key = *key().derive("bench").unwrap().bytes();
    let value = vec![7; length];
    bencher.bench(|| blake3::keyed_hash(&key, black_box(&value)));
}
