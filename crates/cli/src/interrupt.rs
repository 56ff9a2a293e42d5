//! Ctrl-C and SIGTERM: the first asks to stop, the second ends the process at once.

use std::sync::Arc;

use cutover::{StopSignal, stop_pair};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinSet;

use crate::console::Console;
use crate::exit_status::ExitStatus;
use crate::failure::Failure;

/// Listens for both signals from now on.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn listen() -> Result<Self, Failure> {
        let listen = |kind| {
            signal(kind).map_err(|source| Failure::System {
                what: "listen for Ctrl-C",
                source,
            })
        };
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// Turns the signals into a request to stop, as long as it lives.
pub(crate) struct Interrupt {
    listener: JoinSet<()>,
    signal: StopSignal,
}

impl Interrupt {
    /// Begins to listen. The first signal asks to stop and says so; the second ends the process with its status: live is
    /// safe then too, but staging, and the record's state, are left for the next release to find.
    pub(crate) fn listen(console: &Arc<Console>) -> Result<Self, Failure> {
        let mut signals = Signals::listen()?;
        let (stop, signal) = stop_pair();
        let console = Arc::clone(console);
        let mut listener = JoinSet::new();
        listener.spawn(async move {
            signals.next().await;
            console.say("stopping: the running statements are cancelled (once more to leave at once)");
            stop.ask();
            signals.next().await;
            std::process::exit(ExitStatus::Stopped.code().into());
        });
        Ok(Self { listener, signal })
    }

    /// The request that the release listens to.
    pub(crate) fn signal(&self) -> StopSignal {
        self.signal.clone()
    }

    /// Waits for nobody any more.
    pub(crate) async fn end(mut self) {
        self.listener.shutdown().await;
    }
}

/// Runs `work` until it is done or a signal comes; then drops it.
pub(crate) async fn unless_interrupted<T>(
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let mut signals = Signals::listen()?;
    tokio::select! {
        done = work => done,
        () = signals.next() => Err(Failure::Interrupted),
    }
}
