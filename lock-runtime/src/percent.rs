//! Percent-encoding of characters that must not stand in a name.

use std::fmt::Write;

/// Appends `c`, or the bytes of its UTF-8 form as `%XX` if it is `special`.
pub(crate) fn push(text: &mut String, c: char, special: bool) {
    if !special {
        return text.push(c);
    }
    for byte in c.encode_utf8(&mut [0; 4]).bytes() {
        // Writing to a string cannot fail.
        let _ = write!(text, "%{byte:02X}");
    }
}

/// How many bytes `push` appends.
pub(crate) fn length(c: char, special: bool) -> usize {
    c.len_utf8() * if special { 3 } else { 1 }
}
