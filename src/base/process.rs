//! Child processes: how they ended, as exit codes and wait statuses.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use crate::base::exit::Exit;

/// The exit code that stands for how a child ended: its own, or `128 + signal`.
pub fn exit_of(status: ExitStatus) -> Exit {
    exit_of_wait_status(status.into_raw())
}

/// The same for a POSIX wait status, as the wire carries it.
pub fn exit_of_wait_status(status: i32) -> Exit {
    let signal = status & 0x7f;
    let code = if signal == 0 { (status >> 8) & 0xff } else { 128 + signal };
    Exit(u8::try_from(code).unwrap_or(u8::MAX))
}
