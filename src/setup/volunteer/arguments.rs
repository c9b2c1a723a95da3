//! The words of DISTCC_ARGS, and what the options of `volunteer` make of them.

use std::net::IpAddr;
use std::path::PathBuf;

use crate::targets::{Target, by_name};

/// Where the article on distcc in Arch's wiki has the log.
const LOG_FILE: &str = "/tmp/distccd.log";
/// Options of distccd that this file knows, as `--LONG` and `-SHORT`.
const ALLOW: (&str, Option<&str>) = ("--allow", Some("-a"));
const JOBS: (&str, Option<&str>) = ("--jobs", Some("-j"));
const NICE: (&str, Option<&str>) = ("--nice", Some("-N"));
const PORT: (&str, Option<&str>) = ("--port", Some("-p"));
const LISTEN: (&str, Option<&str>) = ("--listen", None);
const LOG: (&str, Option<&str>) = ("--log-file", None);
const LOG_LEVEL: (&str, Option<&str>) = ("--log-level", None);
const TARGET: (&str, Option<&str>) = ("--target", None);
const TOOLCHAIN: (&str, Option<&str>) = ("--toolchain", None);
const PRIVATE: &str = "--allow-private";
const STATS: &str = "--stats";
const STATS_PORT: (&str, Option<&str>) = ("--stats-port", None);
const ZEROCONF: &str = "--zeroconf";

/// What is to be in DISTCC_ARGS; what is `None` or empty stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Wanted {
    /// Networks that may connect.
    pub allow: Vec<String>,
    /// All private networks may connect.
    pub allow_private: bool,
    /// The address to listen at.
    pub listen: Option<IpAddr>,
    /// The port.
    pub port: Option<u16>,
    /// Compiles at once.
    pub jobs: Option<u16>,
    /// Increment of the nice level.
    pub nice: Option<i8>,
    /// The log file.
    pub log_file: Option<String>,
    /// Which messages are kept.
    pub log_level: Option<String>,
    /// It announces itself.
    pub announce: bool,
    /// It has a page of statistics.
    pub stats: bool,
    /// The only target it compiles for.
    pub target: Option<&'static Target>,
    /// Where the toolchains of targets are that it serves.
    pub toolchains: Vec<(&'static Target, String)>,
    /// It serves no other toolchain than that.
    pub serves_one: bool,
    /// What a file that says nothing else yet is given.
    pub usual: Usual,
}

/// What is written where a file says nothing else, and no option does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Usual {
    /// The log file, if it is not that of the article.
    pub log_file: Option<String>,
    /// Networks that may connect; if none, all private ones may.
    pub allow: Vec<String>,
    /// All private networks may connect besides those.
    pub allow_private: bool,
}

/// DISTCC_ARGS as words; systemd splits them at blanks, and no shell reads them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Arguments(Vec<String>);

impl Arguments {
    /// The words of `text`.
    pub(super) fn read(text: &str) -> Self {
        Self(text.split_whitespace().map(str::to_owned).collect())
    }

    /// The text again.
    pub(super) fn text(&self) -> String {
        self.0.join(" ")
    }

    /// What these become. Where nobody but this machine may connect, private networks may, unless
    /// something else is wanted; and what says nothing else yet gets a log file.
    pub(super) fn with(&self, wanted: &Wanted) -> Self {
        let mut new = self.clone();
        let closed = self.is_closed();
        let is_said = wanted.allow_private || !wanted.allow.is_empty();
        let usual = &wanted.usual;
        if is_said {
            new.set_access(&wanted.allow, wanted.allow_private);
        } else if closed {
            new.set_access(&usual.allow, usual.allow_private || usual.allow.is_empty());
        }
        new.set(LISTEN, wanted.listen);
        new.set(PORT, wanted.port);
        new.set(JOBS, wanted.jobs);
        new.set(NICE, wanted.nice);
        new.set(LOG_LEVEL, wanted.log_level.as_ref());
        let fresh = closed && self.0.len() == 2 * self.allowed().len();
        let usual_log = usual.log_file.as_deref().unwrap_or(LOG_FILE);
        let log_file = wanted.log_file.as_deref().or(fresh.then_some(usual_log));
        new.set(LOG, log_file);
        let target = new.get(TARGET).as_deref().and_then(by_name);
        new.set(TARGET, wanted.target.filter(|_| target != wanted.target).map(|one| one.name));
        for (target, dir) in &wanted.toolchains {
            new.set_toolchain(target, dir, wanted.serves_one);
        }
        for (word, is_wanted) in [(STATS, wanted.stats), (ZEROCONF, wanted.announce)] {
            if is_wanted && !new.0.iter().any(|one| one == word) {
                new.0.push(word.to_owned());
            }
        }
        new
    }

