//! One unit, one volunteer: what an attempt may end in, and what follows from it.

use std::cell::OnceCell;
use std::ffi::{OsStr, OsString};
use std::io::{self, IsTerminal};
use std::os::unix::ffi::OsStrExt;
use std::time::Instant;

use crate::base::disk::{Disk, RealDisk};
use crate::base::exit::Exit;
use crate::base::process::exit_of_wait_status;
use crate::base::version;
use crate::client::call::Call;
use crate::client::compile::pass_on;
use crate::client::identity::{Identity, Refused};
use crate::client::outputs::{self, Output};
use crate::client::preprocess::{DependencyTarget, Preprocessor, Source};
use crate::client::pump;
use crate::client::record::{self, Record};
use crate::client::remote::{self, Errand, Failure, Supply, Times};
use crate::client::settings::{Diagnostics, Settings};
use crate::client::volunteers::{Memory, Volunteers};
use crate::compiler::body::Watch;
use crate::compiler::reason::Reason;
use crate::compiler::rewrite;
use crate::compiler::target::{self, SentNames};
use crate::compiler::unit::TranslationUnit;
use crate::hosts::spec::HostSpec;
use crate::net::ask;
use crate::net::stream::Stream;
use crate::protocol::reply::Reply;
use crate::protocol::version::Version;
use crate::targets::{self, service::SERVES};

/// A source file larger than this does not travel.
const MOST_SOURCE_BYTES: u64 = 1 << 30;

/// Exit codes that distccd itself makes up, and no compiler: 100 to 120.
pub const DAEMON_CODES: std::ops::RangeInclusive<u8> = Exit::FAILED.0..=120;

/// What follows from an attempt.
#[derive(Debug)]
pub enum Step {
    /// The unit is compiled, or its failure is final.
    Done(Exit),
    /// Compile here; that is final.
    Here(Reason),
    /// Another volunteer may have it; the exit code is for those who forbid a local compile.
    Next(Reason, Exit),
}

/// A unit on its way to volunteers: its source is made once.
#[derive(Debug)]
pub struct Attempt<'a> {
    /// The command.
    pub call: &'a Call,
    settings: &'a Settings,
    /// Its unit.
    pub unit: &'a TranslationUnit,
    identity: Option<&'a Identity>,
    /// The compiler's names for volunteers, see [`Self::names`].
    names: OnceCell<SentNames>,
    supply: Option<Supply>,
    /// Whether the supply's macros are left for the volunteer's compiler to expand.
    unexpanded: bool,
    /// Whether this unit may travel so.
    may_stay_unexpanded: bool,
    /// The last volunteer's failed compile: its exit code and what it printed.
    failed: Option<(Exit, Vec<u8>)>,
    /// Whether that one preprocessed it.
    pub by_pump: bool,
}

impl<'a> Attempt<'a> {
    /// Prepares `unit`; nothing is started yet.
    pub fn new(
        call: &'a Call,
        settings: &'a Settings,
        unit: &'a TranslationUnit,
        identity: Option<&'a Identity>,
    ) -> Self {
        Self {
            call,
            settings,
            unit,
            identity,
            names: OnceCell::new(),
            supply: None,
            unexpanded: false,
            may_stay_unexpanded: settings.directives_only && rewrite::may_stay_unexpanded(unit),
            failed: None,
            by_pump: false,
        }
    }

    /// Looks how the local compile ended that followed a failed one on `host`. A volunteer whose
    /// compile failed where the local one did not has a fault of its own, and rests; unless a
    /// warning was the error: warnings differ for preprocessed text.
    pub fn compare_endings(&self, volunteers: &Volunteers, host: &HostSpec, local: Exit) {
        let Some((remote, stderr)) = &self.failed else { return };
        if !local.is_ok() || stderr.windows(8).any(|part| part == b"[-Werror") {
            return;
        }
        let follows = match self.identity {
            _ if self.by_pump => {
                pump::count_failure(host, self.names());
                "after three of these in an hour it gets no more units in pump mode"
            }
            Some(identity) if self.unexpanded => {
                identity.note_trouble();
                "macros are expanded here for an hour"
            }
            _ => {
                volunteers.let_rest(host);
                "that volunteer rests for a while"
            }
        };
        crate::warning!(
            "{}: the compile failed on {} with exit code {} and went well here: {follows}",
            show(&self.unit.source),
            host.text,
            remote.0
        );
    }

    /// Where a local compile is forbidden, a volunteer's last words are all there is.
    pub fn print_remote_stderr_if_final(&self) {
        if let (Some((_, stderr)), false) = (&self.failed, self.settings.fallback) {
            pass_on(&[], stderr);
        }
    }

    /// What decides which compiler ours is; `None` where nothing can be remembered of it.
    pub fn compiler_key(&self) -> Option<&[u8]> {
        self.identity.map(Identity::key)
    }

