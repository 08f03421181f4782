//! Whatever is public is in an example, or is known to need none.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use crate::{files, module, root, sources};

/// Public, and in no example: for the reason beside it.
const WITHOUT: &[(&str, &str)] = &[
    (
        "store::Fenced",
        "of stores that draw fences: `MemoryStore` is the example",
    ),
    (
        "store::Swap",
        "of stores that hand over: `MemoryStore` is the example",
    ),
    (
        "store::line::Head::claim",
        "of stores with lines: `MemoryStore` is the example",
    ),
    ("store::line::Head::token", "likewise"),
    ("store::line::Joined", "likewise"),
    ("store::line::Listener", "likewise"),
    ("store::line::News", "likewise"),
    ("store::line::Position", "likewise"),
    ("store::line::Swapped", "likewise"),
];

/// What is public here is seen by generated code and by our simulation alone.
const HIDDEN: [&str; 4] = ["chance", "inside", "private", "run"];

/// What a page shows: its code, as far as rustdoc compiles it.
fn shown(text: &str) -> String {
    let mut within = None;
    let mut shown = String::new();
    for line in text.lines() {
        match (line.strip_prefix("```"), within) {
            (Some(words), None) => {
                let words = words.trim();
                within = Some(matches!(words, "" | "rust" | "no_run" | "rust,no_run"));
            }
            (Some(_), Some(_)) => within = None,
            (None, Some(true)) => {
                shown.push_str(line);
                shown.push('\n');
            }
            (None, _) => {}
        }
    }
    shown
}

