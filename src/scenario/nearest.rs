//! The known name that was probably meant.

use strsim::damerau_levenshtein;

/// The member of `known` nearest to `wanted`, or `None` where nothing is near enough to be worth suggesting.
///
/// Near is a Damerau-Levenshtein distance (insertions, deletions, substitutions, swaps of neighbours; upper and
/// lower case alike) of at most a third of the longer name and never more than 6. Of several at the same distance
/// the one that agrees in case wins, then the first in byte order, so the answer does not depend on the order of `known`.
pub fn nearest<'a>(wanted: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let folded = wanted.to_lowercase();
    let mut best: Option<((usize, usize), &'a str)> = None;
    for name in known {
        let longer = wanted.chars().count().max(name.chars().count());
        let limit = (longer / 3).clamp(1, 6);
        let distance = damerau_levenshtein(&folded, &name.to_lowercase());
        // A name of which nothing is left is no suggestion: `x` for `a` would be distance one.
        if distance > limit || distance >= longer {
            continue;
        }
        let rank = (distance, damerau_levenshtein(wanted, name));
        if best.is_none_or(|(least, held)| (rank, name) < (least, held)) {
            best = Some((rank, name));
        }
    }
    best.map(|(_, name)| name)
}

/// ``did you mean `name`?``, where a name is near enough.
pub fn did_you_mean<'a>(wanted: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    nearest(wanted, known).map(|name| format!("did you mean `{name}`?"))
}

/// Names for a sentence: `` `a`, `b` and `c` ``; at most `most` of them, then how many more there are.
pub fn list_names<'a>(names: impl Iterator<Item = &'a str>, most: usize) -> String {
    let quoted: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    match quoted.as_slice() {
        [] => "nothing".to_owned(),
        [only] => only.clone(),
        [start @ .., last] if quoted.len() <= most => format!("{} and {last}", start.join(", ")),
        all => format!("{} and {} more", all[..most].join(", "), all.len() - most),
    }
}

/// What would have been right: `` `a` `` for one name, ``one of `a`, `b` and `c` `` for several.
pub fn one_of<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> String {
    let (several, most) = (names.len() > 1, names.len());
    format!("{}{}", if several { "one of " } else { "" }, list_names(names, most))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_found_and_a_far_one_is_not() {
        let known = ["replications", "warmup", "measure", "seed", "mx.old.example"];
        for (wanted, found) in [
            ("replicatoins", Some("replications")),
            ("warm_up", Some("warmup")),
            ("Seed", Some("seed")),
            ("mx.odl.example", Some("mx.old.example")),
            ("colour", None),
            ("", None),
            ("x", None),
        ] {
            assert_eq!(nearest(wanted, known.into_iter()), found, "{wanted}");
        }
    }

    #[test]
    fn the_answer_does_not_depend_on_the_order_of_the_names() {
        assert_eq!(nearest("mx3", ["mx2", "mx1"].into_iter()), Some("mx1"));
        assert_eq!(nearest("mx3", ["mx1", "mx2"].into_iter()), Some("mx1"));
        assert_eq!(nearest("Bind", ["bind", "Bind"].into_iter()), Some("Bind"));
        assert_eq!(nearest("a", ["b", "c"].into_iter()), None);
    }

    #[test]
    fn lists_of_names_read_as_a_sentence() {
        assert_eq!(list_names([].into_iter(), 3), "nothing");
        assert_eq!(list_names(["a"].into_iter(), 3), "`a`");
        assert_eq!(list_names(["a", "b", "c"].into_iter(), 3), "`a`, `b` and `c`");
        assert_eq!(list_names(["a", "b", "c", "d"].into_iter(), 3), "`a`, `b`, `c` and 1 more");
        assert_eq!(one_of(["a"].into_iter()), "`a`");
        assert_eq!(one_of(["a", "b"].into_iter()), "one of `a` and `b`");
    }
}