    /// Networks that `--allow` names.
    pub(super) fn allowed(&self) -> Vec<String> {
        self.values(ALLOW).into_iter().map(|(_, value)| value).collect()
    }

    /// Whether private networks may connect; without any option distccd lets them.
    pub(super) fn allows_private(&self) -> bool {
        self.0.iter().any(|word| word == PRIVATE) || self.allowed().is_empty()
    }

    /// The port, if it is said.
    pub(super) fn port(&self) -> Option<u16> {
        self.get(PORT)?.parse().ok()
    }

    /// Whether it says which target is served alone.
    pub(super) fn has_target(&self) -> bool {
        self.get(TARGET).is_some()
    }

    /// Whether it has a page of statistics, which is on a port of its own.
    pub(super) fn has_stats(&self) -> bool {
        self.0.iter().any(|word| word == STATS) && self.get(STATS_PORT).is_none()
    }

    /// Where `--toolchain` says that compilers for `target` are.
    pub(super) fn toolchain_dirs(&self, target: &Target) -> Vec<PathBuf> {
        let values = self.values(TOOLCHAIN).into_iter();
        let dirs = values.filter_map(|(_, value)| match value.split_once('=') {
            Some((name, dir)) if by_name(name) == Some(target) => Some(dir.to_owned()),
            Some((name, _)) if by_name(name).is_some() => None,
            _ => Some(value).filter(|value| value.starts_with('/')),
        });
        dirs.map(PathBuf::from).collect()
    }

    /// The address to listen at.
    pub(super) fn listen(&self) -> Option<IpAddr> {
        self.get(LISTEN)?.parse().ok()
    }

    /// Compiles at once, if that is said.
    pub(super) fn jobs(&self) -> Option<usize> {
        self.get(JOBS)?.parse().ok()
    }

    /// Whether none but this machine itself may connect.
    pub(super) fn is_closed(&self) -> bool {
        let allowed = self.allowed();
        let loopback = |network: &String| network.starts_with("127.") || network.starts_with("::1");
        let private = self.0.iter().any(|word| word == PRIVATE);
        !private && allowed.iter().all(loopback)
    }

    /// Replaces all options on access by these, where the first of them stood.
    fn set_access(&mut self, allow: &[String], private: bool) {
        let first = self.0.iter().position(|word| word == PRIVATE);
        let at = self.remove(ALLOW).into_iter().chain(first).min().unwrap_or(0);
        self.0.retain(|word| word != PRIVATE);
        let mut words = Vec::new();
        if private {
            words.push(PRIVATE.to_owned());
        }
        for network in allow {
            words.extend([ALLOW.0.to_owned(), network.clone()]);
        }
        let at = at.min(self.0.len());
        self.0.splice(at..at, words);
    }

    /// Gives `option` this value, where it stands or at the end.
    fn set(&mut self, option: (&str, Option<&str>), value: Option<impl ToString>) {
        let Some(value) = value.map(|value| value.to_string()) else { return };
        if self.get(option).as_ref() == Some(&value) {
            return;
        }
        let at = self.remove(option).unwrap_or(self.0.len()).min(self.0.len());
        self.0.splice(at..at, [option.0.to_owned(), value]);
    }

