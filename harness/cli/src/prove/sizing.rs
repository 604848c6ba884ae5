//! How large a planted defect is, in the unit of the metric that must show it.

use scenarios::plan::Plan;

use super::defects::Size;

/// The metric of which the clean twin says the smallest visible drift.
pub(super) const MEMORY: &str = "memory.growth.bytes[worker]";

/// How many tasks a worker is given in an hour, by the plan.
fn tasks_per_hour(plan: &Plan) -> Option<f64> {
    let workers = f64::from(plan.target.agents?.worker);
    let arrivals = plan.workload.arrivals.as_ref()?;
    let rate = match arrivals.segments.as_slice() {
        [segment] => match segment.shape {
            scenarios::plan::Shape::Constant { per_second } => per_second,
            _ => return None,
        },
        _ => return None,
    };
    Some(rate * 3_600.0 / workers)
}

/// The size of a defect as planted by its file; `None` where it has none in that unit.
pub(super) fn planted(size: Size, plan: &Plan) -> Option<f64> {
    let of_file = plan.target.config["defects"]["leak_bytes_per_task"].as_f64();
    match size {
        Size::None => None,
        Size::PerTask(each) => Some(each * tasks_per_hour(plan)?),
        Size::TwiceVisible => Some(of_file? * tasks_per_hour(plan)?),
        Size::PerMinute(share) => {
            let hold = plan.phases.iter().find(|phase| phase.name == "hold")?;
            #[expect(clippy::cast_precision_loss, reason = "a time of minutes")]
            let minutes = hold.length_ns as f64 / 60e9;
            Some(share * minutes)
        }
    }
}

/// Changes of the control so that it plants twice the smallest visible drift of memory, in bytes an hour, and must be caught
/// by a gate at the smallest one itself; `None` where so little cannot be planted.
pub(super) fn twice(smallest_per_hour: f64, plan: &Plan) -> Option<Vec<(String, String)>> {
    let tasks = tasks_per_hour(plan)?;
    let each = (2.0 * smallest_per_hour / tasks).ceil();
    if !(1.0..=1e9).contains(&each) {
        return None;
    }
    let gate = format!("{MEMORY} < {:.0}B/h", each * tasks / 2.0);
    Some(vec![
        ("target.swarm.defects.leak_bytes_per_task".to_owned(), format!("{each:.0}B")),
        ("gates.0".to_owned(), format!("\"{gate}\"")),
        ("control.gate".to_owned(), format!("\"{gate}\"")),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prove::defects::DEFECTS;

    fn plan(name: &str) -> Plan {
        let defect = DEFECTS.iter().find(|defect| defect.name == name).unwrap();
        scenarios::parse(defect.text, name, &scenarios::Options::default()).unwrap().plan
    }

    #[test]
    fn the_sizes_of_the_files_are_those_of_the_units_of_their_metrics() {
        // Ten tasks a second for each of eight workers.
        assert_eq!(planted(Size::TwiceVisible, &plan("drift-memory")), Some(36_000.0 * 1024.0));
        assert_eq!(planted(Size::PerTask(1.0), &plan("drift-descriptors")), Some(36_000.0));
        assert_eq!(planted(Size::PerMinute(0.01), &plan("drift-slow")), Some(0.02));
        assert_eq!(planted(Size::None, &plan("drop")), None);
    }

    #[test]
    fn twice_the_smallest_visible_drift_is_planted_and_the_gate_stands_at_the_smallest() {
        let set = twice(180_000.0, &plan("drift-memory")).unwrap();
        assert_eq!(set[0].1, "10B");
        assert_eq!(set[1].1, "\"memory.growth.bytes[worker] < 180000B/h\"");
        let options = scenarios::Options { set, ..scenarios::Options::default() };
        let text = DEFECTS.iter().find(|defect| defect.name == "drift-memory").unwrap().text;
        let changed = scenarios::parse(text, "x", &options).unwrap();
        assert_eq!(planted(Size::TwiceVisible, &changed.plan), Some(360_000.0));
        assert_eq!(changed.plan.gates[0].id, changed.scenario.control().unwrap());
        assert_eq!(twice(0.0, &plan("drift-memory")), None, "less than a byte a task");
    }
}
