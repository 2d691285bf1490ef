//! A network between a client and the object store that throttles, drops and cuts.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

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

/// A network in front of the server.
pub(crate) struct Network {
    pub(crate) port: u16,
    connections: Arc<AtomicUsize>,
    faults: Arc<AtomicUsize>,
}

impl Network {
    pub(crate) fn before(port: u16, fault: Fault) -> Self {
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

    /// How many connections were hit.
    pub(crate) fn faults(&self) -> usize {
        self.faults.load(Ordering::Relaxed)
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
