//! Conditions in the form that `pg_get_constraintdef` gives them.

use super::{Expression, Truth, read};
use crate::generate::fact::Says;
use crate::generate::pg_type::PgType;
use crate::generate::value::Value;

const TODAY: i64 = 800_000_000_000_000;

#[cfg(test)]
fn column(name: &str) -> Option<(usize, PgType)> {
    let labels = || vec!["new".to_owned(), "done".to_owned()];
    Some(match name {
        "a" => (0, PgType::Int(4)),
        "price" => (1, PgType::Numeric(Some((10, 2)))),
        "name" => (2, PgType::Text(Some(40))),
        "VALUE" | "code" => (3, PgType::Text(None)),
        "start_date" => (4, PgType::Date),
        "end_date" => (5, PgType::Date),
        "active" => (6, PgType::Bool),
        "state" => (7, PgType::Enum(labels())),
        "at" => (8, PgType::Timestamp(true)),
        "tags" => (9, PgType::Array(Box::new(PgType::Text(None)), 25)),
        "slug" => (11, PgType::Other("citext".to_owned())),
        "Odd Name" => (10, PgType::Int(8)),
        _ => return None,
    })
}

#[cfg(test)]
fn understood(text: &str) -> Expression {
    read(text, &column, TODAY).unwrap_or_else(|| panic!("{text}"))
}

#[cfg(test)]
fn judged(text: &str, column: usize, value: Value) -> Truth {
    let mut row = vec![Value::Null; 12];
    row[column] = value;
    understood(text).holds(&row)
}

#[cfg(test)]
fn judge(text: &str, column: usize, value: Value, expected: Truth) {
    assert_eq!(judged(text, column, value), expected, "{text}");
}

#[test]
fn printed_conditions_are_judged() {
    let t = |text: &str| Value::text(text.to_owned());
    let within = "((price > (0)::numeric) AND (price <= 9.50))";
    let dec = |text: &str| Value::Decimal(crate::sql::Decimal::parse(text).unwrap());
    let any =
        "((name)::text = ANY ((ARRAY['x'::character varying, 'y'::character varying])::text[]))";
    let all = "(name)::text <> ALL (ARRAY['x'::text, 'y'::text])";
    let plate = "(code ~ similar_to_escape('[A-Z]{2}-(1|2)_'::text))";
    let slug = "(slug OPERATOR(public.~) '^[a-z][a-z0-9-]+$'::public.citext)";
    for (text, column, value, expected) in [
        (within, 1, dec("9.50"), Truth::True),
        (within, 1, dec("9.51"), Truth::False),
        (within, 1, dec("0.00"), Truth::False),
        (within, 1, Value::Null, Truth::Unknown),
        (any, 2, t("y"), Truth::True),
        (any, 2, t("z"), Truth::False),
        (all, 2, t("z"), Truth::True),
        (all, 2, t("x"), Truth::False),
        ("(length((name)::text) <= 3)", 2, t("äöü"), Truth::True),
        ("(length((name)::text) <= 3)", 2, t("abcd"), Truth::False),
        ("(VALUE ~ '^[A-Z]{2}$'::text)", 3, t("DE"), Truth::True),
        ("(VALUE ~ '^[A-Z]{2}$'::text)", 3, t("de"), Truth::False),
        ("(VALUE ~* '^[A-Z]{2}$'::text)", 3, t("de"), Truth::True),
        ("(VALUE !~ '[0-9]'::text)", 3, t("a1"), Truth::False),
        ("(code ~~ 'a_%'::text)", 3, t("ab"), Truth::True),
        ("(code ~~ 'a_%'::text)", 3, t("a"), Truth::False),
        ("(NOT (a IS NULL))", 0, Value::Null, Truth::False),
        ("starts_with(code, 'a.c'::text)", 3, t("a.cd"), Truth::True),
        ("starts_with(code, 'a.c'::text)", 3, t("abcd"), Truth::False),
        (plate, 3, t("XA-12"), Truth::True),
        (plate, 3, t("XA-123"), Truth::False),
        (slug, 11, t("Ab-9"), Truth::True),
        (slug, 11, t("9a"), Truth::False),
    ] {
        judge(text, column, value, expected);
    }
}

