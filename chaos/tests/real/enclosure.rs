//! What the target finds that was made for it, and that nothing of it is left.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use chaos::{ChaosError, Guardian};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use scenarios::plan::{BusDirectory, Enclosure, Network};

use crate::run::{guardian_command, target, wait_until};

const WITHIN: Duration = Duration::from_secs(10);

pub(crate) const PLAIN: BusDirectory = BusDirectory { bytes: None, inodes: None, intercepted: false };
pub(crate) const SMALL: BusDirectory =
    BusDirectory { bytes: Some(4 << 20), inodes: Some(200), intercepted: false };
pub(crate) const INTERCEPTED: BusDirectory =
    BusDirectory { bytes: Some(4 << 20), inodes: Some(200), intercepted: true };

pub(crate) fn with_bus(bus: BusDirectory) -> Enclosure {
    Enclosure { bus: Some(bus), network: None }
}

pub(crate) fn with_hosts(hosts: u32) -> Enclosure {
    Enclosure { bus: None, network: Some(Network { hosts }) }
}

/// A shell as the target: it does what it is told, line by line, and answers each with one line.
pub(crate) struct Shell {
    // Before the directory: its end is written there.
    pub(crate) guardian: Option<Guardian>,
    pub(crate) dir: tempfile::TempDir,
    to: std::fs::File,
    from: BufReader<std::fs::File>,
}

impl Shell {
    pub(crate) fn within(enclosure: &Enclosure) -> Result<Self, ChaosError> {
        let dir = tempfile::tempdir().unwrap();
        let argv = ["sh"].map(OsString::from).to_vec();
        let (guardian, stdio) =
            Guardian::start(&guardian_command(), dir.path(), target(dir.path(), argv), enclosure)?;
        let (to, from) = (stdio.stdin.into(), BufReader::new(stdio.stdout.into()));
        Ok(Self { guardian: Some(guardian), dir, to, from })
    }

