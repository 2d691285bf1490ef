//! Tenants: volumes by weight, and references that stay inside of one.

use super::stage::{Stage, digests};

/// Keys that show the tenant and keys that do not, a table that is counted by parent, one that refers to
/// itself, pairs, and a tenant that refers to a row of its own.
const SCHEMA: &str = "
create table account (id int generated always as identity primary key, name text not null, owner_id bigint);
create table currency (code text primary key);
create table member (id bigint generated always as identity primary key, account_id int not null references account,
    email text not null unique, boss_id bigint references member);
alter table account add constraint account_owner foreign key (owner_id) references member;
create table product (account_id int not null references account, number int not null, name text not null, currency text not null references currency,
    primary key (account_id, number), unique (account_id, name));
create table role (id int primary key, account_id int references account);
create table grant_of_role (member_id bigint references member, role_id int references role, primary key (member_id, role_id));
create table profile (member_id bigint primary key references member, bio text);
create table purchase (id bigint generated always as identity primary key, account_id int not null references account,
    member_id bigint not null references member, product int not null, at timestamptz not null,
    foreign key (account_id, product) references product (account_id, number));
create table line (purchase_id bigint references purchase, place int, account_id int not null references account, product int not null,
    taken_by bigint references member, primary key (purchase_id, place),
    foreign key (account_id, product) references product (account_id, number));
create table folder (id bigint generated always as identity primary key, account_id int not null references account, up bigint references folder);
";

const SPEC: &str = r#"
version = 1
[tenancy]
table = "account"
volume = { zipf = { min = 1, max = 400, exponent = 1.1 } }
[tables.account]
rows = 40
[tables.currency]
rows = 5
[tables.member]
rows = 3000
[tables.product]
rows = 2000
[tables.role]
rows = 200
[tables.grant_of_role]
rows = 1500
[tables.profile]
rows = 3000
[tables.purchase]
rows = 6000
[tables.line]
per = { parent = "purchase", count = { uniform = { min = 0, max = 4 } } }
[tables.folder]
rows = 2000
columns.up = { tree = { roots = 2, children = 3, depth = 4 } }
"#;

fn stage(spec: &str) -> Stage {
    let stage = Stage::new(SCHEMA);
    stage.project.write("seeds/tenants.toml", spec);
    stage
}

#[test]
fn rows_of_a_tenant_refer_to_each_other_alone() {
    let stage = stage(SPEC);
    let data = stage.run(["--seed", "4", "--chunk-rows", "500"]);
    stage.prove();
    let rows = "select (select count(*) from member), (select count(*) from product), (select count(*) from grant_of_role), (select count(*) from profile),
        (select count(*) from purchase), (select count(*) from folder), (select count(*) between 11000 and 13000 from line)";
    assert_eq!(
        stage.database.rows(rows),
        ["3000|2000|1500|3000|6000|2000|t"]
    );
    let foreign = "select
        (select count(*) from account a join member m on m.id = a.owner_id where m.account_id <> a.id),
        (select count(*) from member m join member b on b.id = m.boss_id where b.account_id <> m.account_id),
        (select count(*) from grant_of_role g join member m on m.id = g.member_id join role r on r.id = g.role_id where m.account_id <> r.account_id),
        (select count(*) from purchase p join member m on m.id = p.member_id where m.account_id <> p.account_id),
        (select count(*) from line l join purchase p on p.id = l.purchase_id where p.account_id <> l.account_id),
        (select count(*) from line l join member m on m.id = l.taken_by where m.account_id <> l.account_id),
        (select count(*) from folder f join folder u on u.id = f.up where u.account_id <> f.account_id)";
    assert_eq!(stage.database.rows(foreign), ["0|0|0|0|0|0|0"]);
    // They refer to somebody, not to nobody or always to the same.
    let spread = "select (select count(boss_id) > 2400 and count(distinct boss_id) > 900 from member), (select count(distinct role_id) > 100 from grant_of_role),
        (select count(taken_by) > 9000 from line), (select count(owner_id) > 30 from account), (select count(*) from role where account_id is null)";
    assert_eq!(stage.database.rows(spread), ["t|t|t|t|0"]);
    volumes(&stage);
    let levels = "with recursive t as (select id, account_id, 0 as level from folder where up is null
            union all select f.id, f.account_id, t.level + 1 from folder f join t on f.up = t.id)
        select count(*), max(level), (select max(n) from (select count(*) as n from folder where up is not null group by up) c) from t";
    assert_eq!(stage.database.rows(levels), ["2000|4|3"]);
    let workers = self::stage(SPEC);
    let other = workers.run(["--seed", "4", "--workers", "6", "--chunk-rows", "171"]);
    assert_eq!(digests(&data), digests(&other));
}

