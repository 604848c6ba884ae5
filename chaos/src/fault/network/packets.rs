//! Packets that are delayed, lost, slowed or stopped between hosts.

use std::time::Duration;

use evidence::event::Level;
use scenarios::plan::{Direction, FaultKind};

use super::super::act::Act;
use super::super::ruled::Ruled;
use super::super::{Outcome, Setting};
use super::probe::{Passed, Prober};
use super::{hosts_of, sockets};
use crate::ChaosError;
use crate::enclosure::shuttle;
use crate::site::Step;
use crate::undo::{Between, Undo};

/// How long a datagram may take that nothing delays.
const UNDELAYED: Duration = Duration::from_millis(500);
/// Datagrams of which at least one must arrive for a delay to be seen.
const TIMED: u32 = 8;
/// How many losses are to be expected of the datagrams sent, and how many are sent at most.
const EXPECTED_LOSSES: u64 = 12;
const MOST_SENT: u64 = 20_000;
/// Datagrams that must not pass where nothing passes.
const STOPPED: u64 = 5;
/// For how long at the limited rate is sent.
const RATED_FOR: f64 = 0.3;
/// How much faster than the limit a measured rate may be, for bursts and measuring.
const RATE_SLACK: f64 = 1.3;
const DATAGRAM: usize = 1200;

#[derive(Debug)]
pub(in super::super) struct Packets {
    ruled: Ruled<shuttle::Act>,
    act: shuttle::Act,
    /// For each part of the evidence, the hosts between which is probed.
    probed: Vec<(u32, u32)>,
    /// What was seen before, for each, and whether that looked as if the fault were there already.
    before: Vec<(String, bool)>,
    /// How long a datagram took that nothing delayed.
    undisturbed: Duration,
    /// What was seen when it was applied. What the rule hit after that is told by its counters.
    seen: Vec<Outcome>,
}

impl Packets {
    pub(in super::super) fn new(setting: &Setting) -> Result<Self, ChaosError> {
        let act = act(&setting.fault.kind);
        let named = named(&act);
        let all = hosts_of(setting, named)?;
        let unable =
            |found: &str| ChaosError::Unable { kind: setting.fault.kind.name(), found: found.to_owned() };
        if all < 2 {
            return Err(unable("the network has one host, so that no packet passes between hosts"));
        }
        let is_cut = matches!(act, shuttle::Act::Cut { .. });
        let outside = (1..=all).find(|host| !named.contains(host));
        if is_cut && (named.is_empty() || outside.is_none()) {
            return Err(unable("no host is left from which the hosts could be cut off"));
        }
        let other = |host: u32| outside.filter(|o| *o != host).or((1..=all).find(|o| *o != host));
        let hosts = if named.is_empty() { vec![1] } else { named.to_vec() };
        let probed: Vec<_> = hosts.iter().filter_map(|host| Some((*host, other(*host)?))).collect();
        let ruled = Ruled::new(setting, Between::Hosts, act.clone())?;
        let mut packets =
            Self { ruled, act, probed, before: Vec::new(), undisturbed: UNDELAYED, seen: Vec::new() };
        packets.look_before()?;
        Ok(packets)
    }

    /// What the probes find while nothing is done, against which their later findings are held.
    fn look_before(&mut self) -> Result<(), ChaosError> {
        if let Some((host, other)) = self.probed.first() {
            let took = self.prober(*host, *other)?.time_one(UNDELAYED).map_err(probing)?;
            self.undisturbed = took.unwrap_or(UNDELAYED);
        }
        for pair in self.probed.clone() {
            let (_, found, fits) = self.probe(pair)?;
            self.before.push((found, fits));
        }
        Ok(())
    }

    fn prober(&self, from: u32, to: u32) -> Result<Prober, ChaosError> {
        let [from, _] = sockets(&self.ruled.control, from)?;
        let [to, _] = sockets(&self.ruled.control, to)?;
        Prober::between(from, to).map_err(probing)
    }

    /// What a probe finds, in words, and whether the act explains it.
    fn probe(&self, (host, other): (u32, u32)) -> Result<(String, String, bool), ChaosError> {
        match self.act {
            shuttle::Act::Delay { delay_ns, jitter_ns, .. } => {
                let prober = self.prober(host, other)?;
                timed(&prober, Duration::from_nanos(delay_ns), Duration::from_nanos(jitter_ns))
            }
            shuttle::Act::Lose { per_million, .. } => lost(&self.prober(host, other)?, per_million),
            shuttle::Act::Rate { bytes_per_second, .. } => {
                rated(&self.prober(host, other)?, bytes_per_second)
            }
            shuttle::Act::Cut { direction, .. } => {
                let out = self.passes(host, other)?;
                let back = self.passes(other, host)?;
                let open = |stopped: bool| if stopped { 0 } else { STOPPED };
                let expected = (open(direction != Direction::To), open(direction != Direction::From));
                let words = |(out, back): (u64, u64)| {
                    format!("{out} of {STOPPED} pass from host {host}, {back} of {STOPPED} to it")
                };
                // In the direction that is open another fault may lose some.
                let fits = |expected: u64, found: u64| (expected == 0) == (found == 0);
                let fit = fits(expected.0, out) && fits(expected.1, back);
                Ok((words(expected), words((out, back)), fit))
            }
        }
    }

    fn passes(&self, from: u32, to: u32) -> Result<u64, ChaosError> {
        // Much longer than it takes on this host as busy as it is now.
        let within = (self.undisturbed * 50).clamp(Duration::from_millis(50), UNDELAYED);
        let passed = self.prober(from, to)?.send_many(STOPPED, 64, within).map_err(probing)?;
        Ok(passed.arrived)
    }

