//! What gateway and spawner tell each other: packets of 32-bit numbers over a socket pair.

/// The largest packet, in bytes: a start order for every agent.
pub(super) const LARGEST: usize = 4 + 4 * crate::shape::MAX_AGENTS as usize;
/// How many facts go into one packet.
pub(super) const MOST_TOLD: usize = 256;

const START: u32 = 1;
const END: u32 = 2;
const EXITED: u32 = 1;
const FAILED: u32 = 2;
const TOLD_NUMBERS: usize = 7;

/// From the gateway.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// Fork these agents.
    Start(Vec<u32>),
    /// End all agents, then yourself.
    End {
        /// How long they may take, in milliseconds.
        grace_ms: u64,
    },
}

/// How an agent's process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Exit {
    pub(crate) agent: u32,
    pub(crate) pid: u32,
    /// The signal that killed it, or 0.
    pub(crate) signal: i32,
    /// Its exit status if no signal did.
    pub(crate) code: i32,
    pub(crate) at_ns: u64,
}

impl Exit {
    /// As the control protocol words it.
    pub(crate) fn status(&self) -> String {
        if self.signal == 0 { format!("exit {}", self.code) } else { format!("signal {}", self.signal) }
    }
}

/// From the spawner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    /// An agent's process has ended.
    Exited(Exit),
    /// An agent could not be started, for this error number.
    Failed { agent: u32, errno: i32 },
}

impl Order {
    pub(crate) fn write(&self) -> Vec<u8> {
        let numbers: Vec<u32> = match self {
            Self::Start(agents) => std::iter::once(START).chain(agents.iter().copied()).collect(),
            Self::End { grace_ms } => vec![END, u32::try_from(*grace_ms).unwrap_or(u32::MAX)],
        };
        to_bytes(&numbers)
    }

    pub(crate) fn read(packet: &[u8]) -> Self {
        match numbers(packet).as_slice() {
            [START, agents @ ..] => Self::Start(agents.to_vec()),
            [_, grace_ms, ..] => Self::End { grace_ms: u64::from(*grace_ms) },
            _ => Self::End { grace_ms: 0 },
        }
    }
}

impl Told {
    pub(crate) fn write(told: &[Self]) -> Vec<u8> {
        let numbers: Vec<u32> = told.iter().flat_map(|one| one.numbers()).collect();
        to_bytes(&numbers)
    }

    fn numbers(&self) -> [u32; TOLD_NUMBERS] {
        match *self {
            Self::Exited(e) => {
                let (low, high) = (e.at_ns as u32, (e.at_ns >> 32) as u32);
                [EXITED, e.agent, e.pid, e.signal as u32, e.code as u32, low, high]
            }
            Self::Failed { agent, errno } => [FAILED, agent, errno as u32, 0, 0, 0, 0],
        }
    }

    pub(crate) fn read(packet: &[u8]) -> Vec<Self> {
        numbers(packet)
            .chunks_exact(TOLD_NUMBERS)
            .map(|n| match n[0] {
                EXITED => Self::Exited(Exit {
                    agent: n[1],
                    pid: n[2],
                    signal: n[3] as i32,
                    code: n[4] as i32,
                    at_ns: u64::from(n[5]) | u64::from(n[6]) << 32,
                }),
                _ => Self::Failed { agent: n[1], errno: n[2] as i32 },
            })
            .collect()
    }
}

fn to_bytes(numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

fn numbers(packet: &[u8]) -> Vec<u32> {
    packet.chunks_exact(4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_and_facts_come_out_as_they_went_in() {
        for order in [Order::Start((0..2000).collect()), Order::Start(vec![7]), Order::End { grace_ms: 500 }]
        {
            let packet = order.write();
            assert!(packet.len() <= LARGEST);
            assert_eq!(Order::read(&packet), order);
        }
        let exit = Exit { agent: 5, pid: 77, signal: 0, code: -1, at_ns: 1 << 40 | 9 };
        let told = [Told::Exited(exit), Told::Failed { agent: 6, errno: 11 }];
        assert_eq!(Told::read(&Told::write(&told)), told);
    }
}
