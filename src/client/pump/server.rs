//! What an include server of distcc's names, as packets.
//!
//! A name has three components of the server's own, then the client's path, then `.lzo` for a file
//! that is packed, and `.abs` after that for one that says its name itself. What stands there goes
//! to the volunteer as it is.

use std::ffi::OsStr;
use std::fs::OpenOptions;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use nix::fcntl::OFlag;

use crate::protocol::include_server::FORCED;
use crate::protocol::limits::Limits;
use crate::protocol::packet::{self, token};

/// How many components of a name are the server's.
const COMPONENTS: usize = 3;

/// The packets for the files at `listed`, one for each.
///
/// # Errors
///
/// A sentence: the name or file that cannot be used, and why.
pub fn packets(listed: &[Vec<u8>]) -> Result<Vec<Vec<u8>>, String> {
    let mut left = Limits::default().source;
    let mut packets = Vec::with_capacity(listed.len());
    for path in listed {
        let packet = of_file(path, left)
            .map_err(|why| format!("{}: {why}", String::from_utf8_lossy(path)))?;
        left = left.saturating_sub(packet.len());
        packets.push(packet);
    }
    Ok(packets)
}

fn of_file(path: &[u8], most: usize) -> Result<Vec<u8>, String> {
    let name = client_name(path).ok_or("no name below a mirror's root")?;
    let mut out = Vec::new();
    packet::put(&mut out, token::NAME, name);
    if path.ends_with(FORCED.as_bytes()) {
        packet::put(&mut out, token::FILE, b"");
        return Ok(out);
    }
    let path = Path::new(OsStr::from_bytes(path));
    let meta = std::fs::symlink_metadata(path).map_err(|error| error.to_string())?;
    if meta.is_symlink() {
        let text = std::fs::read_link(path).map_err(|error| error.to_string())?;
        packet::put(&mut out, token::LINK, text.as_os_str().as_bytes());
        return Ok(out);
    }
    let flags = OFlag::O_NONBLOCK.bits() | OFlag::O_NOFOLLOW.bits();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path);
    let file = file.map_err(|error| error.to_string())?;
    let meta = file.metadata().map_err(|error| error.to_string())?;
    if !meta.is_file() {
        return Err("neither a file nor a link".to_owned());
    }
    let length = usize::try_from(meta.len()).unwrap_or(usize::MAX);
    let (true, Ok(number)) = (length <= most, u32::try_from(length)) else {
        return Err("it is too large".to_owned());
    };
    out.extend(packet::header(token::FILE, number));
    let start = out.len();
    out.reserve_exact(length);
    // No more than what the header promises, though it grows meanwhile.
    file.take(meta.len()).read_to_end(&mut out).map_err(|error| error.to_string())?;
    if out.len() - start == length { Ok(out) } else { Err("it shrinks".to_owned()) }
}

/// The client's own path.
fn client_name(path: &[u8]) -> Option<&[u8]> {
    let mut name = path;
    for _ in 0..COMPONENTS {
        name = name.strip_prefix(b"/")?;
        let end = name.iter().position(|&byte| byte == b'/')?;
        name = name.get(end..)?;
    }
    let name = name.strip_suffix(b".abs").unwrap_or(name);
    Some(name.strip_suffix(b".lzo").unwrap_or(name))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_lose_what_is_the_servers() {
        let name = |path: &str| client_name(path.as_bytes()).map(<[u8]>::to_vec);
        assert_eq!(name("/dev/shm/t.include_server-1-1/a/b.h.lzo"), Some(b"/a/b.h".to_vec()));
        assert_eq!(name("/tmp/t/padding/b.h.lzo.abs"), Some(b"/b.h".to_vec()));
        assert_eq!(name("/dev/shm/t/a/link"), Some(b"/a/link".to_vec()));
        assert_eq!(name("/dev/shm/t"), None);
        assert_eq!(name("dev/shm/t/a"), None);
        assert_eq!(name(""), None);
    }

    #[test]
    fn files_links_and_directories_become_packets() {
        let root = tempfile::Builder::new().prefix("mirror").tempdir_in("/tmp").unwrap();
        let at = |name: &str| root.path().join("padding").join(name);
        std::fs::create_dir(root.path().join("padding")).unwrap();
        crate::base::replace::write(&at("a.h.lzo"), b"packed", 0o600).unwrap();
        std::os::unix::fs::symlink("/x", at("link")).unwrap();
        let listed = |name: &str| at(name).as_os_str().as_bytes().to_vec();
        let forced = format!("d/{FORCED}");
        let packets = packets(&[listed("a.h.lzo"), listed("link"), listed(&forced)]).unwrap();
        assert_eq!(packets[0], b"NAME00000004/a.hFILE00000006packed");
        assert_eq!(packets[1], b"NAME00000005/linkLINK00000002/x");
        assert_eq!(packets[2], b"NAME0000001b/d/forcing_technique_271828FILE00000000");
        let missing = super::packets(&[listed("none.lzo")]).unwrap_err();
        assert!(missing.contains("none.lzo"), "{missing}");
        assert!(super::packets(&[b"/dev/null".to_vec()]).is_err());
        assert!(super::packets(&[listed("..")]).is_err());
    }

    proptest! {
        #[test]
        fn any_name_is_read(path in proptest::collection::vec(any::<u8>(), 0..60)) {
            client_name(&path);
        }
    }
}
