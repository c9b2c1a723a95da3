//! The command line of `lsdistcc`: letters with joined values, as 3.4 reads it.

use std::time::Duration;

use crate::base::version::DEFAULT_PORT;
use crate::protocol::version::Version;
use crate::tools::lsdistcc::names::Names;

/// The names looked for where the command line has none.
const DEFAULT_FORMAT: &str = "distcc%d";

/// What `lsdistcc` says to anything that it does not understand, `--help` included.
pub(super) const USAGE: &str = "Usage: lsdistcc [OPTION]... [FORMAT | HOST...]

Prints the hosts on which a distcc daemon answers, in the form of a host list.

FORMAT names a series of hosts by the number in it: distcc%d (the default) is
distcc1, distcc2 and so on, to the first name that does not exist. HOSTs are
names or addresses, and only they are asked.

Values are written right behind their letter. Numbers in [] are used without.

 Which hosts
  -d   put the domain of this machine behind FORMAT
  -gN  go on after N names of a series that do not exist [0]
  -mN  only addresses whose first N bits are those of the first host's [0]
  -oN  look up N names more than one at a time [1]
  -rN  TCP port [3632]

 What they must do
  -pC  compile a small program with the compiler C (else: take a connection)
  -PN  protocol: 1 plain, 2 lzo, 3 lzo,cpp [1]

 How long that may take
  -tN  all of it, in seconds; 0 is for ever [7]
  -hN  a look-up before it is asked again, in milliseconds [500]
  -cN  a connection, in milliseconds; 0: make none [900]
  -kN  the compile, in milliseconds; 0: make none [1500]

 What is printed
  -l   how many milliseconds each host took
  -n   addresses in place of names
  -v   what is being done, on stderr
  -x   hosts that exist but do not answer too, with ,down

The exit status is 0 if any name exists, and 1 if none does.
";

/// What the command line asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Options {
    pub(super) names: Names,
    pub(super) port: u16,
    pub(super) protocol: Version,
    /// Compile with this; `None`: a connection is enough.
    pub(super) compiler: Option<String>,
    /// Time for everything; `None` is for ever.
    pub(super) total: Option<Duration>,
    /// Time after which a look-up is asked once more.
    pub(super) look_up_again: Duration,
    /// Time for a connection; `None`: none is made.
    pub(super) connect: Option<Duration>,
    /// Time for the test compile; `None`: none is made.
    pub(super) compile: Option<Duration>,
    /// How many first bits an address must share with the first host's.
    pub(super) prefix_bits: u8,
    /// How many names are looked up beside the first.
    pub(super) overlap: usize,
    /// How many names of a series may be missing before it counts as ended.
    pub(super) gaps: usize,
    pub(super) domain: bool,
    pub(super) latency: bool,
    pub(super) addresses: bool,
    pub(super) down_too: bool,
    pub(super) verbose: bool,
}

impl Options {
    fn new() -> Self {
        Self {
            names: Names::List(Vec::new()),
            port: DEFAULT_PORT,
            protocol: Version::Plain,
            compiler: None,
            total: Some(Duration::from_secs(7)),
            look_up_again: Duration::from_millis(500),
            connect: Some(Duration::from_millis(900)),
            compile: Some(Duration::from_millis(1500)),
            prefix_bits: 0,
            overlap: 1,
            gaps: 0,
            domain: false,
            latency: false,
            addresses: false,
            down_too: false,
            verbose: false,
        }
    }

    /// Reads the arguments; `None` where the usage text is the answer.
    ///
    /// Options come before names. Letters without a value may share a dash.
    pub(super) fn read(args: &[String]) -> Option<Self> {
        let mut options = Self::new();
        let count = args.iter().take_while(|arg| arg.starts_with('-')).count();
        let (flags, names) = args.split_at_checked(count)?;
        for flag in flags {
            options.read_flags(flag.strip_prefix('-')?)?;
        }
        options.names = match names {
            [] => Names::series(DEFAULT_FORMAT)?,
            [only] => Names::series(only).unwrap_or_else(|| Names::List(vec![only.clone()])),
            many => Names::List(many.to_vec()),
        };
        Some(options)
    }

