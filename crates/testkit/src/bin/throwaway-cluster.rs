//! Runs a throwaway cluster until its input ends: `throwaway-cluster` and, to be rid of it, Ctrl-D or Ctrl-C.
//! The tests kill it in ways that a test cannot kill itself.

use std::io::{Write as _, stdin, stdout};

use anyhow::Result;
use cutover_testkit::Cluster;

fn main() -> Result<()> {
    let cluster = Cluster::builder().start()?;
    let mut out = stdout();
    writeln!(out, "url {}", cluster.url("postgres"))?;
    writeln!(out, "directory {}", cluster.socket_dir().display())?;
    writeln!(out, "pid {}", cluster.postmaster_pid()?)?;
    std::io::copy(&mut stdin(), &mut std::io::sink())?;
    Ok(())
}
