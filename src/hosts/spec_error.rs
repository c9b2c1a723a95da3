//! What can be wrong with a host spec, each with the spec, the part, and what to write.

/// A host spec that cannot be read; as in distcc 3.4, one of them makes the whole list useless.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SpecError {
    /// Nothing stands where the host's name should.
    #[error("host spec `{0}`: no host name (write a name or an address, as in `10.0.0.7/8`)")]
    NoHost(String),
    /// An IPv6 address without brackets.
    #[error("host spec `{0}`: an IPv6 address stands in brackets (write `[{1}]`)")]
    BareIpv6(String, String),
    /// A bracket that is opened and not closed.
    #[error("host spec `{0}`: the bracket is not closed (write `[::1]`, `[::1]:3632`)")]
    OpenBracket(String),
    /// A slash between brackets, which is in no address and would lead out of the lock directory.
    #[error("host spec `{0}`: `{1}` is no address (write an IPv6 address between the brackets)")]
    BadAddress(String, String),
    /// What follows the slash is no number of slots.
    #[error("host spec `{0}`: `{1}` is no number of slots (write 1 to 65535, as in `10.0.0.7/8`)")]
    BadLimit(String, String),
    /// What follows the colon is no port.
    #[error("host spec `{0}`: `{1}` is no port (write a number, as in `10.0.0.7:3632`)")]
    BadPort(String, String),
    /// An option that is none.
    #[error(
        "host spec `{0}`: unknown option `{1}` (write `,lzo`, `,cpp,lzo`, `,plain` or `,down`)"
    )]
    UnknownOption(String, String),
    /// Pump mode without compression.
    #[error("host spec `{0}`: pump mode (`,cpp`) requires compression (write `,cpp,lzo`)")]
    PumpWithoutLzo(String),
    /// Two options that ask for different protocols.
    #[error("host spec `{0}`: `,{1}` and `,{2}` contradict each other (write one of them)")]
    Contradiction(String, &'static str, &'static str),
    /// An ssh host or user that ssh would take for an option.
    #[error(
        "host spec `{0}`: ssh would take `{1}` for an option (write a name that begins otherwise)"
    )]
    LeadingDash(String, String),
}