    /// Gives the toolchain of `target`: in a daemon that serves this one alone, instead of any
    /// other.
    fn set_toolchain(&mut self, target: &'static Target, dir: &str, serves_one: bool) {
        if serves_one {
            self.set(TOOLCHAIN, Some(dir));
            return;
        }
        let new = format!("{}={dir}", target.name);
        let is_ours = |value: &str| value.split('=').next().and_then(by_name) == Some(target);
        let all = self.values(TOOLCHAIN);
        if all.iter().any(|(_, value)| *value == new) {
            return;
        }
        let old = all.into_iter().filter(|(_, value)| is_ours(value));
        let places: Vec<usize> = old.flat_map(|(places, _)| places).collect();
        let at = places.first().copied().unwrap_or(self.0.len());
        let mut number = 0..;
        self.0.retain(|_| number.next().is_some_and(|number| !places.contains(&number)));
        let at = at.min(self.0.len());
        self.0.splice(at..at, [TOOLCHAIN.0.to_owned(), new]);
    }

    /// The last value of `option`: distccd takes that.
    fn get(&self, option: (&str, Option<&str>)) -> Option<String> {
        self.values(option).pop().map(|(_, value)| value)
    }

    /// All values of `option`, each with the places of its words.
    fn values(&self, (long, short): (&str, Option<&str>)) -> Vec<(Vec<usize>, String)> {
        let mut values = Vec::new();
        for (at, word) in self.0.iter().enumerate() {
            let is_long = word.strip_prefix(long);
            let is_short = short.and_then(|short| word.strip_prefix(short));
            let found = match (is_long, is_short) {
                (Some(""), _) | (_, Some("")) => {
                    self.0.get(at + 1).map(|value| (vec![at, at + 1], value.clone()))
                }
                (Some(rest), _) => rest.strip_prefix('=').map(|value| (vec![at], value.to_owned())),
                (None, Some(rest)) => {
                    Some((vec![at], rest.strip_prefix('=').unwrap_or(rest).to_owned()))
                }
                (None, None) => None,
            };
            values.extend(found);
        }
        values
    }

    /// Takes all words of `option` away; says where the first was.
    fn remove(&mut self, option: (&str, Option<&str>)) -> Option<usize> {
        let places: Vec<usize> =
            self.values(option).into_iter().flat_map(|(places, _)| places).collect();
        let mut at = 0..;
        self.0.retain(|_| at.next().is_some_and(|at| !places.contains(&at)));
        places.first().copied()
    }
}

