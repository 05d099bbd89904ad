//! A world in which one thing happens after the other, in an order that a seed decides: to prove protocols by thousands of
//! orders, with replicas that die, stall and miss answers, in seconds, and to look at the same order again.
//!
//! All that a replica does beyond its own memory, it does through its [`Door`]: what it asks of the store and of providers,
//! and how it waits. The world stops it there twice, before the thing is done and before the replica learns what came of
//! it, and lets one through at a time. So a replica that is never let through again is dead, one that is not for a while
//! is stalled, and an answer that it isn't given is lost.
//!
//! It has to run on a runtime of one thread: between two steps everybody runs until they stand at a door.

mod dice;
mod door;

use std::{
    collections::HashMap,
    fmt::Write,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use tokio::{sync::oneshot, task::JoinHandle};

pub(crate) use self::{
    dice::Dice,
    door::{Came, Door},
};

/// A schedule that takes more steps does not end.
const STEPS: usize = 200_000;

/// So long a step takes at most.
const LONGEST_STEP: SignedDuration = SignedDuration::from_millis(10);

/// One in so many steps goes wrong, as long as more may.
const RARITY: u64 = 40;

/// Runs on one thread, as a schedule has to.
pub(crate) fn run<T>(work: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    // all who can go on do so before the world looks again
    runtime.enable_all().event_interval(u32::MAX).build().unwrap().block_on(work)
}

/// The seeds of so many schedules: or, to look at one again, the one that `CLOSELOOP_SEED` names.
#[allow(clippy::disallowed_methods, reason = "a test is asked for one seed")]
pub(crate) fn seeds(count: u64) -> std::ops::Range<u64> {
    let only = std::env::var("CLOSELOOP_SEED").ok().map(|it| it.parse::<u64>().unwrap());
    only.map_or(0..count, |it| it..it + 1)
}

/// For a store: in memory, where there is such a folder.
pub(crate) fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

/// How much may go wrong in one schedule.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Odds {
    /// At most so many replicas die …
    pub(crate) deaths: usize,
    /// … so often one stalls, for up to `longest_stall` …
    pub(crate) stalls: usize,
    pub(crate) longest_stall: SignedDuration,
    /// … and so many answers, or requests, get lost.
    pub(crate) losses: usize,
    /// Whoever waits for a time is woken up to so much later.
    pub(crate) lateness: SignedDuration,
}

impl Odds {
    /// Nothing goes wrong; only the order is anybody's guess.
    pub(crate) const FAIR: Self =
        Self { deaths: 0, stalls: 0, longest_stall: SignedDuration::ZERO, losses: 0, lateness: SignedDuration::ZERO };
}

/// One schedule; clones are the same one.
#[derive(Clone)]
pub(crate) struct World(Arc<Mutex<State>>);

struct State {
    seed: u64,
    dice: Dice,
    odds: Odds,
    now: Timestamp,
    replicas: Vec<Replica>,
    /// Who stands at a door, in the order in which they came.
    waiting: Vec<Waiting>,
    /// Runs that the schedule is about.
    runs: Vec<Run>,
    /// What was done, for whoever has to understand it.
    lines: Vec<Line>,
    began: Timestamp,
    /// A piece of statements, and what stands there instead: the program as it would be with that mistake.
    mistake: Option<(&'static str, &'static str)>,
    mistaken: HashMap<&'static str, &'static str>,
    /// What begins so, and whose answer gets lost, once each.
    doomed: Vec<&'static str>,
}

struct Replica {
    /// For its ids: how many of them it makes changes no schedule.
    dice: Dice,
    mortal: bool,
    alive: bool,
    stalled_until: Timestamp,
    /// How far its clock is ahead.
    ahead: SignedDuration,
}

struct Waiting {
    replica: usize,
    what: &'static str,
    at: At,
    /// Not let through before.
    until: Timestamp,
    go: oneshot::Sender<Go>,
    /// Ends when what it is let through for is done.
    done: oneshot::Receiver<()>,
}

/// On which side of the door somebody stands.
#[derive(Debug, Clone, Copy, PartialEq)]
enum At {
    Asks,
    Learns,
    Sleeps,
}

/// How somebody is let through.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Go {
    On,
    Lost,
}

struct Run {
    replica: usize,
    name: String,
    task: JoinHandle<()>,
}

struct Line {
    at: Timestamp,
    replica: usize,
    did: Did,
    what: &'static str,
}

#[derive(Debug, Clone, Copy)]
enum Did {
    Asks,
    Learns,
    Wakes,
    LosesRequest,
    LosesAnswer,
    Dies,
    Stalls,
    Sends,
}

