//! What our client and our agent say to each other on a unix socket: which unit, and what its
//! compile may open, as packets that are ready to be sent on.
//!
//! A question is one packet `UNIT`. The answer is one packet: `TREE`, with a descriptor beside its
//! first byte (`SCM_RIGHTS`) of a file in memory, the *arena*, where the packets `NAME`, `FILE` and
//! `LINK` of the unit's tree lie ready; or `CANT`, with a sentence. Numbers are little-endian.
//! Client and agent may be of different releases while an upgrade runs: a packet begins with
//! [`RELEASE`], and one of another release is refused.

use crate::protocol::limits::Limits;
use crate::protocol::packet::{self, PacketReader};
use crate::protocol::wire_error::{Place, WireError};

/// The form of these messages; another number is another form.
pub const RELEASE: u8 = 1;

/// A unit, and how its files are wanted.
const UNIT: [u8; 4] = *b"UNIT";
/// The unit's tree.
const TREE: [u8; 4] = *b"TREE";
/// No tree, and why.
const CANT: [u8; 4] = *b"CANT";

/// The most bytes of a question or an answer.
const MOST_BYTES: usize = 64 << 20;

/// For which kind of volunteer a tree is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Form {
    /// One that shows the compiler the client's files at their own paths and none of its own
    /// headers: everything is sent, the system's headers too.
    InPlace,
    /// distccd 3.4, or what acts like it: each directory of the system's headers is a link that
    /// leads to the volunteer's own.
    Stock,
}

/// What a client asks its agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// For which kind of volunteer.
    pub form: Form,
    /// The compile's directory, absolute.
    pub cwd: Vec<u8>,
    /// `NAME=VALUE` of the variables that a compiler heeds, PATH among them.
    pub environment: Vec<Vec<u8>>,
    /// The command line as it was given, compiler first.
    pub argv: Vec<Vec<u8>>,
}

/// What the agent answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The unit's files are in the arena.
    Tree(Tree),
    /// The unit needs another mode, for this reason: a sentence without a full stop.
    CannotTell(String),
}

/// The files of a unit, as they are sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    /// How many `NAME`s there are: the number for `NFIL`.
    pub count: u32,
    /// Parts of the arena that hold the packets, in the order in which they are sent.
    pub parts: Vec<Part>,
    /// [`Form::Stock`]: headers that the volunteer takes from its own system directories.
    pub system: Vec<SystemHeader>,
    /// [`Form::Stock`]: paths in those directories where the volunteer must have nothing.
    pub absent: Vec<Vec<u8>>,
}

/// A part of the arena.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Its first byte.
    pub at: u64,
    /// Its length in bytes.
    pub length: u64,
}

/// A header in one of the system's directories.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SystemHeader {
    /// Its path.
    pub path: Vec<u8>,
    /// Equal as long as the file here is the same: digits and blanks.
    pub stamp: Vec<u8>,
}

/// All bytes of a question.
pub fn encode_question(question: &Question) -> Vec<u8> {
    let mut body = vec![RELEASE, u8::from(question.form == Form::Stock)];
    put_text(&mut body, &question.cwd);
    put_texts(&mut body, &question.environment);
    put_texts(&mut body, &question.argv);
    framed(UNIT, &body)
}

/// All bytes of an answer.
pub fn encode_answer(answer: &Answer) -> Vec<u8> {
    let tree = match answer {
        Answer::CannotTell(why) => {
            return framed(CANT, &[[RELEASE].as_slice(), why.as_bytes()].concat());
        }
        Answer::Tree(tree) => tree,
    };
    let mut body = vec![RELEASE];
    body.extend(tree.count.to_le_bytes());
    body.extend(u32::try_from(tree.parts.len()).unwrap_or(u32::MAX).to_le_bytes());
    for part in &tree.parts {
        body.extend(part.at.to_le_bytes());
        body.extend(part.length.to_le_bytes());
    }
    let system = tree.system.iter().flat_map(|header| [&header.path, &header.stamp]);
    put_texts(&mut body, &system.collect::<Vec<_>>());
    put_texts(&mut body, &tree.absent);
    framed(TREE, &body)
}

fn framed(token: [u8; 4], body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(packet::HEADER + body.len());
    packet::put(&mut out, token, body);
    out
}

fn put_text(out: &mut Vec<u8>, text: &[u8]) {
    out.extend(u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes());
    out.extend_from_slice(text);
}

fn put_texts(out: &mut Vec<u8>, texts: &[impl AsRef<[u8]>]) {
    out.extend(u32::try_from(texts.len()).unwrap_or(u32::MAX).to_le_bytes());
    texts.iter().for_each(|text| put_text(out, text.as_ref()));
}

/// Whether these are the first bytes of a question of ours, and not of a pump client's.
pub fn is_question(bytes: &[u8]) -> bool {
    bytes.starts_with(&UNIT)
}

/// Reads a question from bytes in any pieces.
#[derive(Debug, Default)]
pub struct QuestionDecoder(Frame);

impl QuestionDecoder {
    /// Takes the next bytes; gives the question when it is whole.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Option<Question>, WireError> {
        let Some((token, body)) = self.0.push(bytes, [UNIT, UNIT])? else { return Ok(None) };
        let mut rest = body.as_slice();
        question(&mut rest).map(Some).ok_or(WireError::Body { place: Place::only(token) })
    }
}

fn question(rest: &mut &[u8]) -> Option<Question> {
    let [RELEASE, form] = *rest.split_off(..2)? else { return None };
    Some(Question {
        form: if form == 1 { Form::Stock } else { Form::InPlace },
        cwd: text(rest)?,
        environment: texts(rest)?,
        argv: texts(rest)?,
    })
}