/// Large in one table is large in all, by a distribution that is far from even.
fn volumes(stage: &Stage) {
    let counts = "with m as (select account_id, count(*)::float8 n from member group by 1), p as (select account_id, count(*)::float8 n from purchase group by 1)
        select corr(m.n, p.n) > 0.99, max(m.n) / avg(m.n) > 4, count(*), max(abs(p.n / m.n - 2)) filter (where m.n > 40) < 0.25 from m join p using (account_id)";
    assert_eq!(stage.database.rows(counts), ["t|t|40|t"]);
    let numbers = "select max(number), count(*) from product group by account_id having count(*) - 1 <> max(number) - min(number)";
    assert_eq!(stage.database.rows(numbers), Vec::<String>::new());
}

#[test]
fn what_tenants_cannot_have_is_refused() {
    for (spec, code, says) in [
        (
            "[tenancy]\ntable = \"acount\"\n",
            "TG0901",
            "there is no table \"acount\"",
        ),
        (
            "[tenancy]\ntable = \"account\"\ncolumn = \"nope\"\n",
            "TG0901",
            "no table has a column \"nope\"",
        ),
        (
            "[tenancy]\ntable = \"account\"\nsize = 3\n",
            "TG0901",
            "unknown field",
        ),
        (
            "[tenancy]\ntable = \"account\"\nvolume = { poisson = { mean = -1.0 } }\n",
            "TG0901",
            "mean must be more than 0",
        ),
        (
            "[tenancy]\ntable = \"account\"\n[tables.account]\nrows = 300\n[tables.product]\nrows = 100\n[tables.purchase]\nrows = 1000\n",
            "TG0902",
            "refers to 100 rows, fewer than the 300 tenants",
        ),
        (
            "[tenancy]\ntable = \"account\"\n[tables.account]\nrows = 10\n[tables.role]\nrows = 10\n[tables.member]\nrows = 20\n[tables.grant_of_role]\nrows = 500\n",
            "TG0902",
            "\"grant_of_role_pkey\" has room for",
        ),
        (
            "[tenancy]\ntable = \"member\"\n[tables.line]\nrows = 10\n",
            "TG0901",
            "several foreign keys refer to member",
        ),
    ] {
        let stage = stage(&format!("version = 1\n{spec}"));
        let schema = "alter table line add column given_by bigint references member";
        stage.database.execute(schema);
        let outcome = stage.cli(["plan", "--format", "json"]).exits(2);
        let error = outcome.error();
        let message = error["message"].as_str().unwrap();
        assert_eq!(error["code"], code, "{spec}: {message}");
        assert!(message.contains(says), "{spec}: {message}");
    }
    let stage = stage(SPEC);
    stage.run(["--seed", "4"]);
    let outcome = stage
        .cli(["run", "--seed", "4", "--extend", "--format", "json"])
        .run();
    let message = outcome.error()["message"].as_str().unwrap().to_owned();
    assert!(
        message.contains("rows cannot be added to tenants"),
        "{message}"
    );
}
