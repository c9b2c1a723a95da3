//! Clients: one thread hears what they ask, a few others answer.
//!
//! So a question is taken at once, however much there is to do, and a client that stalls or sends
//! garbage holds up nobody.

use std::io::{self, IoSlice, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixStream;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::sockopt::socket_peercred;
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};

use crate::agent::answer::Agent;
use crate::agent::arena::Arena;
use crate::agent::hearing::{Heard, Hearing};
use crate::agent::seat::Seat;
use crate::debug;
use crate::protocol::agent::{Answer, encode_answer};
use crate::protocol::include_server::encode_reply;

/// Clients that are there at once; others wait at the door. Each takes a descriptor, of which a
/// process often has 1024.
const MOST: usize = 512;
/// So long a client may take to ask, and to take its answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// Between two looks whether it is time to leave.
const LOOK: Duration = Duration::from_secs(1);
/// So long those that have asked keep us from leaving: for a reason of ours, on a signal.
const ENDING: [Duration; 2] = [Duration::from_secs(20), Duration::from_millis(300)];

/// What a client has asked.
type Asked = (UnixStream, Heard);

/// A client that has not asked yet.
struct Guest {
    stream: UnixStream,
    since: Instant,
    hearing: Hearing,
}

/// All clients.
struct House {
    seat: Seat,
    signals: UnixStream,
    guests: Vec<Guest>,
    asked: Sender<Asked>,
    /// Clients that wait for their answer.
    busy: Arc<AtomicUsize>,
    /// When there was work last.
    last: Instant,
}

/// Serves clients until there is a reason to leave; `signals` are those of [`signals`].
///
/// # Errors
///
/// A sentence.
pub fn serve(seat: Seat, signals: UnixStream) -> Result<(), String> {
    seat.listener
        .set_nonblocking(true)
        .map_err(|error| format!("the socket cannot be listened to: {error}"))?;
    let agent = Arc::new(Agent::default());
    let (asked, questions) = channel();
    let busy = Arc::new(AtomicUsize::new(0));
    answer_all(&agent, questions, &busy)?;
    seat.say("begins");
    let mut house = House { seat, signals, guests: Vec::new(), asked, busy, last: Instant::now() };
    let why = house.stay();
    agent.close();
    house.seat.say(&format!("ends: {why}"));
    Ok(())
}

/// A stream that can be read once a signal has come that ends us. From here on none ends us
/// otherwise, so that nothing is left behind.
///
/// # Errors
///
/// A sentence.
pub fn signals() -> Result<UnixStream, String> {
    let caught = || {
        let (read, write) = UnixStream::pair()?;
        for signal in [nix::libc::SIGTERM, nix::libc::SIGINT, nix::libc::SIGHUP] {
            let _ = signal_hook::low_level::pipe::register(signal, write.try_clone()?)?;
        }
        Ok(read)
    };
    caught().map_err(|error: io::Error| format!("signals cannot be caught: {error}"))
}

impl House {
    /// Takes in clients until there is a reason to leave, which is returned.
    fn stay(&mut self) -> String {
        let [ours, signal] = ENDING;
        let mut looked = Instant::now();
        let mut end: Option<(String, Instant)> = None;
        loop {
            let is_signalled = self.hear();
            if is_signalled && end.is_none() {
                end = Some(("a signal".to_owned(), Instant::now() + signal));
                self.seat.give_up();
            }
            let is_idle = self.guests.is_empty() && self.busy.load(Ordering::SeqCst) == 0;
            if !is_idle {
                self.last = Instant::now();
            }
            if let Some((why, deadline)) = &end {
                // Those who came at the last moment are served.
                if is_idle && !self.is_somebody_at_the_door() || Instant::now() >= *deadline {
                    return why.clone();
                }
            } else if looked.elapsed() >= LOOK {
                looked = Instant::now();
                if let Some(why) = self.seat.reason_to_leave(is_idle.then_some(self.last)) {
                    end = Some((why, Instant::now() + ours));
                    self.seat.give_up();
                }
            }
        }
    }

    /// Waits for clients, a signal, or the next look; whether there was a signal.
    fn hear(&mut self) -> bool {
        let is_full = self.guests.len() + self.busy.load(Ordering::SeqCst) >= MOST;
        let wait = if is_full || self.seat.is_given_up() { Duration::from_millis(5) } else { LOOK };
        let wait = Timespec::try_from(wait).unwrap_or_default();
        let door = if is_full { PollFlags::empty() } else { PollFlags::IN };
        let mut fds = vec![
            PollFd::new(&self.signals, PollFlags::IN),
            PollFd::from_borrowed_fd(self.seat.listener.as_fd(), door),
        ];
        fds.extend(self.guests.iter().map(|guest| PollFd::new(&guest.stream, PollFlags::IN)));
        if let Err(errno) = poll(&mut fds, Some(&wait)) {
            if errno != Errno::INTR {
                crate::warning!("the wait for clients fails: {errno}");
                std::thread::sleep(Duration::from_millis(100));
            }
            return false;
        }
        let mut ready = fds.iter().map(|fd| !fd.revents().is_empty());
        let (is_signalled, is_door) =
            (ready.next().unwrap_or_default(), ready.next().unwrap_or_default());
        let ready: Vec<bool> = ready.collect();
        drop(fds);
        let guests = std::mem::take(&mut self.guests);
        for (guest, is_ready) in guests.into_iter().zip(ready) {
            if is_ready {
                self.listen(guest);
            } else if guest.since.elapsed() < PATIENCE {
                self.guests.push(guest);
            }
        }
        if is_door {
            self.take_in();
        }
        is_signalled
    }

