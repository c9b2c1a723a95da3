//! Replies that could not be sent in one go, on their way from the workers to the reception.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::event::{EventfdFlags, eventfd};

use crate::daemon::client::Client;

/// A reply of which a part is sent.
#[derive(Debug)]
pub struct Departure {
    /// Who gets it.
    pub client: Client,
    /// All of it.
    pub bytes: Vec<u8>,
    /// How much has been sent.
    pub sent: usize,
}

/// Replies that other threads leave for this one to send; also wakes it.
#[derive(Debug)]
pub struct Mailbox {
    departures: Mutex<Vec<Departure>>,
    bell: OwnedFd,
}

impl Mailbox {
    /// An empty one.
    ///
    /// # Errors
    ///
    /// No descriptors are left.
    pub fn new() -> io::Result<Arc<Self>> {
        let bell = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Arc::new(Self { departures: Mutex::default(), bell }))
    }

    /// Readable when something lies there, or when it was rung.
    pub fn bell(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }

    /// Leaves a reply.
    pub fn post(&self, departure: Departure) {
        self.departures.lock().unwrap_or_else(PoisonError::into_inner).push(departure);
        self.ring();
    }

    /// Wakes the reception.
    pub fn ring(&self) {
        // A bell that has been rung 2^64 times is rung.
        let _ = rustix::io::write(&self.bell, &1_u64.to_ne_bytes());
    }

    /// Takes what lies there.
    pub fn collect(&self) -> Vec<Departure> {
        let mut count = [0; 8];
        let _ = rustix::io::read(&self.bell, &mut count);
        std::mem::take(&mut *self.departures.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
