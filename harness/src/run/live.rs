//! The loop of a run: waits for whatever comes first, steps, does what it is told. It decides nothing.

use std::collections::VecDeque;
use std::time::Duration;

use chaos::{ChaosError, Guardian, Report as GuardianReport, TargetCommand};
use evidence::EvidenceError;
use evidence::layout;
use scenarios::plan::{OnHarnessDeath, Plan};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::net::UnixStream;
use tokio::sync::mpsc::{Receiver, UnboundedReceiver, UnboundedSender};
use tokio::sync::watch;

use super::{blocking, refused};
use crate::checkpoint::SentFile;
use crate::clock::{Alarm, Clock};
use crate::dispatcher::{Command, Commands, Conclusion, Event, State, What, step};
use crate::error::{HarnessError, HostFailure, TargetFailure};
use crate::nemesis::Nemesis;
use crate::notify::Notifier;
use crate::progress::Progress;
use crate::recorder::Recorder;
use crate::sampler::{Sampler, Tick};
use crate::target::{Read, Target};
use crate::{Interrupt, Setup};

/// How often somebody who looks on is told, in nanoseconds.
const SHOW_EVERY_NS: u64 = 200_000_000;
/// How long ending everything may take.
const END_WITHIN: Duration = Duration::from_secs(10);

/// What a run has running.
#[derive(Debug)]
pub(super) struct Live {
    state: State,
    sent: SentFile,
    clock: Clock,
    alarm: Alarm,
    recorder: Recorder,
    events: UnboundedSender<Event>,
    received: UnboundedReceiver<Event>,
    interrupts: Receiver<Interrupt>,
    observer: watch::Sender<Progress>,
    shown_ns: u64,
    sampler: Option<Sampler>,
    notifier: Option<Notifier>,
    running: Option<Running>,
    conclusion: Option<Conclusion>,
}

/// The processes of the run and what is connected to them.
#[derive(Debug)]
struct Running {
    guardian: Guardian,
    reports: Lines<BufReader<UnixStream>>,
    reports_ended: bool,
    target: Target,
    output_closed: bool,
    /// The input and output of a target that is being started again.
    starting: Option<chaos::TargetStdio>,
    nemesis: Nemesis,
}

/// How a run gets its processes.
#[derive(Debug)]
pub(crate) enum Start {
    /// They are started.
    New,
    /// They are started again, after those of an earlier harness are gone.
    Again,
    /// They are there.
    TakenOver(Box<Guardian>, chaos::TargetStdio),
}

/// What the loop woke up for.
enum Woken {
    Interrupted(Interrupt),
    Event(Event),
    Guardian(Option<GuardianReport>),
    Output(Read),
    Writable,
    Rang,
}

/// Tells the loop that the evidence cannot be written.
pub(super) fn writing_failed(
    clock: Clock,
    events: UnboundedSender<Event>,
) -> impl FnOnce(EvidenceError) + Send + 'static {
    move |why| {
        let failure = HostFailure::Evidence { found: why.to_string() };
        // Nobody listens any more when the run is over.
        let _ = events.send(Event { at_ns: clock.now_ns(), what: What::HostFailed(failure) });
    }
}

impl Live {
    /// Runs the plan to its end.
    pub(super) async fn carry_out(
        (state, start): (State, Start),
        setup: &Setup,
        clock: Clock,
        recorder: Recorder,
        (events, received): (UnboundedSender<Event>, UnboundedReceiver<Event>),
        observer: watch::Sender<Progress>,
        interrupts: Receiver<Interrupt>,
    ) -> Result<Conclusion, HarnessError> {
        let command = target_command(state.plan(), setup);
        let budgeted = state.plan().soak.disk_bytes.is_some();
        let tick = Tick::new(clock.zero_ns, (setup.run_dir.clone(), budgeted), recorder.clone());
        let notifier = Notifier::new(&state.plan().soak.notify, clock, events.clone());
        let mut live = Self {
            notifier: Some(notifier),
            sent: SentFile::open(&setup.run_dir).map_err(|e| HarnessError::evidence(&e))?,
            state,
            clock,
            alarm: Alarm::new(clock).map_err(|e| refused("make a timer", &e))?,
            sampler: Some(
                Sampler::start(clock, tick, events.clone())
                    .map_err(|e| refused("start the sampler's thread", &e))?,
            ),
            recorder,
            events,
            received,
            interrupts,
            observer,
            shown_ns: 0,
            running: None,
            conclusion: None,
        };
        let what = live.launch(setup, start, command).await?;
        live.step(what).await?;
        while live.conclusion.is_none() {
            if let Err(why) = live.turn().await {
                live.step(What::HostFailed(why)).await?;
            }
        }
        live.show(true);
        live.conclusion.ok_or_else(|| HarnessError::internal("conclude the run", &"there was no conclusion"))
    }

