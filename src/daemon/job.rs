//! One job: check what the client asks for, compile it, make the reply.

use std::ffi::{OsStr, OsString};
use std::fmt::Display;
use std::os::unix::ffi::OsStringExt;
use std::time::Instant;

use crate::base::exit::Exit;
use crate::base::log::{self, Level};
use crate::compiler::admit::plain::RemoteJob;
use crate::compiler::admit::pump::PumpJob;
use crate::compiler::admit::{self, AdmitOptions, Refusal};
use crate::compiler::directive;
use crate::daemon::client::Client;
use crate::daemon::compilers::Refused;
use crate::daemon::pump;
use crate::daemon::run::{self, Call, Ending, Finished, Watch};
use crate::daemon::sandbox::Confines;
use crate::daemon::service::Service;
use crate::daemon::summary::{Outcome, Summary, printable};
use crate::daemon::toolchains::Program;
use crate::daemon::workdir::{self, WorkDir};
use crate::protocol::reply::{Reply, encode_reply};
use crate::protocol::request::Request;
use crate::targets::{self, Target};
use crate::toolchains;
use crate::{error, info, warning};

/// The object's name in the job's directory. A source never has it: sources keep names with a
/// suffix that a compiler reads.
pub(super) const OUTPUT: &str = "distccd-output.o";

/// A request that is complete, and who waits for the answer.
#[derive(Debug)]
pub struct Visit {
    /// Who.
    pub client: Client,
    /// What.
    pub request: Request,
}

/// What came of a visit.
#[derive(Debug)]
pub struct Served {
    /// For the log; its time is not yet final.
    pub summary: Summary,
    /// For the client; a client that gets none is hung up on.
    pub reply: Option<Vec<u8>>,
}

/// Why there is no reply.
pub(super) struct Declined {
    outcome: Outcome,
    exit: Exit,
}

impl Declined {
    /// The log says why.
    pub(super) const REFUSED: Self = Self { outcome: Outcome::Other, exit: Exit::FAILED };
    /// This machine is at fault.
    pub(super) const IO: Self = Self { outcome: Outcome::Other, exit: Exit::IO_ERROR };
    /// Nobody waits for one.
    const GONE: Self = Self { outcome: Outcome::CliDisconn, exit: Exit::IO_ERROR };
}

/// Does what `request` asks for.
pub fn serve(service: &Service, client: &Client, request: Request) -> Served {
    let (version, echo) = (request.version, request.echo);
    let arrived = client.arrived;
    match compile(service, client, request) {
        Ok((mut summary, reply)) => {
            let reply = encode_reply(version, echo, &reply);
            summary.time = arrived.elapsed();
            Served { summary, reply: Some(reply) }
        }
        Err(Declined { outcome, exit }) => Served {
            summary: Summary::without_compile(outcome, exit, arrived.elapsed()),
            reply: None,
        },
    }
}

fn compile(
    service: &Service,
    client: &Client,
    mut request: Request,
) -> Result<(Summary, Reply), Declined> {
    let argv: Vec<OsString> =
        std::mem::take(&mut request.argv).into_iter().map(OsString::from_vec).collect();
    let tree = request.tree.take();
    let job = check(service, client, &argv, tree.is_some())?;
    let (compiler, source, _) = job.names();
    let unit = (printable(compiler.as_encoded_bytes()), printable(source.as_encoded_bytes()));
    let summary = Summary {
        outcome: Outcome::CompileOk,
        status: 0,
        exit: Exit::OK,
        time: client.arrived.elapsed(),
        unit: Some(unit),
    };
    let program = match service.compilers.find(compiler) {
        Ok(program) => program,
        Err(refused @ Refused::Missing(_)) => {
            error!("{refused}");
            return Ok(exec_failed(summary, "No such file or directory"));
        }
        Err(refused @ Refused::WrongService(_, target)) => {
            let advice = wrong_service(service, client, target);
            error!("{refused}: {advice}");
            return Ok(exec_failed(summary, &format!("No such file or directory: {advice}")));
        }
        Err(refused) => {
            log::write(
                Level::Critical,
                "dcc_check_compiler_whitelist",
                format_args!("{refused} (asked for by {})", client.name),
            );
            return Err(Declined::REFUSED);
        }
    };
    if run::is_gone(client.input()) {
        return Err(Declined::GONE);
    }
    match job {
        Checked::Plain(job) => {
            let source = request.take_source(&service.limits).map_err(|error| {
                error!("bad request from {}: {error}", client.name);
                Declined { outcome: Outcome::RejBadReq, exit: Exit::PROTOCOL_ERROR }
            })?;
            compile_source(service, client, &job, &program, source, summary)
        }
        Checked::Pump(job) => {
            let tree = tree.unwrap_or_default();
            pump::job::compile(service, client, &job, &program, tree, summary)
        }
    }
}