impl World {
    pub(crate) fn new(seed: u64, odds: Odds, now: Timestamp) -> Self {
        Self(Arc::new(Mutex::new(State {
            seed,
            dice: Dice::new(seed),
            odds,
            now,
            replicas: Vec::new(),
            waiting: Vec::new(),
            runs: Vec::new(),
            lines: Vec::new(),
            began: now,
            mistake: None,
            mistaken: HashMap::new(),
            doomed: Vec::new(),
        })))
    }

    /// From now on each statement that has the first text has the second instead.
    pub(crate) fn make_mistake(&self, mistake: (&'static str, &'static str)) {
        self.state().mistake = Some(mistake);
    }

    /// The next answer gets lost to what begins so: for each of these, once.
    pub(crate) fn lose_answers(&self, to: &[&'static str]) {
        self.state().doomed.extend(to);
    }

    /// A further replica, whose clock is up to `skew` wrong, and its door.
    pub(crate) fn replica(&self, skew: SignedDuration) -> Door {
        let mut state = self.state();
        let ahead = state.dice.duration(skew) - state.dice.duration(skew);
        let dice = Dice::new(state.dice.next());
        state.replicas.push(Replica { dice, mortal: true, alive: true, stalled_until: Timestamp::MIN, ahead });
        Door::new(self.clone(), state.replicas.len() - 1)
    }

    /// Somebody who is no replica, and neither dies nor stalls.
    pub(crate) fn bystander(&self) -> Door {
        let mut state = self.state();
        let (dice, ahead) = (Dice::new(state.dice.next()), SignedDuration::ZERO);
        state.replicas.push(Replica { dice, mortal: false, alive: true, stalled_until: Timestamp::MIN, ahead });
        Door::new(self.clone(), state.replicas.len() - 1)
    }

    /// Something that goes on beside the runs; nobody waits for its end.
    pub(crate) fn beside(&self, work: impl Future<Output = ()> + Send + 'static) {
        drop(tokio::spawn(work));
    }

    /// A duration of at most `longest`.
    pub(crate) fn duration(&self, longest: SignedDuration) -> Duration {
        self.state().dice.duration(longest).unsigned_abs()
    }

    /// A number less than `most`.
    pub(crate) fn below(&self, most: usize) -> usize {
        self.state().dice.below(most)
    }

    /// Something that a replica does, from when the world lets it begin. The schedule is over when all of it has ended, or
    /// its replica has died.
    pub(crate) fn run(&self, door: &Door, name: impl Into<String>, work: impl Future<Output = ()> + Send + 'static) {
        let begins = door.clone();
        let task = tokio::spawn(async move {
            begins.pass("begins", |_| (), std::future::ready(())).await;
            work.await;
        });
        let run = Run { replica: door.replica(), name: name.into(), task };
        self.state().runs.push(run);
    }

    /// Lets one after the other through, until all is over.
    ///
    /// # Panics
    /// When it doesn't end: somebody waits for what never comes.
    pub(crate) async fn play(&self) {
        for _ in 0..STEPS {
            // whoever can go on does so now, until they stand at a door
            tokio::task::yield_now().await;
            let Some((waiting, go)) = self.state().step() else { break };
            let Waiting { go: door, done, .. } = waiting;
            if door.send(go).is_ok() {
                // an error says that it was given up meanwhile: then it is over, too
                let _ = done.await;
            }
        }
        assert!(self.state().is_over(), "it does not end\n{}", self.told());
        let ended: Vec<Run> = self.state().runs.extract_if(.., |it| it.task.is_finished()).collect();
        for run in ended {
            if let Err(error) = run.task.await {
                panic!("{}: {error}\n{}", run.name, self.told());
            }
        }
    }

    /// From now on nothing goes wrong any more; what has died stays dead.
    pub(crate) fn calm(&self) {
        let mut state = self.state();
        state.odds = Odds { lateness: state.odds.lateness, ..Odds::FAIR };
        state.replicas.iter_mut().for_each(|it| it.stalled_until = Timestamp::MIN);
    }

    /// Lets time pass.
    pub(crate) fn advance(&self, by: SignedDuration) {
        self.state().now += by;
    }

    /// When a replica was last let through for what begins so.
    pub(crate) fn last(&self, door: &Door, what: &str) -> Option<Timestamp> {
        let state = self.state();
        let mut lines = state.lines.iter().rev().filter(|it| it.replica == door.replica());
        lines.find(|it| matches!(it.did, Did::Asks) && it.what.starts_with(what)).map(|it| it.at)
    }

    /// The instant, by the world's own clock.
    pub(crate) fn now(&self) -> Timestamp {
        self.state().now
    }

    /// How often something went wrong.
    pub(crate) fn faults(&self) -> usize {
        let faulty = |it: &&Line| matches!(it.did, Did::Dies | Did::Stalls | Did::LosesRequest | Did::LosesAnswer);
        self.state().lines.iter().filter(faulty).count()
    }

    /// The whole schedule.
    pub(crate) fn told(&self) -> String {
        let state = self.state();
        let mut text = format!("seed {}\n", state.seed);
        for Line { at, replica, did, what } in &state.lines {
            let seconds = at.duration_since(state.began).as_secs_f64();
            let did = format!("{did:?}");
            let _ = writeln!(text, "{seconds:>9.3}s  replica {replica}  {did:<12} {what}");
        }
        text
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }
}

impl State {
    /// Who is let through next, and how; `None` when all is over.
    fn step(&mut self) -> Option<(Waiting, Go)> {
        self.waiting.retain(|it| !it.go.is_closed());
        loop {
            self.maybe_kill_or_stall();
            if self.is_over() {
                return None;
            }
            let ready: Vec<usize> = (0..self.waiting.len()).filter(|it| self.is_ready(&self.waiting[*it])).collect();
            if ready.is_empty() {
                self.wait();
                continue;
            }
            self.now += self.dice.duration(LONGEST_STEP);
            let waiting = self.waiting.swap_remove(ready[self.dice.below(ready.len())]);
            let go = self.maybe_lose(waiting.at, waiting.what);
            let did = match (waiting.at, go) {
                (At::Asks, Go::On) => Did::Asks,
                (At::Asks, Go::Lost) => Did::LosesRequest,
                (At::Learns, Go::On) => Did::Learns,
                (At::Learns, Go::Lost) => Did::LosesAnswer,
                (At::Sleeps, _) => Did::Wakes,
            };
            self.line(waiting.replica, did, waiting.what);
            return Some((waiting, go));
        }
    }

