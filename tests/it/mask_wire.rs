//! What masks read and write is what the server's send functions give.

use std::sync::Arc;

use secrecy::SecretString;
use tidegate::masking::{ColumnFacts, Mask, MaskKey, Masked, Row, Rule, Shape, Structure, compile};

use crate::support::Database;

fn masked(mask: Mask, data_type: &str, value: &[u8]) -> Vec<u8> {
    let facts = ColumnFacts {
        title: "t.c".to_owned(),
        data_type: data_type.to_owned(),
        shape: Shape::of(data_type),
        max_length: None,
        not_null: false,
        unique: false,
        rows: 1,
        columns: Arc::default(),
        labels: Vec::new(),
        structure: Structure::built_in(data_type),
    };
    let text = "5b1f3a5c7b9e0214365870a9bcdef1023344556d77889a0b1c2d3e4f5a6b7c8e";
    let key = MaskKey::parse(&SecretString::from(text), "test", "1").expect("a key");
    let function = compile(&Rule::new(mask), &facts, &key).expect("it fits");
    let mut out = Vec::new();
    let done = function
        .expect("it masks")
        .apply(Some(value), &Row { fields: &[] }, &mut out);
    assert_eq!(done, Ok(Masked::Value), "{data_type}");
    out
}

#[test]
fn constants_are_written_as_the_server_sends_them() {
    let database = Database::new();
    for (data_type, send, values) in [
        (
            "numeric",
            "numeric_send",
            &[
                "0",
                "0.00",
                "1",
                "-12.50",
                "10000",
                "12345678.9",
                "0.0001",
                "-0.5",
                "99999999.9999",
                "100000000",
                "1.10",
            ][..],
        ),
        ("smallint", "int2send", &["-32768", "7"]),
        ("integer", "int4send", &["-1", "2147483647"]),
        ("bigint", "int8send", &["-9223372036854775808", "12"]),
        ("real", "float4send", &["0", "-1.5"]),
        ("double precision", "float8send", &["0.1", "1e300"]),
        ("boolean", "boolsend", &["true", "false"]),
        (
            "date",
            "date_send",
            &["1970-01-01", "1899-12-31", "2024-02-29"],
        ),
        (
            "timestamp with time zone",
            "timestamptz_send",
            &["1970-01-01"],
        ),
        ("time without time zone", "time_send", &["00:00:00"]),
        (
            "uuid",
            "uuid_send",
            &["00000000-0000-0000-0000-000000000000"],
        ),
        ("inet", "inet_send", &["0.0.0.0"]),
        ("macaddr", "macaddr_send", &["000000000000"]),
        ("jsonb", "jsonb_send", &["{}"]),
    ] {
        for value in values {
            let sql = format!(
                "set timezone = 'UTC'; select encode({send}('{value}'::{data_type}), 'hex')"
            );
            let wanted = database.rows(&sql).pop().expect("a row");
            let mask = Mask::Constant {
                value: (*value).to_owned(),
            };
            let written = hex::encode(masked(mask, data_type, b""));
            assert_eq!(written, wanted, "{value} of {data_type}");
        }
    }
}

#[test]
fn numbers_and_days_of_the_server_are_read() {
    let database = Database::new();
    for value in [
        "0.00",
        "7",
        "-12.50",
        "10000.1",
        "12345678.9",
        "99999.9999",
        "-0.01",
    ] {
        let pair = database.rows(&format!(
            "select encode(numeric_send({value}), 'hex'), \
             encode(numeric_send(round(floor({value}::numeric), scale({value}))), 'hex')"
        ));
        let (from, to) = pair[0].split_once('|').expect("two columns");
        let from = hex::decode(from).expect("bytes");
        let out = masked(Mask::Range { step: 1.0 }, "numeric", &from);
        assert_eq!(hex::encode(out), to, "{value}");
    }
    for value in ["1999-12-31", "2000-01-01", "1850-06-15", "2400-02-29"] {
        let pair = database.rows(&format!(
            "select encode(date_send('{value}'), 'hex'), \
             encode(date_send(date_trunc('month', '{value}'::timestamp)::date), 'hex')"
        ));
        let (from, to) = pair[0].split_once('|').expect("two columns");
        let from = hex::decode(from).expect("bytes");
        let to_month = Mask::Truncate {
            to: tidegate::masking::DatePart::Month,
        };
        assert_eq!(hex::encode(masked(to_month, "date", &from)), to, "{value}");
    }
}
