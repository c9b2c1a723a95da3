//! Asking one volunteer everything, within a limit.

use std::time::{Duration, Instant};

use crate::hosts::spec::{HostSpec, ProtocolWish, Transport};
use crate::net;
use crate::net::ask::AskError;
use crate::protocol::reply::Reply;
use crate::protocol::version::Version;
use crate::setup::probe::answer::{Answer, CompilerAnswer, CompilerVerdict, Speed};
use crate::setup::probe::compare::{self, Outcome};
use crate::setup::probe::fault::Fault;
use crate::setup::probe::link::Link;
use crate::setup::probe::local::{Local, LocalCompiler};
use crate::setup::probe::{ProbeOptions, port, stats, unit};

/// How often the reference unit is compiled; the quickest counts.
const ROUNDS: u32 = 3;
/// Where less MiB are free, the next larger unit fails.
const LEAST_MIB: u64 = 8;

/// Asks the volunteer of `spec` everything. However it behaves, this ends a moment after the limit.
pub(super) fn probe(spec: &HostSpec, local: &Local, options: &ProbeOptions) -> Answer {
    let start = Instant::now();
    let mut answer = ask(spec, local, options);
    answer.target = options.target;
    look_elsewhere(&mut answer, options.limit.saturating_sub(start.elapsed()));
    answer
}

/// Asks other ports where this one does nothing for the target, and another may.
fn look_elsewhere(answer: &mut Answer, left: Duration) {
    let speaks_for_another = |fault: &Fault| {
        matches!(
            fault,
            Fault::WrongTarget { .. }
                | Fault::CompilerMissing { .. }
                | Fault::Down
                | Fault::NotDistcc(_)
        )
    };
    let (Some(target), Transport::Tcp { port: here, .. }) = (answer.target, &answer.spec.transport)
    else {
        return;
    };
    let mut ports = port::candidates(target);
    ports.retain(|port| port != here);
    let is_in_doubt = !answer.is_usable() && answer.faults.iter().any(speaks_for_another);
    if !ports.is_empty() && is_in_doubt && !left.is_zero() {
        let how = port::Question { ports: &ports, names: &port::names(target), target };
        answer.elsewhere = Some(port::ask_host(&answer.spec, &how, left.min(port::LIMIT)));
    }
}

fn ask(spec: &HostSpec, local: &Local, options: &ProbeOptions) -> Answer {
    let mut answer = Answer::new(spec.clone());
    if spec.is_local() {
        answer.speed = local.reference.map(|here| Speed { there: here, here });
        return answer;
    }
    if let Some(why) = spec.unusable() {
        answer.faults.push(Fault::NotBuiltIn(why));
        return answer;
    }
    // Switched off in the list: nobody wants to know.
    if spec.usable_slots() == 0 {
        return answer;
    }
    answer.compilers = local.compilers.iter().map(compare::unknown).collect();
    let mut link = Link::new(spec, &options.ssh, options.limit);
    if let Err(fault) = reach(&mut link, &mut answer) {
        answer.faults.push(fault);
        return answer;
    }
    std::thread::scope(|scope| {
        let stats_page = link.address.filter(|address| address.port() != options.stats_port);
        let stats_page = stats_page.map(|mut address| {
            address.set_port(options.stats_port);
            scope.spawn(move || stats::fetch(address))
        });
        Visit {
            link: &link,
            local,
            options,
            version: net::ask::version(spec),
            answer: &mut answer,
        }
        .all();
        answer.stats = stats_page.and_then(|thread| thread.join().ok().flatten());
    });
    mind_space(&mut answer);
    answer
}

fn reach(link: &mut Link<'_>, answer: &mut Answer) -> Result<(), Fault> {
    if matches!(answer.spec.transport, Transport::Ssh { .. }) {
        return Ok(());
    }
    let addresses = link.look_up().map_err(|error| {
        let why = compare::printable(&error.to_string());
        answer.addresses = Err(why.clone());
        Fault::NameUnknown(why)
    })?;
    answer.addresses = Ok(addresses.clone());
    answer.latency = Some(link.reach(&addresses)?);
    answer.address = link.address;
    Ok(())
}

