//! M14, M16: a copy in S3, on a server that speaks its protocol (moto), through a network that
//! throttles, drops connections and cuts answers.
//!
//! The server is a Python package; without it the test says so and is skipped.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::archive::{SEAL_KEY, Stop, tidegate, write_policy};
use super::stage::Stage;
use crate::support::Cli;

/// An S3 server on a port of its own.
struct Moto {
    process: Child,
    port: u16,
}

impl Moto {
    fn start() -> Option<Self> {
        let known = Command::new("python3")
            .args(["-c", "import moto.server, flask"])
            .stderr(Stdio::null())
            .status();
        if !known.is_ok_and(|status| status.success()) {
            eprintln!(
                "skipped: the Python package moto[server] is not there; .ci/setup installs it"
            );
            return None;
        }
        let port = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = port.local_addr().unwrap().port();
        let process = Command::new("python3")
            .args([
                "-m",
                "moto.server",
                "-H",
                "127.0.0.1",
                "-p",
                &port.to_string(),
            ])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let moto = Self { process, port };
        for _ in 0..600 {
            if moto
                .put("/backups")
                .is_some_and(|answer| answer.starts_with("HTTP/1.1 200"))
            {
                return Some(moto);
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("the S3 server did not start");
    }

    fn put(&self, path: &str) -> Option<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        let request = format!(
            "PUT {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        Some(answer)
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What happens to every `n`-th connection.
#[derive(Debug, Clone, Copy)]
enum Fault {
    /// It is told to slow down.
    Throttle(usize),
    /// It is cut after so many bytes of the request.
    CutRequest(usize, usize),
    /// It is cut after so many bytes of the answer.
    CutAnswer(usize, usize),
}

/// A network in front of the server.
struct Network {
    port: u16,
    connections: Arc<AtomicUsize>,
    faults: Arc<AtomicUsize>,
}

impl Network {
    fn before(port: u16, fault: Fault) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let network = Self {
            port: listener.local_addr().unwrap().port(),
            connections: Arc::default(),
            faults: Arc::default(),
        };
        let (connections, faults) = (
            Arc::clone(&network.connections),
            Arc::clone(&network.faults),
        );
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let number = connections.fetch_add(1, Ordering::Relaxed) + 1;
                let faults = Arc::clone(&faults);
                std::thread::spawn(move || carry(client, port, fault, number, &faults));
            }
        });
        network
    }
}

fn carry(mut client: TcpStream, port: u16, fault: Fault, number: usize, faults: &AtomicUsize) {
    let hit = |every: usize| {
        let hit = number.is_multiple_of(every);
        faults.fetch_add(usize::from(hit), Ordering::Relaxed);
        hit
    };
    let (mut up, mut down) = (usize::MAX, usize::MAX);
    match fault {
        Fault::Throttle(every) => {
            if hit(every) {
                let mut request = [0; 4096];
                let _ = client.read(&mut request);
                let _ = client.write_all(
                    b"HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
                );
                return;
            }
        }
        Fault::CutRequest(every, after) => {
            if hit(every) {
                up = after;
            }
        }
        Fault::CutAnswer(every, after) => {
            if hit(every) {
                down = after;
            }
        }
    }
    let Ok(server) = TcpStream::connect(("127.0.0.1", port)) else {
        return;
    };
    let (from, to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    let forth = std::thread::spawn(move || pump(from, to, up));
    pump(server, client, down);
    let _ = forth.join();
}

/// Carries bytes until one side ends, or `most` of them have passed: then both are cut.
fn pump(mut from: TcpStream, mut to: TcpStream, most: usize) {
    let mut left = most;
    let mut buffer = [0; 8192];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        let part = read.min(left);
        if to.write_all(&buffer[..part]).is_err() {
            break;
        }
        left -= part;
        if left == 0 {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
    let _ = from.shutdown(Shutdown::Both);
}

fn through(command: Cli, port: u16) -> Cli {
    command
        .env("AWS_ENDPOINT", format!("http://127.0.0.1:{port}"))
        .env("AWS_ALLOW_HTTP", "true")
        .env("AWS_REGION", "eu-west-1")
        .env("AWS_ACCESS_KEY_ID", "nobody")
        .env("AWS_SECRET_ACCESS_KEY", "nothing")
}

#[tokio::test(flavor = "multi_thread")]
async fn m14_a_copy_in_s3_survives_a_bad_network() {
    let Some(moto) = Moto::start() else {
        return;
    };
    let stage = Stage::new(
        "create table users (id int primary key, email text unique, motto text not null); \
         insert into users select g, 'person' || g || '@real-mail.test', 'motto that is kept ' || g from generate_series(1, 3000) g",
    );
    let _stop = Stop(&stage);
    write_policy(&stage);
    for (number, fault) in [
        Fault::Throttle(3),
        Fault::CutRequest(3, 700),
        Fault::CutAnswer(3, 40),
    ]
    .into_iter()
    .enumerate()
    {
        let location = format!("s3://backups/copies-{number}");
        let network = Network::before(moto.port, fault);
        let write = [
            "copy",
            "run",
            "--from",
            "production",
            "--to",
            &location,
            "--region",
            "eu",
        ];
        let data = through(tidegate(&stage, &write, SEAL_KEY), network.port).data();
        assert_eq!(data["rows"], 3000, "{fault:?}");
        let load = [
            "copy",
            "run",
            "--from",
            &location,
            "--to",
            "staging",
            "--promote",
        ];
        let data = through(tidegate(&stage, &load, SEAL_KEY), network.port).data();
        assert_eq!(data["promoted"], true, "{fault:?}");
        let rows = "select count(*) || ' ' || count(distinct email) || ' ' || sum(id) from users \
                    where motto = 'motto that is kept ' || id and email not like '%real-mail%'";
        assert_eq!(stage.rows(rows).await, ["3000 3000 4501500"], "{fault:?}");
        assert!(network.faults.load(Ordering::Relaxed) > 0, "{fault:?}");
    }
}
