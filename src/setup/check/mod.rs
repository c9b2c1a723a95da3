//! `distcc-setup check`: gather the facts, ask the rules, leave out what is silenced, and say the
//! rest: to people, to makepkg's hook, or to programs.

mod ask;
mod explain;
mod json;
mod line;
mod sarif;
mod silence;
mod text;
pub(in crate::setup) mod wrap;

use std::path::{Path, PathBuf};

use clap::builder::PossibleValuesParser;
use clap::{Args, ValueEnum};

use crate::base::exit::Exit;
use crate::setup::facts::Facts;
use crate::setup::facts::gather::{Manner, gather};
use crate::setup::facts::machine::Farm;
use crate::setup::rules::finding::{Finding, Severity};
use crate::setup::rules::{self, ALL, Group, Rule};
use crate::setup::subject::{Subject, SubjectOptions};
use crate::setup::{complain, screen};

/// Exit code for warnings, if `--strict` asks for it.
const WARNINGS: Exit = Exit(1);
/// Exit code for errors, in the configuration or on the command line.
const ERRORS: Exit = Exit(2);
/// The PKGBUILD that makepkg would take.
const PKGBUILD: &str = "PKGBUILD";

/// Options of `distcc-setup check`.
#[derive(Args, Debug, Default)]
pub struct CheckOptions {
    /// Whose configuration to look at.
    #[command(flatten)]
    pub subject: SubjectOptions,
    /// Look at this PKGBUILD too [default: that of the current directory, if there is one]
    #[arg(long, value_name = "FILE")]
    pub pkgbuild: Option<PathBuf>,
    /// Do not ask the volunteers
    #[arg(long)]
    pub offline: bool,
    /// How to print what is found
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: Format,
    /// End with exit code 1 if there are warnings
    #[arg(long)]
    pub strict: bool,
    /// Ask only these rules; separated by commas
    #[arg(long, value_name = "RULE", value_delimiter = ',', value_parser = rule_ids(),
          hide_possible_values = true)]
    pub only: Vec<String>,
    /// Say what a rule is about, why, and what to do; and do nothing else
    #[arg(long, value_name = "RULE", value_parser = rule_ids(), hide_possible_values = true)]
    pub explain: Option<String>,
    /// List all rules, and do nothing else
    #[arg(long, conflicts_with = "explain")]
    pub list: bool,
    /// For makepkg's hook: only what concerns this build and is told quickly, a line each; nothing
    /// if distcc is switched off
    #[arg(long, conflicts_with_all = ["explain", "list", "only", "pkgbuild"])]
    pub hook: bool,
}

/// How findings are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people: the place, what is wrong, the text, and what to write
    #[default]
    Text,
    /// A line for each finding
    Line,
    /// JSON, as distcc-setup-check(1) describes it
    Json,
    /// SARIF 2.1.0, as editors and code hosts read it
    Sarif,
}

/// The findings, and what is to be said with them.
#[derive(Debug)]
struct Report {
    findings: Vec<Finding>,
    /// How many more there are that are silenced.
    silenced: usize,
    /// Whether volunteers would have been asked, and were not.
    offline: bool,
}

impl Report {
    fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity == severity).count()
    }

    fn exit(&self, strict: bool) -> Exit {
        match self.findings.iter().map(|finding| finding.severity).max() {
            Some(Severity::Error) => ERRORS,
            Some(Severity::Warning) if strict => WARNINGS,
            _ => Exit::OK,
        }
    }
}

/// Does it.
pub(super) fn run(options: &CheckOptions) -> Exit {
    if let Some(rule) = options.explain.as_deref().and_then(rules::by_id) {
        screen::write(&explain::rule(rule));
        return Exit::OK;
    }
    if options.list {
        screen::write(&explain::list());
        return Exit::OK;
    }
    let mut facts = match facts(options) {
        Ok(facts) => facts,
        Err(problem) => {
            complain(&problem);
            return ERRORS;
        }
    };
    if options.hook {
        return by_hook(&facts);
    }
    let wanted =
        |rule: &Rule| options.only.is_empty() || options.only.iter().any(|id| id == rule.id);
    let uses_answers = |rule: &&Rule| matches!(rule.group, Group::Volunteers | Group::Hosts);
    if !options.offline && ALL.iter().filter(uses_answers).any(wanted) {
        ask::volunteers(&mut facts);
    }
    let report = report(&facts, wanted, options.offline);
    screen::write(&match options.format {
        Format::Text => text::render(&report, &text::Look::of_terminal()),
        Format::Line => line::render(&report.findings),
        Format::Json => json::render(&report),
        Format::Sarif => sarif::render(&report),
    });
    report.exit(options.strict)
}

