//! The records of a journal: `length u32, crc u32`, then so many bytes, of which the CRC is; the first is the kind.
//! All numbers are little-endian. A length of 0, or a record that is not whole, is the end of a segment.

use protocol::Answer;

use crate::gateway::wire::WireWork;

const HEAD: usize = 8;
const ACCEPTED: u8 = 1;
const ANSWERED: u8 = 2;
const TOLD: u8 = 3;
const ABANDONED: u8 = 4;
const ANSWER: usize = 32;

/// Tasks that were accepted together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::gateway) struct Accepted {
    pub(in crate::gateway) first: u64,
    pub(in crate::gateway) count: u32,
    pub(in crate::gateway) payload: u32,
    pub(in crate::gateway) timeout_ms: u64,
    pub(in crate::gateway) work: WireWork,
}

/// One record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Record {
    Accepted(Accepted),
    Answered(Vec<Answer>),
    /// So many answers of this generation were told to the harness.
    Told(u64),
    Abandoned(u64),
}

impl Record {
    pub(super) fn put(&self, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&[0; HEAD]);
        match self {
            Self::Accepted(tasks) => put_accepted(out, tasks),
            Self::Answered(answers) => {
                out.push(ANSWERED);
                for answer in answers {
                    put_answer(out, answer);
                }
            }
            Self::Told(count) => {
                out.push(TOLD);
                out.extend_from_slice(&count.to_le_bytes());
            }
            Self::Abandoned(token) => {
                out.push(ABANDONED);
                out.extend_from_slice(&token.to_le_bytes());
            }
        }
        let body = start + HEAD;
        let (length, crc) = ((out.len() - body) as u32, crc32fast::hash(&out[body..]));
        out[start..start + 4].copy_from_slice(&length.to_le_bytes());
        out[start + 4..body].copy_from_slice(&crc.to_le_bytes());
    }

    /// The first record of these bytes, and what follows it; `None` at their end.
    pub(super) fn take(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let length = u32_at(bytes, 0)? as usize;
        let body = bytes.get(HEAD..HEAD.checked_add(length)?).filter(|_| length > 0)?;
        if crc32fast::hash(body) != u32_at(bytes, 4)? {
            return None;
        }
        Some((Self::read(body)?, &bytes[HEAD + length..]))
    }

    fn read(body: &[u8]) -> Option<Self> {
        let (kind, rest) = body.split_first()?;
        match *kind {
            ACCEPTED => read_accepted(rest).map(Self::Accepted),
            ANSWERED => rest.chunks_exact(ANSWER).map(read_answer).collect::<Option<_>>().map(Self::Answered),
            TOLD => u64_at(rest, 0).map(Self::Told),
            ABANDONED => u64_at(rest, 0).map(Self::Abandoned),
            _ => None,
        }
    }
}

fn put_accepted(out: &mut Vec<u8>, tasks: &Accepted) {
    out.extend_from_slice(&[ACCEPTED, tasks.work.kind]);
    out.extend_from_slice(&tasks.count.to_le_bytes());
    out.extend_from_slice(&tasks.payload.to_le_bytes());
    for number in [tasks.first, tasks.timeout_ms, tasks.work.a, tasks.work.b] {
        out.extend_from_slice(&number.to_le_bytes());
    }
    out.extend_from_slice(&tasks.work.extra);
}

fn read_accepted(bytes: &[u8]) -> Option<Accepted> {
    let extra = bytes.get(41..)?.to_vec();
    let (a, b) = (u64_at(bytes, 25)?, u64_at(bytes, 33)?);
    Some(Accepted {
        first: u64_at(bytes, 9)?,
        count: u32_at(bytes, 1)?,
        payload: u32_at(bytes, 5)?,
        timeout_ms: u64_at(bytes, 17)?,
        work: WireWork { kind: bytes[0], a, b, extra },
    })
}

fn put_answer(out: &mut Vec<u8>, answer: &Answer) {
    out.extend_from_slice(&answer.token.to_le_bytes());
    out.extend_from_slice(&answer.seq.to_le_bytes());
    for number in [answer.agent, answer.epoch, answer.attempt, answer.digest] {
        out.extend_from_slice(&number.to_le_bytes());
    }
}

fn read_answer(bytes: &[u8]) -> Option<Answer> {
    Some(Answer {
        token: u64_at(bytes, 0)?,
        seq: u64_at(bytes, 8)?,
        agent: u32_at(bytes, 16)?,
        epoch: u32_at(bytes, 20)?,
        attempt: u32_at(bytes, 24)?,
        digest: u32_at(bytes, 28)?,
    })
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at + 4)?;
    Some(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
}

pub(super) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from(u32_at(bytes, at)?) | u64::from(u32_at(bytes, at + 4)?) << 32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn records() -> Vec<Record> {
        let work = WireWork { kind: 4, a: 5, b: u64::MAX, extra: b"sleep\x001".to_vec() };
        let answer = |token| Answer { token, agent: 3, epoch: 2, seq: 9, attempt: 1, digest: 77 };
        vec![
            Record::Accepted(Accepted { first: 7, count: 3, payload: 256, timeout_ms: 30_000, work }),
            Record::Answered(vec![answer(7), answer(8)]),
            Record::Told(2),
            Record::Abandoned(9),
        ]
    }

    fn read_all(mut bytes: &[u8]) -> Vec<Record> {
        let mut read = Vec::new();
        while let Some((record, rest)) = Record::take(bytes) {
            read.push(record);
            bytes = rest;
        }
        read
    }

    #[test]
    fn records_come_out_as_they_went_in_and_zeros_end_them() {
        let mut bytes = Vec::new();
        records().iter().for_each(|record| record.put(&mut bytes));
        bytes.resize(bytes.len() + 100, 0);
        assert_eq!(read_all(&bytes), records());
    }

    proptest! {
        #[test]
        fn a_torn_tail_costs_only_the_record_that_was_torn(cut in 0usize..200) {
            let mut bytes = Vec::new();
            records().iter().for_each(|record| record.put(&mut bytes));
            let read = read_all(&bytes[..cut.min(bytes.len())]);
            prop_assert!(records().starts_with(&read));
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = read_all(&bytes);
        }
    }
}
