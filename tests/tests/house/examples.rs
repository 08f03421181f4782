//! Whatever is public is in an example, or is known to need none.

use std::collections::BTreeSet;
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

/// A source's own pages: its documentation, and what stands beside it for that.
fn documentation(text: &str) -> String {
    let lines = text.lines().map(str::trim_start).filter_map(|line| {
        let line = line
            .strip_prefix("///")
            .or_else(|| line.strip_prefix("//!"))?;
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
    /// Whether its own text has an example, or says where there is one.
    documented: bool,
}

impl Item {
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
            found.push(Item {
                owner: owner.clone(),
                name: name.to_owned(),
                documented: above.contains("```") || above.contains("example"),
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
    let (mut with, mut without, mut missing) = (0, BTreeSet::new(), Vec::new());
    for file in &sources_found {
        let module = module(&source, file);
        if HIDDEN.contains(&&*module) {
            continue;
        }
        let folder = file.parent().expect("a folder");
        let code = fs::read_to_string(file).expect("text");
        let mut text = documentation(&code);
        // In a module's folder: the page of the module, and pages of text.
        if folder != source {
            text.push('\n');
            let module = fs::read_to_string(folder.join("mod.rs")).unwrap_or_default();
            text += &documentation(&module);
            let beside = pages.iter().filter(|page| page.parent() == Some(folder));
            for page in beside {
                text.push('\n');
                text += &fs::read_to_string(page).expect("text");
            }
        }
        let shown = shown(&text);
        for item in items(&code) {
            let is_shown = item.documented || item.is_in(&shown);
            let path = [Some(module.clone()), item.owner, Some(item.name)];
            let path = path.into_iter().flatten().collect::<Vec<_>>().join("::");
            if is_shown {
                with += 1;
            } else if WITHOUT.iter().any(|(known, _)| *known == path) {
                without.insert(path);
            } else {
                missing.push(path);
            }
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
