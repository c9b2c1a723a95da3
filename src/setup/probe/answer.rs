//! What one volunteer answered: where it is, what it can do, and what is wrong with it.

use std::net::SocketAddr;
use std::time::Duration;

use serde::Serialize;

use crate::hosts::spec::HostSpec;
use crate::setup::probe::fault::Fault;
use crate::setup::probe::port::Ports;
use crate::targets::Target;

/// All that was found out about one entry of the host list.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The entry.
    pub spec: HostSpec,
    /// The addresses of its name, or why it has none. Empty behind ssh, which looks names up
    /// itself, and for `localhost`.
    pub addresses: Result<Vec<SocketAddr>, String>,
    /// The address that took the connection.
    pub address: Option<SocketAddr>,
    /// How long the connection took to be made; none behind ssh.
    pub latency: Option<Duration>,
    /// The protocol versions that it serves, of 1 (plain), 2 (lzo) and 3 (pump).
    pub protocols: Vec<u8>,
    /// Each compiler that was asked for, in the order of the local ones.
    pub compilers: Vec<CompilerAnswer>,
    /// Its statistics page, where it has one.
    pub stats: Option<Stats>,
    /// How fast it compiles, where it was measured.
    pub speed: Option<Speed>,
    /// What is wrong, the cause of everything else first.
    pub faults: Vec<Fault>,
    /// What builds here are for.
    pub target: Option<&'static Target>,
    /// What its other ports do for that, where this one does nothing.
    pub elsewhere: Option<Ports>,
}

impl Answer {
    /// An answer with nothing in it yet.
    pub fn new(spec: HostSpec) -> Self {
        Self {
            spec,
            addresses: Ok(Vec::new()),
            address: None,
            latency: None,
            protocols: Vec::new(),
            compilers: Vec::new(),
            stats: None,
            speed: None,
            faults: Vec::new(),
            target: None,
            elsewhere: None,
        }
    }

    /// Whether the client would use objects from it: one compiler at least is good enough.
    pub fn is_usable(&self) -> bool {
        self.spec.is_local() || self.compilers.iter().any(|one| one.verdict.is_usable())
    }

    /// How many slots it lends: what its statistics say, else what the host list has.
    pub fn slots(&self) -> u32 {
        let told = self.stats.as_ref().and_then(|stats| stats.slots);
        told.unwrap_or_else(|| u32::try_from(self.spec.slots).unwrap_or(0))
    }
}

/// One compiler of ours, as a volunteer has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompilerAnswer {
    /// The name here: `gcc`.
    pub name: String,
    /// The name under which the volunteer knows it: `x86_64-pc-linux-gnu-gcc`, or `gcc`.
    pub asked: String,
    /// Whether makepkg's configuration needs it; others are only shown.
    pub needed: bool,
    /// Its version there, in the compiler's own words: `GCC: (GNU) 15.2.1 20250813`.
    pub version: Option<String>,
    /// How it compares with the local one.
    pub verdict: CompilerVerdict,
}

/// How a volunteer's compiler compares with the local one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CompilerVerdict {
    /// The same, as far as an object can tell.
    Same,
    /// Another patch level or distributor; the client uses its objects but for LTO.
    Close,
    /// Another release: the client discards its objects.
    Different,
    /// The same, but its LTO byte code has another version.
    OtherLto,
    /// It makes objects for another machine, in words: `64-bit AArch64`.
    Foreign(String),
    /// The volunteer does not have it, or does not let it run.
    Missing,
    /// It does not compile a unit that the local one compiles.
    Fails,
    /// Nothing was found out, because something else went wrong first.
    Unknown,
}

impl CompilerVerdict {
    /// Whether the client uses the objects.
    pub fn is_usable(&self) -> bool {
        matches!(self, Self::Same | Self::Close)
    }

    /// Whether anything was found out.
    pub fn is_told(&self) -> bool {
        *self != Self::Unknown
    }

    /// One word for tables and programs.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Close => "close",
            Self::Different => "differs",
            Self::OtherLto => "other LTO",
            Self::Foreign(_) => "wrong target",
            Self::Missing => "missing",
            Self::Fails => "fails",
            Self::Unknown => "unknown",
        }
    }
}

/// What a statistics page told; a number that it does not have, or not in its range, is `None`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Stats {
    /// `dcc_max_kids`: jobs at once.
    pub slots: Option<u32>,
    /// `dcc_current_load`: compilers that run now.
    pub running: Option<u32>,
    /// `dcc_load1`: load average of one minute.
    pub load: Option<f64>,
    /// `dcc_free_space`: MiB free where jobs compile.
    pub free_mib: Option<u64>,
    /// `dcc_compile_ok`: units compiled since the start.
    pub compiled: Option<u64>,
    /// `dcc_rej_bad_req`: requests that were none.
    pub rejected: Option<u64>,
}

/// How long the reference unit takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Speed {
    /// On the volunteer, there and back.
    pub there: Duration,
    /// Here.
    pub here: Duration,
}

impl Speed {
    /// Reference units a second in one slot of the volunteer.
    pub fn units_per_second(&self) -> f64 {
        1.0 / self.there.as_secs_f64().max(0.001)
    }

    /// How many times as long a unit takes there as here.
    pub fn ratio(&self) -> f64 {
        self.there.as_secs_f64() / self.here.as_secs_f64().max(0.001)
    }
}
