//! One pump job: make the tree, compile in it, give what the compiler wrote.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::compiler::admit::pump::{Places, PumpJob};
use crate::daemon::client::Client;
use crate::daemon::job::{self, Declined, OUTPUT};
use crate::daemon::pump::moved::{self, Mappers};
use crate::daemon::pump::plan::{Plan, Refused, is_below};
use crate::daemon::pump::pool::{Key, Lease, Pool};
use crate::daemon::pump::stage::{self, Stage};
use crate::daemon::pump::view::View;
use crate::daemon::run::Call;
use crate::daemon::sandbox::Confines;
use crate::daemon::service::Service;
use crate::daemon::summary::{Outcome, Summary};
use crate::daemon::toolchains::Program;
use crate::daemon::workdir::WorkDir;
use crate::error;
use crate::protocol::audience::{self, Audience, HEEDED};
use crate::protocol::lzo;
use crate::protocol::reply::Reply;
use crate::protocol::request::{SentContent, SentTree};

/// The dependency file's name in the job's directory.
const DEPENDENCIES: &str = "distccd-output.d";

/// What pump jobs share.
#[derive(Debug)]
pub struct Pump {
    /// Their trees.
    pub pool: Pool,
    /// How they see this machine, where they see the client's own paths.
    pub view: Option<View>,
    /// Directories of this machine that compilers may read.
    pub readable: Vec<PathBuf>,
    /// What compilers can do about paths, where those are not the client's own.
    pub mappers: Mappers,
}

impl Pump {
    fn may_read(&self, path: &[u8]) -> bool {
        let path = [b"/", path].concat();
        let mut dirs = self.readable.iter().map(|dir| dir.as_os_str().as_bytes());
        dirs.any(|dir| path == dir || is_below(&path, dir))
    }
}

/// Compiles what `job` asks for in the `tree` that came with it.
pub(in crate::daemon) fn compile(
    service: &Service,
    client: &Client,
    job: &PumpJob,
    program: &Program,
    mut tree: SentTree,
    summary: Summary,
) -> Result<(Summary, Reply), Declined> {
    let pump = &service.pump;
    let audience = audience(&mut tree).map_err(|why| {
        error!("refused the files of {}: {why}", client.name);
        Declined::REFUSED
    })?;
    let layout = pump.view.as_ref().map(|view| view.layout(&program.file));
    let plan = Plan::new(tree, layout.as_ref(), &|path| pump.may_read(path));
    let mut plan = match plan {
        Ok(plan) => plan,
        Err(why @ (Refused::AmongPrograms(_) | Refused::Precompiled(_))) => {
            error!("cannot compile for {}: {why}", client.name);
            return Ok(refused(summary, &why.to_string()));
        }
        Err(why) => {
            error!("refused the files of {}: {why}", client.name);
            return Err(Declined::REFUSED);
        }
    };
    if let (None, Some(path)) = (&pump.view, plan.shadowed()) {
        // Another daemon may have said yesterday that it can show them.
        let path = String::from_utf8_lossy(path);
        let why = format!("/{path}: the system's headers here are this machine's own");
        error!("cannot compile for {}: {why}", client.name);
        return Ok(refused(summary, &why));
    }
    let stage = match (&pump.view, &layout) {
        (Some(view), Some(layout)) => Some(view.stage(layout, &plan, &program.file)),
        _ => None,
    };
    let key = Key { client: client.comes_from(), cwd: plan.cwd.clone() };
    let lease = pump.pool.lease(key, &mut plan, &service.limits);
    let lease = lease.map_err(|error| job::failed(client, &error))?;
    let dir = service.tree.job().map_err(|error| job::failed(client, &error))?;
    let cwd = PathBuf::from(OsString::from(OsStr::from_bytes(&plan.cwd)));
    let compile = Compile { service, client, job, program, cwd, audience, lease, dir };
    match stage {
        Some(stage) => compile.in_place(stage, summary),
        None => compile.moved(summary),
    }
}

/// One compile, and all that it holds.
struct Compile<'a> {
    service: &'a Service,
    client: &'a Client,
    job: &'a PumpJob,
    program: &'a Program,
    /// The client's directory.
    cwd: PathBuf,
    /// For whom the compiler prints; without one, for nobody in particular.
    audience: Option<Audience>,
    lease: Lease<'a>,
    dir: WorkDir,
}

