//! Signs of life of a process that runs what is due.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::Keeper;
use crate::error::Error;

/// How often a sign of life is given.
const HEARTBEAT: Duration = Duration::from_secs(2);

/// Without a sign for this long the runs are stopped: five seconds later others may take this
/// process for dead and begin the next ones (`tidegate.schedule_run_alive`).
const SILENCE: Duration = Duration::from_secs(15);

impl Keeper {
    /// Gives signs of life for ever; sets `stop` when they do not arrive for too long. `trouble`
    /// hears of each that did not.
    pub async fn give_signs(&self, stop: &CancellationToken, trouble: impl Fn(&Error)) {
        let mut heard = self.clock.monotonic();
        loop {
            match self.presence.beat(&self.control).await {
                Ok(()) => heard = self.clock.monotonic(),
                Err(error) => {
                    trouble(&error);
                    let silent = self.clock.monotonic().saturating_sub(heard) > SILENCE;
                    if silent && !stop.is_cancelled() {
                        tracing::error!(%error, "no sign of life arrives: runs are stopped");
                        stop.cancel();
                    }
                }
            }
            tokio::time::sleep(HEARTBEAT).await;
        }
    }
}
