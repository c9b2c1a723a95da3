//! The volunteers of this call: the host list, who rests, and taking a slot.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::base::{dirs, replace};
use crate::client::settings::Settings;
use crate::hosts::list::HostList;
use crate::hosts::spec::HostSpec;
use crate::schedule::choose;
use crate::slots::lockfile::SlotLock;
use crate::slots::queue::{self, Candidate, Queue};
use crate::slots::rest;

/// The host list with the state that clients share.
#[derive(Debug)]
pub struct Volunteers {
    /// The host list.
    pub list: HostList,
    lock_dir: Option<PathBuf>,
    rest_period: Duration,
    pause: Duration,
}

/// A slot of one host.
#[derive(Debug)]
pub struct Taken {
    /// Which host of the list.
    pub host: usize,
    /// Which of its slots.
    pub slot: u32,
    lock: Option<SlotLock>,
}

impl Taken {
    /// Gives the slot back.
    pub fn release(self) {
        if let Some(lock) = self.lock {
            lock.release();
        }
    }
}

/// Why no slot was to be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoSlot {
    /// Every volunteer rests after a failure.
    AllRest,
    /// The list names none that may take this unit.
    NoneLeft,
}

impl Volunteers {
    /// Looks after `list` in the state directory.
    pub fn new(list: HostList, settings: &Settings) -> Self {
        let lock_dir = dirs::state_subdir("lock");
        if let Err(error) = &lock_dir {
            crate::warning!(
                "no lock directory in DISTCC_DIR ({error}): slots are not counted, load is not \
                 limited"
            );
        }
        Self {
            list,
            lock_dir: lock_dir.ok(),
            rest_period: settings.rest_period,
            pause: settings.pause,
        }
    }

    /// Takes a free slot of a host that `suits`, waiting while all are taken.
    ///
    /// # Errors
    ///
    /// [`NoSlot`] where waiting would not help.
    pub fn take(
        &self,
        suits: impl Fn(usize, &HostSpec) -> bool,
        on_wait: impl FnOnce(),
    ) -> Result<Taken, NoSlot> {
        let mut rests = false;
        let mut offered = || {
            rests = false;
            let mut usable: Vec<bool> = Vec::with_capacity(self.list.hosts.len());
            for (index, host) in self.list.hosts.iter().enumerate() {
                let suitable = suits(index, host);
                let resting = suitable && self.is_resting(host);
                rests |= resting;
                usable.push(suitable && !resting);
            }
            choose::order(&self.list.hosts, |_| true)
                .filter(|(host, _)| usable.get(*host).copied().unwrap_or(false))
                .filter_map(|(host, slot)| {
                    let name = format!("{}_{slot}", self.list.hosts.get(host)?.lock_name());
                    Some(Candidate { name, value: (host, slot) })
                })
                .collect::<Vec<_>>()
        };
        let found = match &self.lock_dir {
            Some(dir) => {
                match queue::take(dir, Queue::Volunteer, self.pause, &mut offered, on_wait) {
                    Ok(found) => found.map(|(lock, value)| (Some(lock), value)),
                    Err(error) => {
                        crate::warning!("{}: {error}: slots are not counted", dir.display());
                        offered().into_iter().next().map(|first| (None, first.value))
                    }
                }
            }
            None => offered().into_iter().next().map(|first| (None, first.value)),
        };
        match found {
            Some((lock, (host, slot))) => Ok(Taken { host, slot, lock }),
            None if rests => Err(NoSlot::AllRest),
            None => Err(NoSlot::NoneLeft),
        }
    }

    /// Takes a slot of this machine for the preprocessor.
    pub fn take_preprocessor(&self) -> Option<SlotLock> {
        local_slot(
            self.lock_dir.as_deref(),
            Queue::Preprocess,
            self.list.local_cpp_slots,
            self.pause,
        )
    }

    /// Whether `host` rests after a failure.
    pub fn is_resting(&self, host: &HostSpec) -> bool {
        let Some(dir) = &self.lock_dir else { return false };
        rest::is_resting(dir, &host.rest_name(), self.rest_period, SystemTime::now())
    }

    /// Sends `host` to rest.
    pub fn let_rest(&self, host: &HostSpec) {
        let Some(dir) = &self.lock_dir else { return };
        if self.rest_period.is_zero() {
            return;
        }
        if let Err(error) = rest::let_rest(dir, &host.rest_name()) {
            crate::warning!("{}: cannot note that {} failed: {error}", dir.display(), host.text);
        }
    }

    /// Notes that `host` has answered. Only one that failed before has a file to remove.
    pub fn wake(&self, host: &HostSpec) {
        if let Some(dir) = &self.lock_dir
            && !self.rest_period.is_zero()
        {
            rest::wake(dir, &host.rest_name());
        }
    }
}

/// Takes a slot of this machine for a compile or link, or for `-E`.
pub fn take_local(
    list: Option<&HostList>,
    cpp_only: bool,
    settings: &Settings,
) -> Option<SlotLock> {
    let default = HostList::default();
    let list = list.unwrap_or(&default);
    let dir = dirs::state_subdir("lock").ok();
    let (queue, slots) = if cpp_only {
        (Queue::Preprocess, list.local_cpp_slots)
    } else {
        (Queue::Local, list.local_slots)
    };
    local_slot(dir.as_deref(), queue, slots, settings.pause)
}

/// A slot of `cpu_localhost_0…`; without a lock directory nobody counts.
fn local_slot(dir: Option<&Path>, queue: Queue, slots: u32, pause: Duration) -> Option<SlotLock> {
    let offered = || {
        (0..slots)
            .map(|slot| Candidate { name: format!("cpu_localhost_{slot}"), value: () })
            .collect::<Vec<_>>()
    };
    match queue::take(dir?, queue, pause, offered, || ()) {
        Ok(taken) => taken.map(|(lock, ())| lock),
        Err(error) => {
            crate::info!("no lock for a local slot: {error}");
            None
        }
    }
}

/// Whether the host runs here, under a lock of its own.
pub fn is_here(host: &HostSpec) -> bool {
    host.is_local()
}

/// What we remember of a volunteer in `DISTCC_DIR/volunteers`, for a day.
#[derive(Debug)]
pub struct Memory<'a> {
    host: &'a HostSpec,
}

/// How long a volunteer's answer is remembered.
const REMEMBERED: Duration = Duration::from_secs(24 * 3600);

impl<'a> Memory<'a> {
    /// What is known of `host`.
    pub fn of(host: &'a HostSpec) -> Self {
        Self { host }
    }

    /// Whether it knows compilers by their plain names only.
    pub fn wants_plain_name(&self, compiler: &OsStr) -> bool {
        let path = dirs::state_dir().map(|dir| self.path(&dir, compiler));
        path.is_some_and(|path| replace::is_younger(&path, REMEMBERED))
    }

    /// Remembers that it took the plain name and not the full one.
    pub fn remember_plain_name(&self, compiler: &OsStr) {
        let noted = dirs::state_subdir("volunteers").and_then(|_| {
            let dir = dirs::state_dir().unwrap_or_default();
            replace::write(&self.path(&dir, compiler), b"plain\n", 0o666)
        });
        if let Err(error) = noted {
            crate::info!("cannot remember what {} calls its compilers: {error}", self.host.text);
        }
    }

    fn path(&self, state_dir: &Path, compiler: &OsStr) -> PathBuf {
        let name = format!("plain_{}_{}", self.host.lock_name(), compiler.to_string_lossy());
        state_dir.join("volunteers").join(name.replace('/', "_"))
    }
}
