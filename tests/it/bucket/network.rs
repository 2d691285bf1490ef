//! A network between a client and the object store that throttles, drops, cuts, loses and trickles.
//! The store ends each connection after one answer, so a connection is a request.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What happens to every `n`-th connection.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fault {
    /// It is told to slow down.
    Throttle(usize),
    /// It is cut after so many bytes of the request.
    CutRequest(usize, usize),
    /// It is cut after so many bytes of the answer.
    CutAnswer(usize, usize),
}

/// What happens to one connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hit {
    /// It is told to slow down, and perhaps for how many seconds.
    SlowDown(Option<u32>),
    /// It ends after so many bytes of the request.
    CutRequest(usize),
    /// It is reset after so many bytes of the request.
    ResetRequest(usize),
    /// It ends after so many bytes of the answer.
    CutAnswer(usize),
    /// It is reset after so many bytes of the answer.
    ResetAnswer(usize),
    /// The store gets the request and does it, and its answer is lost.
    LoseAnswer,
    /// The beginning comes byte by byte, both ways.
    Trickle,
    /// The store does not allow it.
    Refuse,
}

impl Hit {
    /// What it is called, whatever its numbers are.
    fn name(self) -> &'static str {
        match self {
            Self::SlowDown(None) => "slow down",
            Self::SlowDown(Some(_)) => "slow down, retry after",
            Self::CutRequest(_) => "cut request",
            Self::ResetRequest(_) => "reset request",
            Self::CutAnswer(_) => "cut answer",
            Self::ResetAnswer(_) => "reset answer",
            Self::LoseAnswer => "lost answer",
            Self::Trickle => "trickle",
            Self::Refuse => "refused",
        }
    }
}

/// What is known of the connections until now.
#[derive(Debug, Default)]
struct Seen {
    /// The first line of each request.
    requests: Vec<String>,
    hits: BTreeMap<&'static str, usize>,
}

/// A network in front of the server.
pub(crate) struct Network {
    pub(crate) port: u16,
    seen: Arc<Mutex<Seen>>,
}

impl Network {
    /// One fault, again and again.
    pub(crate) fn before(port: u16, fault: Fault) -> Self {
        Self::with(port, move |number, _| {
            let (every, hit) = match fault {
                Fault::Throttle(every) => (every, Hit::SlowDown(None)),
                Fault::CutRequest(every, after) => (every, Hit::CutRequest(after)),
                Fault::CutAnswer(every, after) => (every, Hit::CutAnswer(after)),
            };
            number.is_multiple_of(every).then_some(hit)
        })
    }

    /// All faults at random: of each hundred connections `percent` are hit.
    pub(crate) fn storm(port: u16, seed: u64, percent: u64) -> Self {
        Self::with(port, move |number, _| {
            let mut state = seed << 32 | number as u64;
            let mut draw = |below: u64| mixed(&mut state) % below;
            if draw(100) >= percent {
                return None;
            }
            // From the first bytes to beyond the end of the longest part.
            let most = 1 << draw(25);
            let after = 1 + usize::try_from(draw(most)).unwrap();
            Some(match draw(8) {
                0 => Hit::SlowDown(None),
                1 => Hit::SlowDown(Some(1)),
                2 => Hit::CutRequest(after),
                3 => Hit::ResetRequest(after),
                4 => Hit::CutAnswer(after),
                5 => Hit::ResetAnswer(after),
                6 => Hit::LoseAnswer,
                _ => Hit::Trickle,
            })
        })
    }

    /// What `choose` says, by the number of the connection, from 1, and the first line of its request.
    pub(crate) fn with(
        port: u16,
        choose: impl Fn(usize, &str) -> Option<Hit> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let network = Self {
            port: listener.local_addr().unwrap().port(),
            seen: Arc::default(),
        };
        let (seen, choose) = (Arc::clone(&network.seen), Arc::new(choose));
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (seen, choose) = (Arc::clone(&seen), Arc::clone(&choose));
                std::thread::spawn(move || {
                    let mut client = client;
                    let mut head = vec![0; 8192];
                    let Ok(read @ 1..) = client.read(&mut head) else {
                        return;
                    };
                    head.truncate(read);
                    let text = String::from_utf8_lossy(&head).into_owned();
                    let line = text.lines().next().unwrap_or_default().to_owned();
                    let hit = {
                        let mut seen = seen.lock().unwrap();
                        let hit = choose(seen.requests.len() + 1, &line);
                        seen.requests.push(line);
                        if let Some(hit) = hit {
                            *seen.hits.entry(hit.name()).or_default() += 1;
                        }
                        hit
                    };
                    carry(client, &head, port, hit);
                });
            }
        });
        network
    }

    /// How many connections were hit.
    pub(crate) fn faults(&self) -> usize {
        self.seen.lock().unwrap().hits.values().sum()
    }

    /// How many were hit, by the name of the fault.
    pub(crate) fn hits(&self) -> BTreeMap<&'static str, usize> {
        self.seen.lock().unwrap().hits.clone()
    }

    /// The first lines of all requests, in their order.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.seen.lock().unwrap().requests.clone()
    }
}

