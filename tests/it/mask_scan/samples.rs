//! Well-known sample databases, when they lie beside the checkout.

use super::{class, column, scan};
use crate::support::Database;

fn check(name: &str, personal: &[(&str, &str, &str)], harmless: &[(&str, &str)]) {
    let Some(database) = Database::sample(name) else {
        return;
    };
    let data = scan(&database);
    let found: Vec<String> = data["columns"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|c| !c["class"].is_null())
        .map(|c| {
            format!(
                "{}.{} {} {} {}",
                c["table"], c["column"], c["class"], c["confidence"], c["reason"]
            )
        })
        .collect();
    eprintln!("{}", found.join("\n"));
    for (table, name, wanted) in personal {
        assert_eq!(
            class(&data, table, name),
            *wanted,
            "{table}.{name}: {}",
            column(&data, table, name)
        );
    }
    for (table, name) in harmless {
        assert_eq!(
            class(&data, table, name),
            "-",
            "{table}.{name}: {}",
            column(&data, table, name)
        );
    }
}

#[test]
fn pagila() {
    check(
        "pagila",
        &[
            ("customer", "email", "email"),
            ("customer", "first_name", "first-name"),
            ("customer", "last_name", "last-name"),
            ("staff", "password", "password"),
            ("staff", "username", "user-name"),
            ("staff", "picture", "biometric"),
            ("address", "phone", "phone"),
            ("address", "address", "address"),
            ("address", "postal_code", "postal-code"),
            ("actor", "last_name", "last-name"),
        ],
        &[
            ("film", "title"),
            ("film", "description"),
            ("film", "release_year"),
            ("film", "rental_rate"),
            ("film", "special_features"),
            ("category", "name"),
            ("language", "name"),
            ("rental", "rental_date"),
            ("inventory", "film_id"),
        ],
    );
}

#[test]
fn chinook() {
    check(
        "chinook",
        &[
            ("customer", "email", "email"),
            ("customer", "first_name", "first-name"),
            ("customer", "phone", "phone"),
            ("employee", "birth_date", "birth-date"),
            ("employee", "last_name", "last-name"),
            ("invoice", "billing_address", "address"),
            ("invoice", "billing_postal_code", "postal-code"),
        ],
        &[
            ("album", "title"),
            ("genre", "name"),
            ("track", "milliseconds"),
            ("media_type", "name"),
            ("playlist", "name"),
            ("track", "name"),
        ],
    );
}

#[test]
fn northwind() {
    check(
        "northwind",
        &[
            ("customers", "contact_name", "person-name"),
            ("customers", "phone", "phone"),
            ("employees", "birth_date", "birth-date"),
            ("employees", "first_name", "first-name"),
            ("employees", "home_phone", "phone"),
            ("employees", "notes", "free-text"),
            ("employees", "photo", "biometric"),
            ("orders", "ship_address", "address"),
            ("orders", "ship_name", "person-name"),
        ],
        &[
            ("products", "product_name"),
            ("categories", "category_name"),
            ("categories", "description"),
            ("products", "unit_price"),
            ("orders", "order_date"),
            ("us_states", "state_name"),
        ],
    );
}
