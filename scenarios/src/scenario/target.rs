//! `target`: the bundled runtime or a program.

use serde_json::Value as Json;

use crate::format::{Scalar, Table, Value, tables};
use crate::plan::Agents;
use crate::problem::{Place, Problem};
use crate::reader::{Fields, Reader};
use crate::tree::Kind;

/// What to launch.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) kind: TargetKind,
    pub(crate) ready_within_ns: Option<u64>,
    pub(crate) stop_within_ns: Option<u64>,
}

/// Which of the two kinds of target.
#[derive(Debug, Clone)]
pub(crate) enum TargetKind {
    Swarm(Swarm),
    Command {
        argv: Vec<String>,
        config: Option<Json>,
        agents: Option<Agents>,
        bus: Option<BusDirectory>,
        hosts: Option<u32>,
    },
}

/// What was said of the bus directory.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct BusDirectory {
    pub(crate) size: Option<u64>,
    pub(crate) inodes: Option<u64>,
}

/// What was said of a bus of files.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct FileBus {
    pub(crate) directory: BusDirectory,
    pub(crate) shards: Option<u64>,
    pub(crate) persist: Option<bool>,
}

/// The bundled runtime.
#[derive(Debug, Clone)]
pub(crate) struct Swarm {
    pub(crate) shape: Shape,
    /// The bus of files, where it has one.
    pub(crate) bus: Option<FileBus>,
    /// The other keys that were written, as the runtime calls them.
    pub(crate) options: Vec<(String, Json)>,
    /// The defects that were written, as the runtime calls them.
    pub(crate) defects: Vec<(String, Json)>,
}

/// The form of a swarm, every count within its limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    Flat { workers: u32 },
    Hybrid { coordinators: u32, workers: u32 },
    Deep { level_1: u32, level_2: u32, workers: u32 },
}

impl Shape {
    pub(crate) fn agents(self) -> Agents {
        match self {
            Self::Flat { workers } => Agents { master: 0, coordinator: 1, worker: workers },
            Self::Hybrid { coordinators, workers } => {
                Agents { master: 1, coordinator: coordinators, worker: workers }
            }
            Self::Deep { level_1, level_2, workers } => {
                Agents { master: 1, coordinator: level_1 + level_2, worker: workers }
            }
        }
    }
}

impl Target {
    /// How many agents it has, where the scenario says.
    pub(crate) fn agents(&self) -> Option<Agents> {
        match &self.kind {
            TargetKind::Swarm(swarm) => Some(swarm.shape.agents()),
            TargetKind::Command { agents, .. } => *agents,
        }
    }

    /// What was said of the bus directory, where it has one.
    pub(crate) fn bus_directory(&self) -> Option<BusDirectory> {
        match &self.kind {
            TargetKind::Swarm(swarm) => swarm.bus.map(|bus| bus.directory),
            TargetKind::Command { bus, .. } => *bus,
        }
    }

    /// How many hosts its network has, where it has one.
    pub(crate) fn hosts(&self) -> Option<u32> {
        match &self.kind {
            TargetKind::Swarm(_) => None,
            TargetKind::Command { hosts, .. } => *hosts,
        }
    }

    pub(crate) fn has_defects(&self) -> bool {
        let planted =
            |defects: &[(String, Json)]| defects.iter().any(|(_, value)| *value != Json::Bool(false));
        matches!(&self.kind, TargetKind::Swarm(swarm) if planted(&swarm.defects))
    }
}

pub(crate) fn read(scenario: &Fields<'_>, reader: &mut Reader) -> Option<Target> {
    let fields = scenario.table(reader, "target", &tables::TARGET)?;
    let ready_within_ns = fields.whole(reader, "ready_within", MILLISECOND).map(|w| w.value * MILLISECOND.0);
    let stop_within_ns = fields.whole(reader, "stop_within", MILLISECOND).map(|w| w.value * MILLISECOND.0);
    let kind = if fields.get("swarm").is_some() {
        for key in ["config", "agents", "bus_dir", "network"] {
            if let Some(place) = fields.place_of(key) {
                let what = format!("target.{key} belongs to target.command; a swarm has its own keys");
                reader.problem(Problem::new(place, what).help("remove it"));
            }
        }
        TargetKind::Swarm(swarm(&fields, reader)?)
    } else {
        command(&fields, reader)?
    };
    Some(Target { kind, ready_within_ns, stop_within_ns })
}

const MILLISECOND: (u64, &str) = (1_000_000, "millisecond");