/// Reads an answer from bytes in any pieces.
#[derive(Debug, Default)]
pub struct AnswerDecoder(Frame);

impl AnswerDecoder {
    /// Takes the next bytes; gives the answer when it is whole.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Option<Answer>, WireError> {
        let Some((token, body)) = self.0.push(bytes, [TREE, CANT])? else { return Ok(None) };
        let mut rest = body.as_slice();
        let answer = match (rest.split_off_first(), token) {
            (Some(&RELEASE), TREE) => tree(&mut rest).map(Answer::Tree),
            (Some(&RELEASE), _) => {
                Some(Answer::CannotTell(String::from_utf8_lossy(rest).into_owned()))
            }
            _ => None,
        };
        answer.map(Some).ok_or(WireError::Body { place: Place::only(token) })
    }
}

fn tree(rest: &mut &[u8]) -> Option<Tree> {
    let count = number(rest)?;
    let parts = number(rest)?;
    let mut tree = Tree { count, ..Tree::default() };
    for _ in 0..parts {
        tree.parts.push(Part { at: long(rest)?, length: long(rest)? });
    }
    let system = texts(rest)?;
    let mut system = system.into_iter();
    while let (Some(path), Some(stamp)) = (system.next(), system.next()) {
        tree.system.push(SystemHeader { path, stamp });
    }
    tree.absent = texts(rest)?;
    Some(tree)
}

fn number(rest: &mut &[u8]) -> Option<u32> {
    let bytes = rest.split_off(..4)?;
    Some(u32::from_le_bytes(bytes.try_into().ok()?))
}

fn long(rest: &mut &[u8]) -> Option<u64> {
    let bytes = rest.split_off(..8)?;
    Some(u64::from_le_bytes(bytes.try_into().ok()?))
}

fn text(rest: &mut &[u8]) -> Option<Vec<u8>> {
    let length = usize::try_from(number(rest)?).ok()?;
    rest.split_off(..length).map(<[u8]>::to_vec)
}

/// Each text has four bytes of length at least, so that a count promises no more than was sent.
fn texts(rest: &mut &[u8]) -> Option<Vec<Vec<u8>>> {
    let count = number(rest)?;
    let mut texts = Vec::new();
    for _ in 0..count {
        texts.push(text(rest)?);
    }
    Some(texts)
}

/// A packet's letters and body.
type Whole = ([u8; 4], Vec<u8>);

/// One packet, as it comes.
#[derive(Debug, Default)]
struct Frame {
    reader: PacketReader,
    token: Option<[u8; 4]>,
}

impl Frame {
    fn push(&mut self, bytes: &[u8], tokens: [[u8; 4]; 2]) -> Result<Option<Whole>, WireError> {
        let mut input = bytes;
        if self.token.is_none() {
            let Some(head) = self.reader.header(&mut input) else { return Ok(None) };
            let [first, second] = tokens;
            let expected = if head.token == second { second } else { first };
            let most = MOST_BYTES.min(Limits::default().object);
            let length = head.bounded(Place::only(expected), most)?;
            self.reader.expect(length);
            self.token = Some(expected);
        }
        Ok(self.token.zip(self.reader.body(&mut input)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        proptest::collection::vec(any::<u8>(), 0..12)
    }

    fn list() -> impl Strategy<Value = Vec<Vec<u8>>> {
        proptest::collection::vec(bytes(), 0..5)
    }

    proptest! {
        #[test]
        fn questions_are_read_as_written(
            stock in any::<bool>(), cwd in bytes(), environment in list(), argv in list(),
            step in 1..40_usize,
        ) {
            let form = if stock { Form::Stock } else { Form::InPlace };
            let question = Question { form, cwd, environment, argv };
            let written = encode_question(&question);
            prop_assert!(is_question(&written));
            let mut decoder = QuestionDecoder::default();
            let read = written.chunks(step).find_map(|part| decoder.push(part).unwrap());
            prop_assert_eq!(read, Some(question));
        }

        #[test]
        fn answers_are_read_as_written(
            count in any::<u32>(), parts in proptest::collection::vec(any::<(u64, u64)>(), 0..5),
            system in proptest::collection::vec((bytes(), bytes()), 0..4), absent in list(),
            step in 1..40_usize,
        ) {
            let parts = parts.into_iter().map(|(at, length)| Part { at, length }).collect();
            let system =
                system.into_iter().map(|(path, stamp)| SystemHeader { path, stamp }).collect();
            let answer = Answer::Tree(Tree { count, parts, system, absent });
            let mut decoder = AnswerDecoder::default();
            let written = encode_answer(&answer);
            let read = written.chunks(step).find_map(|part| decoder.push(part).unwrap());
            prop_assert_eq!(read, Some(answer));
        }

        #[test]
        fn any_bytes_are_read(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            for token in [UNIT, TREE, CANT] {
                let framed = framed(token, &[[RELEASE].as_slice(), &bytes].concat());
                drop(QuestionDecoder::default().push(&framed));
                drop(AnswerDecoder::default().push(&framed));
            }
        }
    }

    #[test]
    fn another_release_is_refused() {
        let mut framed = encode_answer(&Answer::CannotTell("so".to_owned()));
        assert!(AnswerDecoder::default().push(&framed).is_ok());
        framed[packet::HEADER] = RELEASE + 1;
        assert!(AnswerDecoder::default().push(&framed).is_err());
    }
}
