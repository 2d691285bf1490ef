//! A database, its project, and what must hold after a seeding.

use serde_json::Value;

use crate::support::{Cli, Database, Project};

pub(super) struct Stage {
    pub(super) database: Database,
    pub(super) project: Project,
}

/// A schema with what makes loads hard: a cycle, a reference to itself, a composite key, an index
/// with a condition, comments, triggers, checks, partitions, a view that needs a key.
pub(super) const HARD: &str = "
create type mood as enum ('sad', 'fine', 'glad');
create table team (id int generated always as identity primary key, name text not null unique, lead int);
create table person (
    id bigserial primary key, team_id int not null references team, boss_id bigint references person,
    email text not null constraint person_email unique deferrable initially deferred,
    age int check (age between 18 and 99), mood mood, born date, note varchar(20),
    created_at timestamptz not null default now());
alter table team add constraint team_lead foreign key (lead) references person (id) deferrable;
comment on constraint team_lead on team is 'one of its own';
create index person_grown on person (lower(email)) where age > 30;
comment on index person_grown is 'the grown';
create table seat (team_id int references team on delete cascade, place int, person_id bigint not null references person,
    primary key (team_id, place));
create table visit (id bigint generated always as identity, at date not null, person_id bigint references person,
    primary key (id, at)) partition by range (at);
create table visit_old partition of visit for values from (minvalue) to ('2025-06-01');
create table visit_new partition of visit for values from ('2025-06-01') to (maxvalue);
create index visit_person on visit (person_id);
create table log (id int, what text);
create function note() returns trigger language plpgsql as $$ begin
    insert into public.log values (1, tg_op); return null; end $$;
create trigger note after insert on person for each row execute function note();
create trigger asleep after insert on person for each row execute function note();
alter table person disable trigger asleep;
create materialized view moods as select mood, count(*) from person group by 1;
create view people as select p.id, p.email, count(s.place) from person p left join seat s on s.person_id = p.id group by p.id;
";

impl Stage {
    pub(super) fn new(schema: &str) -> Self {
        let database = Database::new();
        database.execute(schema);
        Self::of(database)
    }

    pub(super) fn of(database: Database) -> Self {
        let project = Project::new(&database);
        Self { database, project }
    }

    pub(super) fn cli<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Cli {
        self.project.tidegate(["seed"]).args(args)
    }

    /// `seed run` with these arguments; the `data` of its document.
    pub(super) fn run<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Value {
        self.cli(["run"]).args(args).data()
    }

    /// The schema as text: what a load must leave as it was.
    pub(super) fn schema(&self) -> Vec<String> {
        self.database.rows(
            "select 'c', conrelid::regclass::text, conname, pg_get_constraintdef(oid), convalidated::text,
                coalesce(obj_description(oid, 'pg_constraint'), '') from pg_constraint where connamespace::regnamespace::text <> 'tidegate' and conrelid <> 0
             union all select 'i', indrelid::regclass::text, indexrelid::regclass::text, pg_get_indexdef(indexrelid), indisvalid::text,
                coalesce(obj_description(indexrelid, 'pg_class'), '') from pg_index
                where indrelid in (select oid from pg_class where relnamespace::regnamespace::text not in ('pg_catalog', 'tidegate', 'pg_toast'))
             union all select 't', tgrelid::regclass::text, tgname, pg_get_triggerdef(oid), tgenabled::text, '' from pg_trigger
                where not tgisinternal and tgrelid in (select oid from pg_class where relnamespace::regnamespace::text <> 'tidegate')
             order by 1, 2, 3, 4",
        )
    }

    /// Checks every constraint of the database against its rows, whatever the catalog says.
    pub(super) fn prove(&self) {
        let open = self.database.rows(
            "select conrelid::regclass::text, conname from pg_constraint where not convalidated",
        );
        assert_eq!(open, Vec::<String>::new());
        // A constraint that is made not valid and validated again is checked row by row.
        let again = self.database.rows(
            "select format('alter table %s drop constraint %I; alter table %s add constraint %I %s',
                conrelid::regclass, conname, conrelid::regclass, conname, pg_get_constraintdef(oid))
             from pg_constraint where contype in ('f', 'c') and coninhcount = 0 and conparentid = 0 and conrelid <> 0
               and connamespace::regnamespace::text <> 'tidegate'",
        );
        for sql in again {
            self.database.execute(&sql);
        }
        let indexes = self.database.rows(
            "select format('reindex index %s', indexrelid::regclass) from pg_index join pg_class c on c.oid = indexrelid
             where indisunique and c.relkind = 'i' and c.relnamespace::regnamespace::text not in ('pg_catalog', 'tidegate', 'pg_toast')",
        );
        for sql in indexes {
            self.database.execute(&sql);
        }
    }
}

/// Table and digest of a run.
pub(super) fn digests(data: &Value) -> Vec<(String, u64, String)> {
    let tables = data["tables"].as_array().unwrap().iter();
    tables
        .map(|table| {
            let text = |field: &str| table[field].as_str().unwrap().to_owned();
            (
                text("table"),
                table["rows"].as_u64().unwrap(),
                text("digest"),
            )
        })
        .collect()
}
