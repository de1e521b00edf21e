//! Exim's recorded run of a hundred messages, try by try: each age against the one that follows from the try before it, its rule
//! and the queue runs as they came.
//!
//! The schedule does not repeat itself to within a queue run from the first try to the last. Whether a message is due when a run
//! comes to it hangs on a few hundredths of a second, and `G` makes 1.5 s of each second by which a try is late: of the recorded
//! ages themselves only 54 % lie within 2 s of that of the same try of another message that came in the same tenth of a second.
//! So each age is computed from the recorded one before.

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
/// (`queue.c`), at an even pace from its recorded start to its recorded end.
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
    for run in rows(include_str!("../fixtures/mta/exim_queue_runs.csv")) {
        let (start, end) = (number(&run, "start_s"), number(&run, "end_s"));
        let is_there = |&place: &usize| (messages[place].arrived_s..messages[place].expired_s).contains(&start);
        let files: Vec<usize> = directory.iter().copied().filter(is_there).collect();
        let count = files.len() as f64;
        for (nth, place) in by_clock(files, (EPOCH_S + start) as u64).into_iter().enumerate() {
            let share = (nth as f64 + 0.3) / count;
            messages[place].visits.push(start + START_S + share * (end - start - START_S).max(0.0));
        }
    }
    // Where a run takes longer than two seconds the next overtakes it.
    messages.iter_mut().for_each(|message| message.visits.sort_by(f64::total_cmp));
    messages
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
    tries[..tries.len() - 1].iter().enumerate().map_while(due).collect()
}

fn policy() -> RetryPolicy {
    let rule = "* * F,60s,5s; G,240s,10s,1.5; F,330s,40s".into();
    preset_policy(&Retry::Exim(EximRetry { rule, ..EximRetry::default() }))
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
    for message in recorded() {
        let is_own_record = matches!(message.mode.as_str(), "mail451" | "rcpt451");
        if message.is_shared && !is_own_record {
            continue;
        }
        // A host's record begins with its first failure, a message's with the message.
        let began = match message.mode.as_str() {
            "refuse" | "banner421" => message.tries[0],
            _ => message.arrived_s - RECEPTION_S,
        };
        let dues = dues(&policy, &message.mode, began, &message.tries);
        for (pair, due) in message.tries.windows(2).zip(dues) {
            let visits = &message.visits;
            let nearest = |time: f64| {
                (0..visits.len())
                    .min_by(|&one, &other| (visits[one] - time).abs().total_cmp(&(visits[other] - time).abs()))
            };
            let real = nearest(pair[1]).expect("a visit");
            let ours = next_visit(visits, pair[0], due).unwrap_or(visits.len());
            let off_s = visits.get(ours).map_or(f64::INFINITY, |visit| (visit - pair[1]).abs());
            let kind = format!("{}-{}", message.mode, if message.is_shared { "shared" } else { "own" });
            let count = found.entry(kind).or_default();
            count[0] += 1;
            count[1] += usize::from(ours == real);
            count[2] += usize::from(ours.abs_diff(real) <= 1);
            count[3] += usize::from(off_s <= 2.0);
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
