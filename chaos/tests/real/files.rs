//! Faults of the bus directory: each is seen, is undone, and is not proven where it is only claimed.

use evidence::event::{FaultStep, Level, Proof, Victim};
use scenarios::plan::{self, BusDirectory, FaultKind, FileError, FileOperation};

use crate::enclosure::{INTERCEPTED, PLAIN, SMALL, Shell, with_bus};

const SECOND: u64 = 1_000_000_000;

fn fault(kind: FaultKind) -> plan::Fault {
    plan::Fault::new("one", kind, None, 0, 60 * SECOND)
}

fn inject(shell: &Shell, fault: &plan::Fault) -> Result<chaos::Injected, chaos::ChaosError> {
    chaos::inject(&shell.guardian().site(0).unwrap(), fault, &[])
}

fn words(victims: &[Victim]) -> Vec<String> {
    let readings = victims.iter().flat_map(|v| &v.readings);
    readings.map(|r| format!("{:?} {}: {} / {}", r.level, r.source, r.expected, r.found)).collect()
}

fn proof(victims: &[Victim]) -> Proof {
    assert_eq!(victims.len(), 1, "{victims:?}");
    assert_eq!(victims[0].subject.to_string(), "bus directory");
    victims[0].proof
}

/// Injects, lets `during` look at it from within, heals, and lets `after` look again.
fn bites(bus: BusDirectory, kind: FaultKind, during: (&str, &str), after: (&str, &str)) {
    let mut shell = Shell::within(&with_bus(bus)).unwrap();
    shell.says("cd $SHAKEDOWN_BUS_DIR; echo old > old; echo there");
    let claimed = plan::Fault { pretend: true, ..fault(kind.clone()) };
    let nothing = inject(&shell, &claimed).unwrap();
    assert_eq!(proof(&nothing.victims), Proof::Mismatch, "{:?}", words(&nothing.victims));
    drop(nothing);
    let injected = inject(&shell, &fault(kind)).unwrap();
    assert_eq!(injected.step, FaultStep::Injected, "{injected:?}");
    assert_eq!(proof(&injected.victims), Proof::Proven, "{:?}", words(&injected.victims));
    let levels: Vec<Level> = injected.victims[0].readings.iter().map(|r| r.level).collect();
    assert_eq!(levels, [Level::E1, Level::E2]);
    assert_eq!(shell.says(during.0), during.1, "{}", during.0);
    let healed = injected.guard.unwrap().heal();
    assert_eq!((healed.step, &healed.why), (FaultStep::Healed, &None));
    assert_eq!(proof(&healed.observed), Proof::Proven, "{:?}", words(&healed.observed));
    assert_eq!(shell.says(after.0), after.1, "{}", after.0);
    assert_eq!(shell.says("ls -A | grep -c shakedown"), "0", "nothing of ours is left");
    shell.end();
}

const WRITE: &str = "(echo new > new) 2>/dev/null && echo written || echo refused";

#[test]
fn a_full_bus_directory_takes_no_more_until_it_is_healed() {
    for bus in [SMALL, INTERCEPTED] {
        bites(bus, FaultKind::DiskFull { leave: 0 }, (WRITE, "refused"), (WRITE, "written"));
    }
}

#[test]
fn a_full_bus_directory_leaves_what_was_asked_and_takes_what_is_freed() {
    let mut shell = Shell::within(&with_bus(SMALL)).unwrap();
    shell.says("cd $SHAKEDOWN_BUS_DIR; head -c 1000000 /dev/zero > mine; echo there");
    let injected = inject(&shell, &fault(FaultKind::DiskFull { leave: 65_536 })).unwrap();
    let found = words(&injected.victims);
    assert_eq!(found[0], "E1 statfs: at most 65536 bytes left / 65536 bytes left");
    assert_eq!(found[1], "E2 writing more: ENOSPC / ENOSPC");
    assert_eq!(shell.says("rm mine; head -c 60000 /dev/zero > less && echo written"), "written");
    let room = "df -B1 --output=avail . | tail -1";
    crate::run::wait_until("what was freed is taken too", || {
        shell.says(room).trim().parse::<u64>().unwrap() <= 65_536
    });
    assert_eq!(proof(&injected.guard.unwrap().heal().observed), Proof::Proven);
    shell.end();
}

#[test]
fn a_bus_directory_without_inodes_takes_no_more_files_until_it_is_healed() {
    bites(SMALL, FaultKind::InodesFull { leave: 0 }, (WRITE, "refused"), (WRITE, "written"));
    bites(INTERCEPTED, FaultKind::InodesFull { leave: 3 }, (WRITE, "written"), (WRITE, "written"));
}

