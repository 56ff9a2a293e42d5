//! Slowing imports down, so that others get their share of servers, disks and network.

use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;

use leaky_bucket::RateLimiter;
use tokio::sync::{Mutex, watch};

/// How many times a second new bytes are granted: often enough for a steady stream.
const GRANTS: u32 = 20;
/// A source that was slow for a while may be this many grants faster afterwards.
const SAVED_UP: usize = 4;

/// What slows down all imports that share it: a rate, a [`Gate`], or both.
///
/// It holds for rows that pass through the client: each is waited for before it is sent to the table. An
/// `INSERT … SELECT` only waits for the gate, before it begins.
///
/// ```
/// use std::num::NonZeroU64;
/// use cutover_importer::Throttle;
///
/// # let megabyte = NonZeroU64::new(1_000_000).unwrap();
/// let (throttle, gate) = Throttle::none().bytes_per_s(megabyte).gate();
/// gate.shut(); // imports wait …
/// gate.open(); // … and go on
/// # let _ = throttle;
/// ```
#[derive(Debug, Clone, Default)]
pub struct Throttle {
    /// The lock queues those that wait; the limiter alone would let one of them go first again and again.
    rate: Option<Arc<Mutex<RateLimiter>>>,
    gate: Option<watch::Receiver<bool>>,
}

/// Lets imports pass or wait. When it is dropped they pass.
#[derive(Debug)]
pub struct Gate(watch::Sender<bool>);

impl Gate {
    /// Imports wait from their next row on.
    pub fn shut(&self) {
        self.0.send_replace(true);
    }

    /// Imports go on.
    pub fn open(&self) {
        self.0.send_replace(false);
    }
}

impl Throttle {
    /// As fast as it goes.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// At most this many bytes a second, as COPY data, for all imports together. After a pause of the source up to a fifth of
    /// a second's worth comes at once. A row is sent whole, after as long a wait as it needs.
    #[must_use]
    pub fn bytes_per_s(mut self, rate: NonZeroU64) -> Self {
        let rate = usize::try_from(rate.get()).unwrap_or(usize::MAX);
        let grants = usize::try_from(GRANTS).unwrap_or(1);
        let (interval, grant) = match rate / grants {
            0 => (Duration::from_secs(1), rate),
            grant => (Duration::from_secs(1) / GRANTS, grant),
        };
        let limiter = RateLimiter::builder()
            .initial(0)
            .interval(interval)
            .refill(grant)
            .max(grant.saturating_mul(SAVED_UP))
            .build();
        self.rate = Some(Arc::new(Mutex::new(limiter)));
        self
    }

    /// Imports wait while the gate is shut; it is open to begin with.
    #[must_use]
    pub fn gate(mut self) -> (Self, Gate) {
        let (sender, receiver) = watch::channel(false);
        self.gate = Some(receiver);
        (self, Gate(sender))
    }

    /// Returns when so many bytes may be sent. Dropped, it has taken none.
    pub(crate) async fn pass(&self, bytes: usize) {
        if let Some(gate) = &self.gate
            && *gate.borrow()
        {
            let mut gate = gate.clone();
            // An error says that the gate is gone: nobody will open it any more.
            let _gone = gate.wait_for(|shut| !shut).await;
        }
        if let Some(rate) = &self.rate {
            rate.lock().await.acquire(bytes).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use tokio::time::Instant;

    use super::*;

    fn rate(bytes_per_s: u64) -> Throttle {
        Throttle::none().bytes_per_s(NonZeroU64::new(bytes_per_s).unwrap())
    }

    /// Seconds that sending takes.
    async fn seconds(throttle: &Throttle, pieces: impl IntoIterator<Item = usize>) -> f64 {
        let began = Instant::now();
        for piece in pieces {
            throttle.pass(piece).await;
        }
        began.elapsed().as_secs_f64()
    }

    #[track_caller]
    fn about(seconds: f64, expected: f64) {
        assert!((seconds - expected).abs() <= 0.2, "{seconds} s, not {expected} s");
    }

    #[tokio::test(start_paused = true)]
    async fn small_and_large_pieces_come_at_the_rate() {
        about(seconds(&rate(1_000_000), (0..1000).map(|_| 10_000)).await, 10.0);
        about(
            seconds(&rate(1_000_000), [5_000_000, 1, 4_999_999, 0]).await,
            10.0,
        );
        about(seconds(&rate(10), [20]).await, 2.0);
    }

    #[tokio::test(start_paused = true)]
    async fn all_that_share_it_share_the_rate() {
        let throttle = rate(1_000_000);
        let one = seconds(&throttle, (0..100).map(|_| 50_000));
        let other = seconds(&throttle, (0..100).map(|_| 50_000));
        let (one, other) = futures_util::future::join(one, other).await;
        about(one.max(other), 10.0);
        about(one.min(other), 10.0);
    }

    #[tokio::test(start_paused = true)]
    async fn little_is_saved_up_in_a_pause() {
        let throttle = rate(1_000_000);
        throttle.pass(1).await;
        tokio::time::sleep(Duration::from_mins(10)).await;
        about(seconds(&throttle, [2_000_000]).await, 2.0);
    }

    #[tokio::test(start_paused = true)]
    async fn who_stops_waiting_takes_nothing() {
        let throttle = rate(1_000_000);
        let waited = tokio::time::timeout(Duration::from_secs(1), throttle.pass(100_000_000)).await;
        assert!(waited.is_err());
        about(seconds(&throttle, [1_000_000]).await, 1.0);
    }

    #[tokio::test]
    async fn a_shut_gate_is_waited_for_until_it_opens_or_is_gone() {
        let (throttle, gate) = Throttle::none().gate();
        assert!(throttle.pass(1).now_or_never().is_some());
        gate.shut();
        let mut waiting = Box::pin(throttle.pass(1));
        assert!((&mut waiting).now_or_never().is_none());
        gate.open();
        waiting.await;
        gate.shut();
        let waiting = throttle.pass(1);
        drop(gate);
        waiting.await;
    }
}
