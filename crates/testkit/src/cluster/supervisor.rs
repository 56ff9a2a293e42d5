//! The child that owns a cluster's server and directory, and outlives us by the time it takes to remove both.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context as _, Result, bail, ensure};

const SCRIPT: &str = include_str!("supervisor.sh");

/// A user and its group, by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SystemUser {
    pub(super) uid: u32,
    pub(super) gid: u32,
}

impl SystemUser {
    /// The user to run a server as when we are root, which PostgreSQL refuses.
    pub(super) fn for_server() -> Result<Self> {
        let passwd = std::fs::read_to_string("/etc/passwd").context("could not read /etc/passwd")?;
        ["postgres", "nobody"]
            .iter()
            .find_map(|name| Self::parse(&passwd, name))
            .context("PostgreSQL does not run as root, and there is no user postgres or nobody to run it as")
    }

    fn parse(passwd: &str, name: &str) -> Option<Self> {
        passwd.lines().find_map(|line| {
            let mut fields = line.split(':');
            (fields.next()? == name).then_some(())?;
            let uid = fields.nth(1)?.parse().ok()?;
            let gid = fields.next()?.parse().ok()?;
            Some(Self { uid, gid })
        })
    }
}

/// A running `supervisor.sh`. Dropping it ends its input and waits until server and directory are gone.
#[derive(Debug)]
pub(super) struct Supervisor {
    child: Child,
    // Close-on-exec, as all descriptors of the standard library: no other child keeps it open.
    requests: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Supervisor {
    pub(super) fn spawn(bin: &Path, root: &Path, user: Option<SystemUser>) -> Result<Self> {
        let mut command = Command::new("sh");
        command
            .args(["-c", SCRIPT, "cutover-cluster"])
            .args([bin, root])
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            // An interrupt from the terminal is for us, not for it. Libpq's variables are for neither.
            .process_group(0)
            .env_remove("PGDATA")
            .env_remove("PGPORT")
            .env_remove("PGOPTIONS");
        if let Some(user) = user {
            // The standard library clears the supplementary groups along with it.
            command.uid(user.uid).gid(user.gid);
        }
        let mut child = command
            .spawn()
            .context("could not start the shell that supervises the cluster")?;
        let requests = child.stdin.take();
        let answers = child.stdout.take().context("the supervisor has no output")?;
        Ok(Self {
            child,
            requests,
            answers: BufReader::new(answers),
        })
    }

    /// Sends one request and waits for its outcome.
    pub(super) fn request(&mut self, request: &str) -> Result<()> {
        let Some(requests) = &mut self.requests else {
            bail!("the cluster has been given up")
        };
        writeln!(requests, "{request}").context("the cluster's supervisor is gone")?;
        let mut answer = String::new();
        self.answers
            .read_line(&mut answer)
            .context("the cluster's supervisor does not answer")?;
        ensure!(
            answer.trim() == "0",
            "`{request}` failed with status {}",
            answer.trim()
        );
        Ok(())
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        self.requests = None;
        // Nothing to do about a failure here: the child is reaped with us.
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_found_by_their_whole_name() {
        let passwd =
            "root:x:0:0:root:/root:/bin/sh\npostgres2:x:9:9::/:\npostgres:x:101:104:,,,:/var:/bin/sh\n";
        assert_eq!(
            SystemUser::parse(passwd, "postgres"),
            Some(SystemUser { uid: 101, gid: 104 })
        );
        assert_eq!(SystemUser::parse(passwd, "nobody"), None);
    }
}
