//! CPU time, as Linux counts it.
#![allow(clippy::unwrap_used, reason = "part of benchmarks")]

/// CPU seconds of the server's processes, with those that ended, and of some others.
pub(crate) fn cpu_seconds(postmaster: u32, others: &[u32]) -> f64 {
    let mut ticks = 0.0;
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Ok(pid) = entry.file_name().to_string_lossy().parse::<u32>() else {
            continue;
        };
        let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else {
            continue;
        };
        let Some((_, rest)) = stat.rsplit_once(") ") else {
            continue;
        };
        let fields: Vec<&str> = rest.split(' ').collect();
        let field = |index: usize| fields[index].parse::<f64>().unwrap_or(0.0);
        if pid == postmaster {
            ticks += field(11) + field(12) + field(13) + field(14);
        } else if others.contains(&pid) || fields[1] == postmaster.to_string() {
            ticks += field(11) + field(12);
        }
    }
    ticks / rustix::param::clock_ticks_per_second() as f64
}
