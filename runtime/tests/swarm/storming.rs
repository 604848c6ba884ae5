//! Everything at once: packets disturbed in every way, agents cut off, killed and stopped, clocks that jump.

use nix::libc::{SIGCONT, SIGKILL, SIGSTOP};
use protocol::{Command, Direction, FaultKind, Work};

use crate::driver::{Swarm, signal, wait_until};
use crate::failing::hybrid;

/// Xorshift: the storm is the same for the same seed.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

fn any_fault(chance: &mut Chance) -> FaultKind {
    let per_million = 1_000 + chance.below(50_000) as u32;
    match chance.below(8) {
        0 => FaultKind::BusDrop { per_million },
        1 => FaultKind::BusDelay { per_million, delay_us: chance.below(50_000), jitter_us: 10_000 },
        2 => FaultKind::BusDuplicate { per_million },
        3 => FaultKind::BusReorder { per_million },
        4 => FaultKind::BusCorrupt { per_million },
        5 => FaultKind::Clock { offset_us: chance.below(20_000_000) as i64 - 10_000_000 },
        6 => FaultKind::Partition { direction: Direction::Both },
        _ => FaultKind::Partition {
            direction: if chance.below(2) == 0 { Direction::From } else { Direction::To },
        },
    }
}

fn one_more(swarm: &mut Swarm, turn: u64, chance: &mut Chance) {
    let victim = chance.below(45) as u32;
    match chance.below(4) {
        0 => signal(swarm.pid(victim), SIGKILL),
        1 => {
            signal(swarm.pid(victim), SIGSTOP);
            let began = std::time::Instant::now();
            let pause = chance.below(60);
            wait_until("the pause is over", || began.elapsed().as_millis() as u64 > pause);
            signal(swarm.pid(victim), SIGCONT);
        }
        _ => {
            let kind = any_fault(chance);
            let all = chance.below(4) == 0 && !matches!(kind, FaultKind::Partition { .. });
            let agents = if all { vec![] } else { vec![victim, chance.below(45) as u32] };
            let ttl_ms = 50 + chance.below(700);
            swarm.say(&Command::Fault { fault: format!("f{turn}"), kind, agents, ttl_ms, seed: chance.0 });
        }
    }
}

/// A storm of so many strokes; then everything accepted was answered, by one execution.
fn storm(seed: u64, strokes: u64) {
    let mut chance = Chance(seed);
    let mut swarm = hybrid();
    for turn in 0..strokes {
        swarm.send(50, 64, Work::Cpu { us: 50 });
        swarm.begin_round(64, 15_000, Work::Echo {});
        one_more(&mut swarm, turn, &mut chance);
        let began = std::time::Instant::now();
        wait_until("some work is done", || began.elapsed().as_millis() > 20);
        swarm.catch_up();
    }
    assert_eq!(swarm.drain(20_000), 0, "seed {seed}: {:?}", swarm.ledger.lost());
    wait_until("all agents are back", || swarm.gauges()["agents.attached"] == 45);
    swarm.ledger.assert_clean(64);
    assert_eq!(swarm.gauges()["effects"], swarm.ledger.accepted.len() as u64, "seed {seed}");
    swarm.stop();
}

#[test]
fn a_storm_of_everything_loses_nothing_and_does_nothing_twice() {
    let seed = std::env::var("STORM_SEED").ok().and_then(|seed| seed.parse().ok());
    storm(seed.unwrap_or(0x5eed), 60);
}
