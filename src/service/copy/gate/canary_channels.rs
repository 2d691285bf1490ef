//! Where canaries are planted.

use crate::masking::Class;
use crate::sql::{Ident, literal};

/// One canary.
#[derive(Debug)]
pub(super) struct Planting {
    /// `text column`.
    pub(super) channel: &'static str,
    pub(super) class: Class,
    pub(super) value: String,
    /// What plants it.
    pub(super) sql: String,
}

type Template = (&'static str, Class, &'static str);

/// `@S` is the scratch schema, `@V` the value as a literal, `@N` the value as it is (in numbers and
/// names alone), `@D` the database.
const TEMPLATES: &[Template] = &[
    (
        "text column",
        Class::Email,
        "create table @S.c1 as select 'to: ' || @V as t",
    ),
    (
        "name in a text",
        Class::PersonName,
        "create table @S.c2 as select 'Dear ' || @V || ', hello' as t",
    ),
    (
        "phone in a text",
        Class::Phone,
        "create table @S.c3 as select 'tel +' || @V || '.' as t",
    ),
    (
        "secret in a text",
        Class::Secret,
        "create table @S.c4 as select 'key=' || @V as t",
    ),
    (
        "account in a text",
        Class::Iban,
        "create table @S.c5 as select @V::text as t",
    ),
    (
        "number column",
        Class::CardNumber,
        "create table @S.c6 as select @N::numeric as n",
    ),
    (
        "json column",
        Class::Email,
        "create table @S.c7 as select json_build_object('a', json_build_array(@V::text)) as j",
    ),
    (
        "jsonb column",
        Class::PersonName,
        "create table @S.c8 as select jsonb_build_object('a', @V::text) as j",
    ),
    (
        "array column",
        Class::Email,
        "create table @S.c9 as select array['x', @V] as a",
    ),
    (
        "xml column",
        Class::Email,
        "create table @S.c10 as select xmlelement(name a, @V::text) as x",
    ),
    (
        "tsvector column",
        Class::PersonName,
        "create table @S.c11 as select to_tsvector('simple', @V) as v",
    ),
    (
        "bytea column",
        Class::Email,
        "create table @S.c12 as select convert_to(@V, 'UTF8') as b",
    ),
    (
        "composite column",
        Class::Email,
        "create type @S.pair as (a int, b text); create table @S.c13 as select row(1, @V)::@S.pair as p",
    ),
    (
        "domain column",
        Class::Secret,
        "create domain @S.d1 as text; create table @S.c14 as select @V::@S.d1 as d",
    ),
    (
        "generated column",
        Class::Email,
        "create table @S.c15 (a text, g text generated always as (a || '!') stored); insert into @S.c15 values (@V)",
    ),
    (
        "materialized view",
        Class::Email,
        "create materialized view @S.c16 as select @V::text as t",
    ),
    (
        "partition",
        Class::Email,
        "create table @S.c17 (a int, t text) partition by list (a); create table @S.c17a partition of @S.c17 for values in (1); insert into @S.c17 values (1, @V)",
    ),
    (
        "large object",
        Class::Email,
        "select set_config('tidegate.canary_object', lo_from_bytea(0, convert_to(@V, 'UTF8'))::text, true)",
    ),
    (
        "comment",
        Class::PersonName,
        "create table @S.o1 (a int); comment on table @S.o1 is @V",
    ),
    (
        "comment on a column",
        Class::Email,
        "create table @S.o2 (a int); comment on column @S.o2.a is @V",
    ),
    (
        "default",
        Class::Email,
        "create table @S.o3 (a text default @V)",
    ),
    (
        "value for old rows",
        Class::Email,
        "create table @S.o4 (a int); insert into @S.o4 values (1); alter table @S.o4 add b text default @V; alter table @S.o4 alter b drop default",
    ),
    (
        "check constraint",
        Class::Email,
        "create table @S.o5 (a text check (a <> @V))",
    ),
    (
        "function body",
        Class::PersonName,
        "create function @S.f1() returns text language sql as 'select ''@N'''",
    ),
    (
        "default of an argument",
        Class::Email,
        "create function @S.f2(a text default @V) returns text language sql as 'select a'",
    ),
    (
        "view",
        Class::Email,
        "create view @S.v1 as select @V::text as t",
    ),
    (
        "rule",
        Class::Email,
        "create table @S.o6 (a text); create rule r as on update to @S.o6 where new.a = @V do instead nothing",
    ),
    (
        "trigger argument",
        Class::Email,
        "create table @S.o7 (a text); create trigger t before update on @S.o7 for each row execute function suppress_redundant_updates_trigger(@V)",
    ),
    (
        "policy",
        Class::Email,
        "create table @S.o8 (a text); create policy p on @S.o8 using (a = @V)",
    ),
    (
        "index predicate",
        Class::Email,
        "create table @S.o9 (a text); create index on @S.o9 (a) where a <> @V",
    ),
    (
        "partition bound",
        Class::Email,
        "create table @S.o10 (a text) partition by list (a); create table @S.o10a partition of @S.o10 for values in (@V)",
    ),
    (
        "enum label",
        Class::PersonName,
        "create type @S.e1 as enum ('x', @V)",
    ),
    (
        "default of a domain",
        Class::Email,
        "create domain @S.d2 as text default @V",
    ),
    (
        "check of a domain",
        Class::Email,
        "create domain @S.d3 as text check (value <> @V)",
    ),
    (
        "statistics",
        Class::Email,
        "create table @S.s1 as select @V::text as t from generate_series(1, 20); analyze @S.s1; delete from @S.s1",
    ),
    (
        "extended statistics",
        Class::Email,
        "create table @S.s2 as select @V::text as t, 1 as n from generate_series(1, 20); create statistics @S.s2x (mcv) on t, n from @S.s2; analyze @S.s2; delete from @S.s2",
    ),
    (
        "sequence",
        Class::CardNumber,
        "create sequence @S.q1; select setval('@S.q1', @N)",
    ),
    (
        "options of a server",
        Class::Email,
        "create foreign data wrapper @F; create server @F foreign data wrapper @F options (host @V)",
    ),
    (
        "user mapping",
        Class::Secret,
        "create foreign data wrapper @F; create server @F foreign data wrapper @F; create user mapping for public server @F options (password @V)",
    ),
    (
        "subscription",
        Class::Secret,
        "create subscription @F connection 'host=x.invalid password=@N' publication p with (connect = false, slot_name = none)",
    ),
    (
        "setting",
        Class::Secret,
        "alter database @D set tidegate.canary = @V",
    ),
    (
        "comment on the database",
        Class::Email,
        "comment on database @D is @V",
    ),
    (
        "object name",
        Class::Secret,
        "create table @S.\"@N\" (a int)",
    ),
    (
        "column name",
        Class::Secret,
        "create table @S.n2 (\"@N\" int)",
    ),
];