    /// Whether the compiler's text must be what a local compile prints.
    pub fn wants_exact_text(&self) -> bool {
        self.settings.diagnostics == Diagnostics::Exact && self.settings.fallback
    }

    /// Whether a volunteer's compile error is final.
    fn remote_error_is_final(&self) -> bool {
        self.settings.skip_local_retry || !self.settings.fallback
    }

    /// Decides in which form the source goes to `host`; one that was made for another volunteer in
    /// a form that this one may not read is made again.
    fn suit(&mut self, host: &HostSpec) {
        let takes = self.may_stay_unexpanded
            && self.identity.is_some_and(|identity| identity.takes_unexpanded(host));
        if self.supply.is_none() {
            self.unexpanded = takes;
        } else if self.unexpanded && !takes {
            self.expand();
        }
    }

    /// Discards the source, to be made again with its macros expanded.
    fn expand(&mut self) {
        self.supply = None;
        self.unexpanded = false;
        self.may_stay_unexpanded = false;
    }

    /// Whether the source turns out to need its macros expanded here after all.
    fn must_expand(&self) -> bool {
        let Some(Supply::Made(status, source)) = &self.supply else { return false };
        self.unexpanded
            && (!status.success() || source.watch.here_and_now() || !source.stderr.is_empty())
    }

    /// Starts the preprocessor, or reads a source that is preprocessed already.
    fn start(&mut self, lzo: bool) -> io::Result<()> {
        if self.supply.is_some() {
            return Ok(());
        }
        if self.unit.preprocessed {
            let text = RealDisk.read(self.unit.source.as_ref(), MOST_SOURCE_BYTES)?;
            self.supply = Some(Supply::Made(Default::default(), Source::preprocessed(text)));
            return Ok(());
        }
        let target = match self.unit.dependency_file {
            Some(_) => Some(DependencyTarget::create()?),
            None => None,
        };
        let path = target.as_ref().map(|target| target.path.as_os_str());
        let argv = if self.unexpanded {
            rewrite::unexpanded_preprocessor(self.unit, path)
        } else {
            rewrite::preprocessor(self.unit, path)
        };
        crate::debug!("preprocess: {}", Call::line(&argv));
        let watch = Watch::new(self.unexpanded);
        let cpp = Preprocessor::start(self.call, &argv, target, lzo, watch)?;
        self.supply = Some(Supply::Coming(Box::new(cpp)));
        Ok(())
    }

    /// The names under which volunteers may know the compiler; found while the preprocessor's text
    /// is there already and there is a volunteer to ask.
    pub fn names(&self) -> &SentNames {
        let Self { call, settings, unit, identity, .. } = self;
        self.names.get_or_init(|| sent_names(call, settings, unit, *identity))
    }

    /// The command line for a volunteer that knows the compiler as `name`.
    fn words(&self, name: &OsStr) -> Vec<OsString> {
        let mut words = if self.unexpanded {
            rewrite::unexpanded_volunteer(self.unit, name, &self.call.named_cwd())
        } else {
            rewrite::volunteer(self.unit, name, &self.call.named_cwd())
        };
        self.names().add_target(&mut words);
        words
    }
}

/// The names under which volunteers may know the compiler.
pub fn sent_names(
    call: &Call,
    settings: &Settings,
    unit: &TranslationUnit,
    identity: Option<&Identity>,
) -> SentNames {
    if !settings.rewrite_cross {
        let name = unit.compiler.clone();
        return SentNames { full: name.clone(), plain: name, clang_target: None };
    }
    let path = target::search_path(&call.path);
    let machines = version::machines();
    let own = targets::of_triple(version::MACHINE);
    let mut triples: Vec<&str> = machines.iter().map(String::as_str).collect();
    // On 32-bit ARM, Rust's name is not that of the distribution's compilers.
    triples.extend(own.iter().map(|target| target.triple).filter(|one| *one != version::MACHINE));
    let foreign = identity.and_then(|identity| identity.foreign_triple(call, unit));
    target::sent_names(unit, &path, &RealDisk, &triples, foreign)
}

