//! Facts about whole pages: nothing is clipped, nothing overlaps, nothing panics, and the same data gives the same bytes.

use std::fs;
use std::path::{Path, PathBuf};

use super::canvas::{Canvas, HEIGHT, Shape, WIDTH};
use super::*;

const DAY: f64 = 86_400.0;

fn long(name: &str) -> String {
    format!("{name}: a name that goes on and on until no margin of any page could hold it on one line, and then some")
}

fn heading() -> Heading {
    let footer = Footer { deliveries: u64::MAX, replications: u32::MAX, seed: Some(u64::MAX), confidence: 0.999 };
    Heading { title: long("title").repeat(2), subtitle: long("subtitle").repeat(2), footer }
}

fn falling(label: &str, k: usize, span: f64) -> Curve {
    let points: Vec<(f64, f64)> = (0..200)
        .map(|i| (span * (f64::from(i) + 1.0) / 200.0, libm::pow(0.97 - 0.01 * (k % 7) as f64, f64::from(i))))
        .collect();
    let band = points.iter().map(|(x, y)| (*x, y * 0.9 - 0.001, y * 1.1)).collect();
    let maximum = points.iter().map(|(x, y)| (*x, y * 1.3)).collect();
    Curve::new(label, points).with_band(band).with_maximum(maximum)
}

fn latency_chart(curves: usize) -> LatencyChart {
    let curve = |k: usize| LatencyCurve {
        curve: falling(&long(&format!("variant {k}")), k, DAY),
        undelivered: if k.is_multiple_of(2) { 0.003 * (k + 1) as f64 } else { 0.0 },
        queued: if k.is_multiple_of(3) { 0.002 } else { 0.0 },
        queued_until_s: DAY * (k + 1) as f64 / 2.0,
    };
    LatencyChart { heading: heading(), curves: (0..curves).map(curve).collect() }
}

fn lines_chart(curves: usize, events: usize) -> LinesChart {
    let at = |i: usize| DAY * (i * i % 97) as f64 / 97.0;
    LinesChart {
        heading: heading(),
        x_title: long("time"),
        y_title: long("share"),
        y_unit: YUnit::Share,
        curves: (0..curves).map(|k| falling(&long(&k.to_string()), k, DAY)).collect(),
        shades: (0..events)
            .map(|i| Shade { label: format!("outage {i}"), from_s: at(i), to_s: at(i) + 3600.0 })
            .collect(),
        marks: (0..events).map(|i| Mark { label: long("change"), at_s: at(i + 3) }).collect(),
    }
}

fn trade_chart(points: usize) -> TradeChart {
    let point = |k: usize| {
        let (cost, share) = (libm::pow(1.7, (k % 30) as f64), 1.0 / (1.0 + (k % 7) as f64));
        TradePoint {
            label: long(&format!("variant {k}")),
            cost: Measured { mean: cost, interval: Some((cost * 0.9, cost * 1.1)) },
            share: Measured { mean: share, interval: Some((share - 0.1, share + 0.1)) },
        }
    };
    let points = (0..points).map(point).collect();
    TradeChart { heading: heading(), x_title: long("cost"), y_title: long("share"), points }
}

fn heatmap_chart(rows: usize) -> HeatmapChart {
    let changes = |k: usize| {
        let t = DAY * (k * 37 % 100) as f64 / 100.0;
        vec![(t * 0.3, CacheState::Old), (t, CacheState::New), (t + 900.0, CacheState::Empty)]
    };
    HeatmapChart {
        heading: heading(),
        from_s: 0.0,
        to_s: DAY,
        rows: (0..rows).map(|k| CacheRow { label: long(&format!("isp-{k}")), changes: changes(k) }).collect(),
        changes: vec![Mark { label: "cutover".into(), at_s: DAY / 3.0 }, Mark { label: long("late"), at_s: DAY }],
        replication: 7,
        variant: long("variant"),
    }
}

fn failover_chart(hosts: usize, attempts: u64) -> FailoverChart {
    let outcomes = [AttemptOutcome::Failed, AttemptOutcome::Deferred, AttemptOutcome::Accepted];
    let attempt = |i: u64| Attempt {
        delivery: (0, i / 3),
        host: i as usize % hosts.max(1),
        at_s: 3600.0 * i as f64 / attempts as f64,
        outcome: outcomes[i as usize % 3],
    };
    FailoverChart {
        heading: heading(),
        from_s: 0.0,
        to_s: 3600.0,
        hosts: (0..hosts)
            .map(|k| HostLane {
                label: long(&format!("mx{k}")),
                changes: vec![(900.0, HostState::Down), (1800.0, HostState::Brownout), (1860.0, HostState::Up)],
            })
            .collect(),
        attempts: (0..attempts).map(attempt).collect(),
        attempts_total: 1_000_000_000,
        replication: 1,
        variant: String::new(),
    }
}

