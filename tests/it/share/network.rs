//! A server and its clients in network namespaces of their own, so that a cable can be pulled.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use tokio_postgres::NoTls;

use crate::support::{Server, unprivileged};

/// What the server's and each client's end may send a second: slow enough that a copy of some
/// megabytes takes seconds.
const RATE: &str = "16mbit";

/// A PostgreSQL server in a namespace, with a cable to each client's namespace. Nothing of the
/// machine's own network is touched; what runs outside reaches the server by its socket.
pub(super) struct Network {
    name: String,
    folder: tempfile::TempDir,
    clients: usize,
    server: Child,
}

impl Network {
    /// Lays the cables and starts the server; none where this cannot be done.
    pub(super) fn new(clients: usize) -> Option<Self> {
        let Some(owner) = unprivileged() else {
            eprintln!("skipped: network namespaces need root");
            return None;
        };
        sweep();
        static LAID: AtomicU32 = AtomicU32::new(0);
        let number = LAID.fetch_add(1, Ordering::Relaxed);
        let name = format!("tgn{}n{number}", std::process::id());
        if !run("ip", &["netns", "add", &server_name(&name)]) {
            eprintln!("skipped: network namespaces need the program ip (iproute2) and root");
            return None;
        }
        for client in 0..clients {
            lay_cable(&name, client);
        }
        let folder = tempfile::Builder::new().prefix("tgn-").tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let server = start(&name, folder.path(), clients, owner);
        let network = Self {
            name,
            folder,
            clients,
            server,
        };
        super::eventually("the server", || {
            network.try_rows("postgres", "select 1").is_some()
        });
        Some(network)
    }

    /// The namespace of a client.
    pub(super) fn namespace(&self, client: usize) -> String {
        client_name(&self.name, client)
    }

    /// Address of a client, as the server sees it.
    pub(super) fn address(client: usize) -> String {
        format!("10.231.{client}.2")
    }

    /// How a client reaches a database.
    pub(super) fn url(client: usize, database: &str) -> String {
        format!("postgresql://postgres@10.231.{client}.1:5432/{database}")
    }

    /// How a database is reached from outside.
    pub(super) fn socket_url(&self, database: &str) -> String {
        let run = self.run_dir();
        format!(
            "postgresql:///{database}?host={}&user=postgres",
            run.display()
        )
    }

    fn run_dir(&self) -> PathBuf {
        self.folder.path().join("run")
    }

    /// Pulls the cable of a client.
    pub(super) fn cut(&self, client: usize) {
        let namespace = self.namespace(client);
        assert!(run(
            "ip",
            &["-n", &namespace, "link", "set", "eth0", "down"]
        ));
    }

    /// Puts it back.
    pub(super) fn mend(&self, client: usize) {
        let namespace = self.namespace(client);
        assert!(run("ip", &["-n", &namespace, "link", "set", "eth0", "up"]));
    }

    /// The rows of a query, fields joined by `|`.
    pub(super) fn rows(&self, database: &str, sql: &str) -> Vec<String> {
        self.try_rows(database, sql)
            .unwrap_or_else(|| panic!("{database}: {sql}"))
    }

    /// The only number of a query; zero when it fails, as long as what it asks for is not there.
    pub(super) fn number(&self, database: &str, sql: &str) -> i64 {
        let rows = self.try_rows(database, sql).unwrap_or_default();
        rows.first().map_or(0, |row| row.parse().unwrap())
    }

    fn try_rows(&self, database: &str, sql: &str) -> Option<Vec<String>> {
        let (url, sql) = (self.socket_url(database), sql.to_owned());
        let asked = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let (client, connection) = tokio_postgres::connect(&url, NoTls).await?;
                tokio::spawn(connection);
                client.simple_query(&sql).await
            })
        });
        let messages = asked.join().unwrap().ok()?;
        let rows = messages.iter().filter_map(|message| match message {
            tokio_postgres::SimpleQueryMessage::Row(row) => Some(
                (0..row.len())
                    .map(|at| row.get(at).unwrap_or("~"))
                    .collect::<Vec<_>>()
                    .join("|"),
            ),
            _ => None,
        });
        Some(rows.collect())
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        let pid = rustix::process::Pid::from_raw(self.server.id().cast_signed());
        if let Some(pid) = pid {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::QUIT);
        }
        let _ = self.server.wait();
        for client in 0..self.clients {
            run("ip", &["netns", "del", &self.namespace(client)]);
        }
        run("ip", &["netns", "del", &server_name(&self.name)]);
    }
}