#[test]
fn a_read_only_bus_directory_can_be_read_and_not_written() {
    for bus in [SMALL, INTERCEPTED] {
        bites(
            bus,
            FaultKind::ReadOnly {},
            (&format!("{WRITE}; cat old > /dev/null"), "refused"),
            (WRITE, "written"),
        );
    }
}

#[test]
fn a_file_that_is_held_open_does_not_keep_the_directory_from_being_read_only() {
    for bus in [SMALL, INTERCEPTED] {
        let mut shell = Shell::within(&with_bus(bus)).unwrap();
        assert_eq!(shell.says("exec 7>> $SHAKEDOWN_BUS_DIR/log; echo held"), "held");
        let injected = inject(&shell, &fault(FaultKind::ReadOnly {})).unwrap();
        assert_eq!(proof(&injected.victims), Proof::Proven);
        assert_eq!(
            words(&injected.victims)[0],
            "E1 mountinfo: ro / ro, by its path: a file in it is open for writing all the time"
        );
        let write = "(echo x > $SHAKEDOWN_BUS_DIR/new) 2>/dev/null && echo written || echo refused";
        assert_eq!(shell.says(write), "refused");
        assert_eq!(shell.says("echo x >&7 && echo written"), "written", "to what was open before");
        let healed = injected.guard.unwrap().heal();
        assert_eq!((healed.step, &healed.why), (FaultStep::Healed, &None));
        assert_eq!(shell.says(write), "written");
        assert_eq!(shell.says("exec 7>&-; cat $SHAKEDOWN_BUS_DIR/log"), "x", "nothing was covered for good");
        shell.end();
    }
}

fn errors(error: FileError, operation: FileOperation, per_million: u32) -> FaultKind {
    FaultKind::FileErrors { error, operations: vec![operation], per_million }
}

#[test]
fn chosen_operations_fail_with_the_chosen_error() {
    use FileOperation::{Open, Read, Remove, Rename, Sync, Write};
    let python = |call: &str| {
        let file = if call.contains("(f") { "os.open(\"old\",os.O_RDWR)" } else { "0" };
        format!(
            "python3 -c 'import os,errno\nf={file}\ntry: {call}; print(\"done\")\nexcept OSError as e: \
             print(errno.errorcode[e.errno])'"
        )
    };
    let cases = [
        (Write, FileError::Eio, "os.write(f, b\"x\")", "EIO"),
        (Read, FileError::Eacces, "os.read(f, 3)", "EACCES"),
        (Sync, FileError::Eio, "os.fsync(f)", "EIO"),
        (Open, FileError::Emfile, "os.open(\"old\", 0)", "EMFILE"),
        (Rename, FileError::Enospc, "os.rename(\"old\", \"new\")", "ENOSPC"),
        (Remove, FileError::Eio, "os.unlink(\"old\")", "EIO"),
    ];
    let mut shell = Shell::within(&with_bus(INTERCEPTED)).unwrap();
    shell.says("cd $SHAKEDOWN_BUS_DIR; echo there");
    for (operation, error, call, expected) in cases {
        shell.says("echo old > old; echo there");
        let injected = inject(&shell, &fault(errors(error, operation, 1_000_000))).unwrap();
        assert_eq!(proof(&injected.victims), Proof::Proven, "{operation:?}: {:?}", words(&injected.victims));
        assert_eq!(shell.says(&python(call)), expected, "{call}");
        let healed = injected.guard.unwrap().heal();
        assert_eq!(healed.step, FaultStep::Healed, "{healed:?}");
        assert_eq!(shell.says(&python(call)), "done", "{call}");
    }
    assert_eq!(shell.says("ls -A | grep -c shakedown"), "0", "nothing of ours is left");
    shell.end();
}

#[test]
fn a_share_of_the_operations_fails_and_the_hits_are_counted() {
    let kind = errors(FileError::Eio, FileOperation::Write, 200_000);
    let shell = Shell::within(&with_bus(INTERCEPTED)).unwrap();
    let injected = inject(&shell, &fault(kind)).unwrap();
    assert_eq!(proof(&injected.victims), Proof::Proven);
    let observed = injected.guard.unwrap().heal().observed;
    let found = &observed[0].readings.last().unwrap().found;
    assert!(found.starts_with("in force, hit ") && !found.contains("hit 0 of"), "{found}");
    shell.end();
}

#[test]
fn operations_wait_as_long_as_asked() {
    let kind =
        FaultKind::FileDelay { delay_ns: SECOND / 5, jitter_ns: 0, operations: vec![FileOperation::Open] };
    let took = "python3 -c 'import time,os\nb=time.time(); os.open(\"old\",0); print(time.time()-b > 0.2)'";
    bites(INTERCEPTED, kind, (took, "True"), (took, "False"));
}