fn shares_chart(hosts: usize, variants: usize) -> SharesChart {
    let share = |k: usize| Share {
        mean: 1.0 / (k + 1) as f64,
        interval: Some((0.8 / (k + 1) as f64, 0.999)),
        each: vec![0.1, 0.9],
    };
    SharesChart {
        heading: heading(),
        x_title: long("share"),
        variants: (0..variants).map(|k| long(&format!("variant {k}"))).collect(),
        rows: (0..hosts)
            .map(|k| ShareRow {
                label: long(&format!("mx{k}")),
                shares: (0..variants).map(|v| (v != 2).then(|| share(k + v))).collect(),
            })
            .collect(),
    }
}

/// `(left, top, right, bottom, text)` of every text on a page, in CSS pixels.
fn text_boxes(canvas: &Canvas) -> Vec<(f64, f64, f64, f64, String)> {
    let of = |shape: &Shape| match shape {
        Shape::Text { baseline: (x, y), text, style, anchor } => {
            let width = canvas.width(text, *style);
            let left = match anchor {
                canvas::Anchor::Left => *x,
                canvas::Anchor::Centre => x - width / 2.0,
                canvas::Anchor::Right => x - width,
            };
            Some((left, y - style.em * 0.74, left + width, y + style.em * 0.2, text.clone()))
        }
        _ => None,
    };
    canvas.shapes.iter().filter_map(of).collect()
}

fn assert_legible(name: &str, canvas: &Canvas) {
    let boxes = text_boxes(canvas);
    assert!(boxes.len() > 5, "{name} has hardly any text");
    for (i, a) in boxes.iter().enumerate() {
        assert!(a.0 >= 0.0 && a.1 >= 0.0 && a.2 <= WIDTH && a.3 <= HEIGHT, "{name}: off the page: {a:?}");
        for b in boxes.iter().skip(i + 1) {
            let apart = a.2 <= b.0 || b.2 <= a.0 || a.3 <= b.1 || b.3 <= a.1;
            assert!(apart, "{name}: overlap: {a:?} {b:?}");
        }
    }
}

#[test]
fn no_text_overlaps_or_leaves_the_page() {
    for curves in [0, 1, 2, 5, 12, 13, 30] {
        let chart = latency_chart(curves);
        assert_legible(&format!("latency {curves}"), &panel::page(&latency::panel(&chart)).unwrap());
        for events in [0, 1, 4, 25] {
            let chart = lines_chart(curves, events);
            assert_legible(&format!("lines {curves} {events}"), &panel::page(&lines::panel(&chart)).unwrap());
        }
    }
    for rows in [0, 1, 9, 60, 120, 1000] {
        assert_legible(&format!("trade {rows}"), &trade::page(&trade_chart(rows)).unwrap());
        assert_legible(&format!("heatmap {rows}"), &heatmap::page(&heatmap_chart(rows)).unwrap());
    }
    for hosts in [0, 1, 2, 5, 12, 40] {
        assert_legible(&format!("failover {hosts}"), &failover::page(&failover_chart(hosts, 90)).unwrap());
        for variants in [1, 2, 4, 10, 30] {
            assert_legible(
                &format!("shares {hosts} {variants}"),
                &shares::page(&shares_chart(hosts, variants)).unwrap(),
            );
        }
    }
}

#[test]
fn svgs_stay_small() {
    let svg = |canvas: Canvas| render::svg(&canvas, "t", "d").unwrap().len();
    assert!(svg(panel::page(&latency::panel(&latency_chart(12))).unwrap()) < 300_000);
    assert!(svg(panel::page(&lines::panel(&lines_chart(12, 9))).unwrap()) < 300_000);
    assert!(svg(heatmap::page(&heatmap_chart(5000)).unwrap()) < 300_000);
    assert!(svg(failover::page(&failover_chart(12, 50_000)).unwrap()) < 300_000);
}

fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("mxsim-charts-{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn draw_one_of_each(folder: &Path) -> Vec<Vec<u8>> {
    let drawn = [
        draw_latency(&folder.join("latency"), &latency_chart(3)),
        draw_lines(&folder.join("lines"), &lines_chart(2, 3)),
        draw_heatmap(&folder.join("heatmap"), &heatmap_chart(30)),
        draw_failover(&folder.join("failover"), &failover_chart(3, 60)),
        draw_shares(&folder.join("shares"), &shares_chart(3, 4)),
    ];
    drawn.into_iter().flat_map(|paths| paths.unwrap()).map(|path| fs::read(path).unwrap()).collect()
}

#[test]
fn the_same_data_gives_the_same_bytes_on_any_thread() {
    let folder = folder("same");
    let here = draw_one_of_each(&folder);
    let own = folder.join("thread");
    fs::create_dir_all(&own).unwrap();
    let there = std::thread::spawn(move || draw_one_of_each(&own)).join().unwrap();
    assert!(there == here);
    assert_eq!(here.len(), 10);
    let hidden = |entry: fs::DirEntry| entry.file_name().to_string_lossy().starts_with('.');
    assert!(!fs::read_dir(&folder).unwrap().any(|e| hidden(e.unwrap())), "temporaries left");
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn impossible_data_still_gives_pictures() {
    let folder = folder("degenerate");
    let odd = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, -1.0, 1e308, -1e308, 1e-320, 5.0];
    let pairs: Vec<(f64, f64)> = odd.iter().flat_map(|a| odd.iter().map(|b| (*a, *b))).collect();
    let far_apart = vec![(1e-9, 1.0), (3.0, 0.5), (3.0, 0.5), (1e12, 1e-9)];
    let sets = [vec![], vec![(5.0, f64::NAN)], far_apart, pairs];
    for (i, points) in sets.iter().enumerate() {
        let band = points.iter().map(|(a, b)| (*a, *b, *a)).collect();
        let curve = Curve::new("odd", points.clone()).with_band(band).with_maximum(points.clone());
        let empty = Curve::default();
        let name = |chart: &str| folder.join(format!("{chart}{i}"));
        let undelivered = odd[i];
        let curves = vec![
            LatencyCurve { curve: curve.clone(), undelivered, queued: odd[i], queued_until_s: odd[i] },
            LatencyCurve::default(),
        ];
        draw_latency(&name("latency"), &LatencyChart { heading: Heading::default(), curves }).unwrap();
        let outages = points.iter().map(|(a, b)| Shade { label: String::new(), from_s: *a, to_s: *b }).collect();
        let curves = vec![curve.clone(), empty.clone()];
        draw_queue_depth(&name("queue"), &QueueDepthChart { curves, outages, ..Default::default() }).unwrap();
        let changes: Vec<Mark> =
            points.iter().map(|(a, _)| Mark { label: "\u{0}\u{1F600}".into(), at_s: *a }).collect();
        let curves = vec![empty, curve];
        draw_staleness(&name("stale"), &StalenessChart { curves, changes: changes.clone(), ..Default::default() })
            .unwrap();

        let share = |(mean, end): &(f64, f64)| {
            Some(Share { mean: *mean, interval: Some((*end, *mean)), each: vec![*end, *mean] })
        };
        let rows =
            vec![ShareRow { label: String::new(), shares: points.iter().map(share).collect() }, ShareRow::default()];
        draw_shares(&name("shares"), &SharesChart { rows, variants: vec![String::new(); 90], ..Default::default() })
            .unwrap();
        let states = points.iter().map(|(a, _)| (*a, CacheState::Old)).collect();
        let rows = vec![CacheRow::default(), CacheRow { label: String::new(), changes: states }];
        let (from_s, to_s) = (odd[i], odd[(i + 4) % odd.len()]);
        draw_heatmap(&name("heat"), &HeatmapChart { rows, changes, from_s, to_s, ..Default::default() }).unwrap();
        let states = points.iter().map(|(a, _)| (*a, HostState::Down)).collect();
        let hosts = vec![HostLane { label: String::new(), changes: states }];
        let attempts = points.iter().map(|(a, _)| Attempt { at_s: *a, host: i % 3, ..Default::default() }).collect();
        draw_failover(&name("fail"), &FailoverChart { hosts, attempts, from_s, to_s, ..Default::default() }).unwrap();
    }
    assert_eq!(fs::read_dir(&folder).unwrap().count(), sets.len() * 12);
    fs::remove_dir_all(folder).unwrap();
}
