//! Masks inside of values: elements, bounds, attributes, keys and paths, on a real copy whose gate
//! masks the source again. What the masks write must be what the server stores and sends back.

use tidegate::masking::{Mask, Rule};

use super::stage::{Stage, rows};

/// The mask of a rule as a policy writes it.
fn mask(rule: &str) -> Mask {
    let table: toml::Table = toml::from_str(&format!("a = {rule}")).unwrap();
    Rule::from_toml(&table["a"]).unwrap().mask
}

const PARTS: &str = "
create extension hstore;
create schema \"o dd\";
create type \"o dd\".mood as enum ('sad', 'ok', 'happy');
create domain tag as varchar(12) check (value <> 'never');
create type geo as (lat numeric(8,4), moods \"o dd\".mood[]);
create type home as (street text, no int, at geo, tags tag[]);
create type span as range (subtype = float8);
create table stays (
    id int primary key, kind text not null, ints int[], days date[], ids uuid[], nets inet[], tags tag[], moods \"o dd\".mood[],
    homes home[], home home, during daterange, hours tstzrange, amount int4range, price numrange, many datemultirange,
    money int4multirange, free span, frees span_multirange, h hstore, x xml, who text);
insert into stays select i, case when i % 3 = 0 then 'company' else 'person' end,
    case when i % 7 = 0 then '{}' when i % 5 = 0 then format('[-2:-1][3:4]={{%s,NULL},{7,8}}', i)::int[] else array[i, null, -i] end,
    array[date '1990-01-01' + i, 'infinity', null], array[gen_random_uuid()], array['10.1.2.3'::inet + i, '2001:db8::1'],
    array['tag ' || i, null]::tag[], array['ok', null, 'sad']::\"o dd\".mood[],
    array[('Lane ' || i, i, (i + 0.5, '{ok}'), '{a,b}')::home, null], ('Lane ' || i, null, (i / 7.0, array['ok']::\"o dd\".mood[]), array['t' || i])::home,
    case when i % 4 = 0 then 'empty' when i % 4 = 1 then daterange(null, '2020-01-01') else daterange(date '2020-01-01' + i, date '2020-01-08' + 2 * i) end,
    tstzrange(timestamptz '2021-05-05 10:00+00' + make_interval(hours => i), timestamptz '2022-01-01 00:00+00' + make_interval(hours => i), '(]'),
    int4range(i, i + 1 + i % 40), numrange(i / 3.0, i, '[]'),
    case when i % 6 = 0 then '{}'::datemultirange else datemultirange(daterange(date '2020-01-01', date '2020-01-05' + i), daterange(date '2024-01-01' + i, null)) end,
    int4multirange(int4range(i, i + 3), int4range(i + 5, i + 8), int4range(i + 90, i + 99)), span(i, i + 0.25), span_multirange(span(i, i + 2), span(i + 3, i + 4)),
    hstore(array['phone', '+49 30 90182' || i, 'lang', 'de', 'n', null]),
    format('<p id=\"%s\" n=\"N%s\"><mail>p%s@mail.example</mail><!-- P%s --><b>B &amp; %s</b></p>', i, i, i, i, i)::xml,
    'p' || i || '@mail.example'
    from generate_series(1, 300) i;
insert into stays (id, kind) values (0, 'person');
";

const RULES: &[(&str, &str)] = &[
    ("stays.ints", "\"permute\""),
    (
        "stays.days",
        "{ mask = \"shift_days\", max = 30, per = \"id\" }",
    ),
    ("stays.ids", "\"uuid\""),
    ("stays.nets", "\"ip\""),
    ("stays.tags", "\"permute\""),
    ("stays.moods", "{ mask = \"enum\", with = \"id\" }"),
    (
        "stays.homes",
        "{ street = \"address\", no = \"permute\", tags = \"hash\", at = { lat = { mask = \"range\", step = 1 }, moods = \"enum\" } }",
    ),
    (
        "stays.home",
        "{ attributes = { street = \"hash\", no = \"keep\", tags = \"redact\", at = { attributes = { lat = { mask = \"noise\", percent = 10 }, moods = \"null\" } } } }",
    ),
    ("stays.during", "{ mask = \"shift_days\", max = 30 }"),
    ("stays.hours", "{ mask = \"truncate\", to = \"month\" }"),
    ("stays.amount", "{ mask = \"range\", step = 10 }"),
    ("stays.price", "{ mask = \"noise\", percent = 20 }"),
    (
        "stays.many",
        "{ mask = \"shift_days\", max = 9, per = \"id\" }",
    ),
    ("stays.money", "{ mask = \"range\", step = 7 }"),
    ("stays.free", "{ mask = \"noise\", percent = 5 }"),
    ("stays.frees", "{ mask = \"top_coding\", max = 200 }"),
    (
        "stays.h",
        "{ hstore = { phone = \"phone\", \"l*\" = \"keep\" } }",
    ),
    (
        "stays.x",
        "{ xml = { \"/p/mail\" = \"email\", \"/p/@id\" = \"keep\" } }",
    ),
    (
        "stays.who",
        "{ when = \"kind = 'person'\", then = \"email\", otherwise = \"keep\" }",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn m7_parts_of_values_are_masked_and_recomputed() {
    let stage = Stage::new(PARTS);
    let rules: Vec<_> = RULES
        .iter()
        .map(|(name, rule)| (*name, mask(rule)))
        .collect();
    let outcome = stage.copy(&rules, true).await.unwrap();
    assert!(outcome.gate.passed, "{:?}", outcome.gate);
    let told = |sql: &'static str| {
        let stage = &stage;
        async move { (rows(stage.source.name(), sql).await, stage.rows(sql).await) }
    };
    // What must stay: dimensions, nulls, emptiness, lengths, order.
    for sql in [
        "select id, array_dims(ints), array_positions(ints, null) from stays where array_ndims(ints) = 1 or ints is null order by id",
        "select id, array_dims(ints), ints[-2][4] from stays where array_ndims(ints) = 2 order by id",
        "select id, days[2], days[3], days[1] is null, cardinality(tags), tags[2], moods[2] from stays order by id",
        "select id, family(nets[1]), family(nets[2]), cardinality(homes), homes[2] is null, (home).no, ((home).at).moods is null and id < 0 from stays order by id",
        "select id, isempty(during), lower_inf(during), upper(during) - lower(during), isempty(hours), isempty(amount), isempty(price) from stays order by id",
        "select id, isempty(many), upper_inf(many), (select count(*) from unnest(many)) from stays order by id",
        "select id, h -> 'lang', h -> 'n', akeys(h), xpath('/p/@id', x)::text from stays order by id",
        "select id, who from stays where kind = 'company' order by id",
    ] {
        let (raw, masked) = told(sql).await;
        assert_eq!(masked, raw, "{sql}");
    }
    // What must not.
    for (what, filter) in [
        ("ints[1]", "array_ndims(ints) = 1"),
        ("days[1]", "id > 0"),
        ("ids[1]", "id > 0"),
        ("nets[1]", "id > 0"),
        ("tags[1]", "id > 0"),
        ("homes[1].street", "id > 0"),
        ("((homes[1]).at).lat", "id > 0"),
        ("(home).street", "id > 0"),
        ("((home).at).lat", "id > 0"),
        ("lower(during)", "not lower_inf(during)"),
        ("hours", "id > 0"),
        ("upper(price)", "id > 10"),
        ("many", "not isempty(many)"),
        ("free", "id > 0"),
        ("h -> 'phone'", "id > 0"),
        ("xpath('/p/mail/text()', x)::text", "id > 0"),
        ("xpath('/p/@n', x)::text", "id > 0"),
        ("who", "kind = 'person' and id > 0"),
    ] {
        let sql = format!("select id || ' ' || ({what})::text from stays where {filter}");
        let raw = stage.source.rows(&sql);
        let masked = stage.rows(&sql).await;
        assert_eq!(masked.len(), raw.len(), "{what}");
        let same = masked.iter().filter(|value| raw.contains(value)).count();
        assert_eq!(same, 0, "{what}");
    }
    let gone = "select count(*) from stays where x::text like '%<!--%' or (homes[1]).tags[1] = 'a' or (home).tags <> '{}' or upper(free) < lower(free)";
    assert_eq!(stage.rows(gone).await, ["0"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attribute_without_a_rule_and_a_mask_out_of_order_stop_the_copy() {
    let stage = Stage::new(PARTS);
    for (column, rule, part) in [
        (
            "stays.home",
            "{ attributes = { street = \"hash\" } }",
            "no rule for the attribute \"no\"",
        ),
        ("stays.during", "\"permute\"", "order of bounds"),
        ("stays.moods", "\"email\"", "stays.moods[]"),
        (
            "stays.who",
            "{ when = \"kin = 'a'\", then = \"email\" }",
            "\"kin\"",
        ),
    ] {
        let error = stage
            .copy(&[(column, mask(rule))], false)
            .await
            .unwrap_err();
        assert_eq!(error.kind(), tidegate::error::Kind::MaskRule, "{error}");
        assert!(error.to_string().contains(part), "{error}");
    }
}
