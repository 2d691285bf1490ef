//! Texts as PostgreSQL 15 prints them.

use super::*;
use crate::generate::fact::Says;
use crate::generate::pg_type::PgType;
use crate::generate::value::Value;
use crate::sql::Decimal;

fn columns(name: &str) -> Option<(usize, PgType)> {
    Some(match name {
        "a" => (0, PgType::Int(4)),
        "b" => (1, PgType::Int(4)),
        "price" => (2, PgType::Numeric(None)),
        "name" | "VALUE" => (3, PgType::Text(None)),
        "day" => (4, PgType::Date),
        "flag" => (5, PgType::Bool),
        _ => return None,
    })
}

fn row(a: Option<i64>, price: i128, name: &str, flag: bool) -> Vec<Value> {
    vec![
        a.map_or(Value::Null, Value::Int),
        Value::Int(2),
        Value::Decimal(Decimal {
            unscaled: price,
            scale: 2,
        }),
        Value::text(name.to_owned()),
        Value::Date(366),
        Value::Bool(flag),
    ]
}

#[test]
fn conditions_hold_as_in_postgresql() {
    use Truth::{False, True, Unknown};
    for (text, good, bad) in [
        (
            "CHECK (((price > (0)::numeric) AND (length((name)::text) <= 2)))",
            True,
            False,
        ),
        (
            "((name)::text = ANY ((ARRAY['ab'::character varying, 'b'::character varying])::text[]))",
            True,
            False,
        ),
        ("VALUE ~ '^[a-z]{2}$'::text", True, False),
        ("(name ~~ 'a_'::text)", True, False),
        ("(name !~~* 'XY%'::text)", True, False),
        ("(NOT (a IS NULL))", True, False),
        ("(num_nonnulls(a, b) = 2)", True, False),
        ("(a < b)", True, Unknown),
        ("((a % 2) = 1)", True, Unknown),
        ("(a IS DISTINCT FROM NULL)", True, False),
        ("(flag IS TRUE)", True, False),
        ("flag", True, False),
        ("CASE WHEN flag THEN (a = 1) ELSE (b = 3) END", True, False),
        ("(COALESCE(a, 7) < 5)", True, False),
        ("(lower(name) = 'ab'::text)", True, False),
        ("(TRIM(BOTH FROM name) <> 'xyz'::text)", True, False),
        (
            "(((name || '!'::text) = 'ab!'::text) OR (a > 3))",
            True,
            Unknown,
        ),
        ("(price = 1.5)", True, False),
        (
            "((EXTRACT(year FROM day) = (2001)::numeric) AND flag)",
            True,
            False,
        ),
        (
            "((day < ('2001-01-01'::date + '1 mon'::interval)) AND flag)",
            True,
            False,
        ),
    ] {
        let read = read(text, &columns).unwrap_or_else(|error| panic!("{text}: {error:?}"));
        assert_eq!(read.holds(&row(Some(1), 150, "ab", true)), good, "{text}");
        assert_eq!(read.holds(&row(None, -150, "xyz", false)), bad, "{text}");
    }
}

#[test]
fn what_is_not_understood_is_refused() {
    for text in [
        "is_valid(a)",
        "(a = ( SELECT 1))",
        "(day <= CURRENT_DATE)",
        "(name > 'a'::text)",
        "((a)::smallint > 3)",
        "(nowhere = 1)",
        "(name ~ '(a)\\1'::text)",
    ] {
        assert!(read(text, &columns).is_err(), "{text}");
    }
    let read = read_at("(day <= CURRENT_DATE)", &columns, 366 * 86_400_000_000).unwrap();
    assert_eq!(read.holds(&row(None, 0, "", true)), Truth::True);
}

#[test]
fn facts_and_orders_are_taken_out() {
    let text = "((a >= 1) AND (a < b) AND ((name = 'x'::text) OR (name = 'y'::text)) AND (char_length(name) >= 3))";
    let read = read(text, &columns).unwrap();
    let (facts, rest) = read.facts();
    let values = ["x", "y"].map(|text| Value::text(text.to_owned())).to_vec();
    assert_eq!(
        facts,
        [
            (0, Says::AtLeast(Value::Int(1), true)),
            (3, Says::OneOf(values)),
            (3, Says::Length(3, u32::MAX)),
        ]
    );
    assert_eq!(read.orders(), [(0, 1, true)]);
    assert!(matches!(
        rest,
        Some(Expression::Compare(Comparison::Less, ..))
    ));
}
