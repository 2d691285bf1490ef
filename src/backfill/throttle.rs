//! When to hold back. Each signal gives a level; the highest rules; a stale sample means stop.

use std::time::Duration;

/// A sample older than this is not trusted.
pub const STALE_AFTER: Duration = Duration::from_secs(10);

/// What one look at the server gave. `None` means that the figure could not be had.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sample {
    /// When it was taken, on the monotonic clock.
    pub at: Duration,
    /// The largest replay lag of all replicas; zero without replicas.
    pub replica_lag: Option<Duration>,
    /// Sessions of others that ran a statement within the last second.
    pub app_sessions: Option<i64>,
    /// Sessions that wait for one of our workers.
    pub blocked_sessions: Option<i64>,
    /// Latency of small synchronous commits: the median of the last few.
    pub canary: Option<Duration>,
}

/// What the signals compare with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Replay lag that stops the job.
    pub replica_lag: Duration,
    /// Median latency of a canary commit while nothing of ours ran.
    pub canary_calm: Duration,
}

impl Limits {
    /// Canary latency that stops the job: three times the calm one, or 10 ms above it.
    #[must_use]
    pub fn canary(&self) -> Duration {
        (self.canary_calm * 3).max(self.canary_calm + Duration::from_millis(10))
    }
}

/// A level with its reason.
#[derive(Debug, Clone, PartialEq)]
pub struct Level {
    /// 0 is calm; from 1 on the job stands still.
    pub level: f64,
    /// The signal and its figure, in words.
    pub reason: String,
}

/// One reason to hold back.
pub trait ThrottleSignal: Send + Sync + std::fmt::Debug {
    /// Its level in `sample`; a figure that is not there gives 1: signals fail closed.
    fn level(&self, sample: &Sample, limits: &Limits) -> Level;
}

/// Replay lag of replicas.
#[derive(Debug, Clone, Copy)]
struct ReplicaLag;

/// Others wait for our rows.
#[derive(Debug, Clone, Copy)]
struct LockWaits;

/// The application is at work: half the time is left to it, and one worker is enough. Never a stop.
#[derive(Debug, Clone, Copy)]
struct Application;

/// Commits of others get slow.
#[derive(Debug, Clone, Copy)]
struct Canary;

fn unknown(what: &str) -> Level {
    Level {
        level: 1.0,
        reason: format!("{what} not known"),
    }
}

fn ratio(value: Duration, limit: Duration) -> f64 {
    value.as_secs_f64() / limit.as_secs_f64().max(1e-6)
}

impl ThrottleSignal for ReplicaLag {
    fn level(&self, sample: &Sample, limits: &Limits) -> Level {
        let Some(lag) = sample.replica_lag else {
            return unknown("replica lag");
        };
        Level {
            level: ratio(lag, limits.replica_lag),
            reason: format!(
                "replica lag {:.1} s (limit {:.1})",
                lag.as_secs_f64(),
                limits.replica_lag.as_secs_f64()
            ),
        }
    }
}

impl ThrottleSignal for LockWaits {
    fn level(&self, sample: &Sample, _limits: &Limits) -> Level {
        let Some(blocked) = sample.blocked_sessions else {
            return unknown("lock waits");
        };
        Level {
            level: if blocked > 0 { 1.0 } else { 0.0 },
            reason: format!("{blocked} sessions wait for rows of a chunk"),
        }
    }
}

impl ThrottleSignal for Application {
    fn level(&self, sample: &Sample, _limits: &Limits) -> Level {
        let Some(sessions) = sample.app_sessions else {
            return unknown("application sessions");
        };
        Level {
            level: if sessions > 0 { 0.75 } else { 0.0 },
            reason: format!("{sessions} sessions of the application at work"),
        }
    }
}

impl ThrottleSignal for Canary {
    fn level(&self, sample: &Sample, limits: &Limits) -> Level {
        let Some(latency) = sample.canary else {
            return unknown("canary commit");
        };
        let over = latency.saturating_sub(limits.canary_calm);
        let room = limits.canary().saturating_sub(limits.canary_calm);
        Level {
            level: ratio(over, room),
            reason: format!(
                "canary commit {:.1} ms (limit {:.1})",
                latency.as_secs_f64() * 1e3,
                limits.canary().as_secs_f64() * 1e3
            ),
        }
    }
}

/// All signals.
#[must_use]
pub fn signals() -> Vec<Box<dyn ThrottleSignal>> {
    vec![
        Box::new(ReplicaLag),
        Box::new(LockWaits),
        Box::new(Application),
        Box::new(Canary),
    ]
}

