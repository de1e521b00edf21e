//! Exim's recorded run of a hundred messages: the age of each try against the one that its rule and the queue runs as they came
//! make of it, from the try before it, and from the message's first try alone.
//!
//! The two differ, for the schedule does not repeat itself to within a queue run from the first try to the last. Whether a message
//! is due when a run comes to it hangs on a few hundredths of a second, and `G` makes 1.5 s of each second by which a try is late:
//! of the recorded ages themselves only 54 % lie within 2 s of that of the same try of another message that came in the same
//! tenth of a second.

use std::collections::{BTreeMap, VecDeque};

use mxsim::engine::time::SimTime;
use mxsim::mail::retry::Next;
use mxsim::model::compile::retry::preset_policy;
use mxsim::model::mail::RetryPolicy;
use mxsim::scenario::tree::{EximRetry, Retry};

use crate::harness::{failure, number, rows};

/// The wall clock at the first arrival, seconds: the order of a run goes by the low 16 bits.
const EPOCH_S: f64 = 1_795_401_035.259;

/// Reception has begun so long before the line that logs its end: `received_time` is read at its start (`receive.c`).
const RECEPTION_S: f64 = 0.1;

/// A run looks at its first message so long after it says that it starts.
const START_S: f64 = 0.04;

/// Exim's order of a run (`queue.c: queue_get_spool_list`): each file of the spool directory in turn is put at the front or at
/// the end of the list, as the next of the low 16 bits of the clock's seconds is 0 or 1; when none of them is left but zeros,
/// they are used again. The simulation, which knows no directory, draws the order of each run.
fn by_clock(directory: Vec<usize>, second: u64) -> VecDeque<usize> {
    let bits = second & 0xffff;
    let mut left = 0;
    let mut list = VecDeque::new();
    for file in directory {
        if list.is_empty() {
            list.push_back(file);
            continue;
        }
        if left == 0 {
            left = bits;
        }
        match left & 1 {
            0 => list.push_front(file),
            _ => list.push_back(file),
        }
        left >>= 1;
    }
    list
}

/// A try is logged, to 10 ms, so long after the run came to its message.
const LOGGED_S: f64 = 0.01;

struct Message {
    mode: String,
    is_shared: bool,
    arrived_s: f64,
    /// When it was tried, seconds since the first arrival.
    tries: Vec<f64>,
    expired_s: f64,
    /// When each queue run came to it.
    visits: Vec<f64>,
}

