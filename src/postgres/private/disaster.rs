//! The loss of a whole machine, for drills: every process of a server dies at one moment, those
//! that it started (its archiver's, too) among them.

use std::collections::BTreeMap;

use rustix::process::{Pid, Signal, kill_process};

/// Kills a server and all its descendants with SIGKILL. It is stopped first, so that it starts
/// nothing more, and so that none of its children's numbers can become another process's.
pub(super) fn kill_all(server: Pid) {
    let _ = kill_process(server, Signal::STOP);
    let all = descendants(server, &parents());
    for pid in std::iter::once(server).chain(all) {
        let _ = kill_process(pid, Signal::KILL);
    }
}

/// Children, their children, and so on.
fn descendants(of: Pid, parents: &BTreeMap<i32, i32>) -> Vec<Pid> {
    let mut found = vec![of.as_raw_nonzero().get()];
    let mut at = 0;
    while let Some(parent) = found.get(at).copied() {
        let children = parents.iter().filter(|(_, of)| **of == parent);
        let new: Vec<i32> = children
            .map(|(pid, _)| *pid)
            .filter(|pid| !found.contains(pid))
            .collect();
        found.extend(new);
        at += 1;
    }
    found.drain(1..).filter_map(Pid::from_raw).collect()
}

/// The parent of every process.
#[cfg(target_os = "linux")]
fn parents() -> BTreeMap<i32, i32> {
    let number = |pid: Pid| pid.as_raw_nonzero().get();
    super::process::Process::all()
        .filter_map(|process| Some((number(process.pid()), number(process.parent()?))))
        .collect()
}

#[cfg(not(target_os = "linux"))]
fn parents() -> BTreeMap<i32, i32> {
    let output = std::process::Command::new("/bin/ps")
        .args(["-axo", "pid=,ppid="])
        .output();
    let text = output.map_or_else(
        |_| String::new(),
        |output| String::from_utf8_lossy(&output.stdout).into_owned(),
    );
    text.lines()
        .filter_map(|line| {
            let mut fields = line.split_whitespace();
            Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_family_is_found_and_nobody_else() {
        let parents = [(10, 1), (11, 10), (12, 11), (13, 10), (20, 1), (21, 20)];
        let found = descendants(Pid::from_raw(10).unwrap(), &parents.into());
        let found: Vec<i32> = found.iter().map(|pid| pid.as_raw_nonzero().get()).collect();
        assert_eq!(found, [11, 13, 12]);
    }
}
