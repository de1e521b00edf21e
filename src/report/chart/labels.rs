//! Placing labels so that none covers another: curve labels in a column, event names in rows.

/// Positions at least `pitch` apart within `[low, high]` that move the wanted ones the least (in squares), in the order
/// of the wanted ones. If they cannot all fit, the pitch shrinks.
pub(super) fn nudge(wanted: &[f64], pitch: f64, low: f64, high: f64) -> Vec<f64> {
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    let raw = |i: usize| wanted.get(i).copied().filter(|w| w.is_finite()).unwrap_or(f64::INFINITY);
    let value = |i: usize| raw(i).clamp(low, high);
    order.sort_by(|a, b| raw(*a).total_cmp(&raw(*b)).then(a.cmp(b)));
    let gaps = wanted.len().saturating_sub(1) as f64;
    let pitch = if gaps > 0.0 { pitch.min((high - low) / gaps) } else { pitch };

    // Less the pitches before it, each position need only be no less than the one before: isotonic regression, by
    // pooling neighbours that are out of order into blocks at their mean.
    let mut blocks: Vec<(f64, usize)> = Vec::new();
    for (rank, i) in order.iter().enumerate() {
        let mut block = (value(*i) - rank as f64 * pitch, 1_usize);
        while let Some(&(mean, count)) = blocks.last() {
            if mean <= block.0 {
                break;
            }
            blocks.pop();
            let (a, b) = (count as f64, block.1 as f64);
            block = ((mean * a + block.0 * b) / (a + b), count + block.1);
        }
        blocks.push(block);
    }
    let mut placed = vec![low; wanted.len()];
    let starts = blocks.iter().flat_map(|(mean, count)| std::iter::repeat_n(*mean, *count));
    for (rank, (i, start)) in order.iter().zip(starts).enumerate() {
        if let Some(slot) = placed.get_mut(*i) {
            *slot = start.clamp(low, (high - gaps * pitch).max(low)) + rank as f64 * pitch;
        }
    }
    placed
}

/// Where an event's name stands: its row, counted upwards from the plot, and its horizontal extent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct EventPlace {
    pub(super) row: usize,
    pub(super) left: f64,
    pub(super) right: f64,
}

/// Gap between an event's line and its name.
const EVENT_PAD: f64 = 5.0;
/// Least gap between two names in a row.
const EVENT_GAP: f64 = 12.0;

/// Rows for names of `width` hung on upright lines at `x` (pairs in `events`), between `left` and `right`; `None` for a
/// name that no row has room for. No name overlaps another or is crossed by another's line. Names are placed from
/// right to left, so that a name which must give way rises on a line that clears those to its right.
pub(super) fn place_events(events: &[(f64, f64)], left: f64, right: f64, rows: usize) -> Vec<Option<EventPlace>> {
    let mut order: Vec<usize> = (0..events.len()).collect();
    let x_of = |i: usize| events.get(i).map_or(0.0, |e| e.0);
    order.sort_by(|a, b| x_of(*b).total_cmp(&x_of(*a)).then(a.cmp(b)));
    let mut placed: Vec<Option<EventPlace>> = vec![None; events.len()];
    let mut lines: Vec<(f64, EventPlace)> = Vec::new();
    for i in order {
        let Some(&(x, width)) = events.get(i) else { continue };
        let after = (x + EVENT_PAD, x + EVENT_PAD + width);
        let before = (x - EVENT_PAD - width, x - EVENT_PAD);
        let free = [after, before].into_iter().filter(|(a, b)| *a >= left && *b <= right);
        let mut choices = free.flat_map(|(a, b)| (0..rows).map(move |row| EventPlace { row, left: a, right: b }));
        let chosen = choices.find(|place| {
            lines.iter().all(|(other_x, other)| {
                let apart = place.right + EVENT_GAP <= other.left || other.right + EVENT_GAP <= place.left;
                let inside = |x: f64, p: &EventPlace| x > p.left - EVENT_PAD && x < p.right + EVENT_PAD;
                (place.row != other.row || apart)
                    && !(other.row < place.row && inside(x, other))
                    && !(other.row >= place.row && *other_x != x && inside(*other_x, place))
            })
        });
        if let Some(place) = chosen {
            lines.push((x, place));
        }
        if let Some(slot) = placed.get_mut(i) {
            *slot = chosen;
        }
    }
    placed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_with_room_stay_where_they_are() {
        assert_eq!(nudge(&[100.0, 10.0, 50.0], 20.0, 0.0, 200.0), [100.0, 10.0, 50.0]);
    }

    #[test]
    fn crowded_labels_spread_about_their_mean() {
        assert_eq!(nudge(&[50.0, 50.0, 50.0], 20.0, 0.0, 200.0), [30.0, 50.0, 70.0]);
    }

    #[test]
    fn labels_keep_order_pitch_and_bounds() {
        let wanted = [199.0, 198.0, 200.0, f64::NAN, 3.0, -50.0, 100.0, 101.0];
        let placed = nudge(&wanted, 22.0, 0.0, 200.0);
        let mut sorted = placed.clone();
        sorted.sort_by(f64::total_cmp);
        assert!(sorted.iter().zip(sorted.iter().skip(1)).all(|(a, b)| b - a > 21.999), "{placed:?}");
        assert!(sorted.iter().all(|p| (0.0..=200.0).contains(p)), "{placed:?}");
        assert!(placed[1] < placed[0] && placed[0] < placed[2] && placed[5] < placed[4]);
    }

    #[test]
    fn order_holds_beyond_the_bounds() {
        assert_eq!(nudge(&[240.0, 230.0, 250.0], 20.0, 0.0, 200.0), [180.0, 160.0, 200.0]);
    }

    #[test]
    fn too_many_labels_shrink_the_pitch() {
        let placed = nudge(&[5.0; 11], 20.0, 0.0, 100.0);
        assert_eq!(placed.first(), Some(&0.0));
        assert_eq!(placed.last(), Some(&100.0));
        assert!(nudge(&[], 20.0, 0.0, 100.0).is_empty());
    }

    #[test]
    fn event_names_neither_overlap_nor_are_crossed() {
        let events: Vec<(f64, f64)> =
            [100.0, 110.0, 130.0, 130.0, 300.0, 310.0, 590.0, 598.0].iter().map(|x| (*x, 80.0)).collect();
        let placed = place_events(&events, 0.0, 600.0, 4);
        for (i, a) in placed.iter().enumerate() {
            let Some(a) = a else { continue };
            assert!(a.left >= 0.0 && a.right <= 600.0);
            for (j, b) in placed.iter().enumerate() {
                let Some(b) = b else { continue };
                let apart = a.right <= b.left || b.right <= a.left;
                assert!(i == j || a.row != b.row || apart, "{a:?} {b:?}");
                let x = events[j].0;
                assert!(b.row < a.row || x <= a.left || x >= a.right, "line {x} crosses {a:?}");
            }
        }
        assert!(placed.iter().filter(|p| p.is_some()).count() >= 6, "{placed:?}");
    }

    #[test]
    fn names_wider_than_the_page_are_left_out() {
        assert_eq!(place_events(&[(50.0, 900.0)], 0.0, 100.0, 3), [None]);
    }
}
