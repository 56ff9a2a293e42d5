//! A program with everything that it has started.

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::Child;

/// A program that leads a process group of its own (`Command::process_group(0)`). Dropping this kills the group, unless the
/// program was waited for: what it leaves running when it ends by itself is left alone.
pub(crate) struct ProcessGroup(pub(crate) Child);

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        // Until it is waited for, its number is nobody else's; afterwards there is none.
        let number = self.0.id().and_then(|id| i32::try_from(id).ok());
        if let Some(leader) = number.and_then(Pid::from_raw) {
            // It can only be gone already.
            let _ = kill_process_group(leader, Signal::KILL);
        }
    }
}
