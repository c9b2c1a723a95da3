//! Asking volunteers: is each there, does it let us in, what can it compile, and how fast.
//!
//! [`probe_all`] asks all entries of a host list at the same time, each within a limit (`one`),
//! and compares them with this machine ([`local`]). An [`answer`] holds what was found out, a
//! [`fault`] what is wrong, with the command that mends it. [`list`] says which host list it is.

pub mod answer;
mod compare;
pub mod fault;
pub mod json;
mod link;
pub mod list;
pub mod local;
mod one;
pub mod options;
pub mod port;
pub mod remedy;
pub mod show;
mod stats;
pub mod unit;

use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use crate::base::process;
use crate::hosts::spec::HostSpec;
use crate::setup::probe::answer::Answer;
use crate::setup::probe::fault::Scene;
use crate::setup::probe::local::Local;
use crate::targets::Target;

/// Volunteers that are asked at once; more wait for the first to be done.
const AT_ONCE: usize = 32;
/// Between two calls of the progress function.
const TICK: Duration = Duration::from_millis(100);

/// How to ask.
#[derive(Clone, Debug)]
pub struct ProbeOptions {
    /// How long each volunteer may take.
    pub limit: Duration,
    /// The port of the statistics page.
    pub stats_port: u16,
    /// The ssh command, as words.
    pub ssh: Vec<String>,
    /// What builds here are for.
    pub target: Option<&'static Target>,
}

/// Asks all of `hosts`; the answers are in their order. Calls `progress` with the hosts that are
/// not done, now and then.
pub fn probe_all(
    hosts: &[HostSpec],
    local: &Local,
    options: &ProbeOptions,
    progress: impl FnMut(&[&HostSpec]),
) -> Vec<Answer> {
    let answers = at_once(hosts, |host| one::probe(host, local, options), progress);
    let whole = answers.into_iter().zip(hosts);
    whole.map(|(answer, host)| answer.unwrap_or_else(|| Answer::new(host.clone()))).collect()
}

/// Asks something of all of `hosts` at the same time; the answers are in their order, and there is
/// none where asking fell over.
fn at_once<T: Clone + Send>(
    hosts: &[HostSpec],
    ask: impl Fn(&HostSpec) -> T + Sync,
    mut progress: impl FnMut(&[&HostSpec]),
) -> Vec<Option<T>> {
    let queue = Mutex::new(hosts.iter().enumerate());
    let mut answers: Vec<Option<T>> = vec![None; hosts.len()];
    std::thread::scope(|scope| {
        let (sender, receiver) = mpsc::channel();
        for _ in 0..hosts.len().min(AT_ONCE) {
            let (queue, ask, sender) = (&queue, &ask, sender.clone());
            scope.spawn(move || {
                process::leave_signals_to_others();
                // Whoever panicked has taken its own host along; the queue is as good as before.
                let next = || queue.lock().unwrap_or_else(|broken| broken.into_inner()).next();
                while let Some((at, host)) = next() {
                    // Nobody listens any more only if everything is over.
                    drop(sender.send((at, ask(host))));
                }
            });
        }
        drop(sender);
        loop {
            let waiting: Vec<&HostSpec> = hosts
                .iter()
                .zip(&answers)
                .filter(|(_, done)| done.is_none())
                .map(|(host, _)| host)
                .collect();
            progress(&waiting);
            match receiver.recv_timeout(TICK) {
                Ok((at, answer)) => {
                    if let Some(place) = answers.get_mut(at) {
                        *place = Some(answer);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
    });
    answers
}

/// Where a volunteer's faults play: what their sentences and commands need to know.
pub fn scene(answer: &Answer) -> Scene<'_> {
    let tried = answer.addresses.as_ref().ok().and_then(|addresses| addresses.first().copied());
    let ours = answer.address.or(tried).and_then(link::our_address);
    Scene {
        spec: &answer.spec,
        our_address: ours.map(|(address, _)| address),
        prefix: ours.and_then(|(_, prefix)| prefix),
        target: answer.target,
        elsewhere: answer.elsewhere.as_ref(),
    }
}

/// Whether `address` is one of this machine's own.
pub fn is_ours(address: SocketAddr) -> bool {
    link::our_address(address).is_some_and(|(ours, _)| ours == address.ip())
}

/// The first line with something in it, fit to be shown.
fn first_line(text: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(text);
    let lines = text.lines().map(compare::printable);
    lines.map(|line| line.trim().to_owned()).find(|line| !line.is_empty())
}
