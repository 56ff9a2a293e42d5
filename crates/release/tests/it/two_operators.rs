//! Two operators at once: every pair of commands, started together or one a little after the other. One of them wins, the
//! other says why not, and nothing breaks: what is live is whole, the records agree, and the next release goes through.
//!
//! A few pairs here, each once; every pair fifty times with `scripts/soak operators`.

use std::time::Duration;

use cutover::{BackupChoice, ReleaseError, ReleaseOptions, ResumeOptions, RollbackOptions, StopSignal};
use cutover_core::release_file::Label;
use cutover_core::{Events, Stamp};
use cutover_swap::Retention;
use tokio::time::{sleep, timeout};

use crate::parks::Parks;
use crate::world::in_full;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Command {
    Release,
    /// A release that waits before its swap until it is told to go.
    HeldRelease,
    Resume,
    Abort,
    Rollback,
    Drop,
    Go,
    Retention,
}

const COMMANDS: [Command; 8] = [
    Command::Release,
    Command::HeldRelease,
    Command::Resume,
    Command::Abort,
    Command::Rollback,
    Command::Drop,
    Command::Go,
    Command::Retention,
];

/// Feb2026 is live, Jan2026 its backup set, Mar2026 built and validated: there is something for every command to do.
struct Operators {
    parks: Parks,
    backup: Stamp,
}

impl Operators {
    async fn new() -> Self {
        let parks = Parks::live_and_staged().await;
        let backup = parks.newest_backup().await;
        Self { parks, backup }
    }

    async fn run(&self, command: Command) -> Result<(), ReleaseError> {
        let (cutover, never, none) = (&self.parks.cutover, StopSignal::never(), Events::none());
        let release = || {
            ReleaseOptions::default()
                .label(Label::new("Mar2026").unwrap())
                .discard_staging()
        };
        match command {
            Command::Release => cutover.release(&release(), never, &none).await.map(drop),
            Command::HeldRelease => {
                let held = release().hold(true);
                cutover.release(&held, never, &none).await.map(drop)
            }
            Command::Resume => {
                let options = ResumeOptions::default();
                cutover.resume(&options, never, &none).await.map(drop)
            }
            Command::Abort => cutover.abort(&none).await.map(drop),
            Command::Rollback => {
                let options = RollbackOptions::default();
                let ended = cutover.rollback(&self.backup, &options, never, &none).await;
                ended.map(drop)
            }
            Command::Drop => {
                let choice = BackupChoice::Stamps(vec![self.backup.clone()]);
                cutover.drop_backups(&choice, &none).await.map(drop)
            }
            Command::Go => cutover.go().await.map(drop),
            Command::Retention => {
                let choice = BackupChoice::Beyond(Retention::newest(0));
                cutover.drop_backups(&choice, &none).await.map(drop)
            }
        }
    }

    /// Both, the second one so much later; whoever holds afterwards is told to go.
    async fn both(&self, first: Command, second: Command, later: Duration) -> [Result<(), ReleaseError>; 2] {
        let both = async {
            tokio::join!(self.run(first), async {
                sleep(later).await;
                self.run(second).await
            })
        };
        tokio::pin!(both);
        loop {
            tokio::select! {
                ended = &mut both => return ended.into(),
                // Until somebody holds there is nothing to say go to.
                () = sleep(Duration::from_secs(2)) => drop(self.run(Command::Go).await),
            }
        }
    }
}

/// Whether a command may end so because of another one. Anything else would be an accident.
fn gives_way(error: &ReleaseError) -> bool {
    matches!(
        error,
        ReleaseError::Busy { .. }
            | ReleaseError::JustFreed { .. }
            | ReleaseError::NothingToResume { .. }
            | ReleaseError::NothingHolds { .. }
            | ReleaseError::UnknownStamp { .. }
            | ReleaseError::Stopped { .. }
            | ReleaseError::StoppedHolding { .. }
            | ReleaseError::StoppedRollback { .. }
    )
}

async fn try_pair(first: Command, second: Command, later: Duration) {
    let pair = format!("{first:?} and, {later:?} later, {second:?}");
    let operators = Operators::new().await;
    let ended = timeout(
        Duration::from_mins(3),
        Box::pin(operators.both(first, second, later)),
    )
    .await;
    let ended = ended.unwrap_or_else(|_| panic!("{pair}: one waits for ever"));
    for error in ended.iter().filter_map(|ended| ended.as_ref().err()) {
        assert!(gives_way(error), "{pair}: {error:?}");
        assert!(!error.remedy().is_empty(), "{pair}: {error:?}");
    }
    let somebody_won = ended.iter().any(Result::is_ok);
    assert!(
        somebody_won || (first, second) == (Command::Go, Command::Go),
        "{pair}: {ended:?}"
    );

    let parks = operators.parks;
    parks.whole().await;
    // Whatever the two left, the next operator gets on.
    parks.stage("Jan2026").await.unwrap();
    parks.go_live(&parks.cutover).await.unwrap();
    assert_eq!(parks.whole().await, "Jan2026", "{pair}");
    parks.assert_tidy().await;
    parks.discard().await;
}

#[tokio::test]
async fn one_wins_and_the_other_says_why() {
    if !in_full() {
        for (first, second) in [
            (Command::Release, Command::Rollback),
            (Command::Resume, Command::Abort),
            (Command::HeldRelease, Command::Drop),
        ] {
            Box::pin(try_pair(first, second, Duration::from_millis(20))).await;
        }
        return;
    }
    for time in 0..50 {
        every_pair(time).await;
    }
}

/// At once, and later and later, either first: by the end, most of a release is over when the second one begins.
#[expect(clippy::print_stdout, reason = "how far it is: it takes long")]
async fn every_pair(time: u64) {
    let later = Duration::from_millis(time / 2 * 40);
    for (number, first) in COMMANDS.into_iter().enumerate() {
        for second in COMMANDS.into_iter().skip(number) {
            let (first, second) = if time.is_multiple_of(2) {
                (first, second)
            } else {
                (second, first)
            };
            Box::pin(try_pair(first, second, later)).await;
        }
    }
    println!("every pair was started {later:?} apart");
}
