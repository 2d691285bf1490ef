//! How fast a database is read.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use leaky_bucket::RateLimiter;

/// How often the bucket is filled.
const TICK: Duration = Duration::from_millis(50);

/// Ticks a second.
const TICKS: usize = 20;

/// Bytes that may be read a second, by all sessions of this process that share it: a token bucket
/// that holds a tenth of a second. Without a limit nothing waits.
#[derive(Clone, Default)]
pub struct ReadRate {
    bucket: Option<Arc<RateLimiter>>,
    /// Bytes of one tick.
    portion: usize,
}

impl ReadRate {
    /// At most so many bytes a second.
    #[must_use]
    pub fn limited(bytes_per_second: u64) -> Self {
        let portion = usize::try_from(bytes_per_second).unwrap_or(usize::MAX) / TICKS;
        let portion = portion.max(1);
        let bucket = RateLimiter::builder()
            .initial(portion)
            .max(portion.saturating_mul(2))
            .refill(portion)
            .interval(TICK)
            .build();
        Self {
            bucket: Some(Arc::new(bucket)),
            portion,
        }
    }

    /// Waits until so many bytes may have been read.
    pub async fn spend(&self, bytes: usize) {
        let Some(bucket) = &self.bucket else {
            return;
        };
        let mut left = bytes;
        while left > 0 {
            let now = left.min(self.portion);
            bucket.acquire(now).await;
            left -= now;
        }
    }
}

impl fmt::Debug for ReadRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.bucket {
            Some(_) => write!(f, "{} bytes a tick", self.portion),
            None => f.write_str("unlimited"),
        }
    }
}

/// Reads `50MB` as bytes a second; units are kB, MB and GB of 1000, KiB, MiB and GiB of 1024.
///
/// # Errors
/// A sentence, when it is none of these.
pub fn parse_rate(text: &str) -> Result<u64, String> {
    let wrong = || format!("\"{text}\" is not a rate such as 50MB, in bytes a second");
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: u64 = digits.parse().map_err(|_| wrong())?;
    let unit: u64 = match &text[digits.len()..] {
        "B" => 1,
        "kB" | "KB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "TB" => 1_000_000_000_000,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "TiB" => 1 << 40,
        _ => return Err(wrong()),
    };
    let rate = number.checked_mul(unit).filter(|rate| *rate >= 1_000);
    rate.ok_or_else(|| format!("\"{text}\" is less than 1kB a second, or more than there is"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_have_a_unit_and_are_not_nothing() {
        assert_eq!(parse_rate("50MB"), Ok(50_000_000));
        assert_eq!(parse_rate("1MiB"), Ok(1 << 20));
        assert_eq!(parse_rate("2TB"), Ok(2_000_000_000_000));
        for wrong in ["", "50", "MB", "0MB", "1B", "5 MB", "99999999999GB"] {
            assert!(parse_rate(wrong).is_err(), "{wrong}");
        }
    }
}