    fn read_flags(&mut self, flags: &str) -> Option<()> {
        if flags.is_empty() {
            return None;
        }
        for (at, letter) in flags.char_indices() {
            match letter {
                'd' => self.domain = true,
                'l' => self.latency = true,
                'n' => self.addresses = true,
                'v' => self.verbose = true,
                'x' => self.down_too = true,
                _ => return self.read_value(letter, flags.get(at + letter.len_utf8()..)?),
            }
        }
        Some(())
    }

    fn read_value(&mut self, letter: char, value: &str) -> Option<()> {
        match letter {
            'c' => self.connect = milliseconds(value)?,
            'g' => self.gaps = value.parse().ok()?,
            'h' => self.look_up_again = milliseconds(value)?.unwrap_or(Duration::MAX),
            'k' => self.compile = milliseconds(value)?,
            'm' => self.prefix_bits = value.parse().ok().filter(|bits| *bits <= 31)?,
            'o' => self.overlap = value.parse().ok()?,
            'p' => self.compiler = Some(value.to_owned()).filter(|name| !name.is_empty()),
            'P' => {
                self.protocol = match value {
                    "1" => Version::Plain,
                    "2" => Version::Lzo,
                    "3" => Version::Pump,
                    _ => return None,
                }
            }
            'r' => self.port = value.parse().ok().filter(|port| *port > 0)?,
            't' => {
                let seconds: u32 = value.parse().ok()?;
                self.total = (seconds > 0).then(|| Duration::from_secs(seconds.into()));
            }
            _ => return None,
        }
        // An empty compiler name was dropped above.
        (letter != 'p' || self.compiler.is_some()).then_some(())
    }
}

/// A time in milliseconds, where 0 stands for none.
#[expect(clippy::option_option, reason = "no number, no time, a time")]
fn milliseconds(value: &str) -> Option<Option<Duration>> {
    let count: u32 = value.parse().ok()?;
    Some((count > 0).then(|| Duration::from_millis(count.into())))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(line: &str) -> Option<Options> {
        Options::read(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    fn list(names: &[&str]) -> Names {
        Names::List(names.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn without_arguments_a_series_is_asked_with_3_4s_times() {
        let expected = Options { names: Names::series("distcc%d").unwrap(), ..Options::new() };
        assert_eq!(read(""), Some(expected));
    }

    #[test]
    fn every_letter_sets_what_the_manual_says() {
        let options =
            read("-t9 -h250 -c100 -k200 -m24 -o3 -g2 -r4000 -P3 -pgcc -l -n -x -d -v a b").unwrap();
        let ms = Duration::from_millis;
        let expected = Options {
            names: list(&["a", "b"]),
            port: 4000,
            protocol: Version::Pump,
            compiler: Some("gcc".to_owned()),
            total: Some(ms(9000)),
            look_up_again: ms(250),
            connect: Some(ms(100)),
            compile: Some(ms(200)),
            prefix_bits: 24,
            overlap: 3,
            gaps: 2,
            domain: true,
            latency: true,
            addresses: true,
            down_too: true,
            verbose: true,
        };
        assert_eq!(options, expected);
        let none = read("-t0 -c0 -k0").unwrap();
        assert_eq!((none.total, none.connect, none.compile), (None, None, None));
    }

    #[test]
    fn letters_share_a_dash_and_options_end_at_the_first_name() {
        let options = read("-nxt5 host -l").unwrap();
        assert!(options.addresses && options.down_too && !options.latency);
        assert_eq!(options.total, Some(Duration::from_secs(5)));
        assert_eq!(options.names, list(&["host", "-l"]));
    }

    #[test]
    fn what_makes_no_sense_gets_the_usage_text() {
        for bad in [
            "--help", "-", "--", "-p", "-m32", "-P0", "-P4", "-P", "-r0", "-r99999", "-t", "-tx",
            "-c-1", "-z", "-xz", "-é",
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn any_arguments_are_read_or_refused(args in prop::collection::vec("-?\\PC{0,6}", 0..4)) {
            Options::read(&args);
        }
    }
}