/// A command line that is harmless, for source that is preprocessed or is not.
enum Checked {
    Plain(RemoteJob),
    Pump(PumpJob),
}

impl Checked {
    /// Compiler, source and output, as the client names them.
    fn names(&self) -> (&OsStr, &OsStr, &OsStr) {
        match self {
            Self::Plain(job) => (&job.compiler, &job.source, &job.output),
            Self::Pump(job) => (&job.compiler, &job.source, &job.output),
        }
    }

    fn read(argv: &[OsString], options: &AdmitOptions, pump: bool) -> Result<Self, Refusal> {
        match pump {
            false => admit::plain::admit(argv, options).map(Self::Plain),
            true => admit::pump::admit(argv, options).map(Self::Pump),
        }
    }
}

/// Checks the command line; a refusal is logged with what to do about it.
fn check(
    service: &Service,
    client: &Client,
    argv: &[OsString],
    pump: bool,
) -> Result<Checked, Declined> {
    let options = AdmitOptions { specs_allowed: service.compilers.sysroot().is_some() };
    match Checked::read(argv, &options, pump) {
        Ok(job) => {
            let (_, source, output) = job.names();
            info!(
                "compile from {} to {}",
                printable(source.as_encoded_bytes()),
                printable(output.as_encoded_bytes())
            );
            Ok(job)
        }
        Err(refusal) => {
            error!("refused a command line of {}: {}", client.name, refusal.sentence());
            Err(Declined::REFUSED)
        }
    }
}

fn compile_source(
    service: &Service,
    client: &Client,
    job: &RemoteJob,
    program: &Program,
    source: Vec<u8>,
    mut summary: Summary,
) -> Result<(Summary, Reply), Declined> {
    if let (true, Some(directive)) = (job.unexpanded, directive::opens_file(&source)) {
        error!(
            "refused a source of {}: #{directive} would read a file of this machine",
            client.name
        );
        return Err(Declined::REFUSED);
    }
    let input = workdir::source_name(&job.source, job.input_suffix());
    let mut dir = service.tree.job().map_err(|error| failed(client, &error))?;
    dir.write(&input, &source).map_err(|error| failed(client, &error))?;
    drop(source);
    let mut argv = job.argv(program.file.as_os_str(), &input, OsStr::new(OUTPUT));
    settle(service, client, program, &mut argv)?;
    let mut environment = service.environment_of(program);
    for name in ["TMPDIR", "HOME"] {
        environment.push((name.into(), dir.path().into()));
    }
    let call = Call {
        program: &program.file,
        argv: &argv,
        environment: &environment,
        cwd: dir.path(),
        confines: Confines { work_dir: dir.path(), tree: None, stage: None },
        max_output: service.config.max_output,
        terminal: None,
    };
    match run_compiler(service, client, &call, &mut summary)? {
        Ok(mut reply) => {
            reply.object = object(service, client, &mut dir, &reply)?;
            tell(&summary);
            Ok((summary, reply))
        }
        Err(why) => Ok(exec_failed(summary, &why)),
    }
}

/// Says what this machine did not manage.
pub(super) fn failed(client: &Client, error: &dyn Display) -> Declined {
    error!("cannot compile for {}: {error}", client.name);
    Declined::IO
}

/// What the compiler's own command needs besides what the client wrote.
pub(super) fn settle(
    service: &Service,
    client: &Client,
    program: &Program,
    argv: &mut Vec<OsString>,
) -> Result<(), Declined> {
    if let Some(target) = program.clang_target.filter(|_| !names_target(argv)) {
        argv.push(format!("--target={target}").into());
    }
    service.compilers.settle_specs(argv).map_err(|refused| {
        error!("refused a command line of {}: {refused}", client.name);
        Declined::REFUSED
    })
}