/// The documentation of a source: of its items behind `///`, of itself behind `//!`.
fn documentation(text: &str, mark: &str) -> String {
    let lines = text.lines().map(str::trim_start).filter_map(|line| {
        let line = line.strip_prefix(mark)?;
        Some(line.strip_prefix(' ').unwrap_or(line))
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn is_word(text: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word)
        .any(|(at, _)| !text[..at].ends_with(part) && !text[at + word.len()..].starts_with(part))
}

/// What may stand between `pub` and a name.
const KINDS: [&str; 7] = ["async", "const", "enum", "fn", "struct", "trait", "type"];

struct Item {
    /// The type that it is a function of.
    owner: Option<String>,
    name: String,
    /// The examples in its own text.
    own: String,
    /// What its own text names as the place of an example.
    elsewhere: Vec<String>,
}

impl Item {
    /// As links call it.
    fn path(&self) -> String {
        match &self.owner {
            Some(owner) => format!("{owner}::{}", self.name),
            None => self.name.clone(),
        }
    }

    /// Whether an example that its own text names shows it. Of a type whose values are made by something else
    /// that is said of one without its name.
    fn is_elsewhere(&self, examples: &BTreeMap<String, String>) -> bool {
        let mut named = self.elsewhere.iter().filter_map(|path| examples.get(path));
        let is_type = self.owner.is_none() && self.name.starts_with(char::is_uppercase);
        named.any(|example| is_type || self.is_in(example))
    }

    fn is_in(&self, shown: &str) -> bool {
        match &self.owner {
            Some(owner) if self.name == "new" => shown.contains(&format!("{owner}::new(")),
            Some(_) if self.name.starts_with(char::is_lowercase) => {
                let called = |before| shown.contains(&format!("{before}{}(", self.name));
                called(".") || called("::")
            }
            _ => is_word(shown, &self.name),
        }
    }
}

/// The type of a line such as `impl<T> Trait for Type<T> {`.
fn implemented(line: &str) -> Option<String> {
    let block = line.strip_prefix("impl")?;
    let block = match block.split_once(" for ") {
        Some((_, block)) => block,
        None if block.starts_with('<') => block.split_once("> ")?.1,
        None => block,
    };
    words(block).next().map(str::to_owned)
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    text.split(move |c| !part(c))
        .filter(|word| !word.is_empty())
}

/// The links of a sentence that says where there is an example, the module's as `self`. "For example" says
/// nothing of that.
fn pointed_at(text: &str) -> Vec<String> {
    let text = text
        .replace('\n', " ")
        .replace("[the module](self)", "[`self`]");
    let sentences = text.split(". ").filter(|sentence| {
        let points = ["for an example", "for examples"];
        points.iter().any(|words| sentence.contains(words))
    });
    let links = sentences.flat_map(|sentence| sentence.split("[`").skip(1));
    let links = links.filter_map(|link| link.split_once("`]"));
    links.map(|(name, _)| name.to_owned()).collect()
}

fn items(text: &str) -> Vec<Item> {
    let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or(text);
    let (mut owner, mut above) = (None, String::new());
    let mut found = Vec::new();
    for line in code.lines() {
        let line_inside = line.trim_start();
        if matches!(line_inside, "" | "}") {
            above.clear();
        }
        if line == "}" {
            owner = None;
        }
        owner = implemented(line).or(owner);
        above += line_inside;
        above.push('\n');
        let Some(item) = line_inside.strip_prefix("pub ") else {
            continue;
        };
        let mut words = words(item).skip_while(|word| KINDS.contains(word));
        let is_item = KINDS
            .iter()
            .any(|kind| item.starts_with(&format!("{kind} ")));
        if let Some(name) = words
            .next()
            .filter(|_| is_item && !above.contains("#[doc(hidden)]"))
        {
            let own = documentation(&above, "///");
            found.push(Item {
                owner: owner.clone(),
                name: name.to_owned(),
                own: shown(&own),
                elsewhere: pointed_at(&own),
            });
        }
        above.clear();
    }
    found
}

#[test]
fn whatever_is_public_is_in_an_example() {
    let source = root().join("lock-runtime/src");
    let mut sources_found = Vec::new();
    sources(&source, &mut sources_found);
    let mut pages = Vec::new();
    files(&source, "md", &mut pages);
    let (mut public, mut examples) = (Vec::new(), BTreeMap::new());
    for file in &sources_found {
        let module = module(&source, file);
        if HIDDEN.contains(&&*module) {
            continue;
        }
        let folder = file.parent().expect("a folder");
        let code = fs::read_to_string(file).expect("text");
        let mut page = documentation(&code, "//!");
        let mut text = documentation(&code, "///");
        // In a module's folder: the page of the module, and pages of text.
        if folder != source {
            let module = fs::read_to_string(folder.join("mod.rs")).unwrap_or_default();
            page = [page, documentation(&module, "//!")].join("\n");
            text = [text, documentation(&module, "///")].join("\n");
            let beside = pages.iter().filter(|page| page.parent() == Some(folder));
            for beside in beside {
                page.push('\n');
                page += &fs::read_to_string(beside).expect("text");
            }
        }
        let page = shown(&page);
        let beside = [&*page, &*shown(&text)].join("\n");
        for mut item in items(&code) {
            let is_beside = item.is_in(&beside) || !item.own.is_empty();
            let in_module = format!("{module}::{}", item.path());
            for place in item.elsewhere.iter_mut().filter(|place| *place == "self") {
                place.clone_from(&module);
            }
            let own = [(item.path(), &item.own), (module.clone(), &page)];
            let own = own.into_iter().filter(|(_, example)| !example.is_empty());
            examples.extend(own.map(|(place, example)| (place, example.clone())));
            public.push((in_module, is_beside, item));
        }
    }
    let (mut with, mut without, mut missing) = (0, BTreeSet::new(), Vec::new());
    for (path, is_beside, item) in public {
        if is_beside || item.is_elsewhere(&examples) {
            with += 1;
        } else if WITHOUT.iter().any(|(known, _)| *known == path) {
            without.insert(path);
        } else {
            missing.push(path);
        }
    }
    println!(
        "{with} public items in examples, {} that need none, {} missing",
        without.len(),
        missing.len()
    );
    assert!(
        missing.is_empty(),
        "neither in an example nor known to need none: {missing:#?}"
    );
    let known: BTreeSet<String> = WITHOUT.iter().map(|(path, _)| (*path).to_owned()).collect();
    assert_eq!(without, known, "in an example by now, or gone");
    assert!(with > 100, "{with}");
}

#[test]
fn only_code_or_the_place_of_code_is_an_example() {
    let of = |text: &str| items(text).pop().expect("an item");
    let word = of("/// For example a lock. See [`Other`].\npub struct Lock;\n");
    assert_eq!((&*word.own, word.elsewhere.len()), ("", 0));
    let text = of("/// ```text\n/// Lock\n/// ```\npub struct Lock;\n");
    assert_eq!((&*text.own, text.elsewhere.len()), ("", 0));
    let code = of("/// A lock.\n///\n/// ```\n/// let lock = 1;\n/// ```\npub struct Lock;\n");
    assert_eq!(code.own, "let lock = 1;\n");
    let link =
        of("/// A [`Key`]. See\n/// [`Other`](crate::Other) for an example.\npub struct Lock;\n");
    assert_eq!(link.elsewhere, ["Other"]);
    let examples = |code: &str| BTreeMap::from([("Other".to_owned(), code.to_owned())]);
    assert!(link.is_elsewhere(&examples("other();")));
    assert!(!link.is_elsewhere(&BTreeMap::new()), "there is none");
    let call = "/// See [`Other`] for an example.\npub fn take() {}\n";
    let call = of(&format!("impl Lock {{\n{call}}}\n"));
    assert!(call.is_elsewhere(&examples("lock.take();")));
    assert!(
        !call.is_elsewhere(&examples("lock.give();")),
        "not shown there"
    );
}
