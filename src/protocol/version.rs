//! The protocol versions and what each of them brings.

use crate::protocol::wire_error::WireError;

/// A version of the protocol, by the number that `DIST` and `DONE` carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u32)]
pub enum Version {
    /// Preprocessed source and objects travel as they are.
    Plain = 1,
    /// Preprocessed source, objects and the compiler's words travel as LZO streams.
    Lzo = 2,
    /// Headers and source travel, as LZO streams, and the volunteer preprocesses.
    Pump = 3,
}

impl Version {
    /// The number on the wire.
    pub fn number(self) -> u32 {
        self as u32
    }

    /// Whether the bulk bodies of this version are LZO streams.
    pub fn compresses(self) -> bool {
        self != Self::Plain
    }

    /// What `number` in a `DIST` means: 0 is taken for 1, as distccd 3.4 takes it.
    ///
    /// # Errors
    ///
    /// [`WireError::Version`] for a number past 3.
    pub fn of_request(number: u32) -> Result<Self, WireError> {
        match number {
            0 | 1 => Ok(Self::Plain),
            2 => Ok(Self::Lzo),
            3 => Ok(Self::Pump),
            _ => Err(WireError::Version(number)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Version;

    #[test]
    fn zero_means_plain_and_four_means_nothing() {
        assert_eq!(Version::of_request(0).unwrap(), Version::Plain);
        assert_eq!(Version::of_request(3).unwrap(), Version::Pump);
        assert!(Version::of_request(4).is_err());
        assert!(Version::of_request(4000).is_err());
    }

    #[test]
    fn numbers_come_back_as_their_versions() {
        for version in [Version::Plain, Version::Lzo, Version::Pump] {
            assert_eq!(Version::of_request(version.number()).unwrap(), version);
        }
    }
}