/// All canaries, each with a value of its own.
pub(super) fn plantings(
    schema: &Ident,
    database: &Ident,
    random: &mut dyn FnMut() -> u64,
) -> Vec<Planting> {
    TEMPLATES
        .iter()
        .map(|(channel, class, template)| {
            let value = value(*class, random);
            let unique = format!("\"tidegate_canary_{:016x}\"", random());
            let sql = template
                .replace("@S", &schema.to_string())
                .replace("@D", &database.to_string())
                .replace("@F", &unique)
                .replace("@V", &literal(&value))
                .replace("@N", &value);
            Planting {
                channel,
                class: *class,
                value,
                sql,
            }
        })
        .collect()
}

/// A random value of a class that no person has; letters and digits alone, but for addresses.
fn value(class: Class, random: &mut dyn FnMut() -> u64) -> String {
    match class {
        Class::Email => format!("c{:016x}@canary.invalid", random()),
        Class::PersonName => format!("{} {}", word(random()), word(random())),
        Class::Iban => format!("ZZ00{:016}", random() % 10_u64.pow(16)),
        Class::Secret => format!("c{:016x}{:08x}", random(), random() >> 32),
        _ => format!("9{:014}", random() % 10_u64.pow(14)),
    }
}

fn word(mut random: u64) -> String {
    let mut word = String::new();
    for _ in 0..10 {
        let letter = u8::try_from(random % 26).unwrap_or(0);
        word.push(char::from(b'a' + letter));
        random /= 26;
    }
    word
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::masking::leak::forms;

    #[test]
    fn every_canary_is_sought_and_no_two_are_alike() {
        let mut state = 1_u64;
        let mut random = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(99);
            state ^ state >> 29
        };
        let schema = Ident::new("s").unwrap();
        let all = plantings(&schema, &schema, &mut random);
        let mut values: Vec<_> = all.iter().map(|one| one.value.clone()).collect();
        values.sort();
        values.dedup();
        assert_eq!(values.len(), TEMPLATES.len());
        for one in &all {
            let mut count = 0;
            forms(one.class, &one.value, &mut |_, _| count += 1);
            assert!(count > 0, "{}", one.channel);
            assert!(one.sql.contains(&one.value), "{}", one.channel);
            assert!(!one.sql.contains('@') || one.sql.contains("@canary.invalid"));
        }
    }
}
