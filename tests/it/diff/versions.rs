//! Servers of different major versions: those whose programs lie beside those of the test run
//! (`PG_BIN=/folder/17/bin` with `/folder/14/bin` and others).

use serde_json::json;
use tidegate::postgres::private::{Binaries, Ephemeral, Options};

use super::{counts, diff};
use crate::support::{Database, Server};

const SCHEMA: &str = "create type mood as enum ('sad', 'ok'); \
    create table t (id bigint primary key, v text, n numeric, f float8, at timestamptz, j jsonb, m mood, a int[], r int4range); \
    insert into t select g, 'v' || g, g / 3.0, g / 7.0::float8, timestamptz '2024-01-01 00:00+00' + g * interval '1 hour 1 us', \
        jsonb_build_object('a', g, 'b', array[g, 1.50]), case when g % 2 = 0 then 'ok' else 'sad' end::mood, \
        array[g, null, -g], int4range(g, g + 5) from generate_series(1, 5000) g";

#[tokio::test]
async fn servers_of_other_versions_agree() {
    let mine = Database::with_schema(SCHEMA);
    let server = Server::shared();
    let folders = server.bin.ancestors().nth(2).unwrap().read_dir().unwrap();
    let mut tried = 0;
    for folder in folders.flatten() {
        let Ok(binaries) = Binaries::probe(&folder.path().join("bin")).await else {
            continue;
        };
        if binaries.version.major == server.major {
            continue;
        }
        let options = Options {
            binaries: Some(binaries),
            wal_segsize: Some(1),
            ..Options::default()
        };
        let other = Ephemeral::start(&options).await.unwrap();
        let url = other.url("postgres");
        let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls)
            .await
            .unwrap();
        tokio::spawn(connection);
        client.batch_execute(SCHEMA).await.unwrap();
        let data = diff(&mine.url(), &url, &[]);
        assert_eq!(data["equal"], json!(true), "{data:#}");
        assert_eq!(counts(&data, "t"), [5_000, 5_000, 0, 0, 0]);
        client
            .batch_execute("update t set f = f + 1e-12 where id = 4999")
            .await
            .unwrap();
        let data = diff(&mine.url(), &url, &["--deep"]);
        assert_eq!(counts(&data, "t"), [5_000, 5_000, 1, 0, 0]);
        assert_eq!(data["tables"][0]["rows"][0]["columns"], json!(["f"]));
        other.stop().await;
        tried += 1;
    }
    if tried == 0 {
        eprintln!(
            "no programs of another major version beside {}",
            server.bin.display()
        );
    }
}
