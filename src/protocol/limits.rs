//! The most we accept of each thing that a peer sends, and why.
//!
//! A limit is judged as soon as the number that names it is read: nothing is reserved for what a
//! peer only promises. The defaults let every compile pass that a real build has been seen to make
//! and that a machine with a few GiB of memory can serve.

use crate::protocol::version::Version;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// What a decoder accepts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The newest version that is served: a request in a newer one is refused by its first packet.
    pub newest: Version,
    /// Words of a command line. Each costs its receiver some 50 bytes beside its own, so this holds
    /// what an attacker gets for 12 bytes a word to a few MiB; real compiles have some hundreds.
    pub words: u32,
    /// Bytes of one word. Linux takes no longer one (`MAX_ARG_STRLEN`), so none can be run.
    pub word: usize,
    /// Bytes of all words. Linux takes no more with its usual stack limit (`ARG_MAX`).
    pub command: usize,
    /// Bytes of a directory or file name, and of a link's text: four times Linux's `PATH_MAX`,
    /// because a pump client writes `../` in front of names.
    pub path: usize,
    /// Files of a pump request. The largest closures seen have some 10 000 headers.
    pub files: u32,
    /// Bytes of all names and link texts of a pump request, for the same reason.
    pub paths: usize,
    /// Bytes of preprocessed source as sent, and of all files of a pump request together. The
    /// largest preprocessed units of real builds have 50 MiB, before compression.
    pub source: usize,
    /// Bytes of preprocessed source unpacked; also bounds one file of a pump request.
    pub source_unpacked: usize,
    /// Bytes of what the compiler printed, as sent and unpacked, for each of its two streams. C++
    /// template errors reach some MiB.
    pub output: usize,
    /// Bytes of an object as sent and unpacked. Objects of generated code with `-g3` reach some
    /// hundred MiB; an `.incbin` can make any.
    pub object: usize,
    /// Bytes of a dependency file as sent and unpacked.
    pub dependencies: usize,
    /// Up to this many bytes, an unpacked body may have any ratio to what was sent: a few KiB of
    /// zeros in the source are no attack.
    pub unpacked_freely: usize,
    /// Past that, how many bytes one sent byte may become. LZO can reach 255; source text gives 3
    /// to 10, tables of zeros some 40.
    pub ratio: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            newest: Version::Pump,
            words: 32_768,
            word: 128 * KIB,
            command: 2 * MIB,
            path: 16 * KIB,
            files: 65_536,
            paths: 16 * MIB,
            source: 512 * MIB,
            source_unpacked: 1024 * MIB,
            output: 64 * MIB,
            object: 1024 * MIB,
            dependencies: 64 * MIB,
            unpacked_freely: 64 * MIB,
            ratio: 64,
        }
    }
}

impl Limits {
    /// The most that a body of `sent` bytes may unpack to, when `most` bounds it in any case.
    pub fn unpacked(&self, sent: usize, most: usize) -> usize {
        sent.saturating_mul(self.ratio).max(self.unpacked_freely).min(most)
    }

    /// The most that a `DOTI` of `sent` bytes may unpack to.
    pub fn source_of(&self, sent: usize) -> usize {
        self.unpacked(sent, self.source_unpacked)
    }
}

#[cfg(test)]
mod tests {
    use super::{Limits, MIB};

    #[test]
    fn small_bodies_unpack_freely_and_large_ones_in_proportion() {
        let limits = Limits::default();
        assert_eq!(limits.source_of(10), 64 * MIB);
        assert_eq!(limits.source_of(2 * MIB), 128 * MIB);
        assert_eq!(limits.source_of(usize::MAX), 1024 * MIB);
    }
}
