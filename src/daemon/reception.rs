//! The one thread that waits for clients: it accepts them, reads requests however slowly they
//! come, and sends what is left of replies that their clients are slow to read. No client keeps it
//! waiting, and none needs a thread before its request is complete.

use std::collections::HashMap;
use std::io;
use std::net::TcpListener;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::buffer::spare_capacity;
use rustix::event::Timespec;
use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::io::Errno;

use crate::base::exit::Exit;
use crate::daemon::client::{Client, Sent};
use crate::daemon::job::Visit;
use crate::daemon::mailbox::{Departure, Mailbox};
use crate::daemon::pool::Pool;
use crate::daemon::service::Service;
use crate::daemon::stats_page;
use crate::daemon::summary::{Outcome, Summary};
use crate::protocol::request::{Request, RequestDecoder};
use crate::protocol::wire_error::WireError;
use crate::{debug, error, info, notice, warning};

/// Events with this number are the mailbox's; below it are listeners, above it guests.
const MAILBOX: u64 = 1000;
/// Bytes read at a time.
const CHUNK: usize = 128 * 1024;
/// Reads in a row from one guest, before others have their turn.
const TURN: usize = 16;
/// Connections accepted in a row.
const BATCH: usize = 64;
/// Where there is no room, a guest that has been silent for so long makes some.
const SILENT: Duration = Duration::from_secs(5);
/// Between looks at the clocks of all guests.
const ROUND: Duration = Duration::from_millis(500);
/// Between looks for room.
const PAUSE: Duration = Duration::from_millis(50);

/// What a listening socket is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Jobs.
    Jobs,
    /// The statistics page.
    Stats,
}

#[derive(Debug)]
enum Errand {
    /// Sends a request.
    Asks(Box<RequestDecoder>),
    /// Will be given the statistics as soon as it says anything.
    WantsStats,
    /// Is being sent bytes; so many have gone.
    Receives(Vec<u8>, usize),
}

#[derive(Debug)]
struct Guest {
    client: Client,
    errand: Errand,
    /// When this errand began.
    began: Instant,
    /// When it last moved.
    moved: Instant,
    /// Its next event is waited for.
    seated: bool,
}

impl Guest {
    fn held(&self) -> usize {
        match &self.errand {
            Errand::Asks(decoder) => decoder.held(),
            Errand::WantsStats => 0,
            Errand::Receives(bytes, _) => bytes.len(),
        }
    }
}

/// The thread's own things.
#[derive(Debug)]
pub struct Reception {
    service: Arc<Service>,
    pool: Arc<Pool>,
    mailbox: Arc<Mailbox>,
    epoll: OwnedFd,
    listeners: Vec<(TcpListener, Purpose)>,
    /// New clients are left to the kernel.
    closed: bool,
    guests: HashMap<u64, Guest>,
    next: u64,
    /// Bytes held by guests.
    held: usize,
    chunk: Vec<u8>,
    looked: Instant,
}

