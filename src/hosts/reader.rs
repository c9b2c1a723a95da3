//! Reads one host spec from its text, part by part.

use crate::hosts::spec::{
    DEFAULT_LOCALHOST_SLOTS, DEFAULT_PORT, DEFAULT_SLOTS, HostSpec, ProtocolWish, Transport,
};
use crate::hosts::spec_error::SpecError;

/// The most slots a limit can ask for; a larger one is taken as this.
const MOST_SLOTS: i32 = 65_535;

/// A word of a host list, and what has been read of it.
pub(super) struct Reader<'a> {
    /// The whole word.
    word: &'a str,
    /// What is left of it.
    rest: &'a str,
    /// The text behind the word. distcc 3.4 looks there for a number that a blank separates from
    /// its slash.
    behind: &'a str,
    /// What the user should hear about this word.
    pub(super) notes: Vec<String>,
}

impl<'a> Reader<'a> {
    /// A reader at the beginning of `word`, which `behind` follows in the list.
    pub(super) fn new(word: &'a str, behind: &'a str) -> Self {
        Self { word, rest: word, behind, notes: Vec::new() }
    }

    /// Reads the word as a host spec.
    pub(super) fn spec(&mut self) -> Result<HostSpec, SpecError> {
        let spec = if let Some(rest) = self.localhost() {
            self.rest = rest;
            self.local()?
        } else if self.word.contains('@') {
            self.ssh()?
        } else {
            self.tcp()?
        };
        if !self.rest.is_empty() {
            let rest = self.rest;
            self.note(&format!("`{rest}` at its end is ignored"));
        }
        Ok(spec)
    }

    /// Reads `/N` or `=N` behind the first `skip` bytes, as `--localslots` has it.
    pub(super) fn option_limit(&mut self, skip: usize) -> Result<Option<i32>, SpecError> {
        self.rest = self.word.get(skip..).unwrap_or_default();
        self.limit()
    }