/// Runs the compiler to its end; the reply lacks the files that it wrote. In place of a reply, why
/// the compiler does not start.
pub(super) fn run_compiler(
    service: &Service,
    client: &Client,
    call: &Call<'_>,
    summary: &mut Summary,
) -> Result<Result<Reply, String>, Declined> {
    let watch = Watch {
        client: client.input(),
        abort: service.aborted(),
        deadline: service.config.job_lifetime.map(|lifetime| Instant::now() + lifetime),
    };
    service.stats.started();
    let finished = run::run(call, &service.sandbox, &service.stats, &watch);
    service.stats.ended();
    let finished = match finished {
        Ok(finished) => finished,
        Err(error) => {
            error!("failed to exec {}: {error}", call.program.display());
            return Ok(Err(error.to_string()));
        }
    };
    let Finished { ending, stdout, stderr } = finished;
    let mut reply = Reply { status: 0, stderr, stdout, ..Reply::default() };
    match ending {
        Ending::Done(status) => reply.status = status,
        Ending::TimedOut => {
            warning!("compile took longer than --job-lifetime: killed");
            reply.status = i32::from(Exit::TIMEOUT.0) << 8;
            (summary.outcome, summary.exit) = (Outcome::CompileTimeout, Exit::TIMEOUT);
        }
        Ending::ClientGone => {
            info!("client {} hung up: its compiler is killed", client.name);
            return Err(Declined::GONE);
        }
        Ending::Aborted => {
            info!("the daemon stops: compile for {} is killed", client.name);
            return Err(Declined { outcome: Outcome::Other, exit: Exit::GONE });
        }
    }
    summary.status = reply.status;
    if reply.status != 0 && summary.outcome == Outcome::CompileOk {
        summary.outcome = Outcome::CompileError;
    }
    Ok(Ok(reply))
}

/// The object of a compiler that was content, from the job's directory.
pub(super) fn object(
    service: &Service,
    client: &Client,
    dir: &mut WorkDir,
    reply: &Reply,
) -> Result<Vec<u8>, Declined> {
    if reply.status != 0 {
        return Ok(Vec::new());
    }
    // A compiler that is content and wrote nothing has made an empty object, as in 3.4.
    let object = dir.read(OsStr::new(OUTPUT), service.config.max_output);
    object.map(Option::unwrap_or_default).map_err(|error| failed(client, &error))
}

/// Whether a command of clang's says for which machine to compile.
fn names_target(argv: &[OsString]) -> bool {
    argv.iter().any(|word| word == "-target" || word.as_encoded_bytes().starts_with(b"--target"))
}

/// Whom a client should have asked for `target`.
fn wrong_service(service: &Service, client: &Client, target: &Target) -> String {
    let port = service.config.port;
    let host = client.reached_at().map_or("ADDRESS".to_owned(), |address| address.to_string());
    let is_native = toolchains::of_this_machine() == Some(target);
    let advice = targets::service::advice(target, &host, port, is_native);
    targets::service::refusal(port, &service.compilers.served(), &advice)
}

/// The reply to a job whose compiler cannot be started, and what its client reads.
pub(super) fn exec_failed(mut summary: Summary, why: &str) -> (Summary, Reply) {
    let name = summary.unit.as_ref().map(|(name, _)| name.clone()).unwrap_or_default();
    let status = i32::from(Exit::COMPILER_MISSING.0) << 8;
    let pid = std::process::id();
    let stderr = format!("distccd[{pid}] (dcc_execvp) ERROR: failed to exec {name}: {why}\n");
    (summary.outcome, summary.status) = (Outcome::CompileError, status);
    (summary, Reply { status, stderr: stderr.into_bytes(), ..Reply::default() })
}

/// Says in the log how the compiler ended.
pub(super) fn tell(summary: &Summary) {
    if !log::enabled(Level::Info) {
        return;
    }
    let Some((compiler, source)) = &summary.unit else { return };
    match (summary.status & 0x7f, (summary.status >> 8) & 0xff) {
        (0, 0) => info!("{compiler} {source} on localhost completed ok"),
        (0, code) => info!("{compiler} {source} on localhost failed with exit code {code}"),
        (signal, _) => info!("{compiler} {source} on localhost was killed by signal {signal}"),
    }
}