    fn is_somebody_at_the_door(&mut self) -> bool {
        self.take_in();
        !self.guests.is_empty() || self.busy.load(Ordering::SeqCst) > 0
    }

    /// Takes in everybody who waits, as far as there is room.
    fn take_in(&mut self) {
        while self.guests.len() + self.busy.load(Ordering::SeqCst) < MOST {
            let stream = match self.seat.listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    // Out of descriptors: some are free again soon.
                    crate::warning!("a client cannot be taken in: {error}");
                    std::thread::sleep(Duration::from_millis(20));
                    return;
                }
            };
            let peer = socket_peercred(&stream).map(|peer| peer.uid);
            if peer != Ok(rustix::process::geteuid()) || stream.set_nonblocking(true).is_err() {
                debug!("a client is refused: it is another user's");
                continue;
            }
            // What it asks is there already, as a rule.
            self.listen(Guest { stream, since: Instant::now(), hearing: Hearing::default() });
        }
    }

    /// Takes what a client says; hands it on once it has asked.
    fn listen(&mut self, mut guest: Guest) {
        let mut buffer = [0; 16 * 1024];
        loop {
            let bytes = match guest.stream.read(&mut buffer) {
                // It only looked whether somebody is there; or was killed.
                Ok(0) => return,
                Ok(count) => buffer.get(..count).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if guest.since.elapsed() < PATIENCE {
                        self.guests.push(guest);
                    }
                    return;
                }
                Err(error) => {
                    debug!("a client is left: {error}");
                    return;
                }
            };
            match guest.hearing.push(bytes) {
                Ok(None) => {}
                Ok(Some(heard)) => {
                    if let Heard::Ours(_) = heard {
                        // So the client knows that we have it, before there is an answer.
                        drop(guest.stream.shutdown(std::net::Shutdown::Read));
                    }
                    self.busy.fetch_add(1, Ordering::SeqCst);
                    // Those who answer live as long as we do.
                    drop(self.asked.send((guest.stream, heard)));
                    return;
                }
                Err(error) => {
                    debug!("a client is left: {error}");
                    return;
                }
            }
        }
    }
}

/// Starts the threads that answer.
fn answer_all(
    agent: &Arc<Agent>,
    questions: Receiver<Asked>,
    busy: &Arc<AtomicUsize>,
) -> Result<(), String> {
    let questions = Arc::new(Mutex::new(questions));
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    for _ in 0..(processors * 2).clamp(4, 64) {
        let (agent, questions, busy) =
            (Arc::clone(agent), Arc::clone(&questions), Arc::clone(busy));
        let work = move || {
            loop {
                let next = questions.lock().unwrap_or_else(PoisonError::into_inner).recv();
                let Ok((stream, heard)) = next else { return };
                // A mistake of ours costs one client its answer.
                let answered =
                    std::panic::catch_unwind(AssertUnwindSafe(|| answer(&stream, heard, &agent)));
                match answered {
                    Ok(Ok(())) => {}
                    Ok(Err(why)) => debug!("a client is left: {why}"),
                    Err(_) => crate::error!("a question has led to a panic"),
                }
                drop(stream);
                busy.fetch_sub(1, Ordering::SeqCst);
            }
        };
        std::thread::Builder::new().spawn(work).map_err(|error| format!("no threads: {error}"))?;
    }
    Ok(())
}

fn answer(stream: &UnixStream, heard: Heard, agent: &Agent) -> Result<(), String> {
    let text = |error: io::Error| error.to_string();
    stream.set_nonblocking(false).map_err(text)?;
    stream.set_write_timeout(Some(PATIENCE)).map_err(text)?;
    let begun = Instant::now();
    match heard {
        Heard::Ours(question) => {
            let unit = question.argv.last().map(|word| word.escape_ascii().to_string());
            let (answer, arena) = agent.answer(question);
            let said = match &answer {
                Answer::Tree(tree) => format!("{} files, links and directories", tree.count),
                Answer::CannotTell(why) => why.clone(),
            };
            let took = begun.elapsed().as_micros();
            debug!("… {}: {said} ({took} µs)", unit.unwrap_or_default());
            send(stream, &encode_answer(&answer), arena.as_deref())
        }
        Heard::Theirs(request) => {
            let names = agent.names(request).unwrap_or_else(|why| {
                debug!("no files: {why}");
                Vec::new()
            });
            let names: Vec<&[u8]> = names.iter().map(|name| name.as_bytes()).collect();
            (&mut &*stream).write_all(&encode_reply(&names)).map_err(text)
        }
    }
}
/// Sends an answer, the arena's descriptor with its first byte.
fn send(stream: &UnixStream, mut bytes: &[u8], arena: Option<&Arena>) -> Result<(), String> {
    let mut arena = arena.map(|arena| arena.shared().as_fd());
    while !bytes.is_empty() {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        let descriptors = arena.as_slice();
        if !descriptors.is_empty() && !control.push(SendAncillaryMessage::ScmRights(descriptors)) {
            return Err("there is no room for a descriptor".to_owned());
        }
        match sendmsg(stream, &[IoSlice::new(bytes)], &mut control, SendFlags::NOSIGNAL) {
            Ok(count) => {
                bytes = bytes.get(count..).unwrap_or_default();
                arena = None;
            }
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno.to_string()),
        }
    }
    Ok(())
}
