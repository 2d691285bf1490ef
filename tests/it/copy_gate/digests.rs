//! Unsalted digests of values that can be guessed are leaks like the values.

use tidegate::masking::{Class, Mask, MaskPlan};

use super::fixture::{plan, scan, scan_with, source, target};

/// Where the digest of which value is put, and the class.
const DIGESTS: &[(&str, &str, &str)] = &[
    (
        "update orders set remark = md5('912-34-5678') where id = 1",
        "orders.remark",
        "national-id",
    ),
    (
        "update orders set remark = 'h=' || upper(md5('912345678')) || ';'",
        "orders.remark",
        "national-id",
    ),
    (
        "update orders set remark = encode(sha256('+49301234567'), 'hex')",
        "orders.remark",
        "phone",
    ),
    (
        "update orders set remark = encode(sha256('4111111111111111'), 'base64')",
        "orders.remark",
        "card-number",
    ),
    (
        "update orders set remark = encode(decode(md5('bob.stone@corp.example'), 'hex'), 'base64')",
        "orders.remark",
        "email",
    ),
    (
        "update orders set doc = jsonb_build_object('k', md5('ann.miller@corp.example'))",
        "orders.doc",
        "email",
    ),
    (
        "alter table orders add b bytea; update orders set b = sha256('DE02120300000000202051')",
        "orders.b",
        "iban",
    ),
    (
        "alter table orders add a text[]; update orders set a = array['x', md5('5500000000000004')]",
        "orders.a",
        "card-number",
    ),
    (
        "create table left_over as select md5('987654321') as old",
        "left_over.old",
        "national-id",
    ),
    // A mask that the policy wrote in SQL.
    (
        "update users set ssn = md5('912-34-5678') where id = 1",
        "users.ssn",
        "national-id",
    ),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn m7_digests_of_raw_values_turn_the_gate_red() {
    for (sql, place, class) in DIGESTS {
        let (source, target) = (source(), target());
        target.execute(sql);
        let scanned = scan(&source, &target).await;
        let place = format!("{place} (unsalted digest)");
        let found = scanned.leaks.iter().find(|leak| leak.place == place);
        let found = found
            .and_then(|leak| leak.class)
            .map(|class| class.to_string());
        assert_eq!(found.as_deref(), Some(*class), "{sql}: {scanned:?}");
        assert_eq!(scanned.leaks.len(), 1, "{sql}: {scanned:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn m7_other_digests_and_keyed_ones_are_no_leaks() {
    let (source, target) = (source(), target());
    target.execute(
        "update orders set remark = md5('somebody else');
         update users set token = md5('912-34-5678') where id = 1",
    );
    let keyed = hashed(plan());
    let scanned = scan_with(&source, &target, &keyed).await;
    assert_eq!(
        scanned.leaks,
        [],
        "what a keyed mask makes is not looked up"
    );
    assert_eq!(scanned.digests_one_of, 1);
    let scanned = scan(&source, &target).await;
    assert_eq!(scanned.leaks.len(), 1, "{scanned:?}");
    assert_eq!(scanned.leaks[0].place, "users.token (unsalted digest)");
}

/// The token is masked by the keyed hash.
fn hashed(mut plan: MaskPlan) -> MaskPlan {
    let columns = plan.tables.iter_mut().flat_map(|table| &mut table.columns);
    for column in columns.filter(|column| column.class == Some(Class::Secret)) {
        column.rule =
            tidegate::masking::default_rule(Class::Secret, tidegate::masking::Shape::Text);
        assert!(
            matches!(column.rule.mask, Mask::Hash { .. }),
            "{:?}",
            column.rule
        );
    }
    plan
}