/// The recorded messages with the visits of the queue runs: in the order that the second of its start gives each run
/// (`queue.c`), at the pace that the machine had in it. That shows in the tries of other messages; a message's own tries say
/// nothing of when it is visited.
fn recorded() -> Vec<Message> {
    let own = rows(include_str!("../fixtures/mta/retry_own_exim.csv"));
    let shared = rows(include_str!("../fixtures/mta/retry_shared_ages.csv"));
    // What has a destination of its own counts from a whole second, five seconds before.
    let own = own.into_iter().map(|row| (false, 5.0 + EPOCH_S.fract(), row));
    let shared = shared.into_iter().filter(|row| row["mta"] == "exim").map(|row| (true, 0.0, row));
    let mut messages: Vec<Message> = own
        .chain(shared)
        .filter(|(_, _, row)| row["set"] == "open" && row["mode"] != "blackhole")
        .map(|(is_shared, before, row)| {
            let arrived_s = number(&row, "arrived_s") - before;
            let age = |age: &str| arrived_s + age.parse::<f64>().expect("an age");
            Message {
                mode: row["mode"].clone(),
                is_shared,
                arrived_s,
                tries: row["attempts_s"].split_whitespace().map(age).collect(),
                expired_s: age(&row["expired_s"]),
                visits: Vec::new(),
            }
        })
        .collect();
    messages.sort_by(|one, other| one.arrived_s.total_cmp(&other.arrived_s));
    let mut named: BTreeMap<(String, bool, usize), usize> = BTreeMap::new();
    for (place, message) in messages.iter().enumerate() {
        let nth = (0..).find(|&nth| !named.contains_key(&(message.mode.clone(), message.is_shared, nth)));
        named.insert((message.mode.clone(), message.is_shared, nth.expect("a number")), place);
    }
    let directory: Vec<usize> = rows(include_str!("../fixtures/mta/exim_directory.csv"))
        .into_iter()
        .map(|row| named[&(row["mode"].clone(), row["sharing"] == "shared", number(&row, "nth") as usize)])
        .collect();
    assert!(messages.len() == 100 && directory.len() == 100);
    let runs: Vec<Run> = rows(include_str!("../fixtures/mta/exim_queue_runs.csv"))
        .iter()
        .map(|row| {
            let (start_s, end_s) = (number(row, "start_s"), number(row, "end_s"));
            let is_there = |&place: &usize| (messages[place].arrived_s..messages[place].expired_s).contains(&start_s);
            let files = directory.iter().copied().filter(is_there).collect();
            Run { start_s, end_s, list: by_clock(files, (EPOCH_S + start_s) as u64).into(), tries: Vec::new() }
        })
        .collect();
    // At first as if each run had an even pace; where runs overlap that tells which of them made a try, and better each time.
    let mut visits = runs.iter().map(Run::visits).collect::<Vec<_>>();
    let mut runs = runs;
    for _ in 0..2 {
        runs.iter_mut().for_each(|run| run.tries.clear());
        for (place, message) in messages.iter().enumerate() {
            for &time in message.tries.iter().skip(1) {
                let made = (0..runs.len())
                    .filter(|&run| runs[run].start_s <= time && time <= runs[run].end_s + 0.1)
                    .filter_map(|run| Some((run, runs[run].list.iter().position(|&other| other == place)?)))
                    .min_by(|one, other| {
                        let off = |(run, nth): &(usize, usize)| (visits[*run][*nth] - time).abs();
                        off(one).total_cmp(&off(other))
                    });
                if let Some((run, nth)) = made {
                    runs[run].tries.push((nth, time - LOGGED_S));
                }
            }
        }
        runs.iter_mut().for_each(Run::settle);
        visits = runs.iter().map(Run::visits).collect();
    }
    for (run, visits) in runs.iter().zip(visits) {
        run.list.iter().zip(visits).for_each(|(&place, visit)| messages[place].visits.push(visit));
    }
    // Where a run takes longer than two seconds the next overtakes it.
    messages.iter_mut().for_each(|message| message.visits.sort_by(f64::total_cmp));
    messages
}

/// A queue run: when it started and ended, which message it came to after which, and what it tried when.
struct Run {
    start_s: f64,
    end_s: f64,
    list: Vec<usize>,
    /// Place in the list and time, in order.
    tries: Vec<(usize, f64)>,
}

impl Run {
    /// Puts the tries in order, and leaves out those that belong to another run, for the others contradict them.
    fn settle(&mut self) {
        self.tries.sort_by_key(|&(nth, _)| nth);
        let against = |tries: &[(usize, f64)], of: usize| {
            let (before, after) = (&tries[..of], &tries[of + 1..]);
            before.iter().filter(|other| other.1 > tries[of].1).count()
                + after.iter().filter(|other| other.1 < tries[of].1).count()
        };
        while let Some(worst) = (0..self.tries.len()).max_by_key(|&of| against(&self.tries, of)) {
            if against(&self.tries, worst) == 0 {
                break;
            }
            self.tries.remove(worst);
        }
    }

    /// When it came to each message, from when it tried those before and after.
    fn visits(&self) -> Vec<f64> {
        let (first, last) = ((-0.3, self.start_s + START_S), (self.list.len() as f64 - 0.3, self.end_s));
        let known = |&(nth, time): &(usize, f64)| (nth as f64, time);
        let visit = |nth: usize| {
            let before = self.tries.iter().rfind(|made| made.0 < nth).map_or(first, known);
            let after = self.tries.iter().find(|made| made.0 > nth).map_or(last, known);
            before.1 + (nth as f64 - before.0) / (after.0 - before.0) * (after.1 - before.1).max(0.0)
        };
        (0..self.list.len()).map(visit).collect()
    }
}

fn at(seconds: f64) -> SimTime {
    SimTime::from_nanos(((EPOCH_S + seconds) * 1e9) as u64)
}

/// When each try is due from the second on, by the rule and the times of the tries, until it gives up.
fn dues(policy: &RetryPolicy, mode: &str, began_s: f64, tries: &[f64]) -> Vec<SimTime> {
    let mut previous = None;
    let due = |(n, &now): (usize, &f64)| {
        let failure = failure(mode, at(began_s), at(now), n as u32 + 1, previous);
        let Next::Due(due) = policy.next(&failure) else { return None };
        previous = Some((at(now), due));
        Some(due)
    };
    tries.iter().enumerate().map_while(due).collect()
}

