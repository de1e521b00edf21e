//! Points of a curve on the page: split where there are none, and thinned to what a page can show.

use super::axis::Axis;

type Point = (f64, f64);

/// Points that move a curve by less than this many CSS pixels are dropped.
const TOLERANCE: f64 = 0.3;

/// The unbroken runs of a curve in page coordinates, thinned to columns of `column` pixels.
pub(super) fn runs(points: &[Point], x: &Axis, y: &Axis, column: f64) -> Vec<Vec<Point>> {
    let placed = points.iter().map(|(px, py)| {
        let finite = px.is_finite() && py.is_finite();
        if finite { x.px(*px).zip(y.px(*py)) } else { None }
    });
    unbroken(placed).into_iter().map(|run| simplified(&thinned(&run, column))).collect()
}

/// Outlines of a confidence band of `(x, low, high)`, one an unbroken run.
pub(super) fn band_outlines(band: &[(f64, f64, f64)], x: &Axis, y: &Axis, column: f64) -> Vec<Vec<Point>> {
    let placed = band.iter().map(|(at, low, high)| {
        let finite = at.is_finite() && !low.is_nan() && !high.is_nan();
        let (px, edges) = (x.px(*at).filter(|_| finite)?, y.px(*low).zip(y.px(*high))?);
        Some((px, edges))
    });
    let outline = |run: Vec<(f64, Point)>| {
        let edge = |pick: fn(&Point) -> f64| -> Vec<Point> {
            let points: Vec<Point> = run.iter().map(|(px, edges)| (*px, pick(edges))).collect();
            simplified(&thinned(&points, column))
        };
        let mut outline = edge(|e| e.1);
        outline.extend(edge(|e| e.0).into_iter().rev());
        outline
    };
    unbroken(placed).into_iter().map(outline).collect()
}

fn unbroken<T>(items: impl Iterator<Item = Option<T>>) -> Vec<Vec<T>> {
    let mut runs = Vec::new();
    let mut run = Vec::new();
    for item in items {
        match item {
            Some(item) => run.push(item),
            None if run.is_empty() => {}
            None => runs.push(std::mem::take(&mut run)),
        }
    }
    if !run.is_empty() {
        runs.push(run);
    }
    runs
}

/// First, lowest, highest and last point of each column, in order.
fn thinned(points: &[Point], column: f64) -> Vec<Point> {
    let column_of = |p: &Point| (p.0 / column).floor();
    points.chunk_by(|a, b| column_of(a) == column_of(b)).flat_map(keep_extremes).collect()
}

fn keep_extremes(column: &[Point]) -> Vec<Point> {
    let by_y = |a: &(usize, &Point), b: &(usize, &Point)| a.1.1.total_cmp(&b.1.1);
    let lowest = column.iter().enumerate().min_by(by_y).map_or(0, |(i, _)| i);
    let highest = column.iter().enumerate().max_by(by_y).map_or(0, |(i, _)| i);
    let mut kept = [0, lowest, highest, column.len().saturating_sub(1)];
    kept.sort_unstable();
    let mut out: Vec<Point> = kept.iter().filter_map(|i| column.get(*i).copied()).collect();
    out.dedup();
    out
}

/// Drops points that lie within [`TOLERANCE`] of the line through those kept (Douglas and Peucker, 1973), without
/// recursion.
fn simplified(points: &[Point]) -> Vec<Point> {
    if points.len() < 3 {
        return points.to_vec();
    }
    let mut keep = vec![false; points.len()];
    let mut todo = vec![(0, points.len() - 1)];
    for end in [0, points.len() - 1] {
        if let Some(k) = keep.get_mut(end) {
            *k = true;
        }
    }
    while let Some((first, last)) = todo.pop() {
        let (Some(a), Some(b)) = (points.get(first), points.get(last)) else { continue };
        let inner = points.iter().enumerate().take(last).skip(first + 1);
        let farthest = inner.map(|(i, p)| (i, off_line(*p, *a, *b))).max_by(|m, n| m.1.total_cmp(&n.1));
        let Some((i, off)) = farthest else { continue };
        if off > TOLERANCE {
            if let Some(k) = keep.get_mut(i) {
                *k = true;
            }
            todo.push((first, i));
            todo.push((i, last));
        }
    }
    points.iter().zip(keep).filter_map(|(p, k)| k.then_some(*p)).collect()
}

/// Distance of `p` from the segment `a` to `b`.
fn off_line(p: Point, a: Point, b: Point) -> f64 {
    let (dx, dy) = (b.0 - a.0, b.1 - a.1);
    let squared = dx * dx + dy * dy;
    let along = if squared > 0.0 { (((p.0 - a.0) * dx + (p.1 - a.1) * dy) / squared).clamp(0.0, 1.0) } else { 0.0 };
    let (ex, ey) = (p.0 - a.0 - along * dx, p.1 - a.1 - along * dy);
    (ex * ex + ey * ey).sqrt()
}

/// The height of a run at page coordinate `x`, if it passes there.
pub(super) fn height_at(run: &[Point], x: f64) -> Option<f64> {
    let (a, b) = run.iter().zip(run.iter().skip(1)).find(|(a, b)| a.0 <= x && x <= b.0 && a.0 < b.0)?;
    Some(a.1 + (b.1 - a.1) * (x - a.0) / (b.0 - a.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axes() -> (Axis, Axis) {
        (Axis::linear(0.0, 1000.0, 0.0, 1000.0), Axis::linear(0.0, 1.0, 500.0, 0.0))
    }

    #[test]
    fn what_is_not_a_number_breaks_a_curve() {
        let (x, y) = axes();
        let points = [(0.0, 0.1), (1.0, 0.2), (2.0, f64::NAN), (3.0, 0.3), (4.0, f64::INFINITY), (f64::NAN, 0.1)];
        let runs = runs(&points, &x, &y, 1.0);
        assert_eq!(runs.iter().map(Vec::len).collect::<Vec<_>>(), [2, 1]);
    }

    #[test]
    fn thinning_keeps_spikes_and_ends() {
        let (x, y) = axes();
        let mut points: Vec<Point> = (0..100_000).map(|i| (f64::from(i) / 100.0, 0.5)).collect();
        points[54_321].1 = 1.0;
        points[54_400].1 = 0.0;
        let run = runs(&points, &x, &y, 1.0).remove(0);
        assert!(run.len() < 20, "{}", run.len());
        let heights: Vec<f64> = run.iter().map(|p| p.1).collect();
        assert!(heights.contains(&0.0) && heights.contains(&500.0));
        assert_eq!(run.first(), Some(&(0.0, 250.0)));
        assert!(run.last().is_some_and(|p| (p.0 - 999.99).abs() < 1e-9));
    }

    #[test]
    fn a_band_is_a_closed_outline() {
        let (x, y) = axes();
        let band = [(0.0, 0.0, 1.0), (500.0, 0.2, 0.4), (1000.0, 0.0, 1.0), (f64::NAN, 0.0, 0.0)];
        let outlines = band_outlines(&band, &x, &y, 1.0);
        assert_eq!(outlines.len(), 1);
        assert_eq!(outlines[0].len(), 6);
    }

    #[test]
    fn height_is_found_between_points() {
        assert_eq!(height_at(&[(0.0, 0.0), (10.0, 20.0)], 5.0), Some(10.0));
        assert_eq!(height_at(&[(0.0, 0.0), (10.0, 20.0)], 11.0), None);
        assert_eq!(height_at(&[], 0.0), None);
    }
}
