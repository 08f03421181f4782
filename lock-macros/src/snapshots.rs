//! What the attribute writes, function by function, in `tests/expansions`: for whoever reviews it.
//!
//! `name.rs` is what a user has (or what `#[async_trait]` leaves of it), `name.expanded.rs` what
//! becomes of it. Names of generated values (`request`, `slot`, `body`, …) are hygienic, which
//! text cannot show: an argument of the same name is another.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs};

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::{Attribute, ImplItem, Item, Meta, parse_quote};

use crate::expand::attribute;

const INPUT: &str = ".rs";
const EXPANDED: &str = ".expanded.rs";
const REMEDY: &str = "EXPANSIONS=overwrite cargo test -p lock-macros, then read the diff";

#[test]
fn expansions() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/expansions");
    let (inputs, snapshots) = cases(&folder);
    assert!(!inputs.is_empty(), "no case in {}", folder.display());
    let overwrite = env::var_os("EXPANSIONS").is_some_and(|value| value == "overwrite");
    let mut complaints = String::new();
    for name in &inputs {
        let source = read(&folder.join(format!("{name}{INPUT}")));
        let snapshot = folder.join(format!("{name}{EXPANDED}"));
        let expanded = expand(&source);
        if overwrite {
            fs::write(&snapshot, expanded).expect("the snapshot can be written");
        } else if !snapshots.contains(name) {
            let _ = writeln!(complaints, "{name}: no snapshot");
        } else if let Some(difference) = difference(&read(&snapshot), &expanded) {
            let _ = writeln!(complaints, "{name}: - snapshot, + now\n{difference}");
        }
    }
    for name in snapshots.difference(&inputs) {
        let _ = writeln!(complaints, "{name}: a snapshot of nothing, delete it");
    }
    assert!(complaints.is_empty(), "{complaints}\n{REMEDY}");
}

/// The names of the inputs, and those of the snapshots.
fn cases(folder: &Path) -> (BTreeSet<String>, BTreeSet<String>) {
    let (mut inputs, mut snapshots) = (BTreeSet::new(), BTreeSet::new());
    for entry in fs::read_dir(folder).expect("the folder of cases") {
        let file: PathBuf = entry.expect("an entry").path();
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        if let Some(name) = name.strip_suffix(EXPANDED) {
            snapshots.insert(name.to_owned());
        } else if let Some(name) = name.strip_suffix(INPUT) {
            inputs.insert(name.to_owned());
        }
    }
    (inputs, snapshots)
}

fn read(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// The file with every annotated function expanded.
fn expand(source: &str) -> String {
    let mut file = syn::parse_file(source).expect("a case is Rust");
    for item in &mut file.items {
        match item {
            Item::Fn(function) => {
                if let Some(arguments) = taken(&mut function.attrs) {
                    let expanded = attribute(arguments, function.to_token_stream());
                    *function = parse_quote!(#expanded);
                }
            }
            Item::Impl(block) => {
                for item in &mut block.items {
                    if let ImplItem::Fn(method) = item
                        && let Some(arguments) = taken(&mut method.attrs)
                    {
                        let expanded = attribute(arguments, method.to_token_stream());
                        *method = parse_quote!(#expanded);
                    }
                }
            }
            _ => {}
        }
    }
    prettyplease::unparse(&file)
}

/// The attribute's arguments, with the attribute gone.
fn taken(attrs: &mut Vec<Attribute>) -> Option<TokenStream> {
    let at = attrs
        .iter()
        .position(|attr| attr.path().is_ident("distributed_lock"))?;
    match attrs.remove(at).meta {
        Meta::List(list) => Some(list.tokens),
        _ => Some(TokenStream::new()),
    }
}

/// The lines that differ, between those that agree.
fn difference(old: &str, new: &str) -> Option<String> {
    if old == new {
        return None;
    }
    let (old, new): (Vec<_>, Vec<_>) = (old.lines().collect(), new.lines().collect());
    let same = |pairs: &mut dyn Iterator<Item = (&&str, &&str)>| {
        pairs.take_while(|(old, new)| old == new).count()
    };
    let head = same(&mut old.iter().zip(&new));
    let tail = same(&mut old[head..].iter().rev().zip(new[head..].iter().rev()));
    let mut shown = String::new();
    let mut show = |mark: char, lines: &[&str]| {
        for line in lines {
            let _ = writeln!(shown, "{mark} {line}");
        }
    };
    show(' ', &old[head.saturating_sub(3)..head]);
    show('-', &old[head..old.len() - tail]);
    show('+', &new[head..new.len() - tail]);
    let after = &old[old.len() - tail..];
    show(' ', &after[..after.len().min(3)]);
    Some(shown)
}
