//! exp5: what is given out while the only server is stopped.

use mxsim::dns::Outcome;
use mxsim::scenario::tree::RecordType::Mx;

use crate::bench::{Bench, model, number, resolver, rows, world, zone};

/// Clients of the recording gave up after so long.
const PATIENCE_S: f64 = 12.0;

/// What happened to the only server: stopped, so that it was silent; back; killed, so that its host refused; back. Seconds.
const PHASES: [(&str, f64, f64); 5] = [
    ("warm", 0.0, 20.0),
    ("stop", 20.0, 150.0),
    ("cont", 150.0, 185.0),
    ("kill", 185.0, 255.0),
    ("restart", 255.0, 285.0),
];

fn phase_at(seconds: f64) -> &'static str {
    PHASES.iter().rev().find(|phase| phase.1 <= seconds).map_or("warm", |phase| phase.0)
}

/// A question: its phase, when, and the TTL of the answer if there was one.
type Polled = (&'static str, f64, Option<u32>);

/// Polls about every second from `first` on; before, one question at `warmed`, if at all.
fn simulated(code: &str, warmed: Option<f64>, first: f64, step: f64, fraction: f64) -> Vec<Polled> {
    let clients = "clients: { \"c\": (resolver: \"r\", asks: [(\"st.lab\", MX)], arrivals: Periodic(every: \"1h\")) }";
    let model = model(&world("measure: \"1h\"", &zone("st.lab", 10), &resolver("r", code), clients));
    let mut bench = Bench::new(&model);
    // The recording began somewhere within a second.
    let start = 1000.0 + fraction;
    if let Some(warmed) = warmed {
        bench.ask(start + warmed, "r", "st.lab", Mx);
    }
    let servers = 0..model.dns.servers.len() as u32;
    let (mut now, mut polled) = (first, Vec::new());
    while now < 285.0 {
        let phase = phase_at(now);
        bench.down.0.clear();
        if ["stop", "kill"].contains(&phase) {
            bench.down.0.extend(servers.clone().map(mxsim::model::ServerId));
        }
        bench.down.1 = phase == "kill";
        let (answer, took) = bench.ask(start + now, "r", "st.lab", Mx);
        let is_answered = matches!(answer.outcome, Outcome::Data(_)) && took <= PATIENCE_S;
        polled.push((phase, now, is_answered.then_some(answer.ttl_s)));
        now += took.min(PATIENCE_S) + step;
    }
    polled
}

/// The answers of a phase from its beginning to the first failure: the last one's time, and their TTLs.
fn answers(polled: &[Polled], phase: &str) -> (f64, Vec<u32>) {
    let of_phase = polled.iter().filter(|poll| poll.0 == phase);
    let answered: Vec<(f64, u32)> = of_phase.map_while(|&(_, at, ttl)| Some((at, ttl?))).collect();
    (answered.last().map_or(0.0, |last| last.0), answered.into_iter().map(|(_, ttl)| ttl).collect())
}

#[test]
fn exp5_stale_answers_last_as_long() {
    // Left out: Knot Resolver's module while the server was silent, whose recording is not understood (weak in the
    // reference). Unbound with an end to stale answers never came back from the stop, in the recording and here, so that
    // there is no kill to look at.
    let mut seen = 0;
    let rows = rows("exp5_segments.csv");
    for row in rows.iter().filter(|row| row["result"] == "answer") {
        let (code, phase) = (row["resolver"].as_str(), row["phase"].as_str());
        let begins = PHASES.iter().find(|known| known.0 == phase).map_or(0.0, |known| known.1);
        let is_looked_at = match phase {
            "stop" => ["Bst1", "Bst2", "Ust1", "Ust2", "Ust3", "Pst"].contains(&code),
            "kill" => ["Bst1", "Bst2", "Ust1", "Pst", "Kst"].contains(&code),
            _ => false,
        };
        if !is_looked_at || number(row, "t_first_s") > begins + 2.0 {
            continue;
        }
        seen += 1;
        let warm =
            rows.iter().find(|warm| warm["name"] == row["name"] && warm["resolver"] == code && warm["phase"] == "warm");
        let Some(warm) = warm else { panic!("no warm-up of {row:?}") };
        let step = (number(warm, "t_last_s") - number(warm, "t_first_s")) / (number(warm, "n") - 1.0);
        let measured = number(row, "t_last_s");
        let told = row["ttls"].split(' ').filter_map(|told| told.split_once('x'));
        let told: Vec<(u32, f64)> = told.filter_map(|(ttl, n)| Some((ttl.parse().ok()?, n.parse().ok()?))).collect();
        let stale_ttl = match code {
            "Bst1" | "Ust2" => 3,
            "Pst" => 0,
            "Kst" => 1,
            _ => 30,
        };
        // When what was cached at the kill had been fetched is told by the greatest TTL of an answer that was not stale.
        let fresh = told.iter().filter(|(ttl, _)| *ttl != stale_ttl).map(|(ttl, _)| *ttl).max();
        let from = number(row, "t_first_s");
        let (warmed, first) = match fresh.filter(|_| phase == "kill") {
            Some(ttl_s) => (Some(from - f64::from(10 - ttl_s)), from),
            None => (None, number(warm, "t_first_s")),
        };
        let runs = (0..10).map(|tenth| simulated(code, warmed, first, step, f64::from(tenth) / 10.0));
        let ends = runs.map(|polled| answers(&polled, phase));
        let nearest = ends.min_by(|a, b| (a.0 - measured).abs().total_cmp(&(b.0 - measured).abs()));
        let Some((last, ttls)) = nearest else { panic!("no phases") };
        let tolerance_s = match (code, phase) {
            // A poll that waits for 1.8 s comes every 2.8 s.
            ("Ust2", "stop") => 2.8,
            _ => 1.0,
        };
        assert!((last - measured).abs() <= tolerance_s, "{row:?}: simulated {last}");
        let is_counted = match (code, phase) {
            // Its answers came after 1.3 s in the median, neither at once nor after its 1.8 s.
            ("Bst2", "stop") => false,
            // Of two names of one cache one was answered at once every other time.
            ("Ust2", "stop") => row["name"].starts_with("a1"),
            // It had not come back from 130 s of silence when the kill came, which is not understood (weak in the
            // reference): every answer of the recording was stale.
            ("Ust1", "kill") => false,
            // One poll took 1.5 s (3.1 s of the other name) and the rest nothing; here each probe of the dead server holds
            // one poll up for 3 s.
            ("Kst", "kill") => false,
            _ => true,
        };
        if !is_counted {
            continue;
        }
        // Of the TTLs in the answers, the commonest are recorded.
        for (ttl, recorded) in told {
            let count = ttls.iter().filter(|given| **given == ttl).count() as f64;
            assert!((count - recorded).abs() <= 2.0, "{row:?}: {count} answers with TTL {ttl}: {ttls:?}");
        }
    }
    assert_eq!(seen, 22);
}