fn policy() -> RetryPolicy {
    let rule = "* * F,60s,5s; G,240s,10s,1.5; F,330s,40s".into();
    preset_policy(&Retry::Exim(EximRetry { rule, ..EximRetry::default() }))
}

/// Those with a record that they share with no other: by mode, which its failures are, and when that began, seconds since the
/// first arrival. A host's record begins with its first failure, a message's with the message.
fn with_own_record(messages: &[Message]) -> impl Iterator<Item = (&Message, f64)> {
    let of_message = |mode: &str| matches!(mode, "mail451" | "rcpt451");
    messages.iter().filter(move |message| !message.is_shared || of_message(&message.mode)).map(|message| {
        let is_host = matches!(message.mode.as_str(), "refuse" | "banner421");
        (message, if is_host { message.tries[0] } else { message.arrived_s - RECEPTION_S })
    })
}

/// How many runs that came to a message lie between two of its tries.
fn runs_between(visits: &[f64], one: f64, other: f64) -> usize {
    let nearest = |time: f64| {
        (0..visits.len()).min_by(|&one, &other| (visits[one] - time).abs().total_cmp(&(visits[other] - time).abs()))
    };
    nearest(one).expect("a visit").abs_diff(nearest(other).expect("a visit"))
}

/// The first visit at which a message is due; a fifth of a second after a try it is still under way.
fn next_visit(visits: &[f64], after: f64, due: SimTime) -> Option<usize> {
    visits.iter().position(|&visit| visit > after + 0.2 && at(visit) >= due)
}

#[test]
fn exim_tries_each_message_at_the_age_that_the_try_before_gives() {
    let policy = policy();
    // By mode: tries; in the same run as recorded, within a run of it, within 2 s of it.
    let mut found: BTreeMap<String, [usize; 4]> = BTreeMap::new();
    for (message, began) in with_own_record(&recorded()) {
        let dues = dues(&policy, &message.mode, began, &message.tries);
        for (pair, due) in message.tries.windows(2).zip(dues) {
            let visits = &message.visits;
            let ours = next_visit(visits, pair[0], due).map_or(f64::INFINITY, |nth| visits[nth]);
            let kind = format!("{}-{}", message.mode, if message.is_shared { "shared" } else { "own" });
            let count = found.entry(kind).or_default();
            let between = if ours < f64::INFINITY { runs_between(visits, ours, pair[1]) } else { usize::MAX };
            count[0] += 1;
            count[1] += usize::from(between == 0);
            count[2] += usize::from(between <= 1);
            count[3] += usize::from((ours - pair[1]).abs() <= 2.0);
        }
    }
    println!("{found:?}");
    let mut total = [0; 4];
    for (kind, count) in &found {
        let [all, same, near, _] = *count;
        assert!(all >= 185 && near * 100 >= all * 98, "{kind}: {near} of {all} within a queue run");
        assert!(same * 100 >= all * 90, "{kind}: {same} of {all} in the same queue run");
        total.iter_mut().zip(count).for_each(|(total, count)| *total += count);
    }
    let [all, _, _, within] = total;
    assert!(within * 100 >= all * 97, "{within} of {all} ages within 2 s");
}

/// From the first try on nothing is taken from the message's own recording: each try follows from the one before as simulated.
#[test]
fn exim_tries_each_message_at_the_recorded_age_when_only_its_first_try_is_given() {
    let policy = policy();
    // By number of the try: tries; within a run of the recorded one, within 2 s of it.
    let mut found: BTreeMap<usize, [usize; 3]> = BTreeMap::new();
    for (message, began) in with_own_record(&recorded()) {
        let mut tries = vec![message.tries[0]];
        while let Some(visit) = dues(&policy, &message.mode, began, &tries)
            .last()
            .and_then(|&due| next_visit(&message.visits, tries[tries.len() - 1], due))
        {
            tries.push(message.visits[visit]);
        }
        for (n, &real) in message.tries.iter().enumerate().skip(1) {
            let count = found.entry(n + 1).or_default();
            count[0] += 1;
            if let Some(&ours) = tries.get(n) {
                count[1] += usize::from(runs_between(&message.visits, ours, real) <= 1);
                count[2] += usize::from((ours - real).abs() <= 2.0);
            }
        }
    }
    println!("{found:?}");
    let total = |found: &mut dyn Iterator<Item = &[usize; 3]>| {
        found.fold([0; 3], |sum, count| [sum[0] + count[0], sum[1] + count[1], sum[2] + count[2]])
    };
    // As long as `F` goes, to an age of 60 s: a late try makes no later one late by more.
    let [all, near, within] = total(&mut found.range(..=11).map(|(_, count)| count));
    assert!(all == 700 && near * 100 >= all * 98 && within * 100 >= all * 97, "{near} and {within} of {all}");
    let [all, near, within] = total(&mut found.values());
    println!("within a queue run {near}, within 2 s {within} of {all}");
    assert!(all == 1325 && near * 100 >= all * 95 && within * 100 >= all * 93, "{near} and {within} of {all}");
}