/// Removes the namespaces of test runs that were killed.
fn sweep() {
    for entry in fs::read_dir("/run/netns").into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let pid = name
            .strip_prefix("tgn")
            .and_then(|rest| rest.split('n').next());
        if pid.is_some_and(|pid| !std::path::Path::new("/proc").join(pid).exists()) {
            run("ip", &["netns", "del", &name]);
        }
    }
}

fn server_name(network: &str) -> String {
    format!("{network}s")
}

fn client_name(network: &str, client: usize) -> String {
    format!("{network}c{client}")
}

/// A namespace for a client, and a pair of devices between it and the server's.
fn lay_cable(network: &str, client: usize) {
    let (server, name) = (server_name(network), client_name(network, client));
    let device = format!("c{client}");
    let (here, there) = (
        format!("10.231.{client}.1/30"),
        format!("10.231.{client}.2/30"),
    );
    let ip = |words: &str| {
        let words: Vec<&str> = words.split(' ').collect();
        assert!(run("ip", &words), "ip {words:?}");
    };
    ip(&format!("netns add {name}"));
    ip(&format!(
        "-n {server} link add {device} type veth peer name eth0 netns {name}"
    ));
    ip(&format!("-n {server} addr add {here} dev {device}"));
    ip(&format!("-n {name} addr add {there} dev eth0"));
    ip(&format!("-n {server} link set {device} up"));
    ip(&format!("-n {name} link set eth0 up"));
    for (namespace, device) in [(&server, device.as_str()), (&name, "eth0")] {
        let limit = format!(
            "-n {namespace} qdisc add dev {device} root tbf rate {RATE} burst 64k latency 200ms"
        );
        let words: Vec<&str> = limit.split(' ').collect();
        assert!(run("tc", &words), "tc {limit}");
    }
}

fn start(network: &str, folder: &std::path::Path, clients: usize, owner: (u32, u32)) -> Child {
    let shared = Server::shared();
    let (data, sockets) = (folder.join("data"), folder.join("run"));
    for dir in [&data, &sockets] {
        fs::create_dir(dir).unwrap();
        fs::set_permissions(dir, fs::Permissions::from_mode(0o700)).unwrap();
        chown(dir, Some(owner.0), Some(owner.1)).unwrap();
    }
    let made = shared
        .program("initdb", folder, Some(owner))
        .args(["-N", "-A", "trust", "-U", "postgres", "-E", "UTF8"])
        .args(["--locale=C", "-D"])
        .arg(&data)
        .output()
        .unwrap();
    assert!(made.status.success(), "initdb");
    let rules = "local all all trust\nhost all all 10.231.0.0/16 trust\n";
    fs::write(data.join("pg_hba.conf"), rules).unwrap();
    let addresses: Vec<String> = (0..clients).map(|c| format!("10.231.{c}.1")).collect();
    let log = fs::File::create(folder.join("log")).unwrap();
    Command::new("nsenter")
        .arg(format!("--net=/run/netns/{}", server_name(network)))
        .args(["setpriv", "--clear-groups", "--pdeathsig", "QUIT"])
        .args(["--reuid", &owner.0.to_string()])
        .args(["--regid", &owner.1.to_string()])
        .arg(shared.bin.join("postgres"))
        .arg("-D")
        .arg(&data)
        .arg("-k")
        .arg(&sockets)
        .args(["-c", "fsync=off", "-c", "max_connections=200"])
        .arg("-c")
        .arg(format!("listen_addresses={}", addresses.join(",")))
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env("LC_ALL", "C")
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap()
}

fn run(program: &str, words: &[&str]) -> bool {
    let done = Command::new(program)
        .args(words)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .status();
    done.is_ok_and(|status| status.success())
}