    fn is_over(&self) -> bool {
        self.runs.iter().all(|it| it.task.is_finished() || !self.replicas[it.replica].alive)
    }

    fn is_ready(&self, waiting: &Waiting) -> bool {
        let replica = &self.replicas[waiting.replica];
        replica.alive && replica.stalled_until <= self.now && waiting.until <= self.now
    }

    /// Nobody can go on before some instant: it comes.
    fn wait(&mut self) {
        let until = |it: &Waiting| it.until.max(self.replicas[it.replica].stalled_until);
        let next = self.waiting.iter().filter(|it| self.replicas[it.replica].alive).map(until).min();
        let Some(next) = next else {
            let open = self.runs.iter().filter(|it| !it.task.is_finished() && self.replicas[it.replica].alive);
            let open: Vec<_> = open.map(|it| it.name.as_str()).collect();
            panic!("{} of seed {} wait for what never comes", open.join(", "), self.seed);
        };
        self.now = self.now.max(next) + self.dice.duration(self.odds.lateness);
    }

    fn maybe_kill_or_stall(&mut self) {
        let lives = |it: &usize| self.replicas[*it].mortal && self.replicas[*it].alive;
        let living: Vec<usize> = (0..self.replicas.len()).filter(lives).collect();
        // one is left to go on
        if self.odds.deaths > 0 && living.len() > 1 && self.dice.one_in(RARITY) {
            self.odds.deaths -= 1;
            let dies = living[self.dice.below(living.len())];
            self.replicas[dies].alive = false;
            self.line(dies, Did::Dies, "");
        } else if self.odds.stalls > 0 && self.dice.one_in(RARITY) {
            self.odds.stalls -= 1;
            let stalls = living[self.dice.below(living.len())];
            self.replicas[stalls].stalled_until = self.now + self.dice.duration(self.odds.longest_stall);
            self.line(stalls, Did::Stalls, "");
        }
    }

    fn maybe_lose(&mut self, at: At, what: &str) -> Go {
        if at == At::Learns
            && let Some(doomed) = self.doomed.iter().position(|it| what.starts_with(it))
        {
            self.doomed.remove(doomed);
            return Go::Lost;
        }
        if at == At::Sleeps || self.odds.losses == 0 || !self.dice.one_in(RARITY) {
            return Go::On;
        }
        self.odds.losses -= 1;
        Go::Lost
    }

    fn line(&mut self, replica: usize, did: Did, what: &'static str) {
        self.lines.push(Line { at: self.now, replica, did, what });
    }
}
