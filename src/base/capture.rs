//! Running a program for what it prints: within a time, and no more than so many bytes.

use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

/// How a program ended, and what it printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Captured {
    /// How it ended.
    pub status: ExitStatus,
    /// What it wrote to standard output.
    pub stdout: Vec<u8>,
    /// What it wrote to standard error.
    pub stderr: Vec<u8>,
}

/// A child that leads a process group of its own, which ends with this value.
#[derive(Debug)]
pub struct Running(pub Child);

impl Drop for Running {
    fn drop(&mut self) {
        if let Ok(pid) = i32::try_from(self.0.id()) {
            // The group may be gone already, which is what we want.
            let _ = killpg(Pid::from_raw(pid), Signal::SIGKILL);
        }
        // Killed or ended: this does not take long.
        drop(self.0.wait());
    }
}

/// Runs `command`, without input and in a process group of its own, to its end.
///
/// # Errors
///
/// What starting it met; `TimedOut` if it takes longer than `limit`, `FileTooLarge` if it prints
/// more than `most` bytes on either side. It is killed then.
pub fn capture(command: &mut Command, limit: Duration, most: u64) -> io::Result<Captured> {
    let deadline = Instant::now() + limit;
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    let mut running = Running(command.spawn()?);
    let stdout = running.0.stdout.take().map(|pipe| read(pipe, most));
    let stderr = running.0.stderr.take().map(|pipe| read(pipe, most));
    let stdout = wait_for(stdout, deadline, most)?;
    let stderr = wait_for(stderr, deadline, most)?;
    let status = loop {
        if let Some(status) = running.0.try_wait()? {
            break status;
        }
        if Instant::now() >= deadline {
            return Err(io::ErrorKind::TimedOut.into());
        }
        // It has closed both pipes, so its end is near.
        std::thread::sleep(Duration::from_millis(1));
    };
    Ok(Captured { status, stdout, stderr })
}

/// Reads `pipe` to its end, or one byte more than it may hold, in a thread.
fn read(pipe: impl Read + Send + 'static, most: u64) -> Receiver<io::Result<Vec<u8>>> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let result = pipe.take(most.saturating_add(1)).read_to_end(&mut bytes);
        // Nobody waits any more if the time is over.
        drop(sender.send(result.map(|_| bytes)));
    });
    receiver
}

fn wait_for(
    pipe: Option<Receiver<io::Result<Vec<u8>>>>,
    deadline: Instant,
    most: u64,
) -> io::Result<Vec<u8>> {
    let Some(pipe) = pipe else { return Ok(Vec::new()) };
    let bytes = match pipe.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
        Ok(bytes) => bytes?,
        Err(RecvTimeoutError::Timeout) => return Err(io::ErrorKind::TimedOut.into()),
        Err(RecvTimeoutError::Disconnected) => return Err(io::ErrorKind::BrokenPipe.into()),
    };
    match bytes.len() as u64 > most {
        true => Err(io::ErrorKind::FileTooLarge.into()),
        false => Ok(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(script: &str, limit: Duration) -> io::Result<Captured> {
        capture(Command::new("sh").args(["-c", script]), limit, 1000)
    }

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn both_outputs_and_the_status_come_back() {
        let captured = run("echo out; echo err >&2; exit 3", LONG).unwrap();
        assert_eq!(
            (captured.stdout.as_slice(), captured.stderr.as_slice()),
            (&b"out\n"[..], &b"err\n"[..])
        );
        assert_eq!(captured.status.code(), Some(3));
    }

    #[test]
    fn a_program_that_does_not_end_is_ended_with_its_children() {
        let error = run("sleep 1000 & wait", Duration::from_millis(50)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        let error = run("exec >&- 2>&-; sleep 1000", Duration::from_millis(50)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[test]
    fn a_program_that_prints_without_end_is_ended() {
        assert_eq!(run("yes", LONG).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        assert_eq!(run("yes >&2", LONG).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
    }

    #[test]
    fn a_program_that_is_not_there_is_an_error() {
        let error = capture(&mut Command::new("/nonexistent"), LONG, 9).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }
}
