//! Preprocessing here: the compiler's `-E` into memory, compressed while it runs.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, PipeReader, Read, Seek};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, ExitStatus, Stdio};
use std::time::Duration;

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};

use crate::client::call::Call;
use crate::compiler::body::Watch;
use crate::protocol::lzo;

/// What the pipe should hold, so that the preprocessor need not wait for us between two looks.
const PIPE_BYTES: i32 = 512 * 1024;

/// Time between two looks at a pipe of that size. The preprocessor writes 4 KiB at a time: waking
/// at each would cost more than the compression.
const LOOK: Duration = Duration::from_millis(2);

/// More than this is no source text, and would not fit the protocol's lengths.
const MOST_BYTES: usize = 1 << 30;

/// A unit's source as it travels.
#[derive(Debug)]
pub struct Source {
    text: Text,
    /// What the preprocessor printed on stderr.
    pub stderr: Vec<u8>,
    /// The dependency file's content, if the command asks for one.
    pub dependencies: Option<Vec<u8>>,
    /// What was seen in the text on its way.
    pub watch: Watch,
}

#[derive(Debug)]
enum Text {
    Plain(Vec<u8>),
    Lzo(Vec<u8>),
}

impl Source {
    /// A unit that needs no preprocessing.
    pub fn preprocessed(text: Vec<u8>) -> Self {
        let mut watch = Watch::default();
        watch.look(&text);
        Self { text: Text::Plain(text), stderr: Vec::new(), dependencies: None, watch }
    }

    /// The text for protocol 2 (`lzo`) or 1. Another form than it has is made and kept.
    ///
    /// # Errors
    ///
    /// `InvalidData` if our own compressed text cannot be read back.
    pub fn body(&mut self, lzo: bool) -> io::Result<&[u8]> {
        match (&self.text, lzo) {
            (Text::Plain(text), true) => self.text = Text::Lzo(packed(text)),
            (Text::Lzo(text), false) => {
                let plain = lzo::decompress(text, MOST_BYTES)
                    .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
                self.text = Text::Plain(plain);
            }
            _ => {}
        }
        let (Text::Plain(text) | Text::Lzo(text)) = &self.text;
        Ok(text)
    }
}

/// The protocol sends nothing for nothing: an empty text has no LZO stream.
fn packed(text: &[u8]) -> Vec<u8> {
    if text.is_empty() { Vec::new() } else { lzo::compress(text) }
}

/// A preprocessor at work.
#[derive(Debug)]
pub struct Preprocessor {
    child: Child,
    pidfd: OwnedFd,
    stdout: PipeReader,
    /// Whether the pipe is large enough to be looked at only now and then.
    roomy: bool,
    stderr: File,
    dependencies: Option<File>,
    collected: Collected,
    watch: Watch,
}

#[derive(Debug)]
enum Collected {
    Plain(Vec<u8>),
    Lzo { compressor: Box<lzo::Compressor>, bytes: usize },
}

/// The dependency file as the preprocessor is told it: a file in memory that leaves no litter.
#[derive(Debug)]
pub struct DependencyTarget {
    file: File,
    /// Its name for other processes.
    pub path: PathBuf,
}

impl DependencyTarget {
    /// Makes the file.
    ///
    /// # Errors
    ///
    /// What the kernel said; then the unit is compiled here.
    pub fn create() -> io::Result<Self> {
        let file = memory_file(c"dependencies")?;
        let path = format!("/proc/{}/fd/{}", std::process::id(), file.as_raw_fd()).into();
        Ok(Self { file, path })
    }
}

fn memory_file(name: &std::ffi::CStr) -> io::Result<File> {
    Ok(File::from(memfd_create(name, MFdFlags::MFD_CLOEXEC)?))
}

impl Preprocessor {
    /// Starts `argv`; its text is looked through by `watch`, and compressed as it comes if `lzo`.
    ///
    /// # Errors
    ///
    /// `NotFound` where the compiler is not to be found, else what starting it met.
    pub fn start(
        call: &Call,
        argv: &[OsString],
        dependencies: Option<DependencyTarget>,
        lzo: bool,
        watch: Watch,
    ) -> io::Result<Self> {
        let mut command = call.command(argv).ok_or(io::ErrorKind::NotFound)?;
        let (stdout, theirs) = io::pipe()?;
        let stderr = memory_file(c"stderr")?;
        let child = command
            .stdin(Stdio::null())
            .stdout(theirs)
            .stderr(stderr.try_clone()?)
            .process_group(0)
            .spawn()?;
        // The command holds the writing end until it goes: without this, the pipe has no end.
        drop(command);
        let pid = rustix::process::Pid::from_child(&child);
        let pidfd = rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty())?;
        fcntl(&stdout, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        let roomy = fcntl(&stdout, FcntlArg::F_SETPIPE_SZ(PIPE_BYTES)).is_ok();
        let collected = if lzo {
            Collected::Lzo { compressor: Box::default(), bytes: 0 }
        } else {
            Collected::Plain(Vec::new())
        };
        let dependencies = dependencies.map(|target| target.file);
        Ok(Self { child, pidfd, stdout, roomy, stderr, dependencies, collected, watch })
    }

    /// What becomes readable when there is something to do, and the longest time until then.
    pub fn awaited(&self) -> (BorrowedFd<'_>, Duration) {
        if self.roomy {
            (self.pidfd.as_fd(), LOOK)
        } else {
            (self.stdout.as_fd(), Duration::from_secs(3600))
        }
    }

    /// Takes what has been written so far; `true` when the preprocessor has ended.
    ///
    /// # Errors
    ///
    /// What reading met, and `FileTooLarge`.
    pub fn collect(&mut self, buffer: &mut [u8]) -> io::Result<bool> {
        loop {
            let count = match self.stdout.read(buffer) {
                Ok(0) => return Ok(true),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            let chunk = buffer.get(..count).unwrap_or_default();
            self.watch.look(chunk);
            let total = match &mut self.collected {
                Collected::Plain(text) => {
                    text.extend_from_slice(chunk);
                    text.len()
                }
                Collected::Lzo { compressor, bytes } => {
                    compressor.update(chunk);
                    *bytes += count;
                    *bytes
                }
            };
            if total > MOST_BYTES {
                return Err(io::Error::new(
                    io::ErrorKind::FileTooLarge,
                    format!("the preprocessed text is larger than {MOST_BYTES} bytes"),
                ));
            }
        }
    }

    /// Waits for the preprocessor's end and hands over what it made.
    ///
    /// # Errors
    ///
    /// What waiting or reading met.
    pub fn finish(mut self) -> io::Result<(ExitStatus, Source)> {
        let status = self.child.wait()?;
        let text = match self.collected {
            Collected::Plain(text) => Text::Plain(text),
            Collected::Lzo { bytes: 0, .. } => Text::Lzo(Vec::new()),
            Collected::Lzo { compressor, .. } => Text::Lzo(compressor.finish()),
        };
        let stderr = whole(&mut self.stderr)?;
        let dependencies = self.dependencies.as_mut().map(whole).transpose()?;
        Ok((status, Source { text, stderr, dependencies, watch: self.watch }))
    }

    /// Ends a preprocessor that nobody needs any more.
    pub fn abandon(mut self) {
        // It may have ended by itself; then there is nothing to kill.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn whole(file: &mut File) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut content)?;
    Ok(content)
}
