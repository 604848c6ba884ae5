//! The message bus: packets of messages over Unix seqpacket sockets in the abstract namespace.
//!
//! Message boundaries are the kernel's, so that a kill at any instruction tears nothing; a hang-up tells of
//! death; a full socket is the back-pressure; and names and descriptors vanish with their process.

mod buffer;
mod bytes;
mod link;
mod message;
mod packet;
mod socket;

pub use buffer::packet_buffer;
pub use link::{Link, Sent};
pub use message::{
    AnswerHead, Attached, Elected, Lost, Message, Moved, TaskHead, WORK_ALLOC, WORK_CPU, WORK_ECHO,
    WORK_EXEC, WORK_RELAY, WORK_SLEEP,
};
pub use packet::PacketReader;
pub use socket::{accept, address, await_packet, connect, datagram, listen, receive};

/// The largest packet, in bytes.
pub const MAX_PACKET: usize = 64 * 1024;

/// The largest payload of one task, in bytes: what a packet holds, less room for headers and a program's name.
pub const MAX_PAYLOAD: usize = 56 * 1024;
