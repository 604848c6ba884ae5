//! Packets taken apart.

use super::bytes::{put_u32, u32_at, u64_at};
use super::message::{
    ANSWER, ANSWER_HEAD, ASSIGNED, ATTACHED, AnswerHead, Attached, BEAT, Beat, ECHO, ELECTED, Elected, LOST,
    Lost, Message, Moved, NOTICE, TASK, TASK_HEAD, TaskHead,
};

/// `crc u32, sender u32, epoch u32, seq u32`; the CRC is of everything behind it, the number is that of the packet
/// on its connection.
pub(super) const PACKET_HEAD: usize = 16;

/// Begins a packet; it must be sealed before it is sent.
pub(super) fn begin(out: &mut Vec<u8>, sender: u32, epoch: u32) {
    for number in [0, sender, epoch, 0] {
        put_u32(out, number);
    }
}

/// Gives a packet its number and its CRC.
pub(super) fn seal(packet: &mut [u8], seq: u32) {
    packet[12..16].copy_from_slice(&seq.to_le_bytes());
    let crc = crc32fast::hash(&packet[4..]);
    packet[..4].copy_from_slice(&crc.to_le_bytes());
}

/// Whether a packet is as it was when it was sealed.
pub(super) fn is_whole(packet: &[u8]) -> bool {
    packet.len() >= PACKET_HEAD && crc32fast::hash(&packet[4..]) == u32_at(packet, 0)
}

/// The number of a packet on its connection.
pub(super) fn seq_of(packet: &[u8]) -> u32 {
    u32_at(packet, 12)
}

/// Walks over the messages of one packet. Ends at the first thing that is not a whole message.
#[derive(Debug)]
pub struct PacketReader<'p> {
    /// Who sent it.
    pub sender: u32,
    /// In which epoch of its own.
    pub epoch: u32,
    rest: &'p [u8],
}

impl<'p> PacketReader<'p> {
    /// Opens a packet.
    #[must_use]
    pub fn new(packet: &'p [u8]) -> Self {
        Self {
            sender: u32_at(packet, 4),
            epoch: u32_at(packet, 8),
            rest: packet.get(PACKET_HEAD..).unwrap_or_default(),
        }
    }

    /// The next message as bytes, for passing on unread.
    pub fn next_raw(&mut self) -> Option<&'p [u8]> {
        let length = u32_at(self.rest, 4) as usize;
        if length < NOTICE || length > self.rest.len() {
            return None;
        }
        let (raw, rest) = self.rest.split_at(length);
        self.rest = rest;
        Some(raw)
    }
}

impl<'p> Iterator for PacketReader<'p> {
    type Item = Message<'p>;

    fn next(&mut self) -> Option<Self::Item> {
        let raw = self.next_raw()?;
        let at_ns = u64_at(raw, 8);
        let (first, second, third) = (u32_at(raw, 16), u32_at(raw, 20), u32_at(raw, 24));
        Some(match raw[0] {
            TASK => {
                let body = raw.get(TASK_HEAD..)?;
                let (extra, payload) = body.split_at_checked(u32_at(raw, 48) as usize)?;
                Message::Task(TaskHead::read(raw), extra, payload)
            }
            ECHO => Message::Echo(AnswerHead::read(raw), raw.get(ANSWER_HEAD..)?),
            ANSWER => Message::Answer(AnswerHead::read(raw)),
            ATTACHED => Message::Attached(Attached { agent: first, epoch: second, parent: third, at_ns }),
            LOST => Message::Lost(Lost { agent: first, epoch: second, by: third, lease: raw[1] != 0, at_ns }),
            ELECTED => Message::Elected(Elected { agent: first, replaces: second, term: third, at_ns }),
            ASSIGNED => {
                let pairs = raw[NOTICE..].chunks_exact(8).map(|p| (u32_at(p, 0), u32_at(p, 4))).collect();
                Message::Moved(Moved { from: first, epoch: second, at_ns, pairs })
            }
            BEAT => Message::Beat(Beat { agent: first, silent_ms: second, at_ns }),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::Link;
    use super::*;
    use proptest::prelude::*;

    fn packet(write: impl FnOnce(&mut Link)) -> Vec<u8> {
        let (ours, theirs) = super::super::link::pair();
        let mut link = Link::new(ours, 3, 4);
        write(&mut link);
        link.flush();
        let mut buffer = vec![0; super::super::MAX_PACKET];
        let n = super::super::receive(&theirs, &mut buffer).unwrap();
        buffer.truncate(n);
        buffer
    }

    #[test]
    fn every_kind_of_message_comes_out_as_it_went_in() {
        let task = TaskHead {
            token: 1,
            agent: 2,
            epoch: 8,
            number: 12,
            attempt: 3,
            sent_ns: 4,
            work: 5,
            twice: true,
            a: 6,
            b: 7,
        };
        let answer = AnswerHead {
            token: 9,
            seq: 8,
            answered_ns: 7,
            agent: 6,
            epoch: 5,
            attempt: 4,
            digest: 3,
            transit_us: 2,
            again: true,
        };
        let attached = Attached { agent: 1, epoch: 2, parent: u32::MAX, at_ns: 4 };
        let lost = Lost { agent: 1, epoch: 2, by: 3, lease: true, at_ns: 4 };
        let elected = Elected { agent: 1, replaces: 2, term: 3, at_ns: 4 };
        let beat = Beat { agent: 1, silent_ms: 2, at_ns: 3 };
        let moved = Moved { from: 1, epoch: 2, at_ns: 3, pairs: vec![(4, 5), (6, 7)] };
        let bytes = packet(|link| {
            task.put(link, b"extra", 3, |out| out.extend_from_slice(b"pay"));
            answer.put_echo(link, b"load");
            answer.put_answer(link);
            attached.put(link);
            lost.put(link);
            elected.put(link);
            moved.put(link);
            beat.put(link);
        });
        let reader = PacketReader::new(&bytes);
        assert_eq!((reader.sender, reader.epoch), (3, 4));
        let messages: Vec<Message> = reader.collect();
        assert_eq!(
            messages,
            [
                Message::Task(task, b"extra", b"pay"),
                Message::Echo(answer, b"load"),
                Message::Answer(answer),
                Message::Attached(attached),
                Message::Lost(lost),
                Message::Elected(elected),
                Message::Moved(moved),
                Message::Beat(beat),
            ]
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = PacketReader::new(&bytes).count();
        }
    }
}
