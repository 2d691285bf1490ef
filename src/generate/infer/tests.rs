//! What columns of applications become.

use std::collections::BTreeSet;

use super::about::{About, Inferred, Neighbour};
use super::accept::Demands;
use super::column::column;
use crate::catalog::{Catalog, Column};
use crate::generate::fact::{Fact, Says};
use crate::generate::pg_type::ColumnType;
use crate::generate::planner::tests::schema;
use crate::generate::source::tests_support::Nothing;
use crate::generate::source::{Locale, Piece, Source, Topic};
use crate::generate::stream::StreamKey;
use crate::generate::value::Value;

const TODAY: i64 = 800_000_000_000_000;

#[cfg(test)]
fn of(table: &str, declared: &str) -> Column {
    schema::table(table, &[declared]).columns.remove(0)
}

#[cfg(test)]
fn inferred(table: &str, declared: &str, facts: &[Fact], unique: bool) -> Inferred {
    inferred_on(TODAY, table, declared, (facts, unique))
}

#[cfg(test)]
fn inferred_on(
    today: i64,
    table: &str,
    declared: &str,
    (facts, unique): (&[Fact], bool),
) -> Inferred {
    let found = of(table, declared);
    let kind = ColumnType::of(&Catalog::default(), &found.data_type).base;
    let about = About {
        table,
        column: &found,
        kind: &kind,
        facts,
        not_null: found.not_null,
        unique,
        rows: 1000,
        neighbours: &[],
        locale: Locale::En,
        today,
    };
    column(&about).unwrap()
}

#[cfg(test)]
fn fact(says: Says) -> Fact {
    Fact {
        from: "rule".to_owned(),
        says,
    }
}

#[test]
fn names_decide() {
    for (table, declared, topic) in [
        ("users", "email text not null", Topic::Email),
        ("users", "name text", Topic::FullName),
        ("products", "name text", Topic::Product),
        ("t", "firstName text", Topic::FirstName),
        ("t", "Nachname character varying(40)", Topic::LastName),
        ("t", "shipping_postal_code text", Topic::PostalCode),
        ("t", "currency character(3)", Topic::Currency),
        ("t", "phone text", Topic::Phone),
        ("t", "mobile_number text", Topic::Phone),
        ("t", "address_city text", Topic::City),
        ("t", "address_country text", Topic::Country),
        ("t", "billing_address_zip text", Topic::PostalCode),
        ("t", "email_address text", Topic::Email),
        ("t", "ip_address text", Topic::Address),
        ("t", "account_number text", Topic::Code),
        ("t", "customer_iban text", Topic::Iban),
        ("t", "password_hash text", Topic::PasswordHash),
    ] {
        let found = inferred(table, declared, &[], false);
        assert_eq!(topic_of(&found.source), Some(topic), "{declared}");
        assert!(found.reason.starts_with("named"), "{}", found.reason);
    }
    let status = inferred("t", "email_status text", &[], false);
    assert!(matches!(status.source, Source::Choice(_)), "{status:?}");
    let deleted = inferred("t", "deleted_at timestamp with time zone", &[], false);
    assert!(deleted.nulls > 0.8);
    assert_eq!(inferred("t", "note text not null", &[], false).nulls, 0.0);
}

#[test]
fn constraints_win_over_names() {
    let text = |text: &str| Value::text(text.to_owned());
    for (declared, says) in [
        (
            "price numeric(8,2) not null",
            vec![Says::AtLeast(Value::Int(5000), false)],
        ),
        (
            "age integer not null",
            vec![Says::AtMost(Value::Int(10), true)],
        ),
        ("age integer not null", vec![Says::MultipleOf(7)]),
        (
            "email text not null",
            vec![Says::OneOf(vec![text("a"), text("b")])],
        ),
        (
            "status text not null",
            vec![Says::NoneOf(vec![text("active")])],
        ),
        ("code text not null", vec![Says::Length(3, 3)]),
        (
            "born date not null",
            vec![Says::AtLeast(Value::Date(9000), true)],
        ),
    ] {
        let facts: Vec<Fact> = says.into_iter().map(fact).collect();
        let found = inferred("t", declared, &facts, false);
        let kind = ColumnType::of(&Catalog::default(), &of("t", declared).data_type).base;
        let key = StreamKey::new(9, "t", "c");
        let make = found.source.compile(&kind, key).unwrap();
        let demands = Demands::new(&facts);
        let size = make.size().unwrap().min(500);
        let good = (0..500)
            .map(|row| make.draw(&mut key.row(row, 0), &Nothing))
            .chain((0..size).map(|index| make.nth(index, &Nothing)))
            .all(|value| demands.fulfilled(&value));
        assert!(good, "{declared}: {found:?}");
    }
}

#[test]
fn a_unique_column_has_values_enough() {
    let found = inferred("t", "colour text not null", &[], true);
    let make = found.source.compile(
        &crate::generate::pg_type::PgType::Text(None),
        StreamKey::new(1, "t", "c"),
    );
    let make = make.unwrap();
    let all: BTreeSet<String> = (0..1000)
        .map(|index| format!("{:?}", make.nth(index, &Nothing)))
        .collect();
    assert_eq!(all.len(), 1000, "{found:?}");
}

