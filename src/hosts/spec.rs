//! One host spec: where a volunteer is, how many of its slots we fill, and how we talk to it.

use std::fmt;

use core::net::IpAddr;

/// The port of a volunteer whose spec names none.
pub const DEFAULT_PORT: u16 = 3632;
/// Slots of a remote volunteer whose spec names no limit.
pub const DEFAULT_SLOTS: i32 = 4;
/// Slots of `localhost` without a limit.
pub const DEFAULT_LOCALHOST_SLOTS: i32 = 2;

/// How bytes get to a volunteer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transport {
    /// Not at all: the compile is run in place, in one of these slots.
    Local,
    /// A TCP connection.
    Tcp {
        /// Name or address as written, without brackets.
        host: String,
        /// The port.
        port: u16,
    },
    /// A child `ssh` that runs a daemon at the other end.
    Ssh {
        /// The user there, if the spec names one.
        user: Option<String>,
        /// Name or address as written.
        host: String,
        /// The daemon's command there, if the spec names one.
        command: Option<String>,
    },
}

/// Which protocol a spec asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ProtocolWish {
    /// No option: the best that both ends can do.
    #[default]
    Best,
    /// `,plain`: no compression.
    Plain,
    /// `,lzo`: compressed.
    Lzo,
    /// `,cpp,lzo`: pump mode.
    Pump,
    /// `,mirror`: our own mode.
    Mirror,
}

/// One host spec, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostSpec {
    /// How to get there.
    pub transport: Transport,
    /// How many compiles this client may have there at once. Negative where the list says so: such
    /// a host is never used.
    pub slots: i32,
    /// The protocol asked for.
    pub protocol: ProtocolWish,
    /// The host is switched off.
    pub down: bool,
    /// `,auth`: `Some(None)` without and `Some(Some(NAME))` with a name.
    pub auth: Option<Option<String>>,
    /// The spec as it was written.
    pub text: String,
}

impl HostSpec {
    /// The protocol to begin with, never [`ProtocolWish::Best`]: that is plain for a loopback
    /// address, where packing costs more than sending, and LZO for all others.
    pub fn settled_protocol(&self) -> ProtocolWish {
        match self.protocol {
            ProtocolWish::Best if self.is_loopback() => ProtocolWish::Plain,
            ProtocolWish::Best => ProtocolWish::Lzo,
            wish => wish,
        }
    }

    /// Whether this is a TCP host on this machine, by its written name.
    pub fn is_loopback(&self) -> bool {
        let Transport::Tcp { host, .. } = &self.transport else { return false };
        let host = host.split('%').next().unwrap_or(host);
        host.eq_ignore_ascii_case("localhost")
            || host.parse().is_ok_and(|address: IpAddr| address.to_canonical().is_loopback())
    }

    /// Whether compiles for this entry run here.
    pub fn is_local(&self) -> bool {
        self.transport == Transport::Local
    }

    /// How many slots there are to try: none of a host that is down or has a negative limit.
    pub fn usable_slots(&self) -> u32 {
        if self.down { 0 } else { u32::try_from(self.slots).unwrap_or(0) }
    }

    /// What this client cannot do, and the host insists on.
    pub fn unusable(&self) -> Option<&'static str> {
        if self.auth.is_some() {
            return Some("GSSAPI (`,auth`) is not built in, so this host is not used");
        }
        if self.protocol == ProtocolWish::Mirror {
            return Some("mirror mode is not built in, so this host is not used");
        }
        None
    }

    /// Name of the lock files of this host's slots, without `_SLOT`; shared with distcc 3.4.
    pub fn lock_name(&self) -> String {
        self.file_name("cpu")
    }

    /// Name of the file whose age says how long this host has rested; shared with distcc 3.4.
    pub fn rest_name(&self) -> String {
        self.file_name("backoff") + "_0"
    }

    fn file_name(&self, purpose: &str) -> String {
        match &self.transport {
            Transport::Local => format!("{purpose}_localhost"),
            Transport::Tcp { host, port } => format!("{purpose}_tcp_{host}_{port}"),
            Transport::Ssh { host, .. } => format!("{purpose}_ssh_{host}"),
        }
    }

    /// The host's name or address, for messages and monitors.
    pub fn display_host(&self) -> &str {
        match &self.transport {
            Transport::Local => "localhost",
            Transport::Tcp { host, .. } | Transport::Ssh { host, .. } => host,
        }
    }
}

/// Writes a spec that is read back as the same; `{:#}` writes its limit in any case.
impl fmt::Display for HostSpec {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let slots = self.slots;
        match &self.transport {
            Transport::Local => {
                out.write_str("localhost")?;
                return write_limit(out, slots, DEFAULT_LOCALHOST_SLOTS);
            }
            Transport::Tcp { host, port } => write_tcp(out, host, *port, slots)?,
            Transport::Ssh { user, host, command } => {
                write!(out, "{}@", user.as_deref().unwrap_or_default())?;
                write_host(out, host)?;
                write_limit(out, slots, DEFAULT_SLOTS)?;
                if let Some(command) = command {
                    write!(out, ":{command}")?;
                }
            }
        }
        out.write_str(match self.protocol {
            ProtocolWish::Best => "",
            ProtocolWish::Plain => ",plain",
            ProtocolWish::Lzo => ",lzo",
            ProtocolWish::Pump => ",cpp,lzo",
            ProtocolWish::Mirror => ",mirror",
        })?;
        if self.down {
            out.write_str(",down")?;
        }
        match &self.auth {
            None => Ok(()),
            Some(None) => out.write_str(",auth"),
            Some(Some(name)) => write!(out, ",auth={name}"),
        }
    }
}

fn write_tcp(out: &mut fmt::Formatter<'_>, host: &str, port: u16, slots: i32) -> fmt::Result {
    write_host(out, host)?;
    if port != DEFAULT_PORT || host == "localhost" {
        write!(out, ":{port}")?;
    }
    write_limit(out, slots, DEFAULT_SLOTS)
}

/// Writes a host's name, in brackets where a part of it would be read as something else.
fn write_host(out: &mut fmt::Formatter<'_>, host: &str) -> fmt::Result {
    let odd = host.contains([':', ',']) || host.starts_with(['-', '+', '[']);
    // No name that was read from between brackets has one in it.
    if odd && !host.contains(']') { write!(out, "[{host}]") } else { out.write_str(host) }
}

fn write_limit(out: &mut fmt::Formatter<'_>, slots: i32, default: i32) -> fmt::Result {
    if slots == default && !out.alternate() { Ok(()) } else { write!(out, "/{slots}") }
}
