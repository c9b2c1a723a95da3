//! One state record: the 296 bytes that distcc 3.4's clients write and its monitors read.
//!
//! The layout is that of a C struct on a 64-bit machine, in the machine's own byte order:
//!
//! | offset | size | field |
//! |---|---|---|
//! | 0 | 8 | 296, the size of all of it |
//! | 8 | 8 | magic number |
//! | 16 | 8 | pid of the client |
//! | 24 | 128 | source file without its directory, ended by NUL |
//! | 152 | 128 | host as the host list names it without port, or `localhost`; ended by NUL |
//! | 280 | 4 | slot |
//! | 284 | 4 | phase |
//! | 288 | 8 | a pointer of the reader's, 0 |

use crate::progress::phase::Phase;

/// Length of a record in bytes.
pub const LEN: usize = 296;
/// Room for a name, the final NUL included.
const NAME_LEN: usize = 128;
const MAGIC: u64 = 0x4449_4800;

/// What one client is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// The client's process id, as its own pid namespace counts.
    pub pid: i64,
    /// The source file without its directory; empty where the client has not said.
    pub file: Vec<u8>,
    /// The volunteer's name as the host list has it, or `localhost`.
    pub host: Vec<u8>,
    /// Which slot of that host.
    pub slot: i32,
    /// How far it is.
    pub phase: Phase,
}

/// Why bytes are no state record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// Something else stands where the magic number should be.
    #[error("it does not begin as a state record does")]
    BadMagic,
    /// A process id that no process can have.
    #[error("its process id {0} cannot be")]
    BadPid(i64),
    /// The wrong number of bytes, or a record that says so of itself.
    #[error("it is not {LEN} bytes long")]
    BadSize,
}

impl Job {
    /// The record's bytes. Names are cut to 127 bytes, and at the first NUL.
    pub fn encode(&self) -> [u8; LEN] {
        let mut bytes = Vec::with_capacity(LEN);
        bytes.extend((LEN as u64).to_ne_bytes());
        bytes.extend(MAGIC.to_ne_bytes());
        bytes.extend(self.pid.to_ne_bytes());
        bytes.extend(name_field(&self.file));
        bytes.extend(name_field(&self.host));
        bytes.extend(self.slot.to_ne_bytes());
        bytes.extend((self.phase as u32).to_ne_bytes());
        let mut record = [0; LEN];
        for (to, from) in record.iter_mut().zip(bytes) {
            *to = from;
        }
        record
    }

    /// Reads a record.
    ///
    /// # Errors
    ///
    /// [`RecordError`] where the length, the size field, the magic number or the pid is impossible.
    pub fn decode(bytes: &[u8]) -> Result<Self, RecordError> {
        if bytes.len() != LEN {
            return Err(RecordError::BadSize);
        }
        let mut fields = Fields(bytes);
        let size = u64::from_ne_bytes(fields.take());
        if size != LEN as u64 {
            return Err(RecordError::BadSize);
        }
        if u64::from_ne_bytes(fields.take()) != MAGIC {
            return Err(RecordError::BadMagic);
        }
        let pid = i64::from_ne_bytes(fields.take());
        if i32::try_from(pid).map_or(true, |pid| pid <= 0) {
            return Err(RecordError::BadPid(pid));
        }
        let file = name(&fields.take());
        let host = name(&fields.take());
        let slot = i32::from_ne_bytes(fields.take());
        let phase = Phase::from_number(u32::from_ne_bytes(fields.take()));
        Ok(Self { pid, file, host, slot, phase })
    }
}

/// The rest of a record, from which fields are taken in order.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    /// The next field; zeros past the end, where `decode` never gets.
    fn take<const N: usize>(&mut self) -> [u8; N] {
        match self.0.split_first_chunk() {
            Some((field, rest)) => {
                self.0 = rest;
                *field
            }
            None => [0; N],
        }
    }
}

fn name_field(name: &[u8]) -> [u8; NAME_LEN] {
    let mut field = [0; NAME_LEN];
    let letters = name.iter().take(NAME_LEN - 1).take_while(|byte| **byte != 0);
    for (to, from) in field.iter_mut().zip(letters) {
        *to = *from;
    }
    field
}

fn name(field: &[u8; NAME_LEN]) -> Vec<u8> {
    field.iter().take(NAME_LEN - 1).take_while(|byte| **byte != 0).copied().collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn job() -> Job {
        Job {
            pid: 19319,
            file: b"warn.i".to_vec(),
            host: b"127.0.0.1".to_vec(),
            slot: 3,
            phase: Phase::Send,
        }
    }

    #[test]
    fn record_has_the_bytes_of_the_c_struct() {
        let bytes = job().encode();
        assert_eq!(bytes.len(), 296);
        assert_eq!(bytes[0..8], 296u64.to_ne_bytes());
        assert_eq!(bytes[8..16], 0x4449_4800u64.to_ne_bytes());
        assert_eq!(bytes[16..24], 19319u64.to_ne_bytes());
        assert_eq!(&bytes[24..31], b"warn.i\0");
        assert_eq!(&bytes[152..162], b"127.0.0.1\0");
        assert_eq!(bytes[280..284], 3u32.to_ne_bytes());
        assert_eq!(bytes[284..288], 4u32.to_ne_bytes());
        assert_eq!(bytes[288..296], [0; 8]);
    }

    #[test]
    fn a_long_name_is_cut_so_that_it_still_ends() {
        let long = Job { file: vec![b'x'; 500], ..job() };
        let read = Job::decode(&long.encode()).unwrap();
        assert_eq!(read.file, vec![b'x'; 127]);
    }

    #[test]
    fn a_name_without_its_nul_is_read_to_the_end_of_its_field() {
        let mut bytes = job().encode();
        bytes[24..152].fill(b'y');
        assert_eq!(Job::decode(&bytes).unwrap().file.len(), 127);
    }

    #[test]
    fn what_is_no_record_says_why() {
        let good = job().encode();
        assert_eq!(Job::decode(&good[..295]), Err(RecordError::BadSize));
        let mut bytes = good;
        bytes[0] ^= 1;
        assert_eq!(Job::decode(&bytes), Err(RecordError::BadSize));
        let mut bytes = good;
        bytes[9] ^= 1;
        assert_eq!(Job::decode(&bytes), Err(RecordError::BadMagic));
        for pid in [0i64, -1, i64::MAX] {
            let mut bytes = good;
            bytes[16..24].copy_from_slice(&pid.to_ne_bytes());
            assert_eq!(Job::decode(&bytes), Err(RecordError::BadPid(pid)));
        }
    }

    proptest! {
        #[test]
        fn every_job_survives_its_record(
            pid in 1..i32::MAX, file in "[^\0]{0,30}", host in "[^\0]{0,30}", slot: i32,
            phase in 0u32..8,
        ) {
            let job = Job {
                pid: pid.into(), file: file.into_bytes(), host: host.into_bytes(), slot,
                phase: Phase::from_number(phase),
            };
            prop_assert_eq!(Job::decode(&job.encode()).unwrap(), job);
        }

        #[test]
        fn no_bytes_make_the_reader_fall_over(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            prop_assert!(Job::decode(&bytes).is_err());
        }

        #[test]
        fn every_bit_flipped_is_read_or_refused(bit in 0..LEN * 8) {
            let mut bytes = job().encode();
            bytes[bit / 8] ^= 1 << (bit % 8);
            if let Ok(read) = Job::decode(&bytes) {
                prop_assert!(read.file.len() < NAME_LEN && read.host.len() < NAME_LEN);
            }
        }
    }
}