impl Compile<'_> {
    /// Compiles at the client's own paths.
    fn in_place(
        mut self,
        mut stage: Stage,
        mut summary: Summary,
    ) -> Result<(Summary, Reply), Declined> {
        stage.root = self.lease.path().to_owned();
        stage.work_dir = self.dir.path().to_owned();
        // Nobody can write to what is mounted so.
        self.lease.is_clean();
        let work = stage::work();
        let (output, dependencies) = (work.join(OUTPUT), work.join(DEPENDENCIES));
        let places = Places {
            root: OsStr::new(""),
            output: output.as_os_str(),
            dependencies: dependencies.as_os_str(),
        };
        let argv = self.job.argv(self.program.file.as_os_str(), &[], &places);
        let confines = Confines { work_dir: self.dir.path(), tree: None, stage: Some(&stage) };
        let cwd = self.cwd.clone();
        let ran = self.run(argv, &work, &cwd, confines, &mut summary)?;
        match ran {
            Ok(reply) => self.finish(reply, summary, |bytes| bytes),
            Err(why) => Ok(job::exec_failed(summary, &why)),
        }
    }

    /// Compiles in the tree where it is.
    fn moved(mut self, mut summary: Summary) -> Result<(Summary, Reply), Declined> {
        let root = self.lease.path().to_owned();
        if self.service.sandbox.holds_files() {
            self.lease.is_clean();
        }
        let work = self.dir.path().to_owned();
        let (output, dependencies) = (work.join(OUTPUT), work.join(DEPENDENCIES));
        let places = Places {
            root: root.as_os_str(),
            output: output.as_os_str(),
            dependencies: dependencies.as_os_str(),
        };
        let map = self.service.pump.mappers.option(&self.program.file, &root);
        let argv = self.job.argv(self.program.file.as_os_str(), &[map], &places);
        let confines = Confines { work_dir: &work, tree: Some(&root), stage: None };
        let mut cwd = root.clone().into_os_string();
        cwd.push(&self.cwd);
        let ran = self.run(argv, &work, Path::new(&cwd), confines, &mut summary)?;
        match ran {
            Ok(mut reply) => {
                reply.stdout = moved::without(reply.stdout, &root);
                reply.stderr = moved::without(reply.stderr, &root);
                let (summary, reply) =
                    self.finish(reply, summary, |bytes| moved::without(bytes, &root))?;
                if moved::names(&reply.object, &root) {
                    let why = "the object names a directory of this machine";
                    return Ok(refused(summary, why));
                }
                Ok((summary, reply))
            }
            Err(why) => Ok(job::exec_failed(summary, &why)),
        }
    }

    fn run(
        &self,
        mut argv: Vec<OsString>,
        work: &Path,
        cwd: &Path,
        confines: Confines<'_>,
        summary: &mut Summary,
    ) -> Result<Result<Reply, String>, Declined> {
        job::settle(self.service, self.client, self.program, &mut argv)?;
        let mut environment = self.service.environment_of(self.program);
        if let Some(audience) = &self.audience {
            environment.retain(|(name, _)| {
                !name.as_bytes().starts_with(b"LC_") && !HEEDED.iter().any(|one| name == one)
            });
            let set = audience.variables().map(|(name, value)| (name.into(), value.into()));
            environment.extend(set);
        }
        for (name, value) in [("TMPDIR", work), ("HOME", work), ("PWD", cwd)] {
            environment.push((name.into(), value.into()));
        }
        let call = Call {
            program: &self.program.file,
            argv: &argv,
            environment: &environment,
            cwd,
            confines,
            max_output: self.service.config.max_output,
            terminal: self.audience.as_ref().and_then(Audience::terminal),
        };
        job::run_compiler(self.service, self.client, &call, summary)
    }

    /// Adds the files to the reply. A dependency file is whole, or the job is a failure.
    fn finish(
        &mut self,
        mut reply: Reply,
        summary: Summary,
        clean: impl Fn(Vec<u8>) -> Vec<u8>,
    ) -> Result<(Summary, Reply), Declined> {
        if reply.status == 0 {
            let limit = self.service.limits.dependencies as u64;
            let dependencies = self.dir.read(OsStr::new(DEPENDENCIES), limit);
            match dependencies.map_err(|error| job::failed(self.client, &error))? {
                Some(dependencies) => reply.dependencies = clean(dependencies),
                None => return Ok(refused(summary, "the compiler wrote no dependency file")),
            }
            reply.object = job::object(self.service, self.client, &mut self.dir, &reply)?;
        }
        job::tell(&summary);
        Ok((summary, reply))
    }
}

/// Takes what is sent of the [`Audience`] from among the unit's files.
fn audience(tree: &mut SentTree) -> Result<Option<Audience>, String> {
    let Some(at) = tree.files.iter().position(|file| file.name == audience::NAME) else {
        return Ok(None);
    };
    let decoded = match tree.files.swap_remove(at).content {
        SentContent::Link(_) => None,
        SentContent::File(packed) => lzo::decompress(&packed, audience::MOST_BYTES)
            .ok()
            .and_then(|text| Audience::decode(&text)),
    };
    let odd = "what is sent of the terminal and the language makes no sense";
    decoded.map(Some).ok_or_else(|| odd.to_owned())
}

/// The reply to a job that is good elsewhere, but not here.
fn refused(mut summary: Summary, why: &str) -> (Summary, Reply) {
    let pid = std::process::id();
    let stderr = format!("distccd[{pid}] ERROR: {why}\n");
    (summary.outcome, summary.status) = (Outcome::CompileError, 1 << 8);
    (summary, Reply { status: 1 << 8, stderr: stderr.into_bytes(), ..Reply::default() })
}