    pub(crate) fn says(&mut self, script: &str) -> String {
        writeln!(self.to, "{script}").unwrap();
        let mut line = String::new();
        self.from.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    pub(crate) fn guardian(&self) -> &Guardian {
        self.guardian.as_ref().unwrap()
    }

    pub(crate) fn end(mut self) -> tempfile::TempDir {
        // What it ran before has ended then.
        assert_eq!(self.says("wait; echo over"), "over");
        let ended = self.guardian.take().unwrap().end_all(WITHIN).unwrap();
        assert_eq!((ended.left_behind, ended.still_alive), (1, 0), "the shell and nobody else");
        self.dir
    }
}

fn plain_of(shell: &Shell) -> PathBuf {
    let guardian = shell.guardian().identity();
    PathBuf::from(format!("/dev/shm/shakedown-{}-{}", guardian.pid, guardian.starttime))
}

fn files(dir: &Path) -> Vec<String> {
    let names = std::fs::read_dir(dir).unwrap();
    let mut names: Vec<String> =
        names.map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// Children of the guardian that serve the target.
fn helpers(guardian: u32) -> Vec<u32> {
    let children = std::fs::read_to_string(format!("/proc/{guardian}/task/{guardian}/children")).unwrap();
    let comm = |pid: &&str| std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    children
        .split_whitespace()
        .filter(|pid| comm(pid).starts_with("shakedown-"))
        .map(|pid| pid.parse().unwrap())
        .collect()
}

#[test]
fn a_plain_bus_directory_is_in_memory_and_is_removed_with_the_run() {
    let mut shell = Shell::within(&with_bus(PLAIN)).unwrap();
    let path = plain_of(&shell);
    assert_eq!(shell.says("echo $SHAKEDOWN_BUS_DIR"), path.display().to_string());
    assert_eq!(shell.says("mkdir $SHAKEDOWN_BUS_DIR/d && echo x > $SHAKEDOWN_BUS_DIR/d/f; echo $?"), "0");
    assert_eq!(files(&path), ["d"]);
    shell.end();
    assert!(!path.exists());
}

#[test]
fn a_bus_directory_with_a_size_holds_no_more_and_is_not_seen_outside() {
    let mut shell = Shell::within(&with_bus(SMALL)).unwrap();
    assert_eq!(shell.says("cd $SHAKEDOWN_BUS_DIR; head -c 3000000 /dev/zero > a; echo $?"), "0");
    assert_eq!(shell.says("head -c 3000000 /dev/zero > b 2>/dev/null; echo $?"), "1");
    // Of 200 inodes the directory itself has one and the first file another.
    assert_eq!(shell.says("rm b; i=0; while ( : > f$i ) 2>/dev/null; do i=$((i+1)); done; echo $i"), "198");
    assert_eq!(files(&shell.dir.path().join("bus")), [""; 0]);
    let dir = shell.end();
    assert!(!dir.path().join("bus").exists());
}

#[test]
fn an_intercepted_bus_directory_is_like_any_other() {
    let mut shell = Shell::within(&with_bus(INTERCEPTED)).unwrap();
    let cases = [
        ("cd $SHAKEDOWN_BUS_DIR && mkdir -p a/b && echo hello > a/b/f && cat a/b/f", "hello"),
        ("echo more >> a/b/f; wc -c < a/b/f", "11"),
        ("mv a/b/f a/g; echo $(ls a a/b)", "a: b g a/b:"),
        ("ln a/g h; ln -s h s; cat s | head -1; rm a/g", "hello"),
        ("stat -c '%h %s %a %F' h", "1 11 644 regular file"),
        ("readlink s; rm s h", "h"),
        ("chmod 600 a; stat -c %a a; chmod 700 a", "600"),
        ("rmdir a/b a; ls -A | wc -l", "0"),
        ("cat missing 2>/dev/null; echo $?", "1"),
        ("truncate -s 100 t; stat -c %s t; touch -d @1000 t", "100"),
        ("stat -c %Y t; rm t", "1000"),
        ("head -c 3000000 /dev/zero > big; sync -d big; stat -c %s big", "3000000"),
        ("head -c 3000000 /dev/zero > more 2>/dev/null; echo $?", "1"),
        ("mkfifo p; (echo through > p &); cat p; rm p", "through"),
        ("i=0; while [ $i -lt 150 ]; do : > f$i; i=$((i+1)); done; ls | wc -l", "152"),
    ];
    for (script, expected) in cases {
        assert_eq!(shell.says(script), expected, "{script}");
    }
    shell.end();
}

#[test]
fn hosts_reach_each_other_and_nobody_else() {
    let mut shell = Shell::within(&with_hosts(2)).unwrap();
    let list: serde_json::Value = serde_json::from_str(&shell.says("echo $SHAKEDOWN_NETWORK")).unwrap();
    let own = shell.says("readlink /proc/self/ns/net");
    let netns = |at: usize| list[at]["netns"].as_str().unwrap().to_owned();
    let inode =
        |path: &str| std::fs::metadata(path).map(|m| std::os::unix::fs::MetadataExt::ino(&m)).unwrap();
    assert_eq!(own, format!("net:[{}]", inode(&netns(0))));
    assert_ne!(inode(&netns(0)), inode(&netns(1)));
    assert_eq!((&list[0]["address"], &list[1]["address"]), (&"10.77.0.1".into(), &"10.77.0.2".into()));
    let serve = "import socket; s=socket.create_server((\"10.77.0.2\",80)); print(\"up\", flush=True); c,_=s.accept(); c.sendall(c.recv(9))";
    let listening = shell.says(&format!("nsenter --net={} python3 -c '{serve}' &", netns(1)));
    assert_eq!(listening, "up");
    let ask = "import socket; c=socket.create_connection((\"10.77.0.2\",80),5); c.sendall(b\"ping\"); print(c.recv(9).decode())";
    assert_eq!(shell.says(&format!("said=$(python3 -c '{ask}'); wait; echo $said")), "ping");
    let elsewhere =
        "import socket\ntry: socket.create_connection((\"1.1.1.1\",80),1)\nexcept OSError as e: print(e)";
    std::fs::write(shell.dir.path().join("e.py"), elsewhere.replace("\\\"", "\"")).unwrap();
    let script = format!("echo $(python3 {})", shell.dir.path().join("e.py").display());
    assert_eq!(shell.says(&script), "[Errno 101] Network is unreachable");
    shell.end();
}

#[test]
fn what_was_made_ends_with_a_guardian_that_is_killed() {
    let everything = Enclosure { bus: Some(INTERCEPTED), network: Some(Network { hosts: 3 }) };
    let shell = Shell::within(&everything).unwrap();
    let guardian = shell.guardian().identity();
    let helpers = helpers(guardian.pid);
    assert_eq!(helpers.len(), 2);
    kill(Pid::from_raw(i32::try_from(guardian.pid).unwrap()), Signal::SIGKILL).unwrap();
    for helper in helpers {
        wait_until("the helper has ended", || {
            std::fs::read_to_string(format!("/proc/{helper}/comm"))
                .map_or(true, |c| !c.starts_with("shakedown-"))
                || crate::run::identity_of(helper).is_none_or(|p| !p.is_alive().unwrap())
        });
    }
    let dir = shell.dir;
    drop(shell.guardian);
    assert!(!dir.path().join("bus").exists());
}

#[test]
fn a_target_is_not_left_waiting_when_the_process_behind_its_files_is_killed() {
    let mut shell = Shell::within(&with_bus(INTERCEPTED)).unwrap();
    assert_eq!(shell.says("echo kept > $SHAKEDOWN_BUS_DIR/f; cat $SHAKEDOWN_BUS_DIR/f"), "kept");
    let helper = helpers(shell.guardian().identity().pid)[0];
    kill(Pid::from_raw(i32::try_from(helper).unwrap()), Signal::SIGKILL).unwrap();
    // Until the guardian has noticed it, operations fail; from then on they reach the files themselves.
    wait_until("the files are reached again", || {
        shell.says("cat $SHAKEDOWN_BUS_DIR/f 2>/dev/null || echo fails") == "kept"
    });
    let fault = scenarios::plan::FaultKind::FileDelay {
        delay_ns: 1,
        jitter_ns: 0,
        operations: vec![scenarios::plan::FileOperation::Open],
    };
    let fault = scenarios::plan::Fault::new("one", fault, None, 0, 1);
    let refused = chaos::inject(&shell.guardian().site(0).unwrap(), &fault, &[]).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "cannot apply file_delay: the process that the run's files go through is gone"
    );
    shell.end();
}

#[test]
fn a_network_that_cannot_be_is_refused_before_the_target_starts() {
    let refused = Shell::within(&with_hosts(251)).err().unwrap().to_string();
    assert_eq!(
        refused,
        "could not make the bus directory or the network of the target: \
         a network has 1 to 250 hosts, not 251"
    );
}
