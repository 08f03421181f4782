//! The framing of the Redis protocol: where a command or an answer ends.

/// The words of the first whole command, and its length.
pub(crate) fn command(bytes: &[u8]) -> Option<(Vec<&[u8]>, usize)> {
    let (count, mut at) = number(bytes, 0, b'*')?;
    let mut words = Vec::new();
    for _ in 0..count {
        let (length, start) = number(bytes, at, b'$')?;
        let end = start + usize::try_from(length).ok()?;
        words.push(bytes.get(start..end)?);
        at = end + 2;
    }
    (at <= bytes.len()).then_some((words, at))
}

/// The length of the first whole answer, of either version of the protocol.
pub(crate) fn answer(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    let mut wanted: u64 = 1;
    while wanted > 0 {
        wanted -= 1;
        let kind = *bytes.get(at)?;
        match kind {
            b'$' | b'!' | b'=' => {
                let (length, start) = number(bytes, at, kind)?;
                // Negative: nil, which has no second line.
                at = usize::try_from(length).map_or(start, |length| start + length + 2);
            }
            b'*' | b'~' | b'>' | b'%' | b'|' => {
                let (count, start) = number(bytes, at, kind)?;
                let count = u64::try_from(count).unwrap_or(0);
                wanted += match kind {
                    b'%' => 2 * count,
                    // Attributes stand before the answer they belong to.
                    b'|' => 2 * count + 1,
                    _ => count,
                };
                at = start;
            }
            _ => at = line(bytes, at)?.1,
        }
    }
    (at <= bytes.len()).then_some(at)
}

/// The kind of a whole answer that the server gives unasked: its first word.
pub(crate) fn push(bytes: &[u8]) -> Option<&[u8]> {
    let (_, at) = number(bytes, 0, b'>')?;
    let (length, start) = number(bytes, at, b'$')?;
    bytes.get(start..start + usize::try_from(length).ok()?)
}

/// A command in the form that clients send.
pub(crate) fn written(words: &[&[u8]]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        bytes.extend(format!("${}\r\n", word.len()).into_bytes());
        bytes.extend_from_slice(word);
        bytes.extend(b"\r\n");
    }
    bytes
}

/// The number in a line such as `$3`, and where the next line begins.
fn number(bytes: &[u8], at: usize, kind: u8) -> Option<(i64, usize)> {
    let (line, next) = line(bytes, at)?;
    let digits = std::str::from_utf8(line.strip_prefix(&[kind])?).ok()?;
    Some((digits.parse().ok()?, next))
}

/// A line without its end, and where the next begins.
fn line(bytes: &[u8], at: usize) -> Option<(&[u8], usize)> {
    let rest = bytes.get(at..)?;
    let end = rest.windows(2).position(|pair| pair == b"\r\n")?;
    Some((&rest[..end], at + end + 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_read_whole_or_not_at_all() {
        let bytes = written(&[b"SET", b"k", b"a\r\nb"]);
        for end in 0..bytes.len() {
            assert_eq!(command(&bytes[..end]), None);
        }
        let more = [&bytes[..], b"*1"].concat();
        let words = vec![&b"SET"[..], b"k", b"a\r\nb"];
        assert_eq!(command(&more), Some((words, bytes.len())));
    }

    #[test]
    fn what_comes_unasked_is_told_by_its_first_word() {
        let push = b">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nk\r\n";
        assert_eq!(super::push(push), Some(&b"invalidate"[..]));
        assert_eq!(super::push(b"*1\r\n$1\r\nk\r\n"), None);
    }

    #[test]
    fn an_answer_is_read_whole_or_not_at_all() {
        for whole in [
            "+OK\r\n",
            "-ERR no\r\n",
            ":1\r\n",
            "_\r\n",
            "$-1\r\n",
            "$4\r\na\r\nb\r\n",
            "*-1\r\n",
            "*2\r\n$1\r\na\r\n*1\r\n:1\r\n",
            "%1\r\n+a\r\n:1\r\n",
        ] {
            for end in 0..whole.len() {
                assert_eq!(answer(&whole.as_bytes()[..end]), None, "{whole:?}");
            }
            let more = format!("{whole}+next\r\n");
            assert_eq!(answer(more.as_bytes()), Some(whole.len()), "{whole:?}");
        }
    }
}
