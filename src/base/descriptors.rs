//! Descriptors that come from, or would go to, another program.

use std::os::fd::{FromRawFd, OwnedFd};

use nix::libc;

/// Takes a descriptor that whoever started us left for us under this number; `None` if it is not
/// open. To be called once for each number, before the program opens descriptors of its own.
pub fn adopt(number: i32) -> Option<OwnedFd> {
    if number < 3 || std::fs::symlink_metadata(format!("/proc/self/fd/{number}")).is_err() {
        return None;
    }
    // SAFETY: it is open, and by the caller's promise nobody else in this program owns it.
    Some(unsafe { OwnedFd::from_raw_fd(number) })
}

/// Marks every descriptor but the standard three, so that no child inherits it; `false` on a
/// kernel that cannot (before 5.11).
pub fn seal() -> bool {
    // SAFETY: it changes a flag of descriptors, and closes none.
    let result = unsafe { libc::close_range(3, u32::MAX, CLOEXEC) };
    result == 0
}

/// Closes what whoever started us left open, from descriptor `first` on: a daemon must not keep a
/// pipe alive whose other end waits for its parent to end. To be called at the very start.
pub fn close_inherited(first: u32) {
    // SAFETY: nothing in this program owns a descriptor yet, but for those below `first`.
    let _ = unsafe { libc::close_range(first.max(3), u32::MAX, 0) };
}

/// The flag of close_range(2) that seals instead of closing.
const CLOEXEC: libc::c_int = 1 << 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn standard_and_closed_descriptors_are_nobodys() {
        assert!(adopt(0).is_none());
        assert!(adopt(2).is_none());
        assert!(adopt(-1).is_none());
        assert!(adopt(1_000_000).is_none());
    }

    #[test]
    fn sealed_descriptors_are_closed_in_children() {
        let file = std::fs::File::open("/dev/null").unwrap();
        let copy = rustix::io::dup(&file).unwrap();
        assert!(!rustix::io::fcntl_getfd(&copy).unwrap().contains(rustix::io::FdFlags::CLOEXEC));
        assert!(seal());
        assert!(rustix::io::fcntl_getfd(&copy).unwrap().contains(rustix::io::FdFlags::CLOEXEC));
    }
}