fn command(fields: &Fields<'_>, reader: &mut Reader) -> Option<TargetKind> {
    let argv = fields.texts(reader, "command");
    let config = fields.get("config").map(|node| (node, node.to_json()));
    if let Some((node, _)) = config.as_ref().filter(|(node, _)| !matches!(node.kind, Kind::Map(_))) {
        let what = format!("target.config is {}, but it takes keys", node.described());
        reader.problem(Problem::new(&node.place, what).help("which keys is the target's own business"));
    }
    let agents = match fields.get("agents") {
        Some(_) => Some(agents(&fields.table(reader, "agents", &tables::AGENTS)?, reader)?),
        None => None,
    };
    let bus = bus_dir(fields, reader);
    let hosts = match fields.get("network") {
        Some(_) => {
            let hosts = fields.table(reader, "network", &tables::NETWORK)?.number(reader, "hosts");
            Some(small(hosts?.value))
        }
        None => None,
    };
    let config = config.map(|(_, json)| json);
    Some(TargetKind::Command { argv: argv?, config, agents, bus: bus?, hosts })
}

/// `Some(None)` where it was not written, `None` where it could not be read.
fn bus_dir(target: &Fields<'_>, reader: &mut Reader) -> Option<Option<BusDirectory>> {
    if target.get("bus_dir").is_none() {
        return Some(None);
    }
    let fields = target.table(reader, "bus_dir", &tables::BUS_DIR)?;
    let size = fields.number(reader, "size").map(|size| size.value);
    let inodes = fields.number(reader, "inodes").map(|inodes| inodes.value);
    Some(Some(BusDirectory { size, inodes }))
}

fn agents(fields: &Fields<'_>, reader: &mut Reader) -> Option<Agents> {
    let mut count = |key| {
        let read = fields.number(reader, key);
        // A value that was written and could not be read has left a problem.
        (fields.get(key).is_none() || read.is_some()).then(|| read.map_or(0, |r| small(r.value)))
    };
    let (master, coordinator, worker) = (count("master"), count("coordinator"), count("worker"));
    let agents = Agents { master: master?, coordinator: coordinator?, worker: worker? };
    check_total(u64::from(agents.all()), "target.agents", &fields.place, reader)?;
    Some(agents)
}

fn swarm(target: &Fields<'_>, reader: &mut Reader) -> Option<Swarm> {
    let fields = target.table(reader, "swarm", &tables::SWARM)?;
    let shape = shape(&fields, reader);
    let bus = file_bus(&fields, reader);
    let others: Vec<_> = SHAPE_KEYS.iter().chain(BUS_KEYS).copied().collect();
    let options = values(&fields, reader, &tables::SWARM, &others);
    let defects = match fields.get("defects") {
        Some(_) => {
            let fields = fields.table(reader, "defects", &tables::DEFECTS)?;
            if let (Some(place), None) = (fields.place_of("late"), fields.get("late_1_in")) {
                let what = format!("{} does nothing without \"late_1_in\"", fields.path("late"));
                reader.problem(Problem::new(place, what).help("say which answers are late: late_1_in: 10"));
            }
            values(&fields, reader, &tables::DEFECTS, &[])
        }
        None => Vec::new(),
    };
    Some(Swarm { shape: shape?, bus: bus?, options, defects })
}

/// Keys that speak of the bus; with sockets none of them is passed to the runtime.
pub(crate) const BUS_KEYS: &[&str] = &["bus", "bus_size", "bus_inodes", "shards", "persist"];

/// `Some(None)` for a bus of sockets, `None` where a word could not be read.
fn file_bus(fields: &Fields<'_>, reader: &mut Reader) -> Option<Option<FileBus>> {
    let word = match fields.get("bus") {
        Some(_) => fields.word(reader, "bus")?.value,
        None => tables::SWARM.default_word("bus"),
    };
    let mut number = |key| fields.number(reader, key).map(|number| number.value);
    let (size, inodes, shards) = (number("bus_size"), number("bus_inodes"), number("shards"));
    let persist = fields.flag(reader, "persist");
    if word == "files" {
        return Some(Some(FileBus { directory: BusDirectory { size, inodes }, shards, persist }));
    }
    for key in BUS_KEYS[1..].iter() {
        if let Some(place) = fields.place_of(key) {
            let what = format!("{} does nothing with a bus of sockets", fields.path(key));
            reader.problem(Problem::new(place, what).help("write bus: files, or remove it"));
        }
    }
    Some(None)
}

/// Keys that say how many agents there are; all others are passed to the runtime one by one.
const SHAPE_KEYS: &[&str] =
    &["shape", "coordinators", "workers_per_coordinator", "workers", "level_1", "level_2"];

