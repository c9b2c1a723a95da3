//! Bytes on the wire: distcc's protocols 1 (plain), 2 (LZO) and 3 (pump), without any I/O.
//!
//! A decoder is given bytes as they arrive and gives back a value, nothing yet, or an error that
//! says which packet was wrong and how. An encoder gives back bytes. Every length is judged by
//! [`limits::Limits`] before its body is asked for, and no decoder holds more than it was sent.
//!
//! * [`packet`]: four letters, eight digits, a body; the reader that both decoders share.
//! * [`request`], [`reply`]: the fixed order of packets, each way.
//! * [`lzo`]: the compression of protocols 2 and 3.
//! * [`limits`]: the most we accept of each thing, and why.
//! * [`version`]: which number means what.
//! * [`include_server`]: between pump clients and include servers, on one machine.
//! * [`agent`]: the same between our client and our agent.
//! * [`audience`]: for whom a volunteer of ours has its compilers print.
//! * [`wire_error`]: everything a peer can get wrong.

pub mod agent;
pub mod audience;
pub mod include_server;
pub mod limits;
pub mod lzo;
pub mod packet;
pub mod reply;
pub mod request;
pub mod version;
pub mod wire_error;
