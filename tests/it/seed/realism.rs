//! What a developer sees first: values that mean what their columns say.

use super::stage::{Stage, digests};

const CONTACT: &str = r"
create table contact (
    id serial primary key, first_name text not null, last_name text not null,
    email text not null unique check (email ~* '^[A-Z0-9._%+-]+@[A-Z0-9.-]+\.[A-Z]{2,}$'),
    work_email text not null check (work_email like '%@%.%'), url text not null check (url ~ '^https?://'),
    currency char(3) not null check (currency ~ '^[A-Z]{3}$'), phone text not null check (phone ~ '^\+[0-9]{7,15}$'),
    city text not null, zip text not null check (zip ~ '^[0-9]{5}$'),
    sku text not null check (sku ~ '^[A-Z]{2}-[0-9]{4}$'),
    digest text not null check (length(digest) = 64 and digest ~ '^[0-9a-f]+$'),
    key text not null unique check (length(key) between 20 and 24 and key ~ '^[a-z]*$'))";

/// A pattern that nearly every value of a name fulfils takes no meaning from the column.
#[test]
fn a_pattern_leaves_a_column_what_its_name_says() {
    let one = Stage::new(CONTACT);
    let args = ["--rows", "1500", "--seed", "9"];
    let first = one.run(args.into_iter().chain(["--workers", "1"]));
    let wrong = "select count(*) filter (where email not like lower(first_name) || '.%@example.%'),
        count(*) filter (where work_email not like '%@example.%'), count(*) filter (where url not like 'https://www.example%'),
        count(distinct currency) between 50 and 200, count(*) filter (where currency like 'XA%' and currency <> 'XAF'),
        count(*) filter (where phone !~ '^\\+(1[0-9]{3}55501|999)'), count(distinct city) > 20,
        count(*) filter (where length(digest) <> 64), count(distinct key) from contact";
    assert_eq!(one.database.rows(wrong), ["0|0|0|t|0|0|t|0|1500"]);
    // The rest of a place goes with its postal code still; countries share some.
    let apart =
        "select count(*) from (select from contact group by zip having count(distinct city) > 1) s";
    assert!(one.database.value::<i64>(apart) < 30);
    one.prove();
    let eight = Stage::new(CONTACT);
    let more = ["--workers", "8", "--chunk-rows", "100"];
    assert_eq!(
        digests(&first),
        digests(&eight.run(args.into_iter().chain(more)))
    );
    let plan = Stage::new(CONTACT).cli(["plan"]).data();
    let reason = |name: &str| {
        let columns = plan["tables"][0]["columns"].as_array().unwrap();
        let column = columns.iter().find(|column| column["name"] == name);
        column.unwrap()["reason"].as_str().unwrap().to_owned()
    };
    assert_eq!(reason("email"), "named \"email\"");
    assert_eq!(reason("sku"), "check \"contact_sku_check\"");
}

#[test]
fn what_happens_to_a_record_happens_after_it_began() {
    let stage = Stage::new(
        "create table invoice (id serial primary key, paid_on date, due_on date not null, issued_on date not null);
         create table orders (id serial primary key, created_at timestamptz not null, shipped_at timestamptz, delivered_at timestamptz,
            cancelled_at timestamptz);
         create table device (id serial primary key, installed_at timestamp not null, last_seen_at timestamp);
         create table users (id serial primary key, created_at timestamptz not null, last_login_at timestamptz, last_seen_on date not null);
         create table backwards (id serial primary key, created_at timestamptz not null, paid_at timestamptz not null, check (paid_at < created_at))",
    );
    stage.run(["--rows", "1000", "--seed", "3"]);
    for condition in [
        "invoice where paid_on < issued_on or due_on < issued_on",
        "orders where shipped_at < created_at or delivered_at < shipped_at or cancelled_at < created_at",
        "device where last_seen_at < installed_at",
        "users where last_login_at < created_at or last_seen_on < created_at::date",
        "backwards where paid_at >= created_at",
    ] {
        let sql = format!("select count(*) from {condition}");
        assert_eq!(stage.database.value::<i64>(&sql), 0, "{condition}");
    }
    let there = "select count(paid_on) > 500, (select count(shipped_at) > 500 from orders), (select count(last_login_at) > 500 from users) from invoice";
    assert_eq!(stage.database.rows(there), ["t|t|t"]);
    stage.prove();
}

#[test]
fn numbers_and_codes_are_of_the_size_that_their_names_say() {
    let stage = Stage::new(
        "create table t (id serial primary key, adults smallint not null, floor int not null, heart_rate int not null,
            probability numeric(3, 0) not null check (probability between 0 and 100), battery_level int not null check (battery_level between 0 and 100),
            number_of_employees int not null, base_rate numeric(8, 2) not null, annual_revenue numeric(18, 0) not null,
            country char(2) not null, nationality char(2) not null, price int not null, year smallint not null, percent int not null)",
    );
    stage.run(["--rows", "1000", "--seed", "3"]);
    let found = "select max(adults) between 2 and 10, max(floor) between 5 and 100, min(heart_rate) >= 30 and max(heart_rate) between 100 and 220,
        max(probability) > 50, max(battery_level) > 50, max(number_of_employees) between 100 and 100000, avg(base_rate) > 5, avg(annual_revenue) > 10000,
        count(distinct country) > 5 and bool_and(country ~ '^[A-Z]{2}$'), count(distinct nationality) > 20 and bool_and(nationality ~ '^[A-Z]{2}$'),
        max(price) < 100000, min(year) > 1900 and max(year) < 2100, max(percent) <= 100 from t";
    assert_eq!(stage.database.rows(found), ["t|t|t|t|t|t|t|t|t|t|t|t|t"]);
}

/// Ranges that exclude each other: a history of each, and not one after the other to the end of time.
#[test]
fn ranges_of_one_group_lie_around_today() {
    let stage = Stage::new(
        "create extension btree_gist;
         create table product (id int primary key);
         create table price (id serial primary key, product int not null references product, valid daterange not null,
            exclude using gist (product with =, valid with &&));
         create table booking (id serial primary key, room int not null, during tstzrange not null, exclude using gist (room with =, during with &&));
         create table stay (id serial primary key, bed int not null, since date not null, until date not null, check (until > since),
            exclude using gist (bed with =, daterange(since, until) with &&));
         create table alone (id serial primary key, valid daterange not null, exclude using gist (valid with &&))",
    );
    stage.run(["--rows", "20000", "--seed", "3", "--today", "2026-01-01"]);
    let found = "select (select count(*) from price) = 20000, (select count(distinct product) between 1000 and 6000 from price),
        (select min(lower(valid)) < '2026-01-01' and max(upper(valid)) > '2026-01-01' and max(upper(valid)) < '2028-01-01' from price),
        (select count(*) = 20000 and count(distinct room) between 20 and 8000 from booking),
        (select min(lower(during)) < '2026-01-01' and max(upper(during)) between '2026-01-02' and '2026-06-01' from booking),
        (select count(*) = 20000 and count(distinct bed) between 20 and 8000 and min(since) < '2026-01-01' and max(until) between '2026-01-02' and '2030-01-01' from stay),
        (select count(*) = 20000 and min(lower(valid)) < '2026-01-01' and max(upper(valid)) < '2066-01-01' from alone)";
    assert_eq!(stage.database.rows(found), ["t|t|t|t|t|t|t"]);
    stage.prove();
}