    fn localhost(&self) -> Option<&'a str> {
        self.word.strip_prefix("localhost").filter(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    fn local(&mut self) -> Result<HostSpec, SpecError> {
        let slots = self.limit()?.unwrap_or(DEFAULT_LOCALHOST_SLOTS);
        Ok(self.host(Transport::Local, slots, Options::default()))
    }

    fn tcp(&mut self) -> Result<HostSpec, SpecError> {
        let host = self.host_name()?;
        let first = self.limit()?;
        let port = self.port()?;
        let slots = self.limit()?.or(first).unwrap_or(DEFAULT_SLOTS);
        let mut options = self.options()?;
        options.down |= port.is_none();
        let port = port.unwrap_or(0);
        Ok(self.host(Transport::Tcp { host, port }, slots, options))
    }

    fn ssh(&mut self) -> Result<HostSpec, SpecError> {
        let (user, rest) = self.rest.split_once('@').unwrap_or(("", self.rest));
        self.rest = rest;
        let host = self.host_name()?;
        for name in [user, &host] {
            if name.starts_with('-') {
                return Err(SpecError::LeadingDash(self.word.to_owned(), name.to_owned()));
            }
        }
        let slots = self.limit()?.unwrap_or(DEFAULT_SLOTS);
        let command = self.command();
        let user = Some(user.to_owned()).filter(|user| !user.is_empty());
        let options = self.options()?;
        Ok(self.host(Transport::Ssh { user, host, command }, slots, options))
    }

    fn host(&self, transport: Transport, slots: i32, options: Options) -> HostSpec {
        let Options { protocol, down, auth } = options;
        HostSpec { transport, slots, protocol, down, auth, text: self.word.to_owned() }
    }

    fn host_name(&mut self) -> Result<String, SpecError> {
        if let Some(inside) = self.rest.strip_prefix('[') {
            let (host, rest) = inside
                .split_once(']')
                .ok_or_else(|| SpecError::OpenBracket(self.word.to_owned()))?;
            self.rest = rest;
            if host.contains('/') {
                return Err(SpecError::BadAddress(self.word.to_owned(), host.to_owned()));
            }
            return self.named(host);
        }
        if let Some(address) = bare_ipv6(self.rest) {
            return Err(SpecError::BareIpv6(self.word.to_owned(), address.to_owned()));
        }
        let host = self.until(&['/', ':', ',']);
        self.named(host)
    }

    fn named(&self, host: &str) -> Result<String, SpecError> {
        if host.is_empty() {
            return Err(SpecError::NoHost(self.word.to_owned()));
        }
        Ok(host.to_owned())
    }

    /// Reads `/N` or `=N`, if one comes next.
    fn limit(&mut self) -> Result<Option<i32>, SpecError> {
        let Some(number) = self.rest.strip_prefix(['/', '=']) else { return Ok(None) };
        let bad = |found: &str| SpecError::BadLimit(self.word.to_owned(), found.to_owned());
        let (value, rest) = match leading_number(number) {
            Some((value, rest)) => (value, rest),
            None if number.is_empty() => {
                let behind = self.behind.trim_start_matches(super::list::is_blank);
                let (value, _) = leading_number(behind).ok_or_else(|| bad(""))?;
                self.note(&format!("the limit {value} is taken from behind a blank"));
                (value, number)
            }
            None => return Err(bad(number)),
        };
        if value == 0 {
            return Err(SpecError::BadLimit(self.word.to_owned(), number.to_owned()));
        }
        self.rest = rest;
        if value < 0 {
            self.note("its limit is negative, so it is never used");
        } else if value > i64::from(MOST_SLOTS) {
            self.note(&format!("its limit is taken as {MOST_SLOTS}"));
        }
        let most = i64::from(MOST_SLOTS);
        Ok(Some(i32::try_from(value.clamp(-most, most)).unwrap_or(MOST_SLOTS)))
    }

    /// Reads `:PORT`, if it comes next; `None` for a number that is no port.
    fn port(&mut self) -> Result<Option<u16>, SpecError> {
        let Some(number) = self.rest.strip_prefix(':') else { return Ok(Some(DEFAULT_PORT)) };
        if number.is_empty() || number.starts_with(['/', ',']) {
            self.rest = number;
            self.note("nothing follows its colon: port 3632 is taken");
            return Ok(Some(DEFAULT_PORT));
        }
        let bad = || SpecError::BadPort(self.word.to_owned(), number.to_owned());
        let (value, rest) = leading_number(number).ok_or_else(bad)?;
        if !rest.is_empty() && !rest.starts_with(['/', ',']) {
            return Err(bad());
        }
        self.rest = rest;
        let port = u16::try_from(value).ok().filter(|&port| port != 0);
        if port.is_none() {
            self.note(&format!("{value} is no port (1 to 65535 are), so it is never used"));
        }
        Ok(port)
    }

    fn command(&mut self) -> Option<String> {
        self.rest = self.rest.strip_prefix(':')?;
        Some(self.until(&[',']).to_owned()).filter(|command| !command.is_empty())
    }

    fn options(&mut self) -> Result<Options, SpecError> {
        let mut options = Options::default();
        let (mut lzo, mut cpp) = (false, false);
        let mut own = None;
        while let Some(option) = self.rest.strip_prefix(',') {
            if let Some(rest) = option.strip_prefix("lzo") {
                (lzo, self.rest) = (true, rest);
            } else if let Some(rest) = option.strip_prefix("cpp") {
                (cpp, self.rest) = (true, rest);
            } else if let Some(rest) = option.strip_prefix("down") {
                (options.down, self.rest) = (true, rest);
            } else if let Some(rest) = option.strip_prefix("auth") {
                self.rest = rest;
                options.auth = Some(self.principal());
            } else if let Some(rest) = option.strip_prefix("plain") {
                own = Some(self.pinned(own, ProtocolWish::Plain)?);
                self.rest = rest;
            } else if let Some(rest) = option.strip_prefix("mirror") {
                own = Some(self.pinned(own, ProtocolWish::Mirror)?);
                self.rest = rest;
            } else {
                let name = option.split(',').next().unwrap_or_default();
                return Err(SpecError::UnknownOption(self.word.to_owned(), name.to_owned()));
            }
        }
        options.protocol = match (own, lzo, cpp) {
            (Some(own), false, false) => own,
            (Some(own), lzo, _) => {
                let other = if lzo { "lzo" } else { "cpp" };
                return Err(SpecError::Contradiction(self.word.to_owned(), name_of(own), other));
            }
            (None, false, true) => return Err(SpecError::PumpWithoutLzo(self.word.to_owned())),
            (None, true, true) => ProtocolWish::Pump,
            (None, true, false) => ProtocolWish::Lzo,
            (None, false, false) => ProtocolWish::Best,
        };
        Ok(options)
    }

    /// One of our own pins, unless it contradicts the one before.
    fn pinned(
        &self,
        before: Option<ProtocolWish>,
        now: ProtocolWish,
    ) -> Result<ProtocolWish, SpecError> {
        match before {
            Some(before) if before != now => {
                Err(SpecError::Contradiction(self.word.to_owned(), name_of(before), name_of(now)))
            }
            _ => Ok(now),
        }
    }

    fn principal(&mut self) -> Option<String> {
        self.rest = self.rest.strip_prefix('=')?;
        Some(self.until(&[',']).to_owned())
    }

    /// Reads up to one of `ends`, or to the end.
    fn until(&mut self, ends: &[char]) -> &'a str {
        let at = self.rest.find(ends).unwrap_or(self.rest.len());
        let (part, rest) = self.rest.split_at(at);
        self.rest = rest;
        part
    }

    fn note(&mut self, what: &str) {
        self.notes.push(format!("host spec `{}`: {what}", self.word));
    }
}

/// The options of a spec.
#[derive(Default)]
struct Options {
    protocol: ProtocolWish,
    down: bool,
    auth: Option<Option<String>>,
}

fn name_of(own: ProtocolWish) -> &'static str {
    if own == ProtocolWish::Plain { "plain" } else { "mirror" }
}

/// The address at the beginning of `text`, if it looks like IPv6 without brackets: two colons with
/// nothing but hex digits and colons around them.
fn bare_ipv6(text: &str) -> Option<&str> {
    let address = text.split(['/', ',']).next()?;
    let digits = address.split('%').next()?;
    let only = digits.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b':' || byte == b'.');
    (only && digits.parse::<core::net::Ipv6Addr>().is_ok()).then_some(address)
}

/// A decimal number at the beginning of `text`, sign allowed, and what follows it.
fn leading_number(text: &str) -> Option<(i64, &str)> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let digits = unsigned.bytes().take_while(u8::is_ascii_digit).count();
    if digits == 0 {
        return None;
    }
    let (number, rest) = text.split_at(text.len() - unsigned.len() + digits);
    let least = if number.starts_with('-') { i64::MIN } else { i64::MAX };
    Some((number.parse().unwrap_or(least), rest))
}