/// Says what makepkg is to say before a build. It never stops one, so this is no failure.
fn by_hook(facts: &Facts) -> Exit {
    if !facts.distcc_is_on() {
        return Exit::OK;
    }
    let mut report = report(facts, |rule| rule.in_hook, true);
    // What ends the build is said when it does so ([`ending`]).
    let ends = |finding: &Finding| {
        finding.rule == rules::ENDS_BUILDS && finding.severity == Severity::Error
    };
    report.findings.retain(|finding| finding.severity > Severity::Note && !ends(finding));
    screen::write(&line::render(&report.findings));
    Exit::OK
}

/// Why makepkg's hook is to end a build that reads `config` (its default where that is `None`), a
/// line each; nothing if the PKGBUILD is given and compiles nothing with distcc.
pub(super) fn ending(config: Option<PathBuf>, pkgbuild: Option<PathBuf>) -> Vec<String> {
    let options = SubjectOptions { chroot: None, config };
    let Ok(facts) = gather(Subject::find(&options), &Manner { by_hook: true, pkgbuild }) else {
        return Vec::new();
    };
    if facts.package.as_ref().is_some_and(|package| !package.may_distribute()) {
        return Vec::new();
    }
    errors(report(&facts, |rule| rule.id == rules::ENDS_BUILDS, true))
}

/// What keeps builds below `root` from being distributed, a line each: for those who are about to
/// build there. `installs_client` says that they will install the client first.
///
/// Looks at files only, so that it is quick; says nothing where it cannot look.
pub fn of_build_root(root: &Path, installs_client: bool) -> Vec<String> {
    let options = SubjectOptions { chroot: Some(root.to_owned()), config: None };
    let Ok(mut facts) = gather(Subject::find(&options), &Manner::default()) else {
        return Vec::new();
    };
    if installs_client {
        facts.machine.client = true;
        facts.machine.farm = Farm { exists: true, ..Farm::default() };
    }
    errors(report(&facts, |_| true, true))
}

/// The errors alone, a line each.
fn errors(mut report: Report) -> Vec<String> {
    report.findings.retain(|finding| finding.severity == Severity::Error);
    line::render(&report.findings).lines().map(str::to_owned).collect()
}

fn report(facts: &Facts, wanted: impl Fn(&Rule) -> bool, offline: bool) -> Report {
    let all = rules::ask(facts, wanted);
    let (findings, silenced) = silence::apply(facts, all);
    Report { findings, silenced, offline }
}

fn facts(options: &CheckOptions) -> Result<Facts, String> {
    let here = Path::new(PKGBUILD);
    let given = options.pkgbuild.clone();
    let found = given.or_else(|| (!options.hook && here.is_file()).then(|| here.to_owned()));
    let manner = Manner { by_hook: options.hook, pkgbuild: found.clone() };
    gather(Subject::find(&options.subject), &manner).map_err(|error| {
        let file = found.unwrap_or_else(|| here.to_owned());
        format!("{} cannot be read: {error}; name another with --pkgbuild", file.display())
    })
}

