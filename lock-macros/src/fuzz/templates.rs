//! Whatever stands in a key, nothing of it is lost and every place lies inside.

use std::ops::Range;

use proptest::prelude::*;

use crate::template::{Fault, Segment, parse};

fn template() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[<>a.0_ é(){}:#r]{0,24}",
        "(<(a|self|r#in|é|日|0)(\\.(a|0|r#in|00)){0,2}>|<<|>>|[:a<>é-]){0,10}",
    ]
}

/// The fault and its place agree on what was written.
fn agrees(fault: &Fault, written: &str) -> bool {
    match fault {
        Fault::Empty => {
            written.starts_with('<') && written[1..].trim_end_matches('>').trim().is_empty()
        }
        Fault::Unclosed(text) => written == format!("<{text}"),
        Fault::Unmatched => written == ">",
        Fault::Underscore => written == "<_>",
        Fault::Call(text) | Fault::NotAName(text) => written == format!("<{text}>"),
    }
}

proptest! {
    #[test]
    fn places_lie_inside_and_in_order(text in template()) {
        let (segments, faults) = parse(&text);
        let mut places: Vec<Range<usize>> = Vec::new();
        for segment in &segments {
            if let Segment::Placeholder(placeholder) = segment {
                let written = text.get(placeholder.at.clone()).map(str::to_owned);
                prop_assert_eq!(written, Some(format!("<{}>", placeholder.text)));
                let mut names = vec![placeholder.root.clone()];
                names.extend(placeholder.fields.iter().cloned());
                prop_assert_eq!(names.join("."), placeholder.text.replace("r#", ""));
                places.push(placeholder.at.clone());
            }
        }
        for (fault, at) in &faults {
            let written = text.get(at.clone());
            prop_assert!(written.is_some_and(|written| agrees(fault, written)), "{:?} {:?}", fault, at);
            places.push(at.clone());
        }
        places.sort_by_key(|at| at.start);
        prop_assert!(places.windows(2).all(|pair| pair[0].end <= pair[1].start), "{:?}", places);
    }

    #[test]
    fn put_together_again_it_is_what_was_written(text in template()) {
        let (segments, faults) = parse(&text);
        let again: String = segments
            .iter()
            .map(|segment| match segment {
                Segment::Literal(text) => text.replace('<', "<<").replace('>', ">>"),
                Segment::Placeholder(placeholder) => format!("<{}>", placeholder.text),
            })
            .collect();
        if faults.is_empty() {
            prop_assert_eq!(&again, &text);
        }
        let doubled = segments.windows(2).any(|pair| {
            matches!(pair, [Segment::Literal(_), Segment::Literal(_)])
        });
        prop_assert!(!doubled, "{:?}", segments);
    }
}