#[test]
fn exim_probes_a_shared_destination_at_the_time_that_the_probe_before_gives() {
    let policy = policy();
    let messages = recorded();
    for (mode, probes) in [("refuse", 21), ("banner421", 24), ("servfail", 38)] {
        let of_mode: Vec<&Message> =
            messages.iter().filter(|message| message.is_shared && message.mode == mode).collect();
        let all = |times: fn(&Message) -> &Vec<f64>| {
            let mut all: Vec<f64> = of_mode.iter().flat_map(|message| times(message).iter().copied()).collect();
            all.sort_by(f64::total_cmp);
            all
        };
        let (tries, visits) = (all(|message| &message.tries), all(|message| &message.visits));
        assert_eq!(tries.len(), probes, "{mode}");
        let dues = dues(&policy, mode, tries[0], &tries);
        let (mut compared, mut passed) = (0, 0);
        for (pair, due) in tries.windows(2).zip(dues) {
            // New messages are tried at once (for DNS has no record of a host that would rest), the last tries come together
            // when each message is too old, and two runs probed in one second: none of that is the rule's.
            if pair[1] - pair[0] < 4.0 {
                passed += 1;
                continue;
            }
            let ours = next_visit(&visits, pair[0], due).map_or(f64::INFINITY, |nth| visits[nth]);
            // After the last cutoff a message forces its own try.
            if pair[1] < 329.0 {
                assert!((ours - pair[1]).abs() <= 2.0, "{mode}: {} after {}, measured {}", ours, pair[0], pair[1]);
                compared += 1;
            }
        }
        println!("{mode}: {compared} compared, {passed} passed over");
        assert!(compared >= 17, "{mode}: {compared}");
    }
}

/// Each is given up at the first run that comes to it after the last cutoff: of its host where all share one, which takes the
/// younger messages along (`delay_after_cutoff`), else of its own. After failures of DNS it is the last try that gives up.
#[test]
fn exim_gives_each_message_up_within_a_queue_run_of_the_recorded_age() {
    let (mut near, mut all) = (0, 0);
    let messages = recorded();
    let first_failed = |mode: &str| {
        let shared = messages.iter().filter(|message| message.is_shared && message.mode == mode);
        shared.filter_map(|message| message.tries.first().copied()).fold(f64::INFINITY, f64::min)
    };
    for message in messages.iter().filter(|message| message.mode != "servfail") {
        let is_hosts = message.is_shared && matches!(message.mode.as_str(), "refuse" | "banner421");
        let since = if is_hosts { first_failed(&message.mode) } else { message.arrived_s - RECEPTION_S };
        let cutoff = at(since).whole_seconds() + 330;
        // Its last visit is that of the run in which it was given up; runs that started later did not have it.
        let forced = message.visits.iter().find(|&&visit| at(visit).whole_seconds() > cutoff);
        let next = message.visits.last().map(|last| last + 2.0).expect("a visit");
        let off = (forced.copied().unwrap_or(next) - message.expired_s).abs();
        assert!(off <= 4.5, "{}: given up at {}, {off} s off", message.mode, message.expired_s);
        near += usize::from(off <= 2.5);
        all += 1;
    }
    // When most are given up a run takes up to 4.5 s, the more of it the more bounces it writes: no even pace.
    println!("{near} of {all}");
    assert!(all == 80 && near * 100 >= all * 85, "{near} of {all} within a queue run");
}
