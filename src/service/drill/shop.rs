//! The tables of the sandbox, and rows that do not compress.

use bytes::{BufMut as _, Bytes, BytesMut};
use futures_util::SinkExt as _;
use rand::rngs::SmallRng;
use rand::{Rng as _, SeedableRng as _};
use tokio_util::sync::CancellationToken;

use crate::error::{Error, Kind, Result};
use crate::postgres::Session;

/// Bytes of random content in a row: four rows fill most of a page.
const PAYLOAD: usize = 1800;
/// Bytes that a row takes in the table and its index.
const ROW: u64 = 2040;
/// Bytes that are sent at once.
const CHUNK: usize = 256 * 1024;
/// The binary format of COPY: signature, flags, no extension
/// (<https://www.postgresql.org/docs/current/sql-copy.html>).
const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";

const SCHEMA: &str = "
    create table public.drill_probe (
        writer int not null,
        number bigint not null,
        value bigint not null,
        at timestamptz not null default pg_catalog.clock_timestamp(),
        primary key (writer, number)
    );
    create table public.filler (id bigint primary key, payload bytea not null);
    alter table public.filler alter column payload set storage external;
    create table public.customers (
        id bigserial primary key,
        name text not null,
        balance numeric(12, 2) not null default 0
    );
    create table public.orders (
        id bigserial primary key,
        customer bigint not null references public.customers (id),
        amount numeric(12, 2) not null,
        note text
    );
    create index orders_customer on public.orders (customer);
    create unlogged table public.sessions (id bigserial primary key, note text not null);
    create table public.far (
        id bigint primary key using index tablespace drill_far,
        note text not null
    ) tablespace drill_far;
    create table public.attachments (id bigserial primary key, content oid not null);
    insert into public.customers (name)
        select 'customer ' || n from pg_catalog.generate_series(1, 500) as n;
    insert into public.orders (customer, amount, note)
        select 1 + n % 500, n % 1000, pg_catalog.md5(n::text) from pg_catalog.generate_series(1, 5000) as n;
    insert into public.sessions (note)
        select 'session ' || n from pg_catalog.generate_series(1, 200) as n;";

/// Makes the tables and fills them to about `size` bytes. The tablespace `drill_far` must be there.
pub(super) async fn fill(session: &Session, size: u64, cancel: &CancellationToken) -> Result<()> {
    session.batch_execute(SCHEMA).await?;
    let rows = (size / ROW).max(100);
    let sink = session
        .copy_in::<_, Bytes>("copy public.filler (id, payload) from stdin (format binary)")
        .await?;
    let mut sink = std::pin::pin!(sink);
    let mut random = SmallRng::seed_from_u64(rand::random());
    let mut buffer = BytesMut::with_capacity(CHUNK + 2 * PAYLOAD);
    buffer.put_slice(HEADER);
    for id in 0..rows {
        row(&mut buffer, id.cast_signed(), &mut random);
        if buffer.len() >= CHUNK {
            if cancel.is_cancelled() {
                return Err(Error::new(Kind::Cancelled, "the drill was interrupted"));
            }
            sink.send(buffer.split().freeze()).await?;
        }
    }
    buffer.put_i16(-1);
    sink.send(buffer.freeze()).await?;
    sink.finish().await?;
    session
        .batch_execute("analyze public.filler, public.customers, public.orders")
        .await?;
    Ok(())
}

/// Two fields: an `int8` and a `bytea`.
fn row(buffer: &mut BytesMut, id: i64, random: &mut SmallRng) {
    let mut payload = [0; PAYLOAD];
    random.fill_bytes(&mut payload);
    buffer.put_i16(2);
    buffer.put_i32(8);
    buffer.put_i64(id);
    buffer.put_i32(PAYLOAD as i32);
    buffer.put_slice(&payload);
}