/// What a worker does before its next chunk.
#[derive(Debug, Clone, PartialEq)]
pub enum Decision {
    /// Goes on at full speed.
    Full,
    /// One worker goes on and rests for this many times the length of its last chunk, the others
    /// wait, for the reason given.
    Slow(f64, String),
    /// Waits until the level falls, for the reason given.
    Stop(String),
}

impl Decision {
    /// The reason, when there is one.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Full => None,
            Self::Slow(_, reason) | Self::Stop(reason) => Some(reason),
        }
    }
}

/// The highest level rules: below 0.5 full speed, up to 1 ever longer rests, from 1 on a stop.
#[must_use]
pub fn decide(
    signals: &[Box<dyn ThrottleSignal>],
    sample: Option<&Sample>,
    limits: &Limits,
    now: Duration,
) -> Decision {
    let Some(sample) = sample else {
        return Decision::Stop("the server has not been looked at yet".to_owned());
    };
    let age = now.saturating_sub(sample.at);
    if age > STALE_AFTER {
        return Decision::Stop(format!("no sign of the server for {} s", age.as_secs()));
    }
    let highest = signals
        .iter()
        .map(|signal| signal.level(sample, limits))
        .max_by(|a, b| a.level.total_cmp(&b.level));
    match highest {
        Some(Level { level, reason }) if level.is_nan() || level >= 1.0 => Decision::Stop(reason),
        Some(Level { level, reason }) if level >= 0.5 => {
            Decision::Slow((level - 0.5) / (1.0 - level).max(0.05), reason)
        }
        _ => Decision::Full,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        replica_lag: Duration::from_secs(5),
        canary_calm: Duration::from_millis(1),
    };

    fn calm() -> Sample {
        Sample {
            at: Duration::from_secs(100),
            replica_lag: Some(Duration::ZERO),
            app_sessions: Some(0),
            blocked_sessions: Some(0),
            canary: Some(Duration::from_millis(1)),
        }
    }

    fn at(sample: &Sample, now: u64) -> Decision {
        decide(&signals(), Some(sample), &LIMITS, Duration::from_secs(now))
    }

    #[test]
    fn a_calm_server_gets_full_speed() {
        assert_eq!(at(&calm(), 101), Decision::Full);
    }

    #[test]
    fn a_stale_or_absent_sample_stops() {
        assert!(matches!(at(&calm(), 111), Decision::Stop(_)));
        assert!(matches!(
            decide(&signals(), None, &LIMITS, Duration::ZERO),
            Decision::Stop(_)
        ));
    }

    #[test]
    fn a_figure_that_is_not_there_stops() {
        for sample in [
            Sample {
                replica_lag: None,
                ..calm()
            },
            Sample {
                blocked_sessions: None,
                ..calm()
            },
            Sample {
                canary: None,
                ..calm()
            },
        ] {
            assert!(matches!(at(&sample, 100), Decision::Stop(_)));
        }
    }

    #[test]
    fn each_signal_stops_with_its_name() {
        let lag = Sample {
            replica_lag: Some(Duration::from_secs(6)),
            ..calm()
        };
        assert!(
            at(&lag, 100)
                .reason()
                .unwrap()
                .starts_with("replica lag 6.0 s")
        );
        let waits = Sample {
            blocked_sessions: Some(2),
            ..calm()
        };
        assert!(at(&waits, 100).reason().unwrap().starts_with("2 sessions"));
        let slow = Sample {
            canary: Some(Duration::from_millis(11)),
            ..calm()
        };
        assert!(at(&slow, 100).reason().unwrap().starts_with("canary"));
    }

    #[test]
    fn an_application_at_work_slows_but_never_stops() {
        let sample = Sample {
            app_sessions: Some(500),
            ..calm()
        };
        assert!(matches!(at(&sample, 100), Decision::Slow(rest, _) if (rest - 1.0).abs() < 1e-9));
    }

    #[test]
    fn in_between_it_rests_longer_the_higher_the_level() {
        let rest = |ms| match at(
            &Sample {
                replica_lag: Some(Duration::from_millis(ms)),
                ..calm()
            },
            100,
        ) {
            Decision::Slow(rest, _) => rest,
            other => panic!("{other:?}"),
        };
        assert!(rest(2_600) < rest(3_500) && rest(3_500) < rest(4_900));
    }
}
