//! The message bus: packets of messages over Unix seqpacket sockets in the abstract namespace, or as files.
//!
//! Over sockets, message boundaries are the kernel's, so that a kill at any instruction tears nothing; a hang-up
//! tells of death; a full socket is the back-pressure; and names and descriptors vanish with their process.

mod buffer;
mod bytes;
mod carrier;
mod files;
mod inbound;
mod link;
mod message;
mod outbound;
mod packet;
mod rules;
mod socket;

pub use buffer::packet_buffer;
pub(crate) use files::LOOK_NS;
pub use files::{Counts, Mail, Spool, SpoolError};
pub use link::{Link, Sent};
pub use message::{
    AnswerHead, Attached, Beat, Elected, Lost, Message, Moved, TaskHead, WORK_ALLOC, WORK_CPU, WORK_ECHO,
    WORK_EXEC, WORK_RELAY, WORK_SLEEP,
};
pub use packet::PacketReader;
pub use rules::{Act, Rule, Rules, Way};
pub use socket::{accept, address, await_packet, connect, datagram, listen, receive};

/// The largest packet, in bytes.
pub const MAX_PACKET: usize = 64 * 1024;

/// The largest payload of one task, in bytes: what a packet holds, less room for headers and a program's name.
pub const MAX_PAYLOAD: usize = 56 * 1024;
