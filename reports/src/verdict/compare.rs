//! An interval against a limit.

use evidence::gate::{Gate, Limit, Op};

use super::outcome::Outcome;
use crate::statistics::Interval;

/// Where an interval lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// Every value in it holds.
    Inside,
    /// No value in it holds.
    Outside,
    /// Some do.
    Straddles,
}

/// Where this interval lies to a limit. A bound that is no number straddles.
#[expect(clippy::float_cmp, reason = "== and != are for counts, which are exact below 2^53")]
pub(super) fn side(limit: Limit, interval: Interval) -> Side {
    let Interval { lo, hi } = interval;
    if lo.is_nan() || hi.is_nan() || limit.value.is_nan() {
        return Side::Straddles;
    }
    let may_equal = lo <= limit.value && limit.value <= hi;
    let must_equal = lo == limit.value && hi == limit.value;
    let (all, some) = match limit.op {
        Op::Equal => (must_equal, may_equal),
        Op::NotEqual => (!may_equal, !must_equal),
        _ => (limit.holds(lo) && limit.holds(hi), limit.holds(lo) || limit.holds(hi)),
    };
    match (all, some) {
        (true, _) => Side::Inside,
        (false, true) => Side::Straddles,
        (false, false) => Side::Outside,
    }
}

/// What a gate makes of an interval. Wholly inside the second limit is CONDITIONAL, also where the first is
/// straddled: that much is proven.
pub(crate) fn outcome(gate: &Gate, interval: Interval) -> Outcome {
    let second = gate.conditional.map(|limit| side(limit, interval));
    match (side(gate.go, interval), second) {
        (Side::Inside, _) => Outcome::Go,
        (_, Some(Side::Inside)) => Outcome::Conditional,
        (Side::Outside, None | Some(Side::Outside)) => Outcome::NoGo,
        (Side::Straddles, _) | (Side::Outside, Some(Side::Straddles)) => Outcome::Inconclusive,
    }
}

#[cfg(test)]
mod tests {
    use evidence::gate::MetricRef;
    use proptest::prelude::*;

    use super::*;

    fn gate(op: Op, go: f64, conditional: Option<f64>) -> Gate {
        Gate {
            id: "g".into(),
            metric: MetricRef { name: "messages.lost".into(), selector: None },
            go: Limit { op, value: go },
            conditional: conditional.map(|value| Limit { op, value }),
            phase: None,
            cites: None,
        }
    }

    #[test]
    fn a_gate_compares_an_interval_with_its_limits() {
        use Outcome::{Conditional, Go, Inconclusive, NoGo};
        let unbounded = f64::INFINITY;
        for (op, go, second, lo, hi, expected) in [
            (Op::Less, 10.0, None, 1.0, 9.0, Go),
            (Op::Less, 10.0, None, 1.0, 10.0, Inconclusive),
            (Op::LessOrEqual, 10.0, None, 1.0, 10.0, Go),
            (Op::Less, 10.0, None, 10.0, 12.0, NoGo),
            (Op::Less, 10.0, None, 1.0, unbounded, Inconclusive),
            (Op::Less, 10.0, None, 11.0, unbounded, NoGo),
            (Op::Less, 10.0, Some(20.0), 11.0, 15.0, Conditional),
            (Op::Less, 10.0, Some(20.0), 9.0, 15.0, Conditional),
            (Op::Less, 10.0, Some(20.0), 15.0, 25.0, Inconclusive),
            (Op::Less, 10.0, Some(20.0), 21.0, 25.0, NoGo),
            (Op::GreaterOrEqual, 0.95, None, 0.95, 1.0, Go),
            (Op::GreaterOrEqual, 0.95, None, 0.9, 0.94, NoGo),
            (Op::Equal, 0.0, None, 0.0, 0.0, Go),
            (Op::Equal, 0.0, None, 3.0, 3.0, NoGo),
            (Op::Equal, 0.0, None, 0.0, 1.0, Inconclusive),
            (Op::NotEqual, 0.0, None, 0.0, 0.0, NoGo),
            (Op::NotEqual, 0.0, None, 1.0, 2.0, Go),
            (Op::NotEqual, 0.0, None, 0.0, 2.0, Inconclusive),
            (Op::Less, 10.0, None, f64::NAN, 1.0, Inconclusive),
        ] {
            let found = outcome(&gate(op, go, second), Interval { lo, hi });
            assert_eq!(found, expected, "{op:?} {go} {second:?} [{lo}, {hi}]");
        }
    }

    proptest! {
        /// A narrower interval never contradicts a wider one: what was decided stays decided.
        #[test]
        fn more_evidence_never_turns_go_into_no_go(
            op in prop::sample::select(Op::ALL.to_vec()),
            limit in -5_i32..5, lo in -5_i32..5, hi in 0_i32..5, cut_lo in 0_i32..3, cut_hi in 0_i32..3,
        ) {
            let wide = Interval { lo: f64::from(lo), hi: f64::from(lo + hi) };
            let narrow = Interval { lo: f64::from((lo + cut_lo).min(lo + hi)), hi: f64::from((lo + hi - cut_hi).max((lo + cut_lo).min(lo + hi))) };
            let limit = Limit { op, value: f64::from(limit) };
            match side(limit, wide) {
                Side::Straddles => {}
                decided => prop_assert_eq!(side(limit, narrow), decided),
            }
        }

        /// A second limit never makes a gate worse.
        #[test]
        fn a_second_limit_never_makes_a_gate_worse(limit in 0_i32..9, more in 0_i32..9, lo in 0_i32..20, width in 0_i32..9) {
            let interval = Interval { lo: f64::from(lo), hi: f64::from(lo + width) };
            let limit = f64::from(limit);
            let with = outcome(&gate(Op::Less, limit, Some(limit + f64::from(more))), interval);
            prop_assert!(with <= outcome(&gate(Op::Less, limit, None), interval));
        }
    }
}
