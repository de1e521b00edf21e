//! Names that charts cannot show as they are written.

use super::super::chart::without_glyph;
use crate::model::compile::Loaded;
use crate::scenario::diagnostic::Diagnostic;
use crate::scenario::locator::Locator;

/// A warning of what the font of PNG files has no glyphs for, at the first text that charts show and that has such characters.
pub fn warn_of_glyphs(loaded: &Loaded) -> Option<Diagnostic> {
    let at = Locator::of(&loaded.source);
    let scenario = &loaded.variants.first()?.scenario;
    let value = |what: String, text: &str, path: &[&str]| (what, text.to_owned(), at.value_place(path));
    let key = |what: &str, section: &str, name: &str| {
        (format!("the {what} `{name}`"), name.to_owned(), at.key_place(&[section, name]))
    };
    let mut shown = vec![
        value("the title".into(), &scenario.title, &["title"]),
        value("`look_for`".into(), &scenario.look_for, &["look_for"]),
        value(format!("the baseline `{}`", scenario.baseline), &scenario.baseline, &["baseline"]),
    ];
    shown.extend(scenario.variants.keys().map(|name| key("variant", "variants", name)));
    shown.extend(scenario.senders.keys().map(|name| key("sender", "senders", name)));
    shown.extend(scenario.timeline.iter().enumerate().map(|(index, entry)| {
        let name = &entry.name;
        value(format!("`{name}` of the timeline"), name, &["timeline", &index.to_string(), "name"])
    }));
    let mut missing = shown.iter().filter(|(_, text, _)| !without_glyph(text).is_empty());
    let (what, text, place) = missing.next()?;
    let characters: String = without_glyph(text).into_iter().take(5).collect();
    let more = match missing.count() {
        0 => String::new(),
        1 => ", and for some of another text".into(),
        count => format!(", and for some of {count} other texts"),
    };
    let warning = Diagnostic::warning(format!(
        "PNG charts show empty boxes in {what}: their font has no glyph for `{characters}`{more}"
    ));
    let warning = warning.help("the SVG file beside each shows them with the fonts of its viewer");
    Some(Diagnostic { place: Some(place.clone()), ..warning })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::compile::{Memory, load_source};
    use crate::scenario::diagnostic::SourceText;

    #[test]
    fn a_name_without_glyphs_is_named_once() {
        let warning = |title: &str, variant: &str| {
            let text = format!(
                "(title: \"{title}\", zones: {{ \"a.example\": () }}, variants: {{ \"{variant}\": {{\"run/seed\": \"7\"}} }})"
            );
            let source = Arc::new(SourceText { name: "a.ron".into(), text });
            let loaded = load_source(&source, &[], &mut Memory::default()).expect("a scenario");
            warn_of_glyphs(&loaded)
        };
        // Latin, Greek and Cyrillic letters, arrows and dashes are in the font.
        assert_eq!(warning("Ünïcode — λ → Ж", "plain"), None);
        let found = warning("plain", "漢字 of 漢").expect("a warning");
        assert!(!found.is_error());
        assert!(found.message.contains("the variant `漢字 of 漢`"), "{}", found.message);
        assert!(found.message.contains("no glyph for `漢字`"), "{}", found.message);
        let place = found.place.expect("a place");
        assert_eq!(&place.source.text[place.span], "\"漢字 of 漢\"");
    }
}
