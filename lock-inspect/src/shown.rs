//! Keys and values as text that does nothing to a terminal, and back.

use std::fmt::Write as _;

/// Any bytes, on one line: control characters, invisible ones and those that turn the direction of
/// writing as `\n`, `\u{202e}`; bytes that are no UTF-8 as `\xff`; a backslash doubled, so that [`read`]
/// gives the bytes back.
pub(crate) fn shown(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            if matches!(c, '"' | '\'') {
                text.push(c);
            } else {
                text.extend(c.escape_debug());
            }
        }
        for byte in chunk.invalid() {
            let _ = write!(text, "\\x{byte:02x}");
        }
    }
    text
}

/// The bytes that are shown so. `None` for a backslash that means nothing.
pub(crate) fn read(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((plain, escaped)) = rest.split_once('\\') {
        bytes.extend_from_slice(plain.as_bytes());
        rest = unescape(escaped, &mut bytes)?;
    }
    bytes.extend_from_slice(rest.as_bytes());
    Some(bytes)
}

/// What a backslash before `text` means goes to the `bytes`. Gives the rest of the text.
pub(crate) fn unescape<'a>(text: &'a str, bytes: &mut Vec<u8>) -> Option<&'a str> {
    let kind = text.chars().next()?;
    let rest = &text[kind.len_utf8()..];
    match kind {
        '\\' => bytes.push(b'\\'),
        '0' => bytes.push(0),
        'n' => bytes.push(b'\n'),
        'r' => bytes.push(b'\r'),
        't' => bytes.push(b'\t'),
        'x' => {
            bytes.push(u8::from_str_radix(rest.get(..2)?, 16).ok()?);
            return Some(&rest[2..]);
        }
        'u' => {
            let (digits, after) = rest.strip_prefix('{')?.split_once('}')?;
            let c = char::from_u32(u32::from_str_radix(digits, 16).ok()?)?;
            bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            return Some(after);
        }
        _ => return None,
    }
    Some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_is_read_back_and_says_nothing_to_a_terminal() {
        for bytes in [
            &b"order:42"[..],
            b"",
            b"\x1b[2J\r\n\t\0\x07\x7f",
            b"\xff\xfe\\x41",
            "käse \u{202e}gro.live\u{200b} 注文".as_bytes(),
            "\u{85}\u{9b}31m \"quoted\" 'too'".as_bytes(),
        ] {
            let text = shown(bytes);
            assert!(!text.chars().any(char::is_control), "{text}");
            assert!(!text.contains(['\u{202e}', '\u{200b}']), "{text}");
            assert_eq!(read(&text).as_deref(), Some(bytes), "{text}");
        }
        assert_eq!(shown(b"\x1b[31m"), "\\u{1b}[31m");
        assert_eq!(shown("注文 \"a\"".as_bytes()), "注文 \"a\"");
    }

    #[test]
    fn a_backslash_that_means_nothing_is_refused() {
        for text in ["\\", "a\\q", "\\x4", "\\xé1", "\\u{110000}", "\\u41"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