/// Every written key of a table as the runtime takes it: durations in milliseconds under a name that says so,
/// sizes in bytes.
fn values(
    fields: &Fields<'_>,
    reader: &mut Reader,
    table: &'static Table,
    except: &[&str],
) -> Vec<(String, Json)> {
    let mut values = Vec::new();
    for field in table.fields.iter().filter(|f| !except.contains(&f.key)) {
        let key = field.key;
        let Value::Scalar(scalar) = field.value else { continue };
        let value = match scalar {
            Scalar::Flag => fields.flag(reader, key).map(|flag| (key.to_owned(), Json::Bool(flag))),
            Scalar::Duration { .. } => {
                fields.whole(reader, key, MILLISECOND).map(|ms| (format!("{key}_ms"), ms.value.into()))
            }
            _ => fields.number(reader, key).map(|number| (key.to_owned(), number.value.into())),
        };
        values.extend(value);
    }
    values
}

fn shape(fields: &Fields<'_>, reader: &mut Reader) -> Option<Shape> {
    let word = fields.word(reader, "shape");
    let mut count = |key: &str| fields.number(reader, key).map(|c| c.value);
    let (coordinators, each, workers) =
        (count("coordinators"), count("workers_per_coordinator"), count("workers"));
    let (level_1, level_2) = (count("level_1"), count("level_2"));
    let word = word?.value;
    let keys: &[&str] = match word {
        "flat" => &["workers"],
        "hybrid" => &["coordinators", "workers", "workers_per_coordinator"],
        _ => &["level_1", "level_2", "workers"],
    };
    let mut fits = refuse_others(fields, reader, word, keys);
    let needed: &[&str] = match word {
        "hybrid" => &["coordinators"],
        "flat" => &[],
        _ => &["level_1", "level_2"],
    };
    for key in needed.iter().filter(|key| fields.get(key).is_none()) {
        let what = format!("target.swarm has no \"{key}\"");
        reader.problem(Problem::new(&fields.place, what).help(format!("the shape {word} needs it")));
        fits = false;
    }
    if !fits {
        return None;
    }
    let workers = match (workers, coordinators, each) {
        (Some(workers), ..) => workers,
        (None, Some(coordinators), Some(each)) => coordinators * each,
        _ => return None,
    };
    checked(fields, reader, word, [coordinators, level_1, level_2], workers)
}

/// Keys of another shape are problems.
fn refuse_others(fields: &Fields<'_>, reader: &mut Reader, shape: &str, keys: &[&str]) -> bool {
    let others = SHAPE_KEYS[1..].iter().filter(|key| !keys.contains(key));
    let mut none = true;
    for key in others {
        if let Some(place) = fields.place_of(key) {
            let what = format!("the shape {shape} has no \"{key}\"");
            reader.problem(Problem::new(place, what).help(format!("it takes {}", keys.join(", "))));
            none = false;
        }
    }
    none
}

/// Every agent that leads must have somebody to lead, and all together must be few enough.
fn checked(
    fields: &Fields<'_>,
    reader: &mut Reader,
    shape: &str,
    [coordinators, level_1, level_2]: [Option<u64>; 3],
    workers: u64,
) -> Option<Shape> {
    let place = &fields.place;
    let mut led = |above: u64, above_name: &str, below: u64, below_name: &str| {
        if below >= above {
            return Some(());
        }
        let what = format!("target.swarm has {below} {below_name} under {above} {above_name}");
        reader.problem(Problem::new(place, what).help("each needs at least one"));
        None
    };
    let (inner, shape) = match shape {
        "flat" => (1, Shape::Flat { workers: small(workers) }),
        "hybrid" => {
            let coordinators = coordinators?;
            led(coordinators, "coordinators", workers, "workers")?;
            (1 + coordinators, Shape::Hybrid { coordinators: small(coordinators), workers: small(workers) })
        }
        _ => {
            let (level_1, level_2) = (level_1?, level_2?);
            led(level_1, "coordinators of level 1", level_2, "coordinators of level 2")?;
            led(level_2, "coordinators of level 2", workers, "workers")?;
            let shape =
                Shape::Deep { level_1: small(level_1), level_2: small(level_2), workers: small(workers) };
            (1 + level_1 + level_2, shape)
        }
    };
    check_total(inner + workers, "target.swarm", place, reader)?;
    Some(shape)
}

fn check_total(all: u64, path: &str, place: &Place, reader: &mut Reader) -> Option<()> {
    if (2..=tables::MOST_AGENTS).contains(&all) {
        return Some(());
    }
    let help =
        format!("a target has from 2 to {} agents, masters and coordinators included", tables::MOST_AGENTS);
    reader.problem(Problem::new(place, format!("{path} has {all} agents")).help(help));
    None
}

/// A count that the tables limit to 2,000, or a product of two that is checked right after.
fn small(count: u64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