/// A disk that is almost full fails the next unit that is larger than ours.
fn mind_space(answer: &mut Answer) {
    let free_mib = answer.stats.as_ref().and_then(|stats| stats.free_mib);
    for fault in &mut answer.faults {
        if let Fault::DiskFull { free_mib: told } = fault {
            *told = free_mib;
            return;
        }
    }
    if free_mib.is_some_and(|free| free < LEAST_MIB) && answer.is_usable() {
        answer.faults.push(Fault::DiskFull { free_mib });
    }
}

/// How one compiler was answered for.
enum Told {
    /// It is judged.
    Judged(Outcome, Duration),
    /// The volunteer hung up on every name.
    Refused,
    /// It failed in another way.
    Failed(AskError),
}

struct Visit<'a> {
    link: &'a Link<'a>,
    local: &'a Local,
    options: &'a ProbeOptions,
    version: Version,
    answer: &'a mut Answer,
}

impl Visit<'_> {
    fn all(&mut self) {
        self.ask_compilers();
        // How fast objects for another machine are made is nobody's concern.
        let fits = |one: &CompilerAnswer| {
            one.version.is_some() && !matches!(one.verdict, CompilerVerdict::Foreign(_))
        };
        if !self.answer.compilers.iter().any(fits) {
            return;
        }
        self.answer.protocols.push(protocol_number(self.version));
        self.measure();
        self.ask_protocols();
        self.ask_lto();
    }

    /// Asks for all compilers at once: one that takes long costs the others nothing.
    fn ask_compilers(&mut self) {
        let visit = &*self;
        let told: Vec<Told> = std::thread::scope(|scope| {
            let threads: Vec<_> = (visit.local.compilers.iter())
                .map(|ours| scope.spawn(|| visit.ask_compiler(ours)))
                .collect();
            let dead = || Told::Failed(AskError::Late);
            threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| dead())).collect()
        });
        let refused = told.iter().all(|told| matches!(told, Told::Refused));
        if refused && !told.is_empty() && self.is_shut_out() {
            return;
        }
        for (at, told) in told.into_iter().enumerate() {
            let Some(ours) = self.local.compilers.get(at) else { continue };
            match told {
                Told::Judged(outcome, took) => self.take(at, ours, outcome, took),
                Told::Refused => self.diagnose(at, ours),
                Told::Failed(error) => self.fail(&error),
            }
        }
    }

    /// Asks as the client does: by the full name, and by the plain one if it is hung up on.
    fn ask_compiler(&self, ours: &LocalCompiler) -> Told {
        match self.by_either_name(ours, unit::TINY) {
            Ok((reply, took)) => Told::Judged(compare::judge(ours, &reply, self.local.lto), took),
            Err(AskError::Refused) => Told::Refused,
            Err(error) => Told::Failed(error),
        }
    }

    fn by_either_name(
        &self,
        ours: &LocalCompiler,
        source: &[u8],
    ) -> Result<(Reply, Duration), AskError> {
        let ask = |plain| {
            let words = ours.request.words(plain);
            self.link.job(self.version, &words, unit::source_name(&ours.name), source)
        };
        let first = ask(false);
        if !ours.request.has_two_names() || !compare::knows_no_such_name(&first) {
            return first;
        }
        // What the full name earned tells more than a second refusal.
        match (ask(true), first) {
            (Err(AskError::Refused), first @ Ok(_)) => first,
            (second, _) => second,
        }
    }

    fn take(&mut self, at: usize, ours: &LocalCompiler, outcome: Outcome, took: Duration) {
        match outcome {
            Outcome::Judged(answer, fault) => {
                self.put(at, answer);
                if let Some(fault) = fault {
                    self.blame(fault);
                }
                if compare::is_slow(took, ours.tiny) && self.answer.speed.is_none() {
                    // Only what the reference unit takes can take this back.
                    self.answer.speed = Some(Speed { there: took, here: ours.tiny });
                }
            }
            Outcome::Full => self.blame(Fault::DiskFull { free_mib: None }),
            Outcome::Unclear(answer) => {
                self.put(at, answer);
                self.diagnose(at, ours);
            }
        }
    }

    /// Whether the access list keeps us out, or what answers is no distccd.
    fn is_shut_out(&mut self) -> bool {
        match self.link.is_let_speak(self.version) {
            Err(AskError::Refused) => self.blame(match self.answer.spec.transport {
                // There is no access list behind ssh: it is ssh that ends.
                Transport::Ssh { .. } => Fault::SshFails("it ends without a word".to_owned()),
                _ => Fault::AccessRefused,
            }),
            Err(error @ AskError::Garbage(..)) => self.fail(&error),
            _ => return false,
        }
        true
    }

    /// A compiler that is hung up on although we may speak: the name is not let run, or the source
    /// cannot be kept. distccd judges the name before it starts the compiler, and an empty source
    /// needs no room: so whoever takes that one has a full disk.
    fn diagnose(&mut self, at: usize, ours: &LocalCompiler) {
        match self.by_either_name(ours, b"") {
            Ok((reply, _)) => {
                let full = Outcome::Full;
                match compare::judge(ours, &reply, self.local.lto) {
                    Outcome::Judged(answer, fault @ Some(Fault::CompilerMissing { .. })) => {
                        self.take(at, ours, Outcome::Judged(answer, fault), Duration::ZERO);
                    }
                    _ => self.take(at, ours, full, Duration::ZERO),
                }
            }
            Err(AskError::Refused) => {
                let (answer, fault) = compare::missing(ours);
                self.take(at, ours, Outcome::Judged(answer, fault), Duration::ZERO);
            }
            Err(error) => self.fail(&error),
        }
    }

    fn fail(&mut self, error: &AskError) {
        let ssh = matches!(self.answer.spec.transport, Transport::Ssh { .. });
        let fault = match error {
            _ if ssh => Fault::SshFails(match error {
                AskError::Garbage(_, said) => said_text(said),
                other => other.to_string(),
            }),
            AskError::Late => Fault::Silent(self.link.limit()),
            AskError::Garbage(_, said) if !said.starts_with(b"DONE") => {
                Fault::NotDistcc(format!("it says `{}`", said_text(said)))
            }
            AskError::Garbage(why, _) | AskError::Cut(why) => Fault::NotDistcc(why.clone()),
            AskError::Broken(error) => Fault::Unreachable(error.to_string()),
            AskError::Refused => Fault::AccessRefused,
        };
        self.blame(fault);
    }

    fn put(&mut self, at: usize, answer: CompilerAnswer) {
        if let Some(place) = self.answer.compilers.get_mut(at) {
            *place = answer;
        }
    }

    /// Adds a fault, once of each kind for the volunteer, or for each of its compilers.
    fn blame(&mut self, fault: Fault) {
        let same = |one: &Fault| one.id() == fault.id() && one.compiler() == fault.compiler();
        if !self.answer.faults.iter().any(same) {
            self.answer.faults.push(fault);
        }
    }

    /// Measures the reference unit with the first compiler that works.
    fn measure(&mut self) {
        let works = |one: &CompilerAnswer| one.version.is_some();
        let at = self.answer.compilers.iter().position(works);
        let Some(ours) = at.and_then(|at| self.local.compilers.get(at)) else { return };
        let Some(here) = self.local.reference else { return };
        let source = unit::reference();
        let mut best: Option<Duration> = None;
        for round in 0..ROUNDS {
            // Twice is enough, but for a doubt; and a round that cannot end in time tells nothing.
            let enough = |best| {
                let doubt =
                    compare::is_slow(best, here) && self.link.left() > self.link.limit() / 2;
                (round > 1 && !doubt) || self.link.left() < best * 2
            };
            if best.is_some_and(enough) {
                break;
            }
            match self.by_either_name(ours, &source) {
                Ok((reply, took)) if reply.status == 0 => {
                    best = Some(best.map_or(took, |best| best.min(took)));
                }
                // It has just compiled a smaller one.
                Ok((reply, _)) => {
                    if matches!(
                        compare::judge(ours, &reply, false),
                        Outcome::Full | Outcome::Unclear(_)
                    ) {
                        self.blame(Fault::DiskFull { free_mib: None });
                    }
                    return;
                }
                Err(AskError::Refused | AskError::Cut(_)) => {
                    self.blame(Fault::DiskFull { free_mib: None });
                    return;
                }
                Err(AskError::Late) => {
                    let there = best.unwrap_or(self.link.limit());
                    best = Some(there);
                    break;
                }
                Err(error) => {
                    self.fail(&error);
                    return;
                }
            }
        }
        if let Some(there) = best {
            self.answer.speed = Some(Speed { there, here });
        }
        if let Some(Speed { there, here }) = self.answer.speed
            && compare::is_slow(there, here)
        {
            self.blame(Fault::Slow { there, here });
        }
    }

    /// Asks whether the other protocol versions are served, where time is left.
    fn ask_protocols(&mut self) {
        let works = |one: &CompilerAnswer| one.version.is_some();
        let at = self.answer.compilers.iter().position(works);
        let Some(ours) = at.and_then(|at| self.local.compilers.get(at)) else { return };
        let mut unknown = false;
        for version in [Version::Plain, Version::Lzo, Version::Pump] {
            if version == self.version {
                continue;
            }
            if self.link.left() < self.options.limit / 4 {
                unknown = true;
                break;
            }
            let name = unit::source_name(&ours.name);
            let ask = |plain| self.link.job(version, &ours.request.words(plain), name, unit::TINY);
            let served = match ask(false) {
                first if ours.request.has_two_names() && compare::knows_no_such_name(&first) => {
                    ask(true)
                }
                first => first,
            };
            match served {
                Ok((reply, _)) if reply.status == 0 => {
                    self.answer.protocols.push(protocol_number(version));
                }
                Err(AskError::Late) => unknown = true,
                _ => {}
            }
        }
        self.answer.protocols.sort_unstable();
        let pump = self.answer.spec.protocol == ProtocolWish::Pump;
        if pump && !unknown && !self.answer.protocols.contains(&3) {
            self.blame(Fault::ProtocolMissing { version: 3 });
        }
    }

    /// Compares LTO byte code, where builds use it and the compilers are otherwise the same.
    fn ask_lto(&mut self) {
        for (at, ours) in self.local.compilers.iter().enumerate() {
            let Some((request, version)) = &ours.lto else { continue };
            let same = |one: &CompilerAnswer| one.verdict == CompilerVerdict::Same;
            if !self.answer.compilers.get(at).is_some_and(same) {
                continue;
            }
            let name = unit::source_name(&ours.name);
            let ask = |plain| self.link.job(self.version, &request.words(plain), name, unit::TINY);
            let reply = match ask(false) {
                first if request.has_two_names() && compare::knows_no_such_name(&first) => {
                    ask(true)
                }
                first => first,
            };
            let Ok((reply, _)) = reply else { continue };
            if let Some(fault) = compare::judge_lto(&ours.name, *version, &reply) {
                if let Some(answer) = self.answer.compilers.get_mut(at) {
                    answer.verdict = CompilerVerdict::OtherLto;
                }
                self.blame(fault);
            }
        }
    }
}

fn protocol_number(version: Version) -> u8 {
    match version {
        Version::Plain => 1,
        Version::Lzo => 2,
        Version::Pump => 3,
    }
}

/// What a stranger said first, fit to be shown.
fn said_text(said: &[u8]) -> String {
    let text = String::from_utf8_lossy(said);
    compare::printable(text.lines().next().unwrap_or_default()).chars().take(40).collect()
}