    /// Starts the guardian and, through it, the target; what that came to.
    async fn launch(
        &mut self,
        setup: &Setup,
        start: Start,
        command: TargetCommand,
    ) -> Result<What, HarnessError> {
        let again = match start {
            Start::New => false,
            Start::Again => true,
            Start::TakenOver(guardian, stdio) => return self.take_over(*guardian, stdio),
        };
        let keep = self.state.plan().soak.on_harness_death == OnHarnessDeath::Keep;
        let terms = chaos::Terms { claim: keep.then(|| crate::resume::claim(setup)), again };
        let (guardian, run_dir) = (setup.guardian.clone(), setup.run_dir.clone());
        let enclosure = self.state.plan().target.enclosure.clone();
        let started = blocking(move || {
            chaos::become_subreaper()?;
            Guardian::start_on(&guardian, &run_dir, command, &enclosure, &terms)
        });
        match started.await? {
            Ok((guardian, stdio)) => {
                let pid = guardian.target_pid();
                let connected = Target::new(stdio).map_err(Into::into);
                let connected = connected.and_then(|target| self.connect(guardian, target));
                let connected = connected.map_err(|e| refused("connect to the target", &e));
                self.running = Some(connected?);
                Ok(What::Started { pid })
            }
            Err(ChaosError::TargetNotStarted { program, found }) => {
                Ok(What::Failed(TargetFailure::NotStarted { program, found }))
            }
            Err(why) => Ok(What::HostFailed(refused("start the run's processes", &why))),
        }
    }

    fn take_over(&mut self, guardian: Guardian, stdio: chaos::TargetStdio) -> Result<What, HarnessError> {
        let pid = guardian.target_pid();
        let connected = Target::of_another(stdio).map_err(Into::into);
        let connected = connected.and_then(|target| self.connect(guardian, target));
        self.running = Some(connected.map_err(|e| refused("connect to the target", &e))?);
        Ok(What::TakenOver { pid })
    }

    fn connect(&self, guardian: Guardian, target: Target) -> Result<Running, Box<dyn std::error::Error>> {
        let reports = guardian.reports()?;
        reports.set_nonblocking(true)?;
        let site = guardian.site(self.clock.zero_ns)?;
        Ok(Running {
            reports: BufReader::new(UnixStream::from_std(reports)?).lines(),
            reports_ended: false,
            target,
            output_closed: false,
            starting: None,
            nemesis: Nemesis::new(site, self.clock, self.events.clone()),
            guardian,
        })
    }

    /// Waits for whatever comes first and deals with it.
    async fn turn(&mut self) -> Result<(), HostFailure> {
        let show_ns = self.shown_ns + SHOW_EVERY_NS;
        let due_ns = self.state.next_due_ns().map_or(show_ns, |due_ns| due_ns.min(show_ns));
        self.alarm.set(due_ns).map_err(|e| refused("set a timer", &e))?;
        let woken = self.wait().await.map_err(|e| refused("wait for events", &e))?;
        let internal = |e: HarnessError| refused("carry on", &e);
        match woken {
            Woken::Interrupted(Interrupt::EndEarly { why }) => {
                self.step(What::EndEarly { why }).await.map_err(internal)?;
            }
            Woken::Interrupted(Interrupt::First | Interrupt::Second) => {
                self.step(What::Interrupted).await.map_err(internal)?;
            }
            Woken::Event(event) => self.feed(event).await.map_err(internal)?,
            Woken::Guardian(report) => self.guardian_reported(report).await.map_err(internal)?,
            Woken::Output(read) => self.target_wrote(read).await.map_err(internal)?,
            Woken::Writable => {
                if let Some(Err(failure)) = self.running.as_mut().map(|r| r.target.push()) {
                    self.step(What::Failed(failure)).await.map_err(internal)?;
                }
            }
            Woken::Rang => self.step(What::Due).await.map_err(internal)?,
        }
        self.show(false);
        Ok(())
    }