#[test]
fn a_full_directory_is_emptied_although_it_is_read_only_by_then() {
    for (bus, kind) in [
        (SMALL, FaultKind::DiskFull { leave: 0 }),
        (SMALL, FaultKind::InodesFull { leave: 0 }),
        (INTERCEPTED, FaultKind::DiskFull { leave: 0 }),
    ] {
        let mut shell = Shell::within(&with_bus(bus)).unwrap();
        let full = inject(&shell, &fault(kind)).unwrap();
        let ro = plan::Fault { id: "two".into(), ..fault(FaultKind::ReadOnly {}) };
        let ro = inject(&shell, &ro).unwrap();
        assert_eq!(proof(&ro.victims), Proof::Proven, "{:?}", words(&ro.victims));
        let healed = full.guard.unwrap().heal();
        assert_eq!((healed.step, &healed.why), (FaultStep::Healed, &None));
        assert_eq!(proof(&healed.observed), Proof::Proven, "{:?}", words(&healed.observed));
        assert_eq!(ro.guard.unwrap().heal().step, FaultStep::Healed);
        assert_eq!(shell.says(&format!("cd $SHAKEDOWN_BUS_DIR; {WRITE}")), "written");
        assert_eq!(shell.says("ls -A | grep -c shakedown"), "0", "nothing of ours is left");
        shell.end();
    }
}

#[test]
fn a_full_directory_is_filled_and_emptied_although_every_operation_fails() {
    let mut shell = Shell::within(&with_bus(INTERCEPTED)).unwrap();
    use FileOperation::{Open, Remove, Write};
    let operations = vec![Open, Write, Remove];
    let failing = FaultKind::FileErrors { error: FileError::Eio, operations, per_million: 1_000_000 };
    let failing = inject(&shell, &plan::Fault { id: "failing".into(), ..fault(failing) }).unwrap();
    let full = inject(&shell, &fault(FaultKind::DiskFull { leave: 0 })).unwrap();
    assert_eq!(words(&full.victims)[0], "E1 statfs: at most 0 bytes left / 0 bytes left");
    let room = "df -B1 --output=avail $SHAKEDOWN_BUS_DIR | tail -1";
    assert_eq!(shell.says(room).trim(), "0");
    let healed = full.guard.unwrap().heal();
    assert_eq!((healed.step, &healed.why), (FaultStep::Healed, &None));
    assert_ne!(shell.says(room).trim(), "0");
    assert_eq!(failing.guard.unwrap().heal().step, FaultStep::Healed);
    shell.end();
}

#[test]
fn a_rule_ends_by_itself_although_nobody_heals_it() {
    let mut shell = Shell::within(&with_bus(INTERCEPTED)).unwrap();
    shell.says("cd $SHAKEDOWN_BUS_DIR; echo old > old; echo there");
    let short = plan::Fault { for_ns: 1, ..fault(errors(FileError::Eio, FileOperation::Open, 1_000_000)) };
    let injected = inject(&shell, &short).unwrap();
    assert_eq!(injected.step, FaultStep::Injected);
    crate::run::wait_until("it has ended", || shell.says("cat old 2>/dev/null || echo not yet") == "old");
    drop(injected);
    shell.end();
}

#[test]
fn a_directory_that_is_not_the_runs_own_mount_is_never_touched() {
    let plain = Shell::within(&with_bus(PLAIN)).unwrap();
    let refused = |shell: &Shell, kind| inject(shell, &fault(kind)).unwrap_err().to_string();
    for kind in [FaultKind::DiskFull { leave: 0 }, FaultKind::InodesFull { leave: 0 }, FaultKind::ReadOnly {}]
    {
        let name = kind.name();
        assert_eq!(
            refused(&plain, kind),
            format!(
                "cannot apply {name}: the run has no bus directory with a size of its own, and no other is \
                 touched; give it one (bus_dir, or bus: files)"
            )
        );
    }
    plain.end();
    let unbounded = BusDirectory { inodes: None, ..SMALL };
    let shell = Shell::within(&with_bus(unbounded)).unwrap();
    assert_eq!(
        refused(&shell, FaultKind::InodesFull { leave: 0 }),
        "cannot apply inodes_full: the bus directory has no number of inodes of its own, so that this would not \
         end; give it one (bus_dir, or bus: files)"
    );
    assert_eq!(
        refused(&shell, errors(FileError::Eio, FileOperation::Open, 1)),
        "cannot apply file_errors: operations in the bus directory do not go through a process of the run; let \
         them (bus_dir, or bus: files)"
    );
    shell.end();
}
