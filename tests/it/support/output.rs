//! How a command ended, and what it printed.

use std::fmt;
use std::os::unix::process::ExitStatusExt;

/// Exit status and both streams of a finished command.
#[derive(Clone, PartialEq, Eq)]
pub struct Output {
    /// Its exit code, or 128 + signal.
    pub status: i32,
    /// What it wrote to stdout.
    pub stdout: String,
    /// What it wrote to stderr.
    pub stderr: String,
}

impl Output {
    /// Fails unless the command succeeded.
    #[track_caller]
    pub fn success(self) -> Self {
        assert_eq!(self.status, 0, "{self}");
        self
    }

    /// Fails unless it succeeded and printed nothing.
    #[track_caller]
    pub fn quiet_success(self) -> Self {
        assert_eq!((self.status, &*self.stdout, &*self.stderr), (0, "", ""), "{self}");
        self
    }

    /// Fails unless stderr contains `text`.
    #[track_caller]
    pub fn says(self, text: &str) -> Self {
        assert!(self.stderr.contains(text), "stderr lacks `{text}`:\n{self}");
        self
    }
}

impl From<std::process::Output> for Output {
    fn from(output: std::process::Output) -> Self {
        let signal = output.status.signal().map(|signal| 128 + signal);
        Self {
            status: output.status.code().or(signal).unwrap(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// Replaces the part of `/ccABCDEF.s` that gcc makes up anew for each of its temporary files.
pub fn without_temp_names(text: &str) -> String {
    let mut parts = text.split("/cc");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let name = part.as_bytes().get(..7);
        let made_up = name
            .is_some_and(|name| name[6] == b'.' && name[..6].iter().all(u8::is_ascii_alphanumeric));
        out += if made_up { "/ccXXXXXX" } else { "/cc" };
        out += if made_up { &part[6..] } else { part };
    }
    out
}

impl fmt::Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "[exit status: {}]", self.status)?;
        for (name, text) in [("stdout", &self.stdout), ("stderr", &self.stderr)] {
            if !text.is_empty() {
                write!(f, "------- {name} -------\n{text}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