/// `SplitMix64`.
fn mixed(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// How bytes go one way.
#[derive(Clone, Copy)]
struct Way {
    most: usize,
    reset: bool,
    slow: bool,
}

const OPEN: Way = Way {
    most: usize::MAX,
    reset: false,
    slow: false,
};

fn carry(client: TcpStream, head: &[u8], port: u16, hit: Option<Hit>) {
    let (mut up, mut down) = (OPEN, OPEN);
    match hit {
        Some(Hit::SlowDown(after)) => {
            let after = after.map(|after| format!("Retry-After: {after}\r\n"));
            return answer(
                client,
                "503 Slow Down",
                &after.unwrap_or_default(),
                "SlowDown",
            );
        }
        Some(Hit::Refuse) => return answer(client, "403 Forbidden", "", "AccessDenied"),
        Some(Hit::CutRequest(after)) => up.most = after,
        Some(Hit::ResetRequest(after)) => (up.most, up.reset) = (after, true),
        Some(Hit::CutAnswer(after)) => down.most = after,
        Some(Hit::ResetAnswer(after)) => (down.most, down.reset) = (after, true),
        Some(Hit::Trickle) => (up.slow, down.slow) = (true, true),
        Some(Hit::LoseAnswer) | None => {}
    }
    let Ok(server) = TcpStream::connect(("127.0.0.1", port)) else {
        return;
    };
    let (from, to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    let head = head.to_vec();
    let forth = std::thread::spawn(move || pump(&head, (from, to), up));
    if hit == Some(Hit::LoseAnswer) {
        let mut server = server;
        let _ = server.read_to_end(&mut Vec::new());
        end(&client, &server, true);
    } else {
        pump(&[], (server, client), down);
    }
    let _ = forth.join();
}

/// Takes the rest of the request and answers in the store's place.
fn answer(mut client: TcpStream, status: &str, more: &str, code: &str) {
    let body = format!("<Error><Code>{code}</Code><Message>{code}</Message></Error>");
    let length = body.len();
    let _ = write!(
        client,
        "HTTP/1.1 {status}\r\n{more}Content-Type: application/xml\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    );
    let _ = client.shutdown(Shutdown::Write);
    let _ = client.set_read_timeout(Some(Duration::from_secs(5)));
    let _ = std::io::copy(&mut client, &mut std::io::sink());
}

/// Carries bytes until one side ends, or the most of them have passed: then both are cut.
fn pump(first: &[u8], (mut from, mut to): (TcpStream, TcpStream), way: Way) {
    let mut left = way.most;
    let mut slow = if way.slow { 100 } else { 0 };
    let mut send = |to: &mut TcpStream, bytes: &[u8]| {
        let part = &bytes[..bytes.len().min(left)];
        left -= part.len();
        let mut rest = part;
        while slow > 0 && !rest.is_empty() {
            let (now, later) = rest.split_at(rest.len().min(16));
            to.write_all(now).ok()?;
            std::thread::sleep(Duration::from_millis(2));
            (rest, slow) = (later, slow - 1);
        }
        to.write_all(rest).ok()?;
        (left > 0).then_some(())
    };
    let mut buffer = vec![0; 65_536];
    let mut open = send(&mut to, first);
    while open.is_some()
        && let Ok(read @ 1..) = from.read(&mut buffer)
    {
        open = send(&mut to, &buffer[..read]);
    }
    if open.is_some() {
        // Its other way goes on until its own end.
        let _ = to.shutdown(Shutdown::Write);
    } else {
        end(&from, &to, way.reset);
    }
}

/// Ends both; a reset is sent when the last of its owners lets go of a socket.
fn end(one: &TcpStream, other: &TcpStream, reset: bool) {
    for socket in [one, other] {
        if reset {
            let _ = rustix::net::sockopt::set_socket_linger(socket, Some(Duration::ZERO));
            let _ = socket.shutdown(Shutdown::Read);
        } else {
            let _ = socket.shutdown(Shutdown::Both);
        }
    }
}