#[test]
fn an_address_goes_with_the_name_of_the_row() {
    let email = of("users", "email text not null");
    let neighbours = [
        Neighbour {
            place: 1,
            name: "first_name",
        },
        Neighbour {
            place: 2,
            name: "last_name",
        },
        Neighbour {
            place: 3,
            name: "email",
        },
    ];
    let found = column(&About {
        table: "users",
        column: &email,
        kind: &crate::generate::pg_type::PgType::Text(None),
        facts: &[],
        not_null: true,
        unique: true,
        rows: 1000,
        neighbours: &neighbours,
        locale: Locale::En,
        today: TODAY,
    })
    .unwrap();
    let Source::Template { pieces, .. } = found.source else {
        panic!("{found:?}");
    };
    assert_eq!(pieces[0], Piece::Plain(1));
    assert_eq!(pieces[2], Piece::Plain(2));
}

#[test]
fn years_follow_the_run() {
    // TODAY is in May 2025; ten years later all is ten years later.
    let later = TODAY + 3652 * 86_400_000_000;
    for (today, declared, years) in [
        (TODAY, "year integer not null", (1990, 2025)),
        (TODAY, "birth_year integer not null", (1940, 2006)),
        (later, "year integer not null", (2000, 2035)),
        (later, "birth_year integer not null", (1950, 2016)),
    ] {
        let found = inferred_on(today, "t", declared, (&[], false)).source;
        let Source::Whole { min, max, .. } = found else {
            panic!("{found:?}");
        };
        assert_eq!((min, max), years, "{declared}");
    }
    assert_eq!(super::by_type::year(820_540_800_000_000), 2026);
    assert_eq!(super::by_type::year(820_540_799_999_999), 2025);
}

/// Columns of real applications (Rails, Django, Discourse, GitLab, Magento, Odoo), by what they hold.
#[cfg(test)]
const BY_LAST_WORDS: &[(&str, Topic)] = &[
    (
        "email user_email contact_email_address billing_email unconfirmed_email notification_email \
             from_email customer_email",
        Topic::Email,
    ),
    (
        "city address_city billing_city shipping_address_city home_town",
        Topic::City,
    ),
    (
        "zip postal_code address_zip billing_postcode shipping_zip_code",
        Topic::PostalCode,
    ),
    (
        "country address_country shipping_country billing_address_country country_name",
        Topic::Country,
    ),
    (
        "street address billing_address street_address shipping_address_line1",
        Topic::Street,
    ),
    (
        "phone mobile contact_phone phone_number mobile_phone_number home_phone fax",
        Topic::Phone,
    ),
    (
        "company organization billing_company employer",
        Topic::Company,
    ),
    (
        "ip ip_address last_sign_in_ip remote_ip current_sign_in_ip client_ip_address",
        Topic::Address,
    ),
    ("user_agent browser_user_agent", Topic::UserAgent),
    ("first_name given_name customer_firstname", Topic::FirstName),
    (
        "last_name surname family_name billing_lastname",
        Topic::LastName,
    ),
    ("username user_name login nickname", Topic::UserName),
    (
        "encrypted_password password_hash password_digest",
        Topic::PasswordHash,
    ),
];

#[test]
fn the_last_words_of_a_name_decide() {
    for (names, topic) in BY_LAST_WORDS {
        for name in names.split_whitespace() {
            let found = inferred("t", &format!("{name} text"), &[], false).source;
            assert_eq!(topic_of(&found), Some(*topic), "{name}: {found:?}");
        }
    }
    // What only speaks of an address, a phone or an account is none.
    for name in [
        "email_status phone_type address_type email_verified_by country_code city_id_hash",
        "email_notifications_enabled phone_verified account_number account_type street_number",
    ]
    .iter()
    .flat_map(|line| line.split_whitespace())
    {
        let found = inferred("t", &format!("{name} text"), &[], false).source;
        let personal = [
            Topic::Email,
            Topic::Phone,
            Topic::Street,
            Topic::City,
            Topic::Country,
            Topic::Iban,
        ];
        assert!(
            !matches!(&found, Source::Known { topic, .. } if personal.contains(topic)),
            "{name}: {found:?}"
        );
    }
}

/// What a source gives, whether other columns agree with it or not.
fn topic_of(source: &Source) -> Option<Topic> {
    use crate::generate::source::Agreed;
    use crate::world::PlacePart;
    Some(match source {
        Source::Known { topic, .. } => *topic,
        Source::Agreed { what, .. } => match what {
            Agreed::GivenName => Topic::FirstName,
            Agreed::Gender { female, .. } if female == "Ms." => Topic::Title,
            Agreed::Gender { .. } => Topic::Gender,
            Agreed::Place(PlacePart::City) => Topic::City,
            Agreed::Place(PlacePart::PostalCode) => Topic::PostalCode,
            Agreed::Place(PlacePart::Region) => Topic::State,
            Agreed::Place(PlacePart::RegionCode) => Topic::StateCode,
            Agreed::Place(PlacePart::Country) => Topic::Country,
            Agreed::Place(PlacePart::CountryCode) => Topic::CountryCode,
        },
        _ => return None,
    })
}
