//! What the attribute refuses on a handler, and how it says so.

#[test]
fn misuse() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("ui/fail/*.rs");
}
