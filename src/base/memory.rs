//! How the C library's allocator treats large blocks.

/// Has every block of 256 KiB and more come from the kernel and go back to it.
///
/// Left alone, glibc raises that bound to the largest block it has seen freed (up to 32 MiB), and
/// then keeps such blocks in one heap a thread: after a burst of large objects, a daemon with many
/// threads would sit on hundreds of MiB for good.
#[cfg(target_env = "gnu")]
pub fn give_back_large_blocks() {
    const LARGE: nix::libc::c_int = 256 * 1024;
    // SAFETY: it sets a number in the allocator; called while there is one thread.
    let _ = unsafe { nix::libc::mallopt(nix::libc::M_MMAP_THRESHOLD, LARGE) };
}

/// Other C libraries do so by themselves.
#[cfg(not(target_env = "gnu"))]
pub fn give_back_large_blocks() {}
