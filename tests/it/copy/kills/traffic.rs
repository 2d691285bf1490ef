//! What applications do meanwhile: payments, and changes of every kind to every kind of table.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tokio::task::JoinHandle;

use crate::copy::stage::client;

/// Statements with `$1`, a random number; `%` brings it into the range of small keys.
const CHANGES: &[&str] = &[
    "update person set notes = 'changed ' || $1::int, seen = now() where id = 1 + $1::int % 300",
    "insert into person (email, full_name, phone, born, notes) values ('new' || $1::int || '.' || random() || '@corp.example', \
     'New Person', '+4915' || lpad(($1::int % 1000000000)::text, 9, '0'), '1980-01-01', 'n')",
    "insert into \"order\" (person, placed, state) values (1 + $1::int % 100, now(), 'ok')",
    "delete from order_line where \"order\" = 50 + $1::int % 300 and no > 1",
    "insert into event values (1000000000 + $1::int, (array['eu', 'us', 'as'])[1 + $1::int % 3], '2024-01-01'::date + $1::int % 366, '{}') \
     on conflict do nothing",
    "update event set region = 'as' where id = $1::int % 500",
    "delete from event where id = $1::int % 500",
    "update metric set value = -value where device = $1::int % 99 and at < '2024-01-01 00:05'",
    "insert into log values ('line ' || $1::int % 7, 1)",
    "delete from log where ctid in (select ctid from log offset $1::int % 50 limit 1)",
    "update heap_only set b = 'c' where a = 1 + $1::int % 80",
    "update wide set v = repeat(md5($1::int::text), 3000) where id = 1 + $1::int % 9",
    "update document set jb = jb || '{\"more\": [1]}' where id = 1 + $1::int % 80",
    "update reading set id = 500 + id where id = 1 + $1::int % 150 and not exists (select from reading o where o.id = 500 + reading.id)",
    "update employee set boss = null where id = 1 + $1::int % 200",
    "update arrays set a = a || $1::int where id = 1 + $1::int % 40",
    "update \"Other one\".\"T\"\"able\" set \"we \"\"ird\" = 'w' where \"Id\" = 1 + $1::int % 40",
    "update city set name = 'renamed ' || $1::int where id = 1 + $1::int % 500",
    "update guarded set owner = 'else' where id = 1 + $1::int % 40",
    "update household set head = 1 + $1::int % 100 where id = 1 + $1::int % 100",
    "select lo_put(body, $1::int % 100, 'changed') from scan where id = 1 + $1::int % 40",
    "insert into scan values (100 + $1::int, lo_from_bytea(0, 'new')) on conflict do nothing",
    "with gone as (delete from scan where id = 1 + $1::int % 40 returning body) select lo_unlink(body) from gone",
    "insert into computed (a) values ($1::int % 1000)",
    "delete from daughter where id = 1 + $1::int % 40",
];

/// Writers at work.
#[derive(Debug)]
pub(super) struct Traffic {
    stop: Arc<AtomicBool>,
    writes: Arc<AtomicU64>,
    tasks: Vec<JoinHandle<()>>,
}

impl Traffic {
    pub(super) async fn begin(database: &str, seed: u64) -> Self {
        let (stop, writes) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicU64::new(0)),
        );
        let accounts: i64 = {
            let client = client(database).await;
            let sql = "select count(*) from account";
            client.query_one(sql, &[]).await.unwrap().get(0)
        };
        let pays = pay(
            client(database).await,
            i32::try_from(accounts).unwrap(),
            (Arc::clone(&stop), Arc::clone(&writes)),
        );
        let changes = change(
            client(database).await,
            StdRng::seed_from_u64(seed),
            (Arc::clone(&stop), Arc::clone(&writes)),
        );
        Self {
            stop,
            writes,
            tasks: vec![tokio::spawn(pays), tokio::spawn(changes)],
        }
    }

    /// Ends it; the number of writes.
    pub(super) async fn end(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        for task in self.tasks {
            task.await.unwrap();
        }
        self.writes.load(Ordering::Relaxed)
    }
}

type Signs = (Arc<AtomicBool>, Arc<AtomicU64>);

/// Each payment changes two accounts and writes a line.
async fn pay(mut client: tokio_postgres::Client, accounts: i32, (stop, writes): Signs) {
    let mut count = 0_i32;
    while !stop.load(Ordering::Relaxed) {
        count += 1;
        let payer = count.wrapping_mul(7).rem_euclid(accounts) + 1;
        let payee = count.wrapping_mul(11).wrapping_add(1).rem_euclid(accounts) + 1;
        let amount = i64::from(count % 50);
        let transaction = client.transaction().await.unwrap();
        let update = "update account set balance = balance + $2 where id = $1";
        for (id, change) in [(payer, -amount), (payee, amount)] {
            transaction.execute(update, &[&id, &change]).await.unwrap();
        }
        let insert = "insert into line (payer, payee, amount) values ($1, $2, $3)";
        let line: [&(dyn tokio_postgres::types::ToSql + Sync); 3] = [&payer, &payee, &amount];
        transaction.execute(insert, &line).await.unwrap();
        transaction.commit().await.unwrap();
        writes.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(4)).await;
    }
}

async fn change(client: tokio_postgres::Client, mut random: StdRng, (stop, writes): Signs) {
    while !stop.load(Ordering::Relaxed) {
        let sql = CHANGES[random.random_range(0..CHANGES.len())];
        let number: i32 = random.random_range(0..1_000_000_000);
        let changed = client.execute(sql, &[&number]).await;
        changed.unwrap_or_else(|error| panic!("{:?}: {sql}", error.as_db_error()));
        writes.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(8)).await;
    }
}
