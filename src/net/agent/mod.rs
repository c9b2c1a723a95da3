//! The agent of pump mode, as its clients see it: which files does this compile open?
//!
//! [`ask`] finds the agent of this user and state directory, starts it if none listens, and gives
//! the files as packets that are ready to be sent on. [`ask_files`] asks any include server of
//! distcc's pump mode for their names.
//!
//! Nothing here waits long for an agent that is not well: [`TAKEN`] until it has taken the
//! question, [`ANSWERED`] until it has answered, [`start::READY`] until one that is started
//! listens. After such a wait the agent is left alone for a while ([`AgentError::Resting`]), so
//! that not every compile of a build waits.

mod exchange;
pub mod place;
pub mod start;

use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::base::env;
use crate::base::memory::Mapped;
use crate::net::agent::exchange::Connection;
use crate::net::agent::place::Place;
use crate::protocol::agent::{Answer, AnswerDecoder, Question, Tree, encode_question};
use crate::protocol::include_server::{self, encode_request};
use crate::protocol::limits::Limits;
use crate::protocol::packet::{self, token};
use crate::protocol::wire_error::WireError;

/// So long the agent may take to take a question.
pub const TAKEN: Duration = Duration::from_millis(200);
/// So long it may take to answer.
pub const ANSWERED: Duration = Duration::from_secs(15);
/// After a wait that was in vain it is not asked for so long: by which of the waits.
const REST: [Duration; 2] = [Duration::from_secs(10), Duration::from_secs(60)];

/// One that hangs up is asked again after these pauses: there may be another one then.
const AGAIN: [Duration; 2] = [Duration::from_millis(5), Duration::from_millis(20)];

/// The file beside an agent's socket that tells it from a foreign include server.
pub const MARK: &str = "distcc-agent";

/// Variables that a compiler heeds, and programs that stand in for one: what goes into
/// [`Question::environment`]. Sources: gcc(1), clang(1), ccache(1), the dynamic linker.
pub const HEEDED: [&str; 24] = [
    "PATH",
    "HOME",
    "PWD",
    "TMPDIR",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "LC_MESSAGES",
    "LD_LIBRARY_PATH",
    "CPATH",
    "C_INCLUDE_PATH",
    "CPLUS_INCLUDE_PATH",
    "OBJC_INCLUDE_PATH",
    "OBJCPLUS_INCLUDE_PATH",
    "COMPILER_PATH",
    "GCC_EXEC_PREFIX",
    "GCC_COMPARE_DEBUG",
    "GCC_SPECS",
    "LIBRARY_PATH",
    "SDKROOT",
    "SYSROOT",
    "CCC_OVERRIDE_OPTIONS",
    "CLANG_CONFIG_FILE_SYSTEM_DIR",
    "CLANG_CONFIG_FILE_USER_DIR",
];