#[test]
fn other_operators_and_functions_are_judged() {
    let t = |text: &str| Value::text(text.to_owned());
    for (text, column, value, expected) in [
        ("(a IS NOT NULL)", 0, Value::Int(1), Truth::True),
        ("((a % 5) = 0)", 0, Value::Int(10), Truth::True),
        ("((a % 5) = 0)", 0, Value::Int(11), Truth::False),
        (
            "((a >= '-5'::integer) AND (a <= 5))",
            0,
            Value::Int(-5),
            Truth::True,
        ),
        ("(a IS DISTINCT FROM 3)", 0, Value::Null, Truth::True),
        ("(a IS DISTINCT FROM 3)", 0, Value::Int(3), Truth::False),
        ("(active IS TRUE)", 6, Value::Null, Truth::False),
        ("(NOT active)", 6, Value::Bool(false), Truth::True),
        ("active", 6, Value::Bool(false), Truth::False),
        ("(state = 'new'::public.state)", 7, t("new"), Truth::True),
        ("(state = 'new'::public.state)", 7, t("done"), Truth::False),
        ("(COALESCE(a, 0) > 0)", 0, Value::Null, Truth::False),
        (
            "(num_nonnulls(a, price) = 1)",
            0,
            Value::Int(1),
            Truth::True,
        ),
        ("(at <= now())", 8, Value::Timestamp(TODAY), Truth::True),
        (
            "(at <= now())",
            8,
            Value::Timestamp(TODAY + 1),
            Truth::False,
        ),
        (
            "(start_date >= '2000-01-03'::date)",
            4,
            Value::Date(1),
            Truth::False,
        ),
        (
            "(date_part('year'::text, start_date) = (2000)::double precision)",
            4,
            Value::Date(9),
            Truth::True,
        ),
        (
            "(EXTRACT(year FROM start_date) > (2000)::numeric)",
            4,
            Value::Date(9),
            Truth::False,
        ),
        (
            "(cardinality(tags) > 0)",
            9,
            Value::Array(vec![]),
            Truth::False,
        ),
        ("(\"Odd Name\" > 0)", 10, Value::Int(1), Truth::True),
        ("(upper(code) = code)", 3, t("aB"), Truth::False),
        ("((code || 'x'::text) = 'ax'::text)", 3, t("a"), Truth::True),
        (
            "((a > 5) OR (a < 0) AND (a > '-3'::integer))",
            0,
            Value::Int(-2),
            Truth::True,
        ),
    ] {
        judge(text, column, value, expected);
    }
}

#[test]
fn a_case_takes_the_first_branch_that_is_true() {
    let text = "CASE WHEN (a > 5) THEN (a < 9) WHEN (a > 2) THEN false ELSE true END";
    for (value, expected) in [
        (7, Truth::True),
        (9, Truth::False),
        (3, Truth::False),
        (0, Truth::True),
    ] {
        judge(text, 0, Value::Int(value), expected);
    }
    judge(text, 0, Value::Null, Truth::True);
}

#[test]
fn what_may_mean_something_else_is_not_understood() {
    for text in [
        "(name < 'x'::text)",
        "(at > now())",
        "(NOT (at <= now()))",
        "public.check_it(a)",
        "check_it(a)",
        "(a OPERATOR(public.=) 1)",
        "(code ~ '(a)\\1'::text)",
        "(code ~ '(?=a)'::text)",
        "(at > '2020-01-01'::date)",
        "(((a)::numeric / (2)::numeric) > 0.5)",
        "((at)::date = '2020-01-01'::date)",
        "(missing > 0)",
        "(a > 0) trailing",
        "a",
        "(a > ",
        "(code = 'x'::public.citext)",
        "CASE WHEN active THEN (a > 0) END",
    ] {
        assert_eq!(read(text, &column, TODAY), None, "{text}");
    }
    assert_eq!(read(&"(".repeat(10_000), &column, TODAY), None);
}

#[test]
fn facts_narrow_single_columns() {
    let facts = |text: &str| {
        let (facts, rest) = understood(text).facts();
        (facts, rest.is_none())
    };
    let int = Value::Int;
    assert_eq!(
        facts("((a >= 1) AND (9 > a))"),
        (
            vec![
                (0, Says::AtLeast(int(1), true)),
                (0, Says::AtMost(int(9), false))
            ],
            true
        )
    );
    assert_eq!(
        facts("((a = 1) OR (a = 4) OR (a IS NULL))"),
        (vec![(0, Says::OneOf(vec![int(1), int(4)]))], true)
    );
    assert_eq!(
        facts("((a IS NULL) OR (a > 0))"),
        (vec![(0, Says::AtLeast(int(0), false))], true)
    );
    assert_eq!(
        facts("(length(btrim((name)::text)) > 0)"),
        (vec![(2, Says::Length(1, u32::MAX))], false)
    );
    assert_eq!(
        facts("((a > 0) OR (price > (0)::numeric))"),
        (vec![], false)
    );
    assert_eq!(
        facts("((a % 5) = 0)"),
        (vec![(0, Says::MultipleOf(5))], true)
    );
    let t = |text: &str| Value::text(text.to_owned());
    for cased in [
        "(upper(code) = ANY (ARRAY['SC'::text, 'Vc'::text, 'VC'::text]))",
        "((upper(code) = 'SC'::text) OR (upper(code) = 'VC'::text))",
    ] {
        let values = Says::OneOf(vec![t("SC"), t("VC")]);
        assert_eq!(facts(cased), (vec![(3, values)], true), "{cased}");
    }
    assert_eq!(facts("(lower(code) = 'SC'::text)"), (vec![], false));
    let ordered = understood("((start_date < end_date) AND (a > 0))");
    assert_eq!(ordered.orders(), vec![(4, 5, true)]);
}