    async fn wait(&mut self) -> std::io::Result<Woken> {
        let running = self.running.as_mut();
        let (reports, target) = match running {
            Some(Running { reports, reports_ended, target, output_closed, .. }) => {
                ((!*reports_ended).then_some(reports), Some((target, *output_closed)))
            }
            None => (None, None),
        };
        let report = async {
            match reports {
                Some(reports) => reports.next_line().await,
                None => std::future::pending().await,
            }
        };
        let talk = async {
            match target {
                Some((target, closed)) => talk(target, closed).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            Some(interrupt) = self.interrupts.recv() => Ok(Woken::Interrupted(interrupt)),
            Some(event) = self.received.recv() => Ok(Woken::Event(event)),
            line = report => Ok(Woken::Guardian(line?.and_then(|l| GuardianReport::parse(l.as_bytes())))),
            woken = talk => woken,
            rang = self.alarm.rings() => rang.map(|()| Woken::Rang),
        }
    }

    async fn guardian_reported(&mut self, report: Option<GuardianReport>) -> Result<(), HarnessError> {
        match report {
            Some(GuardianReport::TargetExited { status }) => self.step(What::Exited { status }).await,
            Some(GuardianReport::TargetEnded { status, ended, still_alive }) => {
                self.step(What::Killed { status, ended, still_alive }).await
            }
            Some(GuardianReport::TargetStarted { target }) => self.connect_again(target.pid).await,
            Some(GuardianReport::NotStarted { found }) => {
                let program = "the target".to_owned();
                self.step(What::Failed(TargetFailure::NotStarted { program, found })).await
            }
            Some(_) => Ok(()),
            None => {
                if let Some(running) = &mut self.running {
                    running.reports_ended = true;
                }
                self.step(What::HostFailed(HostFailure::GuardianGone)).await
            }
        }
    }

    async fn target_wrote(&mut self, read: Read) -> Result<(), HarnessError> {
        let at_ns = self.clock.now_ns();
        let (reports, after) = match read {
            Read::Reports(reports) => (reports, None),
            Read::Failed(reports, failure) => (reports, Some(What::Failed(failure))),
            Read::Closed => {
                if let Some(running) = &mut self.running {
                    running.output_closed = true;
                }
                (Vec::new(), Some(What::OutputClosed))
            }
        };
        for report in reports {
            self.feed(Event { at_ns, what: What::Report(report) }).await?;
        }
        match after {
            Some(what) => self.step(what).await,
            None => Ok(()),
        }
    }

    /// The target was started again: what is told goes to it from now on.
    async fn connect_again(&mut self, pid: u32) -> Result<(), HarnessError> {
        let connected = self.running.as_mut().map(Running::connect_again);
        match connected {
            Some(Err(e)) => self.step(What::HostFailed(refused("connect to the target", &e))).await,
            _ => self.step(What::StartedAgain { pid }).await,
        }
    }

    /// Something happened just now.
    async fn step(&mut self, what: What) -> Result<(), HarnessError> {
        self.feed(Event { at_ns: self.clock.now_ns(), what }).await
    }

    /// Steps, does what is to be done, and steps again for what that brought about.
    async fn feed(&mut self, event: Event) -> Result<(), HarnessError> {
        let mut queue = VecDeque::from([event]);
        while let Some(event) = queue.pop_front() {
            let commands = step(&mut self.state, event);
            queue.extend(self.apply(commands).await?);
        }
        Ok(())
    }

    async fn apply(&mut self, commands: Commands) -> Result<Vec<Event>, HarnessError> {
        let mut brought = Vec::new();
        let clock = self.clock;
        let now = |what| Event { at_ns: clock.now_ns(), what };
        let mut told = false;
        // Before the target gets them, so that no task is ever sent uncounted.
        if let Err(e) = self.sent.count(self.state.sent()) {
            let found = format!("could not count what is sent: {e}");
            brought.push(now(What::HostFailed(HostFailure::Evidence { found })));
        }
        for command in commands {
            match command {
                Command::Record(record) => self.recorder.record(record),
                Command::Tell(command) => {
                    told = true;
                    if let Some(running) = &mut self.running {
                        running.target.tell(&command);
                    }
                }
                Command::Identify(pids) => brought.push(now(What::Identified {
                    processes: start_times(&pids),
                    descriptors: crate::host::descriptor_limit(&pids),
                })),
                Command::Inject { fault, victims } => {
                    if let Some(Err(e)) = self.inject(fault, victims) {
                        let failure = refused("start a thread that applies a fault", &e);
                        brought.push(now(What::HostFailed(failure)));
                    }
                }
                Command::Heal { fault } => {
                    if let Some(Err(e)) = self.running.as_mut().map(|r| r.nemesis.heal(fault)) {
                        let failure = refused("start a thread that undoes a fault", &e);
                        brought.push(now(What::HostFailed(failure)));
                    }
                }
                Command::KillTarget => {
                    let asked = self.running.as_ref().map(|r| r.guardian.end_target());
                    if let Some(Err(e)) = asked {
                        brought.push(now(What::HostFailed(refused("have the target ended", &e))));
                    }
                }
                Command::StartTarget => {
                    if let Some(Err(e)) = self.running.as_mut().map(Running::start_again) {
                        brought.push(now(What::HostFailed(refused("have the target started again", &e))));
                    }
                }
                Command::Sample(order) => {
                    if let Some(sampler) = &self.sampler {
                        sampler.order(order);
                    }
                }
                Command::Notify(notice) => {
                    if let Some(notifier) = &mut self.notifier {
                        notifier.tell(&notice);
                    }
                }
                Command::EndTarget => brought.extend(self.end_target().await?),
                Command::Finish(conclusion) => self.conclusion = Some(*conclusion),
            }
        }
        if told && let Some(Err(failure)) = self.running.as_mut().map(|r| r.target.push()) {
            brought.push(now(What::Failed(failure)));
        }
        Ok(brought)
    }

    fn inject(&mut self, fault: usize, victims: Vec<chaos::Victim>) -> Option<std::io::Result<()>> {
        let planned = self.state.plan().faults[fault].clone();
        self.running.as_mut().map(|running| running.nemesis.inject(fault, planned, victims))
    }

    /// Ends every process of the run, then whatever worked on them. What that brought about, the end of all
    /// last.
    async fn end_target(&mut self) -> Result<Vec<Event>, HarnessError> {
        let sampler = self.sampler.take();
        let running = self.running.take();
        let left_behind = blocking(move || {
            let left_behind = running.and_then(|Running { guardian, nemesis, mut target, .. }| {
                target.close_input();
                let ended = guardian.end_all(END_WITHIN).ok();
                nemesis.finish();
                ended.map(|ended| ended.left_behind)
            });
            if let Some(sampler) = sampler {
                sampler.finish();
            }
            left_behind
        })
        .await?;
        if let Some(notifier) = self.notifier.take() {
            notifier.finish().await;
        }
        // What became of faults that were being undone, and of notices, is still to be told.
        let mut brought: Vec<Event> = std::iter::from_fn(|| self.received.try_recv().ok()).collect();
        brought.push(Event { at_ns: self.clock.now_ns(), what: What::Ended { left_behind } });
        Ok(brought)
    }

    fn show(&mut self, at_once: bool) {
        let now_ns = self.clock.now_ns();
        if at_once || now_ns >= self.shown_ns + SHOW_EVERY_NS {
            self.shown_ns = now_ns;
            self.observer.send_replace(self.state.progress(now_ns));
        }
    }
}

impl Running {
    fn start_again(&mut self) -> Result<(), ChaosError> {
        self.starting = Some(self.guardian.start_target()?);
        Ok(())
    }

    fn connect_again(&mut self) -> std::io::Result<()> {
        if let Some(stdio) = self.starting.take() {
            self.target = Target::new(stdio)?;
            self.output_closed = false;
        }
        Ok(())
    }
}

/// Waits until the target has written something or takes more.
async fn talk(target: &mut Target, closed: bool) -> std::io::Result<Woken> {
    if closed {
        target.writable().await?;
        return Ok(Woken::Writable);
    }
    Ok(target.read_or_writable().await?.map_or(Woken::Writable, Woken::Output))
}

/// The start times of these processes, as far as they are there.
fn start_times(pids: &[u32]) -> Vec<(u32, u64)> {
    let of = |pid: &u32| chaos::process::Identity::of(*pid).ok().flatten().map(|p| (p.pid, p.starttime));
    pids.iter().filter_map(of).collect()
}

fn target_command(plan: &Plan, setup: &Setup) -> TargetCommand {
    let argv = match &plan.target.command {
        Some(command) => command.iter().map(Into::into).collect(),
        None => setup.bundled.clone(),
    };
    TargetCommand { argv, env: Vec::new(), cwd: None, stderr_file: layout::TARGET_LOG.within(&setup.run_dir) }
}
