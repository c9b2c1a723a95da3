//! Exit codes 100 to 120, as distcc 3.4 numbers them.

/// How a program ends: the compiler's own code, `128 + signal`, or one of the constants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Exit(pub u8);

impl Exit {
    /// All went well.
    pub const OK: Self = Self(0);
    /// A failure with no number of its own.
    pub const FAILED: Self = Self(100);
    /// Bad arguments.
    pub const BAD_ARGUMENTS: Self = Self(101);
    /// The daemon could not bind its address.
    pub const BIND_FAILED: Self = Self(102);
    /// No connection to a volunteer.
    pub const CONNECT_FAILED: Self = Self(103);
    /// Out of memory.
    pub const OUT_OF_MEMORY: Self = Self(105);
    /// A host spec that cannot be read.
    pub const BAD_HOST_SPEC: Self = Self(106);
    /// A read or write failed.
    pub const IO_ERROR: Self = Self(107);
    /// Something ended too soon.
    pub const TRUNCATED: Self = Self(108);
    /// The peer does not speak the protocol.
    pub const PROTOCOL_ERROR: Self = Self(109);
    /// The compiler could not be run.
    pub const COMPILER_MISSING: Self = Self(110);
    /// distcc called itself.
    pub const RECURSION: Self = Self(111);
    /// Privileges could not be dropped.
    pub const SETUID_FAILED: Self = Self(112);
    /// The access list says no.
    pub const ACCESS_DENIED: Self = Self(113);
    /// All slots are taken.
    pub const BUSY: Self = Self(114);
    /// A file is not there.
    pub const NO_SUCH_FILE: Self = Self(115);
    /// No volunteer is left, and a local compile is forbidden.
    pub const NO_HOSTS: Self = Self(116);
    /// The client has gone away.
    pub const GONE: Self = Self(117);
    /// Took too long.
    pub const TIMEOUT: Self = Self(118);

    /// Whether this is success.
    pub fn is_ok(self) -> bool {
        self == Self::OK
    }
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.0)
    }
}
