//! The daemon's main thread: starts the others, then listens to signals until one says stop.

use std::io::{self, Read};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::sys::signal::{SigSet, Signal};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::low_level::pipe;

use crate::base::exit::Exit;
use crate::base::version;
use crate::daemon::access::AccessList;
use crate::daemon::cli::{Config, LogTo};
use crate::daemon::detach::Ready;
use crate::daemon::mailbox::Mailbox;
use crate::daemon::notify::Notifier;
use crate::daemon::pool::Pool;
use crate::daemon::reception::{Purpose, Reception};
use crate::daemon::service::Service;
use crate::daemon::start::{self, Around, Door};
use crate::{error, info, notice, warning};

/// After the grace, compilers are killed; this long until all of them are reaped.
const KILLING: Duration = Duration::from_secs(5);
/// Stack of the reception.
const STACK: usize = 256 * 1024;

/// Signals, as something to wait for.
struct Signals {
    stop: UnixStream,
    reload: UnixStream,
}

impl Signals {
    fn listen() -> io::Result<Self> {
        let (stop, rings_stop) = UnixStream::pair()?;
        let (reload, rings_reload) = UnixStream::pair()?;
        pipe::register(SIGTERM, rings_stop.try_clone()?)?;
        pipe::register(SIGINT, rings_stop)?;
        pipe::register(SIGHUP, rings_reload)?;
        // Whoever started us may have had them blocked.
        let ours: SigSet = [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP].into_iter().collect();
        ours.thread_unblock()?;
        stop.set_nonblocking(true)?;
        reload.set_nonblocking(true)?;
        Ok(Self { stop, reload })
    }

    /// Waits for a signal until `deadline`; tells whether to stop, and whether to reload.
    fn wait(&self, deadline: Option<Instant>) -> (bool, bool) {
        let mut fds =
            [PollFd::new(&self.stop, PollFlags::IN), PollFd::new(&self.reload, PollFlags::IN)];
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let left = left.map(|left| Timespec {
            tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: i64::from(left.subsec_nanos()),
        });
        // An interrupted wait has rung a bell all the same.
        let _ = poll(&mut fds, left.as_ref());
        (rung(&self.stop), rung(&self.reload))
    }
}

fn rung(mut bell: &UnixStream) -> bool {
    let mut bytes = [0; 64];
    bell.read(&mut bytes).is_ok_and(|count| count > 0)
}

/// Serves clients until told to stop.
pub fn serve(mut config: Config, access: AccessList, doors: Vec<Door>, ready: Ready) -> Exit {
    let notifier = Notifier::connect();
    let lifetime = config.lifetime.map(|lifetime| Instant::now() + lifetime);
    let addresses: Vec<String> = doors
        .iter()
        .filter_map(|(listener, _)| listener.local_addr().ok())
        .map(|address| address.to_string())
        .collect();
    let jobs = doors.iter().find(|(_, purpose)| *purpose == Purpose::Jobs);
    // Sockets of systemd's have a port of their own.
    if let Some(address) = jobs.and_then(|(listener, _)| listener.local_addr().ok()) {
        config.port = address.port();
    }
    let (service, around) = match start::service(config, access, true) {
        Ok((service, around)) => (Arc::new(service), around),
        Err(exit) => return ready.fail(exit),
    };
    let running = Signals::listen().and_then(|signals| {
        let mailbox = Mailbox::new()?;
        let pool = Pool::new(Arc::clone(&service), Arc::clone(&mailbox));
        let reception =
            Reception::new(Arc::clone(&service), Arc::clone(&pool), Arc::clone(&mailbox), doors)?;
        let thread = thread::Builder::new().name("reception".into()).stack_size(STACK);
        Ok((signals, mailbox, pool, thread.spawn(move || reception.run())?))
    });
    let (signals, mailbox, pool, reception) = match running {
        Ok(running) => running,
        Err(error) => {
            error!("cannot start: {error}");
            return ready.fail(Exit::FAILED);
        }
    };
    for address in &addresses {
        info!("listening on {address}");
    }
    let processors = thread::available_parallelism().map_or(1, usize::from);
    info!("{processors} CPUs online on this server");
    info!("allowing up to {} active jobs", service.jobs);
    let status = format!("serving up to {} jobs on {}", service.jobs, addresses.join(" and "));
    ready.serve();
    notifier.ready(&status);
    info!("daemon started (distcc {}, makepkg-distcc {})", version::DISTCC, version::OURS);
    loop {
        let (stop, reload) = signals.wait(lifetime);
        if stop || lifetime.is_some_and(|lifetime| lifetime <= Instant::now()) {
            break;
        }
        if reload {
            notifier.reloading();
            self::reload(&service);
            notifier.ready(&status);
        }
    }
    notifier.stopping();
    let Around { pid_file, announcement } = around;
    // The sooner the network knows, the fewer clients knock in vain.
    drop(announcement);
    stop(&service, &pool, &mailbox, &reception, &signals);
    drop(pid_file);
    Exit::OK
}

/// Reads again what can change without a restart. Compilers and command lists need no signal:
/// they are looked up for each job.
fn reload(service: &Service) {
    let config = &service.config;
    if let LogTo::File(path) = &config.log_to {
        // The old file stays in use if the new one cannot be opened.
        match crate::base::log::open_file(path) {
            Ok(file) => {
                let sink = crate::base::log::Sink::File(file);
                crate::base::log::init("distccd", config.log_level, sink);
            }
            Err(error) => warning!("cannot open {} again: {error}", path.display()),
        }
    }
    let private = config.allow_private || config.allow.is_empty();
    match AccessList::new(&config.allow, private) {
        Ok(access) => service.set_access(access),
        Err(error) => warning!("the access list stays as it was: {error}"),
    }
    notice!("settings read again");
}

/// No new work; what runs may go on for a while, and is killed then.
fn stop(
    service: &Service,
    pool: &Pool,
    mailbox: &Mailbox,
    reception: &JoinHandle<()>,
    signals: &Signals,
) {
    info!("stopping");
    service.stop();
    mailbox.ring();
    pool.stop();
    let deadline = Instant::now() + service.config.stop_grace;
    while Instant::now() < deadline {
        let soon = (Instant::now() + Duration::from_millis(20)).min(deadline);
        let idle = pool.wait_until_idle(soon);
        if idle && reception.is_finished() {
            break;
        }
        // Told twice, no grace is given.
        if idle && signals.wait(Some(soon)).0 || rung(&signals.stop) {
            break;
        }
    }
    service.abort();
    if !pool.wait_until_idle(Instant::now() + KILLING) {
        warning!("some compiles could not be killed");
    }
    service.tree.remove();
}