    fn look(&self, setting: &Setting) -> Result<Vec<Outcome>, ChaosError> {
        let words = self.words();
        let mut outcomes = Vec::new();
        for (at, pair) in self.probed.iter().enumerate() {
            let mut outcome = Outcome::sent(setting.now());
            self.ruled.in_force(setting, &mut outcome)?;
            let (expected, found, fits) = self.probe(*pair)?;
            let (before, alike) = self.before.get(at).cloned().unwrap_or_default();
            let source = format!("{words} from host {} to host {}", pair.0, pair.1);
            let found = format!("{found} (before: {before})");
            let reading = setting.reading(Level::E2, &source, expected, found);
            // What looks the same without the fault is no evidence of it.
            if fits && alike {
                outcome.note(reading)
            } else {
                outcome.see(reading, fits)
            };
            outcomes.push(outcome);
        }
        Ok(outcomes)
    }

    fn words(&self) -> &'static str {
        match self.act {
            shuttle::Act::Delay { .. } => "the way of datagrams",
            shuttle::Act::Lose { .. } => "datagrams lost",
            shuttle::Act::Rate { .. } => "the rate of datagrams",
            shuttle::Act::Cut { .. } => "datagrams",
        }
    }
}

fn probing(e: std::io::Error) -> ChaosError {
    ChaosError::io("probe", "the network", e)
}

fn act(kind: &FaultKind) -> shuttle::Act {
    match kind.clone() {
        FaultKind::NetworkDelay { hosts, delay_ns, jitter_ns } => {
            shuttle::Act::Delay { hosts, delay_ns, jitter_ns }
        }
        FaultKind::NetworkLoss { hosts, per_million } => shuttle::Act::Lose { hosts, per_million },
        FaultKind::NetworkRate { hosts, bytes_per_second } => shuttle::Act::Rate { hosts, bytes_per_second },
        FaultKind::NetworkPartition { hosts, direction } => shuttle::Act::Cut { hosts, direction },
        other => unreachable!("{} is no fault of packets", other.name()),
    }
}

fn named(act: &shuttle::Act) -> &[u32] {
    match act {
        shuttle::Act::Delay { hosts, .. }
        | shuttle::Act::Lose { hosts, .. }
        | shuttle::Act::Rate { hosts, .. }
        | shuttle::Act::Cut { hosts, .. } => hosts,
    }
}

type Found = Result<(String, String, bool), ChaosError>;

fn timed(prober: &Prober, delay: Duration, jitter: Duration) -> Found {
    let mut shortest = None::<Duration>;
    let mut seen = 0;
    for _ in 0..TIMED {
        if let Some(took) = prober.time_one(delay + jitter + UNDELAYED).map_err(probing)? {
            shortest = Some(shortest.map_or(took, |s| s.min(took)));
            seen += 1;
        }
        if seen == 3 {
            break;
        }
    }
    let expected = format!("at least {delay:?}");
    let found = shortest.map_or_else(|| "none arrived".to_owned(), |s| format!("{s:?}"));
    Ok((expected, found, shortest.is_some_and(|s| s >= delay)))
}

fn lost(prober: &Prober, per_million: u32) -> Found {
    let count = (EXPECTED_LOSSES * 1_000_000 / u64::from(per_million.max(1))).clamp(200, MOST_SENT);
    let Passed { sent, arrived, .. } =
        prober.send_many(count, 64, Duration::from_millis(100)).map_err(probing)?;
    let lost = sent - arrived;
    // Five standard deviations about what is to be expected; other faults may add to it.
    let mean = sent as f64 * f64::from(per_million) / 1e6;
    let least = (mean - 5.0 * mean.sqrt()).max(1.0).floor();
    let expected = format!("at least {least} of {sent}");
    Ok((expected, format!("{lost} of {sent}"), lost as f64 >= least))
}

fn rated(prober: &Prober, bytes_per_second: u64) -> Found {
    let count = (bytes_per_second as f64 * RATED_FOR / DATAGRAM as f64).clamp(20.0, 20_000.0) as u64;
    let passed = prober.send_many(count, DATAGRAM, Duration::from_millis(700)).map_err(probing)?;
    let most = bytes_per_second as f64 * RATE_SLACK;
    let rate = |bytes: f64| format!("{bytes:.0} bytes/s");
    let expected = format!("at most {}", rate(most));
    let found = format!("{}, {} of {} arrived", rate(passed.rate), passed.arrived, passed.sent);
    Ok((expected, found, passed.arrived >= 2 && passed.rate <= most))
}

impl Act for Packets {
    fn undo(&self) -> Vec<Undo> {
        vec![self.ruled.undo()]
    }

    fn apply(&mut self, setting: &Setting) -> Result<Vec<Outcome>, ChaosError> {
        let sent_ns = setting.now();
        self.ruled.set(setting)?;
        setting.reached(Step::HalfApplied);
        let mut outcomes = self.look(setting)?;
        outcomes.iter_mut().for_each(|outcome| outcome.sent_ns = Some(sent_ns));
        self.seen = outcomes.clone();
        Ok(outcomes)
    }

    fn observe(&mut self, setting: &Setting) -> Result<Option<Vec<Outcome>>, ChaosError> {
        let mut seen = std::mem::take(&mut self.seen);
        seen.iter_mut().try_for_each(|outcome| self.ruled.in_force(setting, outcome))?;
        Ok(Some(seen))
    }

    fn healed(&mut self, setting: &Setting) -> Result<Vec<Outcome>, ChaosError> {
        self.probed.iter().map(|_| self.ruled.ended(setting)).collect()
    }
}
