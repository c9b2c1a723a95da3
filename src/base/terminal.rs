//! Terminals: how large one is, and one that nobody sits at, for a program that prints otherwise
//! than into a pipe.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;
use rustix::io::Errno;
use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};
use rustix::termios::{OptionalActions, Winsize, tcgetattr, tcgetwinsize, tcsetattr, tcsetwinsize};

use crate::base::capture::Running;

/// Rows and columns of a terminal; `None` if `fd` is none.
pub fn size(fd: impl AsFd) -> Option<(u16, u16)> {
    let size = tcgetwinsize(fd).ok()?;
    Some((size.ws_row, size.ws_col))
}

/// A terminal that nobody sits at.
#[derive(Debug)]
pub struct Pty {
    /// What is printed on it comes out here, byte for byte.
    pub reader: OwnedFd,
    /// The terminal.
    pub terminal: OwnedFd,
}

impl Pty {
    /// One with so many rows and columns.
    ///
    /// # Errors
    ///
    /// There is no such device here, or there are too many of them.
    pub fn open((rows, columns): (u16, u16)) -> io::Result<Self> {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let reader = openpt(flags)?;
        grantpt(&reader)?;
        unlockpt(&reader)?;
        let terminal = ioctl_tiocgptpeer(&reader, flags)?;
        let mut modes = tcgetattr(&terminal)?;
        // Lines end as they were written.
        modes.make_raw();
        tcsetattr(&terminal, OptionalActions::Now, &modes)?;
        let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&terminal, size)?;
        Ok(Self { reader, terminal })
    }
}

/// Runs `command` without input and with its standard error on a terminal of this size; how it
/// ended, and what it printed there.
///
/// # Errors
///
/// What starting it met; `TimedOut` if it takes longer than `limit`, `FileTooLarge` if it prints
/// more than `most` bytes. It is killed then.
pub fn capture(
    mut command: Command,
    size: (u16, u16),
    limit: Duration,
    most: usize,
) -> io::Result<(ExitStatus, Vec<u8>)> {
    let deadline = Instant::now() + limit;
    let Pty { reader, terminal } = Pty::open(size)?;
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(terminal).process_group(0);
    let mut running = Running(command.spawn()?);
    // Else the terminal would stay open.
    drop(command);
    rustix::fs::fcntl_setfl(&reader, OFlags::NONBLOCK)?;
    let mut bytes = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        match rustix::io::read(&reader, &mut chunk) {
            // The latter where nobody has the terminal open any more.
            Ok(0) | Err(Errno::IO) => break,
            Ok(count) => bytes.extend_from_slice(chunk.get(..count).unwrap_or_default()),
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => {
                let left = deadline.saturating_duration_since(Instant::now());
                let left = Timespec::try_from(left).map_err(io::Error::other)?;
                let mut fds = [PollFd::new(&reader, PollFlags::IN)];
                if poll(&mut fds, Some(&left))? == 0 {
                    return Err(io::ErrorKind::TimedOut.into());
                }
            }
            Err(errno) => return Err(errno.into()),
        }
        if bytes.len() > most {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
    }
    loop {
        if let Some(status) = running.0.try_wait()? {
            return Ok((status, bytes));
        }
        if Instant::now() >= deadline {
            return Err(io::ErrorKind::TimedOut.into());
        }
        // It has closed the terminal, so its end is near.
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_on_it_comes_out_as_it_was_written() {
        let script = "test -t 2 && stty size <&2 >&2; printf 'a\\nb' >&2; exit 3";
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        let (status, text) = capture(command, (7, 123), Duration::from_secs(20), 1000).unwrap();
        assert_eq!((status.code(), text.as_slice()), (Some(3), b"7 123\na\nb".as_slice()));
    }

    #[test]
    fn a_program_that_prints_too_much_or_takes_too_long_is_ended() {
        let mut command = Command::new("sh");
        command.args(["-c", "while :; do echo more >&2; done"]);
        let error = capture(command, (1, 1), Duration::from_secs(20), 1000).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
        let mut command = Command::new("sleep");
        command.arg("1000");
        let error = capture(command, (1, 1), Duration::from_millis(50), 1000).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[test]
    fn a_pipe_has_no_size() {
        let (reader, _writer) = io::pipe().unwrap();
        assert_eq!(size(&reader), None);
    }
}