/// Why there is no answer. The compile goes another way.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AgentError {
    /// The agent knows that it cannot know: its reason.
    #[error("{0}")]
    CannotTell(String),
    /// The user wants none.
    #[error("DISTCC_AGENT is no: there is no agent")]
    Unwanted,
    /// [`include_server()`]: it is no agent of ours. [`ask_files`] is what it understands.
    #[error("{}: it is a foreign include server", .0.display())]
    Foreign(PathBuf),
    /// Neither DISTCC_DIR nor HOME is set.
    #[error("there is no place for the agent's socket: neither DISTCC_DIR nor HOME is set")]
    NoPlace,
    /// Its directory cannot be used.
    #[error("{dir}: {1}", dir = .0.display())]
    Directory(PathBuf, String),
    /// The program is not installed.
    #[error("{}: there is no such program: install it, or name it in DISTCC_AGENT", .0.display())]
    NotInstalled(PathBuf),
    /// It could not be started.
    #[error("{program} cannot be started: {1}", program = .0.display())]
    NotStarted(PathBuf, String),
    /// It did not answer a short while ago.
    #[error("it did not answer a short while ago, and is left alone for a minute at most")]
    Resting,
    /// Nobody can be reached there.
    #[error("{socket}: {1}", socket = .0.display())]
    Unreachable(PathBuf, #[source] io::Error),
    /// Somebody else listens there: the user's number.
    #[error("{socket}: user {1} listens there, and not you", socket = .0.display())]
    Stranger(PathBuf, u32),
    /// It did not take the question.
    #[error("it has not taken the question within {} ms", TAKEN.as_millis())]
    NotTaken,
    /// It took the question, and did not answer.
    #[error("it has not answered within {} s", ANSWERED.as_secs())]
    Late,
    /// It hung up.
    #[error("it hung up without an answer")]
    HungUp,
    /// The connection broke.
    #[error("the connection to it broke: {0}")]
    Broken(#[source] io::Error),
    /// Its answer is none.
    #[error("its answer cannot be read: {0}")]
    Garbage(#[from] WireError),
    /// Its packets are not where it says.
    #[error("its packets cannot be read: {0}")]
    Arena(String),
}

/// The files that a compile may open, as packets for a volunteer.
#[derive(Clone, Debug)]
pub struct Gathered {
    /// What there is.
    pub tree: Tree,
    packets: Vec<&'static [u8]>,
}

impl Gathered {
    /// The packets `NAME`, `FILE` and `LINK`, to be sent one slice after the other. A slice may
    /// hold several packets.
    pub fn packets(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.packets.iter().copied()
    }

    /// How many bytes all packets have.
    pub fn size(&self) -> usize {
        self.packets.iter().map(|packet| packet.len()).sum()
    }

    fn new(tree: Tree, arena: Option<OwnedFd>) -> Result<Self, AgentError> {
        let arena = arena.ok_or_else(|| AgentError::Arena("no descriptor came".to_owned()))?;
        let arena = Mapped::new(arena).map_err(|error| AgentError::Arena(error.to_string()))?;
        let slice = |part: &crate::protocol::agent::Part| {
            arena.part(part.at, part.length).ok_or_else(|| {
                AgentError::Arena(format!("{} bytes at {} are not there", part.length, part.at))
            })
        };
        let packets = tree.parts.iter().map(slice).collect::<Result<Vec<_>, _>>()?;
        // A volunteer would wait for what is missing.
        match are_whole(&packets, tree.count) {
            Some(()) => Ok(Self { tree, packets }),
            None => {
                let text = format!("they are not {} whole ones", tree.count);
                Err(AgentError::Arena(text))
            }
        }
    }
}

/// Whether the packets are whole, each name followed by what has it, and `count` names in all.
fn are_whole(parts: &[&[u8]], count: u32) -> Option<()> {
    // A volunteer takes no more.
    let mut left = (count <= Limits::default().files).then_some(count)?;
    for part in parts {
        let mut rest = *part;
        while !rest.is_empty() {
            left = left.checked_sub(1)?;
            packet::split_off(&mut rest, &[token::NAME])?;
            packet::split_off(&mut rest, &[token::FILE, token::LINK])?;
        }
    }
    (left == 0).then_some(())
}

/// The foreign include server that `INCLUDE_SERVER_PORT` names, if it names one.
pub fn include_server() -> Option<PathBuf> {
    named().filter(|socket| !is_ours(socket))
}

fn named() -> Option<PathBuf> {
    env::INCLUDE_SERVER_PORT.get_nonempty().map(PathBuf::from)
}

fn is_ours(socket: &Path) -> bool {
    rustix::fs::lstat(socket.with_file_name(MARK)).is_ok()
}

/// Whether anybody of this user listens at `socket`.
pub fn is_listened_to(socket: &Path) -> bool {
    exchange::connect(socket).is_ok()
}

/// Asks the agent, started if need be, for the files that a compile may open.
///
/// Where `INCLUDE_SERVER_PORT` names an agent of ours, that one is asked, and none is started.
///
/// # Errors
///
/// [`AgentError`]: a sentence that reads on from "the agent: ".
pub fn ask(question: &Question) -> Result<Gathered, AgentError> {
    let bytes = encode_question(question);
    if let Some(socket) = named() {
        if !is_ours(&socket) {
            return Err(AgentError::Foreign(socket));
        }
        return ask_at(exchange::connect(&socket)?, &bytes);
    }
    ask_of(&Place::of_user()?, &start::program, &bytes)
}

/// Asks the agent at `place`, which is started with `program` if need be; the question is as
/// [`encode_question`] makes it.
///
/// # Errors
///
/// [`AgentError`].
pub fn ask_of(
    place: &Place,
    program: &dyn Fn() -> Result<PathBuf, AgentError>,
    question: &[u8],
) -> Result<Gathered, AgentError> {
    if place.is_resting() {
        return Err(AgentError::Resting);
    }
    let ask = || start::reach(place, program).and_then(|reached| ask_at(reached, question));
    let mut answer = ask();
    for pause in AGAIN {
        if !matches!(answer, Err(AgentError::HungUp)) {
            break;
        }
        // It left at this very moment, or was killed: for a moment more its socket seems alive.
        std::thread::sleep(pause);
        answer = ask();
    }
    let [short, long] = REST;
    match answer {
        Err(AgentError::Late) => place.rest(long),
        Err(AgentError::NotTaken | AgentError::NotStarted(..)) => place.rest(short),
        _ => {}
    }
    answer
}

fn ask_at(mut connection: Connection, question: &[u8]) -> Result<Gathered, AgentError> {
    let asked = Instant::now();
    connection.send(question, asked + TAKEN)?;
    let mut decoder = AnswerDecoder::default();
    loop {
        let bytes = connection.receive(asked + TAKEN, asked + ANSWERED)?;
        match decoder.push(bytes)? {
            Some(Answer::CannotTell(why)) => return Err(AgentError::CannotTell(why)),
            Some(Answer::Tree(tree)) => return Gathered::new(tree, connection.take_descriptor()),
            None => {}
        }
    }
}

/// Asks any include server for the files that a compile may open, by distcc's own protocol: names
/// below the server's mirror of the file system (see [`crate::protocol::include_server`]).
///
/// # Errors
///
/// [`AgentError`]; none of the names is [`AgentError::CannotTell`].
pub fn ask_files(
    socket: &Path,
    cwd: &[u8],
    argv: &[impl AsRef<[u8]>],
) -> Result<Vec<Vec<u8>>, AgentError> {
    let mut connection = exchange::connect(socket)?;
    let asked = Instant::now();
    connection.send(&encode_request(cwd, argv), asked + TAKEN)?;
    let mut decoder = include_server::Decoder::of_reply(&Limits::default());
    loop {
        // Only ours shows that it has taken a question.
        let bytes = connection.receive(asked + ANSWERED, asked + ANSWERED)?;
        match decoder.push(bytes)? {
            Some(reply) if reply.argv.is_empty() => {
                let why = "the include server does not know which files it opens";
                return Err(AgentError::CannotTell(why.to_owned()));
            }
            Some(reply) => return Ok(reply.argv),
            None => {}
        }
    }
}
