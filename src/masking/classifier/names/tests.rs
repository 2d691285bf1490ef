use super::*;

fn class(table: &str, column: &str, data_type: &str) -> Option<Class> {
    by_name(&[ColumnName {
        table,
        column,
        data_type,
        comment: None,
    }])[0]
        .as_ref()
        .map(|finding| finding.class)
}

#[test]
fn personal_columns_of_many_languages_and_applications() {
    use Class as C;
    for (table, column, wanted) in [
        ("users", "first_name", C::FirstName),
        ("kunden", "Nachname", C::LastName),
        ("clients", "date_naissance", C::BirthDate),
        ("clientes", "telefono_casa", C::Phone),
        ("kunden", "strasse", C::Address),
        ("kunden", "ort", C::City),
        ("kunden", "plz", C::PostalCode),
        ("klienci", "imie", C::FirstName),
        ("klienci", "numer_telefonu", C::Phone),
        ("anvandare", "personnummer", C::NationalId),
        ("medewerkers", "geboortedatum", C::BirthDate),
        ("dipendenti", "codice_fiscale", C::NationalId),
        ("funcionarios", "cpf", C::NationalId),
        ("employees", "ssn", C::NationalId),
        ("patients", "nhs_number", C::NationalId),
        ("staff", "nino", C::NationalId),
        ("auth_user", "password", C::Password),
        ("users", "encrypted_password", C::Password),
        ("users", "otp_secret", C::Secret),
        ("django_session", "session_key", C::Secret),
        ("user_ips", "ip", C::IpAddress),
        ("access_log", "remote_addr", C::IpAddress),
        ("sessions", "user_agent", C::UserAgent),
        ("payments", "card_last4", C::CardNumber),
        ("accounts", "iban", C::Iban),
        ("accounts", "bic", C::BankAccount),
        ("users", "avatar", C::Biometric),
        ("users", "bio", C::FreeText),
        ("customers", "name", C::PersonName),
        ("orders", "customer_name", C::PersonName),
        ("orders", "shippingAddress", C::Address),
        ("x", "customeremail", C::Email),
        ("messages", "body", C::FreeText),
        ("events", "sender", C::Email),
        ("employees", "salary", C::Money),
        ("patients", "diagnosis", C::Health),
        ("users", "religion", C::Sensitive),
        ("person", "weiblich_geschlecht", C::Gender),
        ("users", "id", C::PseudonymousId),
        ("orders", "customer_id", C::PseudonymousId),
    ] {
        assert_eq!(
            class(table, column, "text"),
            Some(wanted),
            "{table}.{column}"
        );
    }
    assert_eq!(class("log", "src", "inet"), Some(C::IpAddress));
    assert_eq!(class("audits", "changes", "jsonb"), Some(C::Document));
}

#[test]
fn what_looks_alike_and_is_not_personal() {
    for (table, column, data_type) in [
        ("products", "name", "text"),
        ("film", "title", "text"),
        ("users", "created_at", "timestamp"),
        ("users", "email_verified", "boolean"),
        ("users", "email_status", "text"),
        ("users", "has_phone", "boolean"),
        ("users", "password_changed_at", "timestamptz"),
        ("users", "email_count", "int"),
        ("orders", "status", "text"),
        ("orders", "id", "bigint"),
        ("orders", "product_id", "bigint"),
        ("schools", "postcode", "text"),
        ("schools", "address_1", "text"),
        ("plans", "settings", "jsonb"),
        ("users", "email", "boolean"),
        ("teachers", "email_domain", "text"),
        ("roles", "description", "text"),
        ("files", "mime_type", "text"),
    ] {
        assert_eq!(class(table, column, data_type), None, "{table}.{column}");
    }
}

#[test]
fn columns_beside_and_comments_tell() {
    let column = |column| ColumnName {
        table: "support_requests_x",
        column,
        data_type: "text",
        comment: None,
    };
    let found = by_name(&[column("name"), column("email")]);
    assert_eq!(found[0].as_ref().map(|f| f.class), Some(Class::PersonName));
    let comment = ColumnName {
        table: "t",
        column: "c1",
        data_type: "text",
        comment: Some("the customer's e-mail address"),
    };
    let found = by_name(&[comment]);
    assert_eq!(found[0].as_ref().map(|f| f.class), Some(Class::Email));
    assert!(
        found[0]
            .as_ref()
            .is_some_and(|f| f.reason.contains("comment"))
    );
}

/// Columns of real applications that their own teams labelled, when the list is there.
#[test]
fn labelled_columns_of_real_applications() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../shared/data/pii-columns.tsv"
    );
    let Ok(text) = std::fs::read_to_string(path) else {
        eprintln!("skipped: {path} is not there");
        return;
    };
    let rows: Vec<Vec<&str>> = text
        .lines()
        .skip(1)
        .map(|line| line.split('\t').collect())
        .collect();
    let (mut hit, mut missed, mut alarm) = (0_u32, Vec::new(), Vec::new());
    for group in rows.chunk_by(|a, b| a[..2] == b[..2]) {
        let columns: Vec<ColumnName<'_>> = group
            .iter()
            .map(|row| ColumnName {
                table: row[1],
                column: row[2],
                data_type: row[3],
                comment: None,
            })
            .collect();
        for (row, finding) in group.iter().zip(by_name(&columns)) {
            let name = format!("{}.{}", row[1], row[2]);
            match (row[4] == "pii", finding) {
                (true, Some(_)) => hit += 1,
                (true, None) => missed.push(name),
                (false, Some(finding)) => alarm.push(format!("{name} {}", finding.class)),
                (false, None) => {}
            }
        }
    }
    let (hits, missing, alarms) = (f64::from(hit), missed.len() as f64, alarm.len() as f64);
    let (recall, precision) = (hits / (hits + missing), hits / (hits + alarms));
    eprintln!("recall {recall:.3} precision {precision:.3}\nmissed {missed:?}\nfalse {alarm:?}");
    assert!(recall >= 0.85, "recall {recall}: {missed:?}");
    assert!(precision >= 0.45, "precision {precision}: {alarm:?}");
}
