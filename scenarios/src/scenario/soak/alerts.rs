//! `soak.alerts`: live thresholds, `metric[role] op value [for duration]`.

use evidence::gate::Limit;
use evidence::role::Role;

use crate::format::{Scalar, tables};
use crate::nearest::nearest;
use crate::plan::{self, Live};
use crate::problem::{Place, Problem};
use crate::quantity::{self, Trouble};
use crate::reader::{Fields, Reader};
use crate::scenario::gates;
use crate::tree::{Node, shortened};

/// A live threshold as it was written.
#[derive(Debug, Clone)]
pub(crate) struct Alert {
    pub(crate) place: Place,
    pub(crate) planned: plan::Alert,
}

pub(super) fn read(soak: &Fields<'_>, reader: &mut Reader) -> Vec<Option<Alert>> {
    if soak.get("alerts").is_none() {
        return Vec::new();
    }
    let items = soak.list(reader, "alerts").unwrap_or_default();
    items.iter().map(|(path, item)| alert(item, path, reader)).collect()
}

fn alert(node: &Node, path: &str, reader: &mut Reader) -> Option<Alert> {
    let text = reader.text(node, path, Scalar::Alert)?;
    match parse(text) {
        Ok(planned) => Some(Alert { place: node.place.clone(), planned }),
        Err(Trouble { what, help }) => {
            let what = format!("{path} is \"{}\", {what}", shortened(text));
            reader.problem(Problem::new(&node.place, what).help(help));
            None
        }
    }
}

/// What was written says when there is something to alert of; the plan says what must hold.
fn parse(text: &str) -> Result<plan::Alert, Trouble> {
    let refused = |(what, help): (String, String)| Trouble { what, help };
    let start = text.find(['<', '>', '=', '!']).ok_or_else(|| Trouble {
        what: "which compares nothing".to_owned(),
        help: "write metric, comparison, value: memory.growth > 10%/h for 30m".to_owned(),
    })?;
    let (metric, rest) = text.split_at(start);
    let (limit, lasting) = match rest.split_once(" for ") {
        Some((limit, lasting)) => (limit, Some(lasting.trim())),
        None => (rest, None),
    };
    let metric = gates::metric_ref(metric).map_err(refused)?;
    let comparison = gates::comparison(limit).map_err(refused)?;
    let live = live(&metric.name)?;
    let role = metric.selector.as_deref().map(|role| self::role(live, role)).transpose()?;
    let value = quantity::of_unit(live.unit(), &comparison.value).map_err(|trouble| Trouble {
        what: format!("but {} compares with \"{}\", which {}", live.name(), comparison.value, trouble.what),
        help: trouble.help,
    })?;
    let for_ns = lasting.map_or(Ok(0), |lasting| {
        quantity::duration(lasting).map_err(|trouble| Trouble {
            what: format!("but it must last \"{lasting}\", which {}", trouble.what),
            help: trouble.help,
        })
    })?;
    let lasting = lasting.map(|lasting| format!(" for {lasting}")).unwrap_or_default();
    Ok(plan::Alert {
        id: format!("{metric} {comparison}{lasting}"),
        metric: live,
        role,
        limit: Limit { op: comparison.op.opposite(), value },
        for_ns,
    })
}

fn live(name: &str) -> Result<Live, Trouble> {
    let names = || Live::ALL.into_iter().map(Live::name);
    Live::ALL.into_iter().find(|live| live.name() == name).ok_or_else(|| Trouble {
        what: format!("but nothing that can be watched is called {name}"),
        help: match nearest(name, names()) {
            Some(meant) => format!("did you mean \"{meant}\"?"),
            None => format!("names here: {}", names().collect::<Vec<_>>().join(", ")),
        },
    })
}

fn role(live: Live, role: &str) -> Result<Role, Trouble> {
    if !live.has_roles() {
        return Err(Trouble {
            what: format!("but {} cannot be narrowed to \"{role}\"", live.name()),
            help: "remove the brackets".to_owned(),
        });
    }
    Role::ALL.into_iter().find(|known| known.name() == role).ok_or_else(|| Trouble {
        what: format!("but \"{role}\" is no role"),
        help: format!("roles are {}", tables::ROLES.join(", ")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alert_is_planned_as_the_limit_that_must_hold() {
        for (text, metric, role, limit, for_ns) in [
            ("memory.growth > 10%/h for 30m", Live::MemoryGrowth, None, "<= 0.1", 1_800_000_000_000),
            ("descriptors[worker] >= 900", Live::Descriptors, Some(Role::Worker), "< 900", 0),
            ("delivery.rate<95% for 1m", Live::Delivery, None, ">= 0.95", 60_000_000_000),
            ("agents.crashed != 0", Live::Crashed, None, "== 0", 0),
            ("disk.free < 1GiB", Live::DiskFree, None, ">= 1073741824", 0),
            ("round.time > 25s", Live::RoundTime, None, "<= 25", 0),
            ("descriptors.growth == 5", Live::DescriptorsGrowth, None, "!= 5", 0),
        ] {
            let alert = parse(text).unwrap();
            let found = format!("{} {}", alert.limit.op.sign(), alert.limit.value);
            assert_eq!(
                (alert.metric, alert.role, found.as_str(), alert.for_ns),
                (metric, role, limit, for_ns),
                "{text}"
            );
        }
        assert_eq!(parse("delivery.rate<95%  for  1m").unwrap().id, "delivery.rate < 95% for 1m");
    }

    #[test]
    fn what_is_no_alert_is_told_why() {
        for (text, why) in [
            ("memory.growth", "compares nothing"),
            ("memory.growth > 10%", "says no time"),
            ("memory.growht > 10%/h", "nothing that can be watched"),
            ("delivery.rate[worker] < 95%", "cannot be narrowed"),
            ("threads[boss] > 9", "is no role"),
            ("threads > 9 for ever", "must last \"ever\""),
            ("threads => 9", "is no comparison"),
            ("threads[worker > 9", "brackets do not pair"),
        ] {
            let trouble = parse(text).unwrap_err();
            assert!(trouble.what.contains(why), "{text}: {}", trouble.what);
        }
    }
}
