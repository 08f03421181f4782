//! What the attribute refuses, and how it says so.

use std::fs;
use std::path::Path;

/// The cases with more than one mistake in them, and how many.
const SEVERAL: [(&str, usize); 4] = [
    ("empty-attribute", 2),
    ("empty-parentheses", 2),
    ("three-mistakes", 3),
    ("through-macro-rules", 4),
];

#[test]
fn misuse() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("ui/fail/*.rs");
    cases.pass("ui/pass/*.rs");
}

#[test]
fn a_mistake_is_one_error() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("ui/fail");
    let mut cases = 0;
    for entry in fs::read_dir(folder).expect("the cases") {
        let file = entry.expect("an entry").path();
        if file.extension().is_none_or(|ending| ending != "stderr") {
            continue;
        }
        let snapshot = fs::read_to_string(&file).expect("text");
        let errors = snapshot.lines().filter(|line| line.starts_with("error"));
        let name = file.file_stem().unwrap_or_default().to_string_lossy();
        let several = SEVERAL.iter().find(|(several, _)| *several == name);
        let expected = several.map_or(1, |(_, count)| *count);
        assert_eq!(errors.count(), expected, "{name}: {snapshot}");
        cases += 1;
    }
    println!("{cases} cases of misuse");
    assert!(cases >= 100, "{cases}");
}