/// Reads a network as distccd does: an address, perhaps with the number of its bits or with a mask.
///
/// # Errors
///
/// A sentence that says what is wrong.
pub(super) fn read_network(text: &str) -> Result<String, String> {
    let bad = || {
        format!("`{text}` is no network; write one as 192.168.0.0/24, 10.0.0.7 or 2001:db8::/64")
    };
    let (address, bits) = text.split_once('/').map_or((text, None), |(a, b)| (a, Some(b)));
    let address: IpAddr = address.parse().map_err(|_| bad())?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    let is_mask = |bits: &str| address.is_ipv4() && bits.parse::<std::net::Ipv4Addr>().is_ok();
    let fits = |bits: &str| bits.parse::<u8>().is_ok_and(|bits| bits <= most) || is_mask(bits);
    match bits.is_none_or(fits) {
        true => Ok(text.to_owned()),
        false => Err(bad()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn with(text: &str, wanted: &Wanted) -> String {
        Arguments::read(text).with(wanted).text()
    }

    #[test]
    fn flags_are_added_once() {
        let wanted = Wanted { announce: true, stats: true, ..Wanted::default() };
        let once = with("--allow-private", &wanted);
        assert_eq!(once, "--allow-private --stats --zeroconf");
        assert_eq!(with(&once, &wanted), once);
    }

    #[test]
    fn a_fresh_file_gets_what_the_article_has() {
        let wanted = Wanted::default();
        let article = "--allow-private --log-file /tmp/distccd.log";
        assert_eq!(with("", &wanted), article);
        assert_eq!(with("--allow 127.0.0.1", &wanted), article);
        assert_eq!(with(article, &wanted), article);
    }

    #[test]
    fn an_access_list_that_somebody_wrote_stays_unless_another_is_wanted() {
        let text = "--allow 192.168.0.0/24 --log-level error -j4";
        assert_eq!(with(text, &Wanted::default()), text);
        let wanted = Wanted { allow: vec!["10.0.0.0/8".into()], ..Wanted::default() };
        assert_eq!(with(text, &wanted), "--allow 10.0.0.0/8 --log-level error -j4");
        let wanted = Wanted { allow_private: true, allow: vec!["2001:db8::/64".into()], ..wanted };
        assert_eq!(
            with("-j4 -a10.0.0.1 --allow=10.0.0.2 --stats", &wanted),
            "-j4 --allow-private --allow 2001:db8::/64 --stats"
        );
    }

    #[test]
    fn an_option_changes_where_it_stands_in_whatever_form() {
        let wanted =
            Wanted { jobs: Some(9), port: Some(3633), nice: Some(-5), ..Wanted::default() };
        let text = "--allow-private --log-stderr";
        for jobs in ["--jobs 4", "--jobs=4", "-j 4", "-j4", "-j=4", "-j3 -j 4"] {
            let new = with(&format!("{jobs} {text} -N 3"), &wanted);
            assert_eq!(new, format!("--jobs 9 {text} --nice -5 --port 3633"), "{jobs}");
        }
    }

    #[test]
    fn what_is_set_already_is_left_as_it_is_written() {
        let wanted = Wanted { jobs: Some(4), ..Wanted::default() };
        let text = "--allow-private -j4";
        assert_eq!(with(text, &wanted), text);
    }

    #[test]
    fn toolchains_are_named_once_for_each_target() {
        let [v7, v8] = ["armv7h", "armv8"].map(|name| by_name(name).unwrap());
        let toolchains = vec![(v7, "/opt/a/bin".to_owned()), (v8, "/opt/b/bin".to_owned())];
        let many = Wanted { toolchains: toolchains.clone(), ..Wanted::default() };
        let text = "--allow-private --toolchain armv7l=/old --toolchain /any/bin --stats";
        let new = with(text, &many);
        assert_eq!(
            new,
            "--allow-private --toolchain armv7h=/opt/a/bin --toolchain /any/bin --stats \
             --toolchain armv8=/opt/b/bin"
        );
        assert_eq!(with(&new, &many), new);
        let arguments = Arguments::read(&new);
        assert_eq!(arguments.toolchain_dirs(v7), ["/opt/a/bin", "/any/bin"].map(PathBuf::from));
        let one = Wanted { serves_one: true, toolchains: toolchains[..1].to_vec(), ..many };
        assert_eq!(
            with("--allow-private --port 3635 --toolchain /old", &one),
            "--allow-private --port 3635 --toolchain /opt/a/bin"
        );
    }

    #[test]
    fn a_closed_list_becomes_the_usual_one() {
        let allow = vec!["10.0.0.0/8".to_owned()];
        let log_file = Some("/tmp/distccd-armv8.log".to_owned());
        let usual = Usual { log_file, allow, allow_private: false };
        let wanted = Wanted { target: by_name("armv8"), usual, ..Wanted::default() };
        assert_eq!(
            with("", &wanted),
            "--allow 10.0.0.0/8 --log-file /tmp/distccd-armv8.log --target armv8"
        );
        assert_eq!(
            with("--allow 127.0.0.1 --port 3636 --nice 19 --log-file /tmp/x", &wanted),
            "--allow 10.0.0.0/8 --port 3636 --nice 19 --log-file /tmp/x --target armv8"
        );
        let open = "--allow 192.168.0.0/16 --target aarch64";
        assert_eq!(with(open, &wanted), open);
    }

    #[test]
    fn networks_are_read_as_distccd_reads_them() {
        for good in ["10.0.0.7", "192.168.0.0/24", "10.0.0.0/255.0.0.0", "fd00::/8", "::1"] {
            assert_eq!(read_network(good).as_deref(), Ok(good));
        }
        for bad in ["", "lan", "10.0.0.0/33", "fd00::/129", "10.0.0.0/", "1.2.3.4 --user root"] {
            assert!(read_network(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn a_second_time_changes_nothing(
            text in "((--allow |-a|-a |--allow=)10\\.0\\.0\\.1 |-j ?4 |--jobs=4 |--port 5 |--allow-private |--x ){0,8}",
            jobs in prop::option::of(1_u16..9),
        ) {
            let wanted = Wanted { jobs, port: Some(3), ..Wanted::default() };
            let once = with(&text, &wanted);
            prop_assert_eq!(with(&once, &wanted), once);
        }
    }
}
