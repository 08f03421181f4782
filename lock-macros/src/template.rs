//! The key's little language: text with `<placeholders>`.

use std::ops::Range;

/// A part of a key template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Segment {
    Literal(String),
    Placeholder(Placeholder),
}

/// `<order.id>`: names are compared without `r#`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Placeholder {
    /// As written between the brackets.
    pub(crate) text: String,
    pub(crate) root: String,
    pub(crate) fields: Vec<String>,
    /// With its brackets, in bytes of the template.
    pub(crate) at: Range<usize>,
}

/// A mistake in the template itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    Empty,
    Unclosed(String),
    Unmatched,
    Underscore,
    Call(String),
    NotAName(String),
}

/// Splits a template; the parts that are sound and every fault with its place.
pub(crate) fn parse(text: &str) -> (Vec<Segment>, Vec<(Fault, Range<usize>)>) {
    let (mut segments, mut faults) = (Vec::new(), Vec::new());
    let mut literal = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['<', '>']) {
        literal.push_str(&rest[..at]);
        let bracket = &rest[at..=at];
        rest = &rest[at + 1..];
        let start = text.len() - rest.len() - 1;
        if let Some(after) = rest.strip_prefix(bracket) {
            literal.push_str(bracket);
            rest = after;
            continue;
        }
        if bracket == ">" {
            faults.push((Fault::Unmatched, start..start + 1));
            continue;
        }
        let end = rest
            .find(['<', '>'])
            .filter(|end| rest[*end..].starts_with('>'));
        let Some(end) = end else {
            let name = rest.split(['<', '>']).next().unwrap_or_default();
            let at = start..start + 1 + name.len();
            faults.push((Fault::Unclosed(name.to_owned()), at));
            break;
        };
        let at = start..start + end + 2;
        match placeholder(&rest[..end], at.clone()) {
            Ok(placeholder) => {
                if !literal.is_empty() {
                    segments.push(Segment::Literal(std::mem::take(&mut literal)));
                }
                segments.push(Segment::Placeholder(placeholder));
            }
            Err(fault) => faults.push((fault, at)),
        }
        rest = &rest[end + 1..];
    }
    if faults.is_empty() {
        literal.push_str(rest);
    }
    if !literal.is_empty() {
        segments.push(Segment::Literal(literal));
    }
    (segments, faults)
}

fn placeholder(text: &str, at: Range<usize>) -> Result<Placeholder, Fault> {
    if text.trim().is_empty() {
        return Err(Fault::Empty);
    }
    if text == "_" {
        return Err(Fault::Underscore);
    }
    if text.contains('(') {
        return Err(Fault::Call(text.to_owned()));
    }
    let mut parts = text.split('.');
    let root = parts
        .next()
        .and_then(|part| {
            (part == "self")
                .then(|| part.to_owned())
                .or_else(|| name(part))
        })
        .ok_or_else(|| Fault::NotAName(text.to_owned()))?;
    let fields: Option<Vec<String>> = parts
        .map(|part| index(part).or_else(|| name(part)))
        .collect();
    let fields = fields.ok_or_else(|| Fault::NotAName(text.to_owned()))?;
    Ok(Placeholder {
        text: text.to_owned(),
        root,
        fields,
        at,
    })
}

fn index(part: &str) -> Option<String> {
    let plain = part.bytes().all(|byte| byte.is_ascii_digit()) && part.parse::<u32>().is_ok();
    (plain && (part == "0" || !part.starts_with('0'))).then(|| part.to_owned())
}

/// An identifier without its `r#`, keywords included: they can be written raw.
fn name(part: &str) -> Option<String> {
    let name = part.strip_prefix("r#").unwrap_or(part);
    let raw = syn::parse_str::<syn::Ident>(&format!("r#{name}"));
    raw.is_ok().then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(text: &str) -> String {
        let (segments, faults) = parse(text);
        assert_eq!(faults, [], "{text}");
        segments
            .iter()
            .map(|segment| match segment {
                Segment::Literal(text) => format!("[{text}]"),
                Segment::Placeholder(p) => format!("({}/{})", p.root, p.fields.join("/")),
            })
            .collect()
    }

    #[test]
    fn what_is_read() {
        assert_eq!(shown("order:<id>"), "[order:](id/)");
        assert_eq!(shown("<a.b.0>:<self.x>"), "(a/b/0)[:](self/x)");
        assert_eq!(shown("<r#type>"), "(type/)");
        assert_eq!(shown("<<x>>:<a>"), "[<x>:](a/)");
        assert_eq!(shown("{order:<id>}:x"), "[{order:](id/)[}:x]");
        assert_eq!(shown(""), "");
    }

    #[test]
    fn what_is_refused() {
        let fault = |text: &str| -> Vec<Fault> {
            let (_, faults) = parse(text);
            faults.into_iter().map(|(fault, _)| fault).collect()
        };
        assert_eq!(fault("<>"), [Fault::Empty]);
        assert_eq!(fault("a:<id"), [Fault::Unclosed("id".to_owned())]);
        assert_eq!(fault("<a<b>"), [Fault::Unclosed("a".to_owned())]);
        assert_eq!(fault("id>"), [Fault::Unmatched]);
        assert_eq!(fault("<_>"), [Fault::Underscore]);
        assert_eq!(fault("<a.b()>"), [Fault::Call("a.b()".to_owned())]);
        for text in [
            "user id", "a.", ".a", "0", "a.00", "a-b", "r#", "a..b", " a", "a.self", "super",
            "Self", "a²",
        ] {
            assert_eq!(
                fault(&format!("<{text}>")),
                [Fault::NotAName(text.to_owned())]
            );
        }
        assert_eq!(fault("<>:<_>:<a b>").len(), 3);
    }

    #[test]
    fn places() {
        let text = "é<<:<a.b>:<>:<c d>>>:<_>:x>:<e";
        let (segments, faults) = parse(text);
        let found = segments.iter().filter_map(|segment| match segment {
            Segment::Placeholder(placeholder) => Some(&text[placeholder.at.clone()]),
            Segment::Literal(_) => None,
        });
        assert_eq!(found.collect::<Vec<_>>(), ["<a.b>"]);
        let found = faults.into_iter().map(|(_, at)| &text[at]);
        assert_eq!(found.collect::<Vec<_>>(), ["<>", "<c d>", "<_>", ">", "<e"]);
    }

    proptest! {
        #[test]
        fn never_panics(text in any::<String>()) {
            parse(&text);
        }

        #[test]
        fn brackets_and_dots_never_panic(text in "[<>.a0_ é(){}:#r]{0,24}") {
            parse(&text);
        }

        #[test]
        fn doubled_brackets_give_the_text_back(text in "[<>a:é]{1,12}") {
            let doubled = text.replace('<', "<<").replace('>', ">>");
            prop_assert_eq!(parse(&doubled), (vec![Segment::Literal(text)], vec![]));
        }
    }
}