impl Reception {
    /// Ready to listen.
    ///
    /// # Errors
    ///
    /// No descriptors are left.
    pub fn new(
        service: Arc<Service>,
        pool: Arc<Pool>,
        mailbox: Arc<Mailbox>,
        listeners: Vec<(TcpListener, Purpose)>,
    ) -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        epoll::add(&epoll, mailbox.bell(), EventData::new_u64(MAILBOX), EventFlags::IN)?;
        for (number, (listener, _)) in (0..MAILBOX).zip(&listeners) {
            epoll::add(&epoll, listener, EventData::new_u64(number), EventFlags::IN)?;
        }
        Ok(Self {
            service,
            pool,
            mailbox,
            epoll,
            listeners,
            closed: false,
            guests: HashMap::new(),
            next: MAILBOX + 1,
            held: 0,
            chunk: vec![0; CHUNK],
            looked: Instant::now(),
        })
    }

    /// Serves until the service stops and nothing is left to send.
    pub fn run(mut self) {
        let mut events = Vec::with_capacity(256);
        loop {
            if self.service.stopping() {
                self.send_off();
                // Workers that still work may leave replies to send.
                if self.guests.is_empty() && self.pool.is_done() {
                    return;
                }
            }
            self.wait_for_room();
            let pause = self.pause();
            events.clear();
            match epoll::wait(&self.epoll, spare_capacity(&mut events), pause.as_ref()) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => {
                    error!("cannot wait for clients: {error}");
                    std::thread::sleep(PAUSE);
                }
            }
            for event in &events {
                let number = event.data.u64();
                match number.cmp(&MAILBOX) {
                    std::cmp::Ordering::Less => self.accept(number),
                    std::cmp::Ordering::Equal => self.take_departures(),
                    std::cmp::Ordering::Greater => self.attend(number),
                }
            }
            self.make_room_in_memory();
            self.look_at_clocks();
            self.reopen();
        }
    }

    /// While the queue holds too much, nothing more is read.
    fn wait_for_room(&mut self) {
        let most = self.service.config.max_held;
        if self.pool.waiting().1 <= most {
            return;
        }
        while self.pool.waiting().1 > most && !self.service.stopping() {
            self.pool.wait_for_room(most, PAUSE);
        }
        // What guests sent meanwhile has not been looked at: nobody has been silent.
        let now = Instant::now();
        self.guests.values_mut().for_each(|guest| guest.moved = now);
    }

    fn pause(&self) -> Option<Timespec> {
        let pause = if self.closed || self.service.stopping() {
            PAUSE
        } else if self.guests.is_empty() {
            return None;
        } else {
            ROUND
        };
        Some(Timespec { tv_sec: 0, tv_nsec: i64::from(pause.subsec_nanos()) })
    }

    /// The daemon stops: nobody new comes, and those who were asking leave.
    fn send_off(&mut self) {
        if !self.listeners.is_empty() {
            self.listeners.clear();
        }
        self.take_departures();
        self.guests.retain(|_, guest| matches!(guest.errand, Errand::Receives(..)));
    }

    fn accept(&mut self, number: u64) {
        let place = usize::try_from(number).unwrap_or(usize::MAX);
        for _ in 0..BATCH {
            if !self.has_room() {
                self.close();
                return;
            }
            let Some((listener, purpose)) = self.listeners.get(place) else { return };
            let purpose = *purpose;
            match listener.accept() {
                Ok((stream, address)) => {
                    let ip = address.ip().to_canonical();
                    let name = std::net::SocketAddr::new(ip, address.port()).to_string();
                    if !self.service.allows(ip) {
                        error!("connection from client '{name}' denied by access list");
                        continue;
                    }
                    if let Err(error) = stream.set_nonblocking(true) {
                        debug!("{name}: {error}");
                        continue;
                    }
                    self.welcome(Client::on_socket(stream, name), purpose);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if Errno::from_io_error(&error).is_some_and(out_of_descriptors) => {
                    warning!("cannot accept a client now: {error} (raise LimitNOFILE)");
                    if !self.evict() {
                        self.close();
                    }
                    return;
                }
                // The client is gone already, or its network is.
                Err(error) => debug!("cannot accept a client: {error}"),
            }
        }
    }

    fn welcome(&mut self, client: Client, purpose: Purpose) {
        let errand = match purpose {
            Purpose::Jobs => {
                self.service.stats.accepted();
                info!("connection from {}", client.name);
                Errand::Asks(Box::new(RequestDecoder::new(&self.service.limits)))
            }
            Purpose::Stats => Errand::WantsStats,
        };
        let now = Instant::now();
        let guest = Guest { client, errand, began: now, moved: now, seated: false };
        // With TCP_DEFER_ACCEPT the request is usually there: most guests never need a seat.
        if let Some(guest) = self.listen(guest) {
            self.seat(guest);
        }
    }

    /// Has a guest wait for its next event.
    fn seat(&mut self, mut guest: Guest) {
        let number = self.next;
        self.next += 1;
        let flags = match guest.errand {
            Errand::Receives(..) => EventFlags::OUT,
            _ => EventFlags::IN,
        };
        let added =
            epoll::add(&self.epoll, guest.client.input(), EventData::new_u64(number), flags);
        if let Err(error) = added {
            error!("cannot wait for {}: {error}", guest.client.name);
            return;
        }
        guest.seated = true;
        self.held += guest.held();
        self.guests.insert(number, guest);
    }

    fn take_departures(&mut self) {
        for Departure { client, bytes, sent } in self.mailbox.collect() {
            let now = Instant::now();
            let errand = Errand::Receives(bytes, sent);
            self.seat(Guest { client, errand, began: now, moved: now, seated: false });
        }
    }

    /// Something happened at this guest's.
    fn attend(&mut self, number: u64) {
        let Some(guest) = self.guests.remove(&number) else { return };
        self.held = self.held.saturating_sub(guest.held());
        let receiving = matches!(guest.errand, Errand::Receives(..));
        let stays = if receiving { self.send(guest) } else { self.listen(guest) };
        if let Some(guest) = stays {
            let now_receives = matches!(guest.errand, Errand::Receives(..));
            if receiving != now_receives {
                // From asking for the statistics to being sent them.
                let _ = epoll::delete(&self.epoll, guest.client.input());
                self.seat(guest);
                return;
            }
            self.held += guest.held();
            self.guests.insert(number, guest);
        }
    }

    /// Reads what the guest says; gives it back if it has to wait for more.
    fn listen(&mut self, mut guest: Guest) -> Option<Guest> {
        for _ in 0..TURN {
            let count = match rustix::io::read(guest.client.input(), &mut self.chunk) {
                Ok(count) => count,
                Err(Errno::INTR) => continue,
                Err(Errno::AGAIN) => return Some(guest),
                Err(error) => {
                    debug!("{}: {error}", guest.client.name);
                    self.part(&guest, Outcome::CliDisconn, Exit::IO_ERROR);
                    return None;
                }
            };
            guest.moved = Instant::now();
            let said = self.chunk.get(..count).unwrap_or_default();
            match &mut guest.errand {
                Errand::WantsStats => return self.answer_stats(guest),
                Errand::Receives(..) => return Some(guest),
                Errand::Asks(decoder) if count == 0 => {
                    let decoder = std::mem::replace(
                        decoder,
                        Box::new(RequestDecoder::new(&self.service.limits)),
                    );
                    self.cut_short(&guest, &decoder.finish());
                    return None;
                }
                Errand::Asks(decoder) => match decoder.push(said) {
                    Ok(None) => {}
                    Ok(Some(request)) => {
                        let trailing = decoder.trailing();
                        self.hand_over(guest, request, trailing);
                        return None;
                    }
                    Err(error) => {
                        error!("bad request from {}: {error}", guest.client.name);
                        self.part(&guest, Outcome::RejBadReq, Exit::PROTOCOL_ERROR);
                        return None;
                    }
                },
            }
            if count < self.chunk.len() {
                return Some(guest);
            }
        }
        Some(guest)
    }

    fn hand_over(&mut self, guest: Guest, request: Request, trailing: usize) {
        if trailing > 0 {
            warning!("{trailing} bytes after the request of {}: ignored", guest.client.name);
        }
        let client = guest.client;
        // From here on its worker watches it.
        if guest.seated {
            let _ = epoll::delete(&self.epoll, client.input());
        }
        self.pool.push(Visit { client, request });
    }

    fn cut_short(&self, guest: &Guest, error: &WireError) {
        if *error == WireError::Silent {
            debug!("{} connected and said nothing", guest.client.name);
        } else {
            // A client whose preprocessor finds a mistake hangs up like this.
            info!("request of {} is cut short: {error}", guest.client.name);
        }
        self.part(guest, Outcome::Other, Exit::TRUNCATED);
    }

    /// Logs and counts a visit that came to nothing.
    fn part(&self, guest: &Guest, outcome: Outcome, exit: Exit) {
        if matches!(guest.errand, Errand::Asks(_)) {
            let summary = Summary::without_compile(outcome, exit, guest.client.arrived.elapsed());
            summary.log(&guest.client.name);
            self.service.stats.told(&summary);
        }
    }

    fn answer_stats(&mut self, guest: Guest) -> Option<Guest> {
        let page = stats_page::page(&self.service, self.pool.waiting().0 + self.guests.len());
        let errand = Errand::Receives(page.into_bytes(), 0);
        let guest = Guest { errand, ..guest };
        self.send(guest)
    }

    /// Sends what goes; gives the guest back if some is left.
    fn send(&mut self, mut guest: Guest) -> Option<Guest> {
        let Errand::Receives(bytes, sent) = &mut guest.errand else { return None };
        match guest.client.send(bytes.get(*sent..).unwrap_or_default()) {
            Sent::All => None,
            Sent::Part(count) => {
                if count > 0 {
                    guest.moved = Instant::now();
                }
                *sent += count;
                Some(guest)
            }
            Sent::Failed => {
                info!("client {} hung up before it had its whole reply", guest.client.name);
                None
            }
        }
    }

    fn has_room(&mut self) -> bool {
        let most = self.service.config.max_waiting;
        self.guests.len() + self.pool.waiting().0 < most || self.evict()
    }

    /// Lets the guest that has been silent for longest go, if that is long.
    fn evict(&mut self) -> bool {
        let now = Instant::now();
        let asking =
            self.guests.iter().filter(|(_, guest)| matches!(guest.errand, Errand::Asks(_)));
        let silent = asking
            .filter(|(_, guest)| now.duration_since(guest.moved) >= SILENT)
            .min_by_key(|(_, guest)| guest.moved)
            .map(|(number, _)| *number);
        let Some(number) = silent else { return false };
        self.dismiss(number, "too many wait (--max-waiting) and this one says nothing");
        true
    }

    /// Lets go of the guests that hold the most, while all together hold too much.
    fn make_room_in_memory(&mut self) {
        while self.held > self.service.config.max_held {
            let largest = self.guests.iter().max_by_key(|(_, guest)| guest.held());
            let Some(number) = largest.map(|(number, _)| *number) else {
                self.held = 0;
                return;
            };
            self.dismiss(number, "unfinished requests and replies hold too much (--max-held)");
        }
    }

    fn dismiss(&mut self, number: u64, why: &str) {
        if let Some(guest) = self.guests.remove(&number) {
            self.held = self.held.saturating_sub(guest.held());
            warning!("client {} is hung up on: {why}", guest.client.name);
            self.part(&guest, Outcome::RejOverload, Exit::BUSY);
        }
    }

    fn look_at_clocks(&mut self) {
        let now = Instant::now();
        if now.duration_since(self.looked) < ROUND / 2 {
            return;
        }
        self.looked = now;
        let silence = self.service.config.io_timeout;
        let whole = self.service.config.transfer_timeout;
        let late = |guest: &Guest| {
            now.duration_since(guest.moved) > silence
                || whole.is_some_and(|whole| now.duration_since(guest.began) > whole)
        };
        let numbers: Vec<u64> = self
            .guests
            .iter()
            .filter(|(_, guest)| late(guest))
            .map(|(number, _)| *number)
            .collect();
        for number in numbers {
            if let Some(guest) = self.guests.remove(&number) {
                self.held = self.held.saturating_sub(guest.held());
                notice!("client {} is hung up on: nothing moved for too long", guest.client.name);
                self.part(&guest, Outcome::CliDisconn, Exit::TIMEOUT);
            }
        }
    }

    fn close(&mut self) {
        if !self.closed {
            self.closed = true;
            info!("no room for another client: the next ones wait in the kernel");
            self.set_listening(EventFlags::empty());
        }
    }

    fn reopen(&mut self) {
        if self.closed && !self.service.stopping() && self.has_room() {
            self.closed = false;
            self.set_listening(EventFlags::IN);
        }
    }

    fn set_listening(&self, flags: EventFlags) {
        for (number, (listener, _)) in (0..MAILBOX).zip(&self.listeners) {
            let _ = epoll::modify(&self.epoll, listener.as_fd(), EventData::new_u64(number), flags);
        }
    }
}

fn out_of_descriptors(errno: Errno) -> bool {
    matches!(errno, Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM)
}
