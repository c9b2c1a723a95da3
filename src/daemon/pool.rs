//! Complete requests in the order they came, and the threads that serve them: as many as `--jobs`,
//! each started when it is first needed.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::base::exit::Exit;
use crate::daemon::client::{Client, Sent};
use crate::daemon::job::{self, Visit};
use crate::daemon::mailbox::{Departure, Mailbox};
use crate::daemon::service::Service;
use crate::daemon::summary::{Outcome, Summary};
use crate::{error, info};

/// Stack of a worker; deep recursion is nowhere.
const STACK: usize = 512 * 1024;

/// The queue and its workers.
#[derive(Debug)]
pub struct Pool {
    service: Arc<Service>,
    mailbox: Arc<Mailbox>,
    state: Mutex<State>,
    /// There is work, or none will come.
    work: Condvar,
    /// A request left the queue, or a worker became idle.
    progress: Condvar,
}

#[derive(Debug, Default)]
struct State {
    queue: VecDeque<Visit>,
    /// Bytes of the requests in `queue`.
    held: usize,
    workers: usize,
    idle: usize,
    stopped: bool,
}

impl Pool {
    /// An empty queue with no workers; replies that cannot be sent at once go to `mailbox`.
    pub fn new(service: Arc<Service>, mailbox: Arc<Mailbox>) -> Arc<Self> {
        Arc::new(Self {
            service,
            mailbox,
            state: Mutex::default(),
            work: Condvar::new(),
            progress: Condvar::new(),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Workers never panic with the lock in hand.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a request at the end of the queue.
    pub fn push(self: &Arc<Self>, visit: Visit) {
        let mut state = self.state();
        if state.stopped {
            return;
        }
        state.held += visit.request.body.len();
        state.queue.push_back(visit);
        if state.queue.len() > state.idle && state.workers < self.service.jobs {
            let pool = Arc::clone(self);
            let worker = thread::Builder::new()
                .name("job".into())
                .stack_size(STACK)
                .spawn(move || pool.work());
            match worker {
                Ok(_) => state.workers += 1,
                Err(error) => error!("cannot start a thread: {error}"),
            }
        }
        drop(state);
        self.work.notify_one();
    }

    /// How many requests wait, and how many bytes they hold.
    pub fn waiting(&self) -> (usize, usize) {
        let state = self.state();
        (state.queue.len(), state.held)
    }

    /// Waits, no longer than `longest`, until the waiting requests hold at most `most` bytes.
    pub fn wait_for_room(&self, most: usize, longest: Duration) {
        let state = self.state();
        drop(
            self.progress
                .wait_timeout_while(state, longest, |state| state.held > most && !state.stopped),
        );
    }

    /// Drops what waits, and lets idle workers go.
    pub fn stop(&self) {
        let mut state = self.state();
        state.stopped = true;
        let dropped = state.queue.len();
        state.queue.clear();
        state.held = 0;
        drop(state);
        self.work.notify_all();
        self.progress.notify_all();
        if dropped > 0 {
            info!("{dropped} waiting requests dropped");
        }
    }

    /// Whether it was stopped and all workers have gone.
    pub fn is_done(&self) -> bool {
        let state = self.state();
        state.stopped && state.workers == 0
    }

    /// Waits until all workers have gone, or until `deadline`; tells whether they have.
    pub fn wait_until_idle(&self, deadline: Instant) -> bool {
        let longest = deadline.saturating_duration_since(Instant::now());
        let waited =
            self.progress.wait_timeout_while(self.state(), longest, |state| state.workers > 0);
        waited.is_ok_and(|(state, _)| state.workers == 0)
    }

    fn work(&self) {
        while let Some(visit) = self.next() {
            let served = catch_unwind(AssertUnwindSafe(|| self.serve(visit)));
            if served.is_err() {
                error!("a job failed in an unexpected way; its client is hung up on");
            }
        }
        self.state().workers -= 1;
        self.progress.notify_all();
    }

    fn next(&self) -> Option<Visit> {
        let mut state = self.state();
        loop {
            if let Some(visit) = state.queue.pop_front() {
                state.held = state.held.saturating_sub(visit.request.body.len());
                drop(state);
                self.progress.notify_all();
                return Some(visit);
            }
            if state.stopped {
                return None;
            }
            state.idle += 1;
            state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.idle -= 1;
        }
    }

    fn serve(&self, visit: Visit) {
        let Visit { client, request } = visit;
        let served = job::serve(&self.service, &client, request);
        let summary = match served.reply {
            Some(reply) => self.answer(client, reply, served.summary),
            None => {
                served.summary.log(&client.name);
                served.summary
            }
        };
        self.service.stats.told(&summary);
    }

    /// Sends as much of the reply as goes without waiting; the rest is sent from the mailbox, so
    /// that a client that reads slowly keeps no other from being served.
    fn answer(&self, client: Client, reply: Vec<u8>, summary: Summary) -> Summary {
        let sent = client.send(&reply);
        let mut summary = summary;
        summary.time = client.arrived.elapsed();
        if sent == Sent::Failed {
            (summary.outcome, summary.exit) = (Outcome::CliDisconn, Exit::IO_ERROR);
        }
        summary.log(&client.name);
        if let Sent::Part(sent) = sent {
            self.mailbox.post(Departure { client, bytes: reply, sent });
        }
        summary
    }
}