/// Asks `host` to compile the unit in its slot `slot`.
pub fn ask(
    attempt: &mut Attempt<'_>,
    volunteers: &Volunteers,
    host: &HostSpec,
    slot: u32,
    record: &mut Record,
) -> Step {
    let changes = attempt.call.changes();
    let errand = Errand {
        host,
        version: ask::version(host),
        file: attempt.unit.source.as_bytes(),
        slot,
        io_timeout: attempt.settings.io_timeout,
        compile_timeout: attempt.settings.compile_timeout,
        ssh: &attempt.settings.ssh,
        env: &changes,
    };
    if pump::is_wanted(host)
        && let Some(step) = pump::ask(attempt, volunteers, &errand, record)
    {
        return step;
    }
    attempt.suit(host);
    let mut connected = supply_and_connect(attempt, volunteers, &errand, record);
    if attempt.must_expand() {
        attempt.expand();
        connected = supply_and_connect(attempt, volunteers, &errand, record);
    }
    let stream = match connected {
        Ok(Some(stream)) => stream,
        Ok(None) => return preprocessor_failed(attempt),
        Err(failure) => return failed(attempt, volunteers, host, &failure, Exit::CONNECT_FAILED),
    };
    let Some(Supply::Made(_, mut source)) = attempt.supply.take() else {
        return Step::Here(Reason::PreprocessorFailed);
    };
    if let Some(directive) = source.watch.reads_file() {
        return Step::Here(Reason::AssemblerReadsFile(directive));
    }
    let reply = exchange(attempt, &errand, stream, &mut source, record);
    let step = match reply {
        Ok(reply) => {
            volunteers.wake(host);
            judge(attempt, volunteers, host, &source, reply, record)
        }
        Err(failure) => failed(attempt, volunteers, host, &failure, Exit::IO_ERROR),
    };
    attempt.supply = Some(Supply::Made(Default::default(), source));
    step
}

/// Makes the source and a connection at the same time; no connection where the preprocessor fails.
fn supply_and_connect(
    attempt: &mut Attempt<'_>,
    volunteers: &Volunteers,
    errand: &Errand<'_>,
    record: &mut Record,
) -> Result<Option<Stream>, Failure> {
    let preprocesses = attempt.supply.is_none() && !attempt.unit.preprocessed;
    let cpp_slot = if preprocesses { volunteers.take_preprocessor() } else { None };
    let start = Instant::now();
    attempt.start(errand.version == Version::Lzo).map_err(Failure::Preprocessor)?;
    let connected = remote::connect(errand, &mut attempt.supply, &mut record.post);
    drop(cpp_slot);
    record.spent.preprocess_ms += record::since(start);
    connected
}

/// Sends the unit under the name that the volunteer knows; one that hangs up on the full name is
/// asked once more by the plain one.
fn exchange(
    attempt: &Attempt<'_>,
    errand: &Errand<'_>,
    stream: Stream,
    source: &mut Source,
    record: &mut Record,
) -> Result<Reply, Failure> {
    let SentNames { full, plain, .. } = attempt.names();
    let memory = Memory::of(errand.host);
    let only_plain = full == plain || memory.wants_plain_name(plain);
    let words = attempt.words(if only_plain { plain } else { full });
    crate::info!("exec on {}: {}", errand.host.text, Call::line(&words));
    let mut answer = remote::exchange(errand, stream, &words, source, &mut record.post);
    if !only_plain && knows_no_such_name(&answer) {
        crate::info!("{} refused {}: asking for {}", errand.host.text, show(full), show(plain));
        let mut none = None;
        if let Ok(Some(stream)) = remote::connect(errand, &mut none, &mut record.post) {
            let words = attempt.words(plain);
            answer = remote::exchange(errand, stream, &words, source, &mut record.post);
            if answer.is_ok() && !knows_no_such_name(&answer) {
                memory.remember_plain_name(plain);
            }
        }
    }
    let (reply, times) = answer?;
    record.add(&times);
    Ok(reply)
}

/// Whether the volunteer does not know the compiler by this name, and may know it by another: it
/// hung up, or has the name listed and no such program. One of ours that says which service to ask
/// knows the name well.
fn knows_no_such_name(answer: &Result<(Reply, Times), Failure>) -> bool {
    match answer {
        Err(failure) => matches!(failure, Failure::Refused),
        Ok((reply, _)) => {
            exit_of_wait_status(reply.status) == Exit::COMPILER_MISSING
                && memchr::memmem::find(&reply.stderr, SERVES.as_bytes()).is_none()
        }
    }
}

fn show(word: &OsStr) -> std::borrow::Cow<'_, str> {
    word.to_string_lossy()
}

/// The source itself is at fault: the compile here says how, as the compiler words it.
fn preprocessor_failed(attempt: &mut Attempt<'_>) -> Step {
    if attempt.settings.fallback {
        return Step::Here(Reason::PreprocessorFailed);
    }
    let Some(Supply::Made(status, source)) = attempt.supply.take() else {
        return Step::Here(Reason::PreprocessorFailed);
    };
    pass_on(&[], &source.stderr);
    Step::Done(crate::base::process::exit_of(status))
}

/// What follows where the volunteer cannot be reached, or no longer answers.
pub fn unreachable(
    attempt: &mut Attempt<'_>,
    volunteers: &Volunteers,
    host: &HostSpec,
    failure: &Failure,
) -> Step {
    failed(attempt, volunteers, host, failure, Exit::CONNECT_FAILED)
}

