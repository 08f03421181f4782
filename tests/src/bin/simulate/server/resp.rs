//! The protocol, as far as the lock's commands need it.

/// Takes one whole command from the front of `bytes`.
pub(crate) fn command(bytes: &mut Vec<u8>) -> Option<Vec<String>> {
    let mut at = 0;
    let count = number(bytes, &mut at, b'*')?;
    let mut parts = Vec::with_capacity(count);
    for _ in 0..count {
        let length = number(bytes, &mut at, b'$')?;
        let part = bytes.get(at..at + length)?;
        parts.push(String::from_utf8_lossy(part).into_owned());
        at += length + 2;
    }
    if at > bytes.len() {
        return None;
    }
    bytes.drain(..at);
    Some(parts)
}

fn number(bytes: &[u8], at: &mut usize, sign: u8) -> Option<usize> {
    let rest = bytes.get(*at..)?;
    let end = rest.windows(2).position(|pair| pair == b"\r\n")?;
    assert_eq!(rest[0], sign, "a client that speaks the protocol");
    let text = std::str::from_utf8(&rest[1..end]).expect("digits");
    *at += end + 2;
    Some(text.parse().expect("a number"))
}

/// An answer, or news that nobody asked for.
#[derive(Debug)]
pub(crate) enum Reply {
    Nil,
    Text(String),
    Number(i64),
    Simple(&'static str),
    Error(&'static str),
    List(Vec<Self>),
    Map(Vec<Self>),
    Push(Vec<Self>),
}

impl Reply {
    pub(crate) fn numbers<const N: usize>(numbers: [i64; N]) -> Self {
        Self::List(numbers.into_iter().map(Self::Number).collect())
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.write(&mut bytes);
        bytes
    }

    fn write(&self, bytes: &mut Vec<u8>) {
        let text = match self {
            Self::Nil => "$-1\r\n".to_owned(),
            Self::Text(text) => format!("${}\r\n{text}\r\n", text.len()),
            Self::Number(number) => format!(":{number}\r\n"),
            Self::Simple(text) => format!("+{text}\r\n"),
            Self::Error(text) => format!("-{text}\r\n"),
            Self::List(parts) => format!("*{}\r\n", parts.len()),
            Self::Map(parts) => format!("%{}\r\n", parts.len() / 2),
            Self::Push(parts) => format!(">{}\r\n", parts.len()),
        };
        bytes.extend_from_slice(text.as_bytes());
        if let Self::List(parts) | Self::Map(parts) | Self::Push(parts) = self {
            for part in parts {
                part.write(bytes);
            }
        }
    }
}
