//! What a client asks, from bytes in any pieces.

use crate::protocol::agent::{Question, QuestionDecoder, is_question};
use crate::protocol::include_server::{Decoder, Request};
use crate::protocol::limits::Limits;
use crate::protocol::wire_error::WireError;

/// How many bytes tell one protocol from the other.
const TELLING: usize = 4;

/// What a client wants to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// A client of ours.
    Ours(Question),
    /// A client that takes us for distcc's include server.
    Theirs(Request),
}

/// What has been heard so far.
#[derive(Debug, Default)]
pub enum Hearing {
    /// Too little to know who asks.
    #[default]
    Nothing,
    /// Less than `TELLING` bytes.
    Begun(Vec<u8>),
    /// A client of ours.
    Ours(QuestionDecoder),
    /// Another one.
    Theirs(Decoder),
}

impl Hearing {
    /// Takes the next bytes; gives what is asked when it is whole.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Option<Heard>, WireError> {
        match self {
            Self::Ours(decoder) => return Ok(decoder.push(bytes)?.map(Heard::Ours)),
            Self::Theirs(decoder) => return Ok(decoder.push(bytes)?.map(Heard::Theirs)),
            Self::Nothing | Self::Begun(_) => {}
        }
        let mut first = match std::mem::take(self) {
            Self::Begun(first) => first,
            _ => Vec::new(),
        };
        first.extend_from_slice(bytes);
        if first.len() < TELLING {
            *self = Self::Begun(first);
            return Ok(None);
        }
        *self = if is_question(&first) {
            Self::Ours(QuestionDecoder::default())
        } else {
            Self::Theirs(Decoder::of_request(&Limits::default()))
        };
        self.push(&first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::agent::{Form, encode_question};
    use crate::protocol::include_server::encode_request;

    #[test]
    fn both_protocols_are_told_apart_however_they_come() {
        let (cwd, environment) = (b"/src".to_vec(), Vec::new());
        let argv = vec![b"gcc".to_vec(), b"-c".to_vec(), b"a.c".to_vec()];
        let request = Request { cwd: cwd.clone(), argv: argv.clone() };
        let question = Question { form: Form::Stock, cwd, environment, argv };
        let asked = [
            (encode_question(&question), Heard::Ours(question)),
            (encode_request(&request.cwd, &request.argv), Heard::Theirs(request)),
        ];
        for (bytes, heard) in asked {
            for step in 1..bytes.len() {
                let mut hearing = Hearing::default();
                let found = bytes.chunks(step).find_map(|part| hearing.push(part).unwrap());
                assert_eq!(found.as_ref(), Some(&heard), "{step} bytes at once");
            }
        }
        assert!(Hearing::default().push(b"GET / HTTP/1.1\r\n").is_err());
    }
}
