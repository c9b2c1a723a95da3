//! One compile: analyse, choose, send, place; or compile here.

use std::ffi::OsStr;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::time::Instant;

use crate::base::disk::RealDisk;
use crate::base::env;
use crate::base::exit::Exit;
use crate::base::log::Level;
use crate::client::attempt::{self, Attempt, Step};
use crate::client::call::Call;
use crate::client::host_list;
use crate::client::identity::Identity;
use crate::client::local;
use crate::client::record::{self, Record};
use crate::client::settings::Settings;
use crate::client::volunteers::{self, NoSlot, Volunteers};
use crate::compiler::reason::Reason;
use crate::compiler::scan::{self, Plan, Surroundings};
use crate::compiler::target;
use crate::compiler::unit::TranslationUnit;
use crate::hosts::list::HostList;
use crate::hosts::spec::HostSpec;
use crate::progress::phase::Phase;

/// How many volunteers are asked for one unit before it is compiled here.
const MOST_VOLUNTEERS: usize = 3;

/// Compiles what `call` asks for: on a volunteer if one will have it, and here if none will.
///
/// However it ends, the object file is the one a local compile would have left, or absent.
pub fn compile(call: &Call, settings: &Settings) -> Exit {
    if call.is_recursive() {
        crate::critical!("distcc seems to have invoked itself recursively!");
        return Exit::RECURSION;
    }
    if call.depth > 0 {
        return local::run(call);
    }
    match plan(call) {
        Plan::Local(reason) => {
            let record = Record::new(source_like(call), first_word(call));
            let list = host_list::read_quietly();
            compile_here(call, settings, list.as_ref(), &reason, record)
        }
        Plan::Distribute(unit) => distribute(call, settings, &unit),
    }
}

/// What is to be done about the command of `call`.
pub fn plan(call: &Call) -> Plan {
    for variable in [env::DEPENDENCIES_OUTPUT, env::SUNPRO_DEPENDENCIES] {
        if variable.is_set() {
            return Plan::Local(Reason::DependencyEnvironment(variable.0));
        }
    }
    let path = target::search_path(&call.path);
    scan::scan(&call.argv, &Surroundings { cwd: &call.cwd, path: &path, disk: &RealDisk })
}

fn distribute(call: &Call, settings: &Settings, unit: &TranslationUnit) -> Exit {
    let mut record = Record::new(&unit.source, &unit.compiler);
    let list = match host_list::read() {
        Ok(list) => list,
        Err(problem) => {
            crate::warning!("{problem}");
            return give_up(call, settings, None, Reason::NoHosts(problem), Exit::NO_HOSTS, record);
        }
    };
    let volunteers = Volunteers::new(list, settings);
    let identity = Identity::of(call, unit);
    let mut attempt = Attempt::new(call, settings, unit, identity.as_ref());
    let mut tried = Vec::new();
    let mut last = (Reason::NoVolunteer, Exit::NO_HOSTS);
    while tried.len() < MOST_VOLUNTEERS {
        let suits = |index: usize, host: &HostSpec| {
            !host.down
                && !tried.contains(&index)
                && identity.as_ref().is_none_or(|identity| !identity.is_refused(host))
        };
        let start = Instant::now();
        let post = &mut record.post;
        let on_wait = || post.publish(Phase::Blocked, unit.source.as_bytes(), "", 0);
        let taken = volunteers.take(suits, on_wait);
        record.spent.wait_ms += record::since(start);
        let taken = match taken {
            Ok(taken) => taken,
            Err(NoSlot::AllRest) if tried.is_empty() => {
                last = (Reason::AllResting, Exit::NO_HOSTS);
                break;
            }
            Err(_) => break,
        };
        let Some(host) = volunteers.list.hosts.get(taken.host) else { break };
        if volunteers::is_here(host) {
            record.post.publish(Phase::Compile, unit.source.as_bytes(), "localhost", taken.slot);
            let exit = local::run(call);
            record.local(&Reason::HostIsLocalhost, exit);
            return exit;
        }
        match attempt::ask(&mut attempt, &volunteers, host, taken.slot, &mut record) {
            Step::Done(exit) => {
                record.remote(&host.text, exit);
                return exit;
            }
            Step::Here(reason) => {
                taken.release();
                let list = Some(&volunteers.list);
                let exit = compile_here(call, settings, list, &reason, record);
                if let Reason::CompileFailed(_) = reason {
                    attempt.compare_endings(&volunteers, host, exit);
                }
                return exit;
            }
            Step::Next(reason, exit) => {
                tried.push(taken.host);
                last = (reason, exit);
            }
        }
    }
    let (reason, exit) = last;
    attempt.print_remote_stderr_if_final();
    give_up(call, settings, Some(&volunteers.list), reason, exit, record)
}

/// The ending when no volunteer compiled the unit.
fn give_up(
    call: &Call,
    settings: &Settings,
    list: Option<&HostList>,
    reason: Reason,
    exit: Exit,
    record: Record,
) -> Exit {
    if settings.fallback {
        // What a volunteer did wrong has been told when it happened, and so has why none suits.
        let told = matches!(
            reason,
            Reason::VolunteerFailed(_)
                | Reason::CompilerMismatch(_)
                | Reason::NoVolunteer
                | Reason::NoHosts(_)
        );
        crate::base::log::write(
            if told { Level::Info } else { Level::Warning },
            "",
            format_args!(
                "failed to distribute {}, running locally instead: {}",
                source_like(call).to_string_lossy(),
                reason.sentence()
            ),
        );
        return compile_here(call, settings, list, &reason, record);
    }
    crate::error!("failed to distribute and fallbacks are disabled: {}", reason.sentence());
    record.local(&reason, exit);
    exit
}

/// Runs the command here, within the local slots.
fn compile_here(
    call: &Call,
    settings: &Settings,
    list: Option<&HostList>,
    reason: &Reason,
    mut record: Record,
) -> Exit {
    crate::info!("{}: running locally: {}", Call::line(&call.argv), reason.sentence());
    let start = Instant::now();
    let slot = volunteers::take_local(list, reason.cpp_only(), settings);
    record.spent.wait_ms += record::since(start);
    let phase = if reason.cpp_only() { Phase::Preprocess } else { Phase::Compile };
    record.post.publish(phase, source_like(call).as_bytes(), "localhost", 0);
    let start = Instant::now();
    let exit = local::run(call);
    record.spent.compile_ms += record::since(start);
    drop(slot);
    record.local(reason, exit);
    exit
}

/// Passes text of a compiler on, unchanged.
pub fn pass_on(stdout: &[u8], stderr: &[u8]) {
    // A closed stdout or stderr is the caller's own doing, as for the compiler itself.
    drop(std::io::stdout().write_all(stdout));
    drop(std::io::stdout().flush());
    drop(std::io::stderr().write_all(stderr));
}

fn first_word(call: &Call) -> &OsStr {
    call.argv.first().map(std::ffi::OsString::as_os_str).unwrap_or_default()
}

/// The word that a person would call the command's unit: its first operand.
fn source_like(call: &Call) -> &OsStr {
    let mut words = call.argv.iter().skip(1);
    let mut found = None;
    while let Some(word) = words.next() {
        match word.as_bytes() {
            b"-o" | b"-x" | b"-I" | b"-D" | b"-U" | b"-include" | b"-isystem" | b"-MF" | b"-MT"
            | b"-MQ" | b"-L" => drop(words.next()),
            [b'-', ..] => {}
            _ => {
                found = Some(word.as_os_str());
                break;
            }
        }
    }
    found.unwrap_or_else(|| first_word(call))
}