fn rule_ids() -> PossibleValuesParser {
    PossibleValuesParser::new(ALL.iter().map(|rule| rule.id))
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::time::Duration;

    use serde::Deserialize;

    use super::*;
    use crate::arch::configuration::{Origin, Value, Variable};
    use crate::arch::evaluate::evaluate;
    use crate::arch::makepkg::Makepkg;
    use crate::base::replace;
    use crate::hosts::list;
    use crate::setup::facts::chroot::Chroot;
    use crate::setup::facts::gather::{Sources, assemble};
    use crate::setup::facts::machine::Machine;
    use crate::setup::facts::package::Package;
    use crate::setup::facts::text::Text;
    use crate::setup::facts::volunteer::Heard;
    use crate::setup::probe::answer::Answer;
    use crate::setup::probe::fault::Fault;
    use crate::setup::settings::Settings;

    /// A configuration at which nothing is wrong.
    const GOOD: &str = "\
CARCH=\"x86_64\"
CHOST=\"x86_64-pc-linux-gnu\"
CFLAGS=\"-march=x86-64 -mtune=generic -O2 -pipe -fno-plt\"
CXXFLAGS=\"$CFLAGS -Wp,-D_GLIBCXX_ASSERTIONS\"
LTOFLAGS=\"-flto=auto\"
MAKEFLAGS=\"-j28\"
BUILDENV=(distcc color !ccache check !sign)
DISTCC_HOSTS=\"192.168.10.2/9 localhost/5\"
OPTIONS=(strip docs !libtool !staticlibs emptydirs zipman purge !debug lto)
";

    /// A file of `tests/fixtures/check/`: what is not given is as it should be.
    #[derive(Debug, Default, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Fixture {
        makepkg_conf: Option<String>,
        /// Lines behind the good configuration.
        more: String,
        drop_ins: Option<BTreeMap<String, String>>,
        environment: BTreeMap<String, String>,
        pkgbuild: Option<String>,
        setup_toml: String,
        hosts_file: Option<String>,
        chroot: bool,
        hook: bool,
        makepkg: Option<String>,
        no_conf: bool,
        limit_ms: Option<u64>,
        no_home: bool,
        unread: bool,
        off_for_host: bool,
        machine: Machine,
        addresses: BTreeMap<String, std::net::IpAddr>,
        root: Option<Chroot>,
        volunteers: Vec<Volunteer>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Volunteer {
        spec: String,
        #[serde(default)]
        fault: Option<String>,
        #[serde(default)]
        address: Option<std::net::SocketAddr>,
        #[serde(default)]
        slots: Option<u32>,
    }

    impl Volunteer {
        fn heard(&self) -> Heard {
            let mut answer = Answer::new(list::parse(&self.spec).unwrap().hosts.remove(0));
            answer.faults = self.fault.iter().map(|id| fault(id)).collect();
            answer.address = self.address;
            let stats =
                crate::setup::probe::answer::Stats { slots: self.slots, ..Default::default() };
            answer.stats = Some(stats);
            let ours = std::net::IpAddr::from([192, 168, 10, 9]);
            Heard { answer, our_address: Some(ours), prefix: Some(24) }
        }
    }

    /// A fault of this id.
    fn fault(id: &str) -> Fault {
        let (name, ours) = ("gcc".to_owned(), "GCC: (GNU) 15.2.1 20250813".to_owned());
        let theirs = "GCC: (GNU) 14.2.1 20250207".to_owned();
        let all = [
            Fault::NameUnknown("Name or service not known".to_owned()),
            Fault::Down,
            Fault::Firewalled(Duration::from_secs(3)),
            Fault::FirewalledHere,
            Fault::Unreachable("No route to host".to_owned()),
            Fault::SshFails("Permission denied (publickey)".to_owned()),
            Fault::AccessRefused,
            Fault::Silent(Duration::from_secs(5)),
            Fault::NotDistcc("SSH-2.0-OpenSSH_10.0".to_owned()),
            Fault::CompilerMissing { name: "g++".to_owned() },
            Fault::CompilerDiffers {
                name: name.clone(),
                ours: ours.clone(),
                theirs,
                close: false,
                newer: false,
            },
            Fault::LtoDiffers { name: name.clone(), ours: "15.1".into(), theirs: "15.0".into() },
            Fault::WrongTarget {
                name: name.clone(),
                ours: "64-bit x86-64".to_owned(),
                theirs: "64-bit AArch64".to_owned(),
            },
            Fault::CompilerFails { name, said: "cc1: out of memory".to_owned() },
            Fault::DiskFull { free_mib: Some(3) },
            Fault::Slow { there: Duration::from_secs(9), here: Duration::from_secs(1) },
            Fault::ProtocolMissing { version: 3 },
        ];
        let found = all.into_iter().find(|fault| fault.id() == id);
        found.unwrap_or_else(|| panic!("no fault `{id}`"))
    }

    /// Writes a file, and the directory that it is in.
    fn write(path: &Path, text: &str) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        replace::write(path, text.as_bytes(), 0o644).unwrap();
    }

    impl Fixture {
        fn read(path: &Path) -> Self {
            let text = std::fs::read_to_string(path).unwrap();
            toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        }

        fn makepkg(&self) -> Makepkg {
            let version = self.makepkg.clone().unwrap_or("7.1.0".to_owned());
            Makepkg {
                reads_drop_ins: !version.starts_with("6.0"),
                needs_a_drop_in: version.starts_with("6.1") || version.starts_with("7.0"),
                version: Some(version),
            }
        }

        /// The facts, as if `root` were `/`.
        fn facts(&self, root: &Path) -> Facts {
            let file = root.join("etc/makepkg.conf");
            if !self.no_conf {
                let good = || GOOD.to_owned() + &self.more;
                write(&file, &self.makepkg_conf.clone().unwrap_or_else(good));
            }
            let dir = root.join("etc/makepkg.conf.d");
            for (name, text) in self.drop_ins.iter().flatten() {
                write(&dir.join(name), text);
            }
            if self.drop_ins.is_some() {
                std::fs::create_dir_all(&dir).unwrap();
            }
            let subject = Subject {
                root: if self.chroot { root.to_owned() } else { "/".into() },
                file,
                makepkg: self.makepkg(),
                user: None,
                home: Some(root.join("home/me")),
            };
            write(&root.join("etc/distcc/setup.toml"), &self.setup_toml);
            if let Some(text) = &self.hosts_file {
                write(&root.join("etc/distcc/hosts"), text);
            }
            let mut request = subject.request();
            if let Some(limit) = self.limit_ms {
                request.limit = Duration::from_millis(limit);
            }
            let sources = Sources {
                environment: self.environment.clone(),
                settings: Settings::read(root, None),
                hosts_files: vec![root.join("etc/distcc/hosts")],
            };
            let manner = Manner { by_hook: self.hook, pkgbuild: None };
            let mut facts = assemble(subject, evaluate(&request), sources, &manner);
            self.inherit(&mut facts);
            facts.on_for_host &= !self.off_for_host;
            let home = root.join("home/me");
            let files = (home.join(".makepkg.conf"), home.join(".config/pacman/makepkg.conf"));
            facts.unread = self.unread.then_some(files);
            let package = self.pkgbuild.as_deref();
            facts.package = package.map(|text| Package::new(Text::new("PKGBUILD", text)));
            facts.machine = self.machine.clone();
            facts.chroot.clone_from(&self.root);
            facts.machine.home = facts.machine.home.filter(|_| !self.no_home);
            facts.addresses = self.addresses.clone();
            facts.volunteers = self.volunteers.iter().map(Volunteer::heard).collect();
            let target = facts.target();
            facts.volunteers.iter_mut().for_each(|heard| heard.answer.target = target);
            facts
        }

        /// What bash would have from the environment, which is not ours.
        fn inherit(&self, facts: &mut Facts) {
            for (name, value) in &self.environment {
                let value = Value::Scalar(value.clone());
                let variable = Variable { value, exported: true, origin: Origin::Environment };
                facts.configuration.variables.entry(name.clone()).or_insert(variable);
            }
        }

        /// What all rules, or the one, find; with the names that a person would see.
        fn report(&self, only: Option<&str>) -> Report {
            let dir = tempfile::tempdir().unwrap();
            let facts = self.facts(dir.path());
            let mut report = report(&facts, |rule| only.is_none_or(|id| id == rule.id), false);
            let root = dir.path().to_str().unwrap();
            for finding in &mut report.findings {
                let prefix = if self.chroot { "/root" } else { "" };
                for text in [&mut finding.message, &mut finding.help, &mut finding.place.name] {
                    *text = text.replace(root, prefix);
                }
                finding.command =
                    finding.command.take().map(|command| command.replace(root, prefix));
                if let Some(spot) = &mut finding.place.spot {
                    spot.file = spot.file.to_str().unwrap().replace(root, prefix).into();
                }
            }
            report
        }
    }

    fn fixtures() -> Vec<(String, PathBuf)> {
        let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/check");
        let mut found = Vec::new();
        for dir in std::fs::read_dir(top).unwrap().map(|entry| entry.unwrap().path()) {
            let rule = dir.file_name().unwrap().to_str().unwrap().to_owned();
            for file in std::fs::read_dir(&dir).unwrap() {
                found.push((rule.clone(), file.unwrap().path()));
            }
        }
        found.sort();
        found
    }

    fn fires(path: &Path) -> bool {
        path.file_name().unwrap().to_str().unwrap().starts_with("fires")
    }

    #[test]
    fn nothing_is_wrong_with_a_good_configuration() {
        let report = Fixture::default().report(None);
        assert_eq!(report.findings, []);
    }

    #[test]
    fn every_rule_has_fixtures_that_fire_it_and_that_do_not() {
        let all: BTreeSet<&str> = ALL.iter().map(|rule| rule.id).collect();
        let fixtures = fixtures();
        let with = |wanted: bool| -> BTreeSet<&str> {
            let found = fixtures.iter().filter(|(_, path)| fires(path) == wanted);
            found.map(|(rule, _)| rule.as_str()).collect()
        };
        assert_eq!(with(true), all);
        assert_eq!(with(false), all);
    }

    /// One snapshot for all, so that whoever reads it reads what people get to read.
    #[test]
    fn fixtures_fire_their_rule_as_the_snapshot_says() {
        let mut all = String::new();
        for (rule, path) in fixtures().iter().filter(|(_, path)| fires(path)) {
            let report = Fixture::read(path).report(Some(rule));
            assert!(!report.findings.is_empty(), "{}: nothing is found", path.display());
            let name = path.file_stem().unwrap().to_str().unwrap();
            let look = text::Look { width: 80, colours: false };
            let shown: String = report
                .findings
                .iter()
                .map(|finding| text::render_finding(finding, &look))
                .collect::<Vec<_>>()
                .join("\n");
            let commands: Vec<_> =
                report.findings.iter().filter_map(|finding| finding.command.as_deref()).collect();
            for line in shown.lines().filter(|line| !commands.contains(&line.trim())) {
                assert!(line.chars().count() <= 80, "{}: {line}", path.display());
            }
            all += &format!("# {rule}, {name}\n{shown}\n");
        }
        insta::assert_snapshot!("every_message", all);
    }

    #[test]
    fn fixtures_that_are_right_are_left_alone() {
        for (rule, path) in fixtures().iter().filter(|(_, path)| !fires(path)) {
            let report = Fixture::read(path).report(Some(rule));
            assert_eq!(report.findings, [], "{}", path.display());
        }
    }

    #[test]
    fn where_lines_end_in_cr_lf_nothing_else_is_said() {
        let bad = |(rule, path): &&(String, PathBuf)| rule == "config-crlf" && fires(path);
        for (_, path) in fixtures().iter().filter(bad) {
            let report = Fixture::read(path).report(None);
            let rules: Vec<_> = report.findings.iter().map(|finding| finding.rule).collect();
            assert_eq!(rules, ["config-crlf"], "{}", path.display());
        }
    }

    #[test]
    fn the_line_that_makepkg_sees_is_named_and_not_the_one_that_is_lost() {
        let lines = "BUILDENV=(color)\ndeclare BUILDENV+=(distcc)\n".to_owned();
        let fixture = Fixture { makepkg_conf: Some(lines), ..Fixture::default() };
        let report = fixture.report(Some("distcc-absent"));
        let places: Vec<_> = report.findings.iter().map(|one| one.place.to_string()).collect();
        assert_eq!(places, ["/etc/makepkg.conf:1:1"]);
    }

    #[test]
    fn an_array_that_is_left_out_is_no_output_to_be_redirected() {
        let fixture = Fixture { more: "OPTIONS=(a;b)\n".to_owned(), ..Fixture::default() };
        assert_eq!(fixture.report(Some("config-prints")).findings, []);
    }

    #[test]
    fn rules_have_good_names_and_say_all_that_is_asked() {
        let mut ids = BTreeSet::new();
        let mut groups = Vec::new();
        for rule in ALL {
            assert!(ids.insert(rule.id), "{}", rule.id);
            assert!(rule.id.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'));
            let texts = [rule.summary, rule.why, rule.mend, rule.example];
            assert!(texts.iter().all(|text| !text.is_empty()), "{}", rule.id);
            assert!(rule.why.ends_with('.') && rule.mend.ends_with('.'), "{}", rule.id);
            assert!(!rule.summary.ends_with('.'), "{}", rule.id);
            groups.push(rule.group);
        }
        assert!(groups.is_sorted(), "rules of a group stand together");
    }
}