/// The volunteer, or the way to it, is at fault.
fn failed(
    attempt: &mut Attempt<'_>,
    volunteers: &Volunteers,
    host: &HostSpec,
    failure: &Failure,
    exit: Exit,
) -> Step {
    let exit = match failure {
        Failure::BadTimeout => {
            crate::error!("{failure}");
            return Step::Done(Exit::BAD_ARGUMENTS);
        }
        Failure::Preprocessor(error) => {
            crate::info!("{failure} ({error})");
            return Step::Here(Reason::PreprocessorFailed);
        }
        Failure::Garbage(_) => Exit::PROTOCOL_ERROR,
        Failure::Cut(_) | Failure::Refused => Exit::TRUNCATED,
        Failure::Silent(..) => Exit::TIMEOUT,
        Failure::Unreachable(_) | Failure::Broken(_) => exit,
    };
    let text = format!("volunteer {}: {failure}", host.text);
    crate::warning!("{}: {text}", show(&attempt.unit.source));
    volunteers.let_rest(host);
    Step::Next(Reason::VolunteerFailed(text), exit)
}

/// The volunteer has answered.
fn judge(
    attempt: &mut Attempt<'_>,
    volunteers: &Volunteers,
    host: &HostSpec,
    source: &Source,
    reply: Reply,
    record: &mut Record,
) -> Step {
    let exit = exit_of_wait_status(reply.status);
    let name = show(&attempt.unit.source).into_owned();
    if !exit.is_ok() {
        return compile_failed(attempt, volunteers, host, &source.stderr, reply, exit);
    }
    let printed = !reply.stderr.is_empty() || !reply.stdout.is_empty();
    let coloured = !source.stderr.is_empty() && io::stderr().is_terminal();
    if attempt.wants_exact_text() && (printed || coloured) {
        return Step::Here(Reason::Diagnostics);
    }
    if let Some(step) = check_identity(attempt, host, &reply.object) {
        return step;
    }
    let start = Instant::now();
    let mut files = Vec::with_capacity(2);
    if let (Some(path), Some(content)) = (&attempt.unit.dependency_file, &source.dependencies) {
        files.push(Output { path, content });
    }
    files.push(Output { path: &attempt.unit.output, content: &reply.object });
    if let Err((path, error)) = outputs::place(&files) {
        let text = format!("{path}: {error}");
        crate::info!("cannot place {text}");
        return Step::Here(Reason::OutputFailed(text));
    }
    record.spent.place_ms = record::since(start);
    pass_on(&reply.stdout, &[source.stderr.as_slice(), reply.stderr.as_slice()].concat());
    crate::info!("compile {name} on {} completed ok", host.text);
    Step::Done(Exit::OK)
}

/// What follows from an object that the compiler here would not have made; `None` if it would.
pub fn check_identity(attempt: &Attempt<'_>, host: &HostSpec, object: &[u8]) -> Option<Step> {
    let policy = attempt.settings.mismatch;
    let checked = attempt.identity?.check(attempt.call, attempt.unit, host, object, policy);
    let Refused { how, can_be_allowed } = checked.err()?;
    let way_out = match can_be_allowed {
        true => " (DISTCC_COMPILER_MISMATCH=allow takes its objects all the same)",
        false => "",
    };
    crate::warning!(
        "{}: volunteer {}: {how}; it gets no more units of this compiler for an hour{way_out}",
        show(&attempt.unit.source),
        host.text
    );
    let text = format!("volunteer {}: {how}", host.text);
    Some(Step::Next(Reason::CompilerMismatch(text), Exit::FAILED))
}

/// The volunteer's compile failed: for the source's fault or its own. `preprocessor` is what was
/// printed before.
pub fn compile_failed(
    attempt: &mut Attempt<'_>,
    volunteers: &Volunteers,
    host: &HostSpec,
    preprocessor: &[u8],
    reply: Reply,
    exit: Exit,
) -> Step {
    let name = show(&attempt.unit.source).into_owned();
    let text = format!("compile {name} on {} failed with exit code {}", host.text, exit.0);
    if DAEMON_CODES.contains(&exit.0) {
        let words = String::from_utf8_lossy(&reply.stderr);
        let words = words.lines().next().unwrap_or("it gave no reason").trim();
        crate::warning!("{text}: {words}");
        volunteers.let_rest(host);
        let reason = Reason::VolunteerFailed(format!("volunteer {}: {words}", host.text));
        attempt.failed = Some((exit, reply.stderr));
        return Step::Next(reason, exit);
    }
    if attempt.remote_error_is_final() {
        pass_on(&reply.stdout, &[preprocessor, reply.stderr.as_slice()].concat());
        return Step::Done(exit);
    }
    crate::info!("{text}; remote compilation of '{name}' failed, retrying locally");
    attempt.failed = Some((exit, reply.stderr));
    Step::Here(Reason::CompileFailed(exit.0.into()))
}
